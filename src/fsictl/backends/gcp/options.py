"""What a Dataflow job is started with: decided once, written for both ways in which a job begins.

A pipeline that is launched directly takes them as arguments; a Flex Template as the environment of its launch.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fsictl.backends.gcp.control import needs_gcp
from fsictl.backends.gcp.names import account_email, bucket_name, image, job_name
from fsictl.errors import SettingsError
from fsictl.settings.schema import GcpSettings

_LABEL_KEY, _LABEL_VALUE = re.compile(r"[a-z][a-z0-9_-]{0,62}"), re.compile(r"[a-z0-9_-]{0,63}")


@dataclass(frozen=True, slots=True, kw_only=True)
class JobOptions:
    """Options of every Dataflow job of a system; ``subnetwork`` as ``regions/REGION/subnetworks/NAME``."""

    project: str
    region: str
    prefix: str
    bucket: str
    image: str
    machine_type: str
    workers: int
    max_workers: int
    at_least_once: frozenset[str]
    service_account: str
    network: str | None
    subnetwork: str | None
    private: bool
    kms_key: str | None
    labels: Mapping[str, str]

    @classmethod
    def of(cls, gcp: GcpSettings, project: str, version: str) -> JobOptions:
        """From the settings; ``SettingsError`` for those that cannot be together."""
        if gcp.max_workers < gcp.workers:
            message = f"gcp.max_workers is {gcp.max_workers}, but must be at least gcp.workers ({gcp.workers})"
            raise SettingsError(message, hint="A job begins with gcp.workers and grows to gcp.max_workers.")
        subnetwork = gcp.subnetwork
        if subnetwork is None and gcp.network is None:
            subnetwork = f"regions/{gcp.region}/subnetworks/{gcp.prefix}-{gcp.region}"
        return cls(
            project=project,
            region=gcp.region,
            prefix=gcp.prefix,
            bucket=bucket_name(gcp.bucket, project, gcp.prefix),
            image=image(gcp.region, project, gcp.prefix, "worker", gcp.image_tag or version),
            machine_type=gcp.machine_type,
            workers=gcp.workers,
            max_workers=gcp.max_workers,
            at_least_once=frozenset(
                # Not metrics: a tick that is counted twice changes a row. Verdicts and rows have natural keys.
                name
                for name in ("infer", "sink")
                if getattr(gcp, f"{name}_mode") == "at_least_once"
            ),
            service_account=gcp.service_account or account_email(project, gcp.prefix, "worker"),
            network=gcp.network,
            subnetwork=subnetwork,
            private=gcp.addresses == "private",
            kms_key=gcp.kms_key,
            labels=_labels(gcp.labels) | {"app": "fsictl", "system": gcp.prefix, "component": "worker"},
        )

    @property
    def folder(self) -> str:
        """Where Dataflow keeps what it needs: templates, staged graphs, temporary files."""
        return f"gs://{self.bucket}/dataflow"

    @property
    def _fewest(self) -> list[str]:
        """The service's option for the fewest workers; one is what it takes without."""
        return [f"min_num_workers={self.workers}"] if self.workers > 1 else []

    def arguments(self, pipeline: str, labels: Mapping[str, str]) -> list[str]:
        """The arguments of a job that this machine launches, as Beam takes them."""
        mode = "at_least_once" if pipeline in self.at_least_once else "exactly_once"
        given = {
            "project": self.project,
            "region": self.region,
            "job_name": job_name(self.prefix, pipeline),
            "temp_location": f"{self.folder}/temp",
            "staging_location": f"{self.folder}/staging",
            "sdk_container_image": self.image,
            "machine_type": self.machine_type,
            "num_workers": self.workers,
            "max_num_workers": self.max_workers,
            "autoscaling_algorithm": "THROUGHPUT_BASED",
            "service_account_email": self.service_account,
            "network": self.network,
            "subnetwork": self.subnetwork,
            "dataflow_kms_key": self.kms_key,
            "dataflow_service_options": [f"streaming_mode_{mode}", *self._fewest],
            "labels": [f"{key}={value}" for key, value in sorted({**self.labels, **labels}.items())],
        }
        arguments = ["--enable_streaming_engine", *(["--no_use_public_ips"] if self.private else [])]
        for name, value in given.items():
            arguments += [f"--{name}={one}" for one in (value if isinstance(value, list) else [value]) if one]
        return arguments

    def environment(self, pipeline: str, labels: Mapping[str, str]) -> Any:
        """The same for a job that is launched from a Flex Template, as ``FlexTemplateRuntimeEnvironment``."""
        with needs_gcp():
            from google.cloud import dataflow_v1beta3 as dataflow
        mode = dataflow.StreamingMode
        address = dataflow.WorkerIPAddressConfiguration
        return dataflow.FlexTemplateRuntimeEnvironment(
            temp_location=f"{self.folder}/temp",
            staging_location=f"{self.folder}/staging",
            sdk_container_image=self.image,
            machine_type=self.machine_type,
            num_workers=self.workers,
            max_workers=self.max_workers,
            autoscaling_algorithm=dataflow.AutoscalingAlgorithm.AUTOSCALING_ALGORITHM_BASIC,
            service_account_email=self.service_account,
            network=self.network or "",
            subnetwork=self.subnetwork or "",
            kms_key_name=self.kms_key or "",
            ip_configuration=address.WORKER_IP_PRIVATE if self.private else address.WORKER_IP_PUBLIC,
            enable_streaming_engine=True,
            streaming_mode=(
                mode.STREAMING_MODE_AT_LEAST_ONCE
                if pipeline in self.at_least_once
                else mode.STREAMING_MODE_EXACTLY_ONCE
            ),
            additional_experiments=self._fewest,
            additional_user_labels={**self.labels, **labels},
        )


def _labels(given: str | None) -> dict[str, str]:
    labels = {}
    for one in given.split(",") if given else ():
        key, equals, value = one.partition("=")
        if not (equals and _LABEL_KEY.fullmatch(key) and _LABEL_VALUE.fullmatch(value)):
            message = f"gcp.labels has {one!r}, which is no label"
            hint = "Write KEY=VALUE,KEY=VALUE in small letters, digits, _ and -; a key begins with a letter."
            raise SettingsError(message, hint=hint)
        labels[key] = value
    return labels


def label_value(text: str) -> str:
    """A text as the value of a label.

    >>> label_value("0.1.0+Local")
    '0-1-0-local'
    """
    return re.sub(r"[^a-z0-9_-]", "-", text.lower())[:63]
