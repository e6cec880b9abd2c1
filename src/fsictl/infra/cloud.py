"""What ``up``, ``park`` and ``down`` mean on Google Cloud: which plan is made, and when it is refused."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum

from fsictl.errors import CheckFailedError, PreconditionError
from fsictl.infra.protection import protected
from fsictl.infra.terraform import Plan, Resource, Terraform

PARKED = "parked"
PROTECTION = "deletion_protection"

_NAMED = 3


class Verb(StrEnum):
    """What is to become of the infrastructure."""

    UP = "up"
    PARK = "park"
    DOWN = "down"


@contextmanager
def planned(terraform: Terraform, verb: Verb, known: frozenset[str]) -> Iterator[Plan]:
    """The plan of a verb; ``known`` are the variables that the configuration declares.

    ``park`` raises ``PreconditionError`` when nothing is there, or when the configuration cannot park.
    """
    if verb is Verb.DOWN:
        with terraform.plan(destroy=True) as plan:
            yield plan
        return
    if verb is Verb.PARK:
        _check_parkable(terraform, known)
    variables = {PARKED: verb is Verb.PARK} if PARKED in known else {}
    with terraform.plan(variables=variables) as plan:
        yield plan


def _check_parkable(terraform: Terraform, known: frozenset[str]) -> None:
    if PARKED not in known:
        message = f"this configuration has no variable {PARKED}"
        raise PreconditionError(message, hint="Declare it, and leave out what costs money while it is true.")
    if not terraform.resources():
        message = "nothing is there that could be parked"
        raise PreconditionError(message, hint="`fsictl infra up` makes it.")


def check_unprotected(resources: Sequence[Resource]) -> None:
    """Raise ``PreconditionError`` when something of these must not be deleted."""
    found = protected(resources)
    if found:
        more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
        message = f"{len(found)} of {len(resources)} resources are protected: {', '.join(found[:_NAMED])}{more}"
        hint = "Stop what costs money and keep the data with `fsictl infra park`, or delete it all with --unprotect."
        raise PreconditionError(message, hint=hint)


@contextmanager
def unprotecting(terraform: Terraform, there: Sequence[Resource], known: frozenset[str]) -> Iterator[Plan | None]:
    """The plan that takes the protection off what has it and touches nothing else; ``None`` if nothing has it."""
    found = protected(there)
    if not found:
        yield None
        return
    if PROTECTION not in known:
        message = f"this configuration has no variable {PROTECTION}"
        raise PreconditionError(message, hint="Take the protection off in the configuration, then `fsictl infra up`.")
    with terraform.plan(variables={PROTECTION: False}, targets=found) as plan:
        yield plan


def check_nothing_left(terraform: Terraform) -> None:
    """Raise ``CheckFailedError`` when the state still has something after ``down``."""
    left = [one.address for one in terraform.resources()]
    if left:
        more = f" and {len(left) - _NAMED} more" if len(left) > _NAMED else ""
        message = f"{len(left)} resources are still there: {', '.join(left[:_NAMED])}{more}"
        raise CheckFailedError(message, hint="Run `fsictl infra down` again; it goes on with what is left.")
