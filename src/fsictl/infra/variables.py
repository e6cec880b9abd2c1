"""What the settings give to Terraform, checked before Terraform sees it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from fsictl.errors import SettingsError
from fsictl.infra.regions import check_region

_PROJECT = re.compile(r"[a-z][a-z0-9-]{4,28}[a-z0-9]")


@dataclass(frozen=True, slots=True)
class Place:
    """Where things are on Google Cloud, and what their names begin with."""

    project: str
    region: str
    prefix: str
    dataset: str
    bucket: str | None
    image_tag: str | None = None
    sink: str = "dataflow"

    def variables(self) -> dict[str, object]:
        """Terraform's variables of it."""
        return {
            "project": self.project,
            "region": self.region,
            "prefix": self.prefix,
            "dataset": self.dataset,
            "bucket": self.bucket,
            "image_tag": self.image_tag,
            "sink": self.sink,
        }


def checked_place(
    project: str | None,
    *,
    region: str,
    prefix: str,
    dataset: str,
    bucket: str | None,
    image_tag: str | None = None,
    sink: str = "dataflow",
) -> Place:
    """The place that the settings name; ``SettingsError`` when it cannot be one.

    >>> checked_place("Demo", region="europe-west1", prefix="fsictl", dataset="forex", bucket=None)
    Traceback (most recent call last):
    ...
    fsictl.errors.SettingsError: gcp.project is 'Demo', which cannot be a project id
    """
    if project is None:
        message = "gcp.project is not set"
        hint = "Set it in fsictl.toml or as FSICTL_GCP_PROJECT; `gcloud projects list` shows your project ids."
        raise SettingsError(message, hint=hint)
    if _PROJECT.fullmatch(project) is None:
        message = f"gcp.project is {project!r}, which cannot be a project id"
        hint = "It has 6 to 30 small letters, digits and hyphens; neither the project's name nor its number is meant."
        raise SettingsError(message, hint=hint)
    check_region(region)
    return Place(project, region, prefix, dataset, bucket, image_tag, sink)
