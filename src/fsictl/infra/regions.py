"""Which regions there are, and which of the services that we need a region does not have."""

from __future__ import annotations

import difflib
import tomllib
from functools import cache
from importlib.resources import files
from typing import Any

from fsictl.errors import SettingsError


@cache
def _known() -> dict[str, Any]:
    return tomllib.loads(files("fsictl.infra").joinpath("regions.toml").read_text(encoding="utf-8"))


def missing_services(region: str) -> list[str]:
    """The services that we need and that have no endpoint in the region.

    >>> missing_services("europe-west1"), missing_services("northamerica-south1")
    ([], ['Vertex AI'])
    """
    return sorted(service for service, without in _known()["missing"].items() if region in without)


def check_region(region: str) -> None:
    """Raise ``SettingsError`` for a region that is not there or lacks a service that we need.

    >>> check_region("europe-west1")
    >>> check_region("europe-west1-b")
    Traceback (most recent call last):
    ...
    fsictl.errors.SettingsError: gcp.region is 'europe-west1-b', which is not a region of Google Cloud
    """
    known: list[str] = _known()["regions"]
    if region not in known:
        near = difflib.get_close_matches(region, known, 1, cutoff=0.5)
        meant = f"Did you mean {near[0]}? " if near else ""
        message = f"gcp.region is {region!r}, which is not a region of Google Cloud"
        raise SettingsError(
            message, hint=f"{meant}The list is of {_known()['date']}; zones and multi-regions are none."
        )
    missing = missing_services(region)
    if missing:
        message = f"the region {region} has no {' and no '.join(missing)}"
        raise SettingsError(message, hint="Set gcp.region to one that has it, such as europe-west1 or us-central1.")
