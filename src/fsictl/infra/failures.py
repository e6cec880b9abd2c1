"""What went wrong in Terraform or Google Cloud, in one sentence, and what to do about it.

Terraform hands on what the provider and the cloud said, in their words. What people meet is recognized here, most
particular first; everything else is told as it was said. Nothing is mended behind anybody's back: what is there
already is never taken over, and a lock is never broken.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from re import Match

from fsictl.errors import BusyError, FsictlError, PreconditionError, ServiceError, SettingsError
from fsictl.infra.events import Diagnostic


class Doing(StrEnum):
    """What Terraform was asked for when it failed."""

    INIT = "init"
    PLAN = "plan"
    APPLY = "apply"
    READ = "read"


@dataclass(frozen=True, slots=True)
class Known:
    """A failure that is recognized: a pattern of what was said, and what to tell instead.

    ``whole`` says that nothing of what was said is left out, so that it need not be shown as well.
    """

    pattern: str
    kind: Callable[..., FsictlError]
    message: str
    hint: str
    whole: bool = False

    def match(self, text: str) -> Match[str] | None:
        """Where the pattern is in a text."""
        return re.search(self.pattern, text, re.IGNORECASE | re.DOTALL)


_AGAIN = "`fsictl infra up` goes on from what is there."

KNOWN: tuple[Known, ...] = (
    # The state.
    Known(
        r"state file uses format version (?P<format>\d+)",
        PreconditionError,
        "the state was written by a newer Terraform: this one does not know its format {format}",
        "Use the Terraform that wrote it, or a newer one: its version is in the state, at terraform_version.",
    ),
    Known(
        r"managed by newer provider version",
        PreconditionError,
        "the state was written with a newer google provider than this fsictl asks for",
        "Use the fsictl that made what is there, or a newer one.",
    ),
    Known(
        r"state file could not be parsed|Unsupported state file format|Failed to load state|state data in .* invalid",
        PreconditionError,
        "the state of Terraform is damaged: {said}",
        "Bring back an older version: the state's bucket keeps them (`gcloud storage ls --all-versions`), and"
        " with a local state .fsictl/terraform/terraform.tfstate.backup is the one before.",
    ),
    Known(
        r"Error acquiring the state lock.*?ID:\s*(?P<id>\S+).*?Operation:\s*(?:OperationType)?(?P<operation>\S*)"
        r".*?Who:\s*(?P<who>\S+).*?Created:\s*(?P<since>[\d-]+ [\d:]+)",
        BusyError,
        "the state is locked by {who} since {since} UTC ({operation})",
        "Wait until that run ends. Only if you know that it died: `fsictl infra unlock {id}`.",
        whole=True,
    ),
    Known(
        r"(state lock|lock state|locking state).*?(?P<why>[^\n]+)",
        ServiceError,
        "the state cannot be locked: {said}",
        "Try again; if it stays so, look at the bucket of the state and at your rights to it.",
    ),
    Known(
        r"bucket (doesn't|does not) exist|The specified bucket does not exist",
        PreconditionError,
        "the bucket of Terraform's state does not exist",
        "Make it once with `fsictl infra bootstrap`.",
        whole=True,
    ),
    Known(
        r"(?P<address>\S+) has lifecycle\.prevent_destroy|Instance cannot be destroyed",
        PreconditionError,
        "something that is to be destroyed is protected: {said}",
        "Take the protection off first: `fsictl infra down --unprotect` deletes what is protected, with its data.",
    ),
    Known(
        r"deletion[_ ]protection|delet\w+ protect\w+|force_destroy|delete_contents_on_destroy",
        PreconditionError,
        "something that is to be destroyed is protected or not empty: {said}",
        "Take the protection off first: `fsictl infra down --unprotect` deletes what is protected, with its data.",
    ),
    Known(
        r"Saved plan is stale",
        BusyError,
        "something was changed by somebody else since the plan was made",
        "Run it again, and look at the new plan.",
        whole=True,
    ),
    # What was given.
    Known(
        r"No value for required variable.*?variable \"(?P<variable>[^\"]+)\"",
        SettingsError,
        "the configuration wants the variable {variable}, and nothing gives it a value",
        "Give it in fsictl.tfvars beside fsictl.toml, or in a file with --var-file.",
        whole=True,
    ),
    Known(
        r"needs billing_account",
        SettingsError,
        "a budget is asked for, but no billing account is given",
        'Set billing_account = "XXXXXX-XXXXXX-XXXXXX" where monthly_budget is set'
        " (`gcloud billing accounts list` shows yours), or leave the budget away.",
        whole=True,
    ),
    Known(
        r"Invalid value for (input )?variable\n(?P<why>[^\n]+)",
        SettingsError,
        "a variable has a value that it cannot have: {why}",
        "Change it in fsictl.toml, fsictl.tfvars or the file given with --var-file ({place}).",
        whole=True,
    ),
    Known(
        r"Failed to read variables? file|Invalid (?:expression|multi-line string|character).*tfvars|tfvars",
        SettingsError,
        "a file of variables cannot be read ({place}): {said}",
        "Mend it: one NAME = VALUE a line, or JSON if its name ends in .json.",
    ),
    # Who asks, and for which project.
    Known(
        r"could not find default credentials|No credentials loaded|google: could not find|invalid_grant|"
        r"Reauthentication is needed|credentials.*(expired|not found)",
        PreconditionError,
        "Google Cloud does not know who you are: there are no credentials that hold",
        "Run `gcloud auth application-default login`, or set GOOGLE_APPLICATION_CREDENTIALS.",
    ),
    Known(
        r"BILLING_DISABLED|requires? billing|billing (account|is)[^\n]{0,60}(not found|disabled|not enabled)|"
        r"enable billing|Billing must be enabled",
        PreconditionError,
        "billing is off for the project {project}, and without it Google Cloud makes nothing",
        "Link a billing account: gcloud billing projects link {project} --billing-account=XXXXXX-XXXXXX-XXXXXX.",
    ),
    Known(
        r"unknown project id|project[^\n]{0,80}(not found|not exist|has been deleted|is not found)|CONSUMER_INVALID|"
        r"USER_PROJECT_DENIED|Cloud Resource Manager[^\n]*not found|Project [^\n]{0,80}denied",
        SettingsError,
        "the project {project} does not exist, or you may not see it",
        "Set gcp.project to a project id of `gcloud projects list` (its id, neither its name nor its number).",
    ),
    Known(
        r"SERVICE_DISABLED|accessNotConfigured|has not been used in project|API has not been enabled|"
        r"it is disabled\. Enable it",
        ServiceError,
        "an API of Google Cloud is still off: {said}",
        "An API that was just switched on needs a few minutes. Then run it again: " + _AGAIN,
    ),
    Known(
        r"(region|location)[^\n]{0,80}(not supported|unsupported|not available|is not a valid|invalid|not found)|"
        r"LOCATION_POLICY_VIOLATED|not available in (region|location)|Unsupported location|"
        r"constraints/gcp\.resourceLocations",
        SettingsError,
        "a service is not to be had in the region {region}: {said}",
        "Set gcp.region to one that has it; docs/infra.md lists where what is missing.",
    ),
    Known(
        r"Error 409|already ?exists|alreadyExists",
        PreconditionError,
        "{subject} exists already, and this state did not make it",
        "Nothing is taken over by itself. Set another gcp.prefix, or delete it, or take it over yourself:"
        " terraform -chdir=.fsictl/terraform import '{subject}' ID.",
    ),
    Known(
        r"quota|RESOURCE_EXHAUSTED|rateLimitExceeded|Error 429",
        ServiceError,
        "Google Cloud refuses more for now, a quota is used up: {said}",
        "Wait a little and run it again, or ask for more quota in the console. " + _AGAIN,
    ),
    Known(
        r"PERMISSION_DENIED|Error 403|does not have [^\n]*(permission|access)|Permission '?[\w./-]+'? denied|forbidden",
        PreconditionError,
        "you may not do that in the project {project}: {said}",
        "Have an owner of the project give you the role that holds this permission. " + _AGAIN,
    ),
    # The way there.
    Known(
        r"Failed to query available provider packages|could not connect to registry|Failed to install provider|"
        r"provider registry",
        ServiceError,
        "Terraform could not get its provider: {said}",
        "Check the way to its registry, or name a mirror of yours in the file of TF_CLI_CONFIG_FILE.",
    ),
    Known(
        r"no such host|connection re(fused|set)|i/o timeout|TLS handshake|network is unreachable|deadline exceeded|"
        r"Error 50\d|backendError|UNAVAILABLE|unexpected EOF|context canceled while",
        ServiceError,
        "Google Cloud did not answer as it should: {said}",
        "Run it again: " + _AGAIN,
    ),
)
"""Everything recognized, in the order in which it is looked for."""


def ended_from_outside(signal_number: int, doing: Doing) -> FsictlError:
    """The error to raise when somebody or something killed Terraform.

    >>> print(ended_from_outside(9, Doing.PLAN))
    Terraform was ended from outside (signal 9)
    """
    hint = "Run it again; if the state stays locked, that says how to free it."
    if doing is Doing.APPLY:
        hint = (
            f"{_AGAIN} If the state stays locked, that says how to free it; docs/infra.md says what else can be left."
        )
    message = f"Terraform was ended from outside (signal {signal_number})"
    return ServiceError(message, hint=hint)


def left_out(found: Sequence[Diagnostic], told: FsictlError) -> list[Diagnostic]:
    """The errors whose own words say more than ``told``, the sentence made of them."""
    return [
        one
        for one in found
        if not any(known.whole and known.match(one.text) for known in KNOWN)
        and (len(found) > 1 or "\n" in one.detail or one.summary not in str(told))
    ]


def explained(found: Sequence[Diagnostic], doing: Doing, *, project: str = "", region: str = "") -> FsictlError:
    """The error to raise for what Terraform said; the first one that is recognized decides.

    >>> error = explained([Diagnostic("error", "Error creating Topic: googleapi: Error 409: exists", "", "a.b")],
    ...                   Doing.APPLY)
    >>> str(error)
    'a.b exists already, and this state did not make it'
    """
    errors = [one for one in found if one.severity == "error"]
    for known in KNOWN:
        for one in errors:
            match = known.match(one.text)
            if match is not None:
                return _told(known, match, one, project=project, region=region)
    first = errors[0] if errors else Diagnostic("error", "Terraform failed and did not say why", "")
    kind = ServiceError if doing is Doing.APPLY else PreconditionError
    hint = f"What is done so far is in the state. Mend what it says, then run it again: {_AGAIN}"
    if doing is not Doing.APPLY:
        hint = "Mend what it says; nothing was changed."
    return kind(_sentence(first), hint=hint)


def _told(known: Known, match: Match[str], one: Diagnostic, *, project: str, region: str) -> FsictlError:
    names = {
        "said": _sentence(one),
        "subject": one.address or "what is to be made",
        "place": one.place or one.address or "the message names it",
        "project": project or "of the settings",
        "region": region or "of the settings",
    }
    names |= {key: value.strip() for key, value in match.groupdict().items() if value is not None}
    return known.kind(_one_line(known.message.format_map(names)), hint=_one_line(known.hint.format_map(names)))


_LONGEST = 300


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _sentence(one: Diagnostic) -> str:
    """The resource it is about, and its sentence, not too long."""
    said = one.sentence or "it failed and did not say why"
    where = f"{one.address}: " if one.address else ""
    return _one_line(where + (said if len(said) <= _LONGEST else said[: _LONGEST - 1] + "…"))
