"""The Flex Template of a pipeline: the document that says which image launches it, and what it may be given."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from fsictl.settings.load import Key

PIPELINE_PARAMETER = "pipeline"
SNAPSHOT_PARAMETER = "create_from_snapshot"

_TITLES = {
    "metrics": "prices to metrics, second by second",
    "infer": "metrics to verdicts about the RSI",
    "sink": "topics to tables",
}


def parameter_name(key: str) -> str:
    """The parameter that carries a setting.

    >>> parameter_name("metrics.rsi_window")
    'metrics_rsi_window'
    """
    return key.replace(".", "_")


def container_spec(pipeline: str, image: str, keys: Sequence[Key], *, at_least_once: bool) -> dict[str, Any]:
    """The template of a pipeline whose settings are ``keys``, as Dataflow reads it (``ContainerSpec``).

    The image is the workers' too. Dataflow refuses a launch whose parameters are others, or have other values than
    the expressions allow.
    """
    chosen = {
        "name": PIPELINE_PARAMETER,
        "label": "Pipeline",
        "helpText": f"The pipeline of this template: {pipeline}.",
        "regexes": [f"^{re.escape(pipeline)}$"],
    }
    snapshot = {
        "name": SNAPSHOT_PARAMETER,
        "label": "Snapshot",
        "helpText": "Begin with the state of this snapshot.",
        "regexes": ["^[A-Za-z0-9_-]+$"],
        "isOptional": True,
    }
    return {
        "image": image,
        "sdkInfo": {"language": "PYTHON"},
        "metadata": {
            "name": f"fsictl {pipeline}",
            "description": f"fsictl: {_TITLES[pipeline]}.",
            "streaming": True,
            "supportsExactlyOnce": True,
            "supportsAtLeastOnce": at_least_once,
            "defaultStreamingMode": "AT_LEAST_ONCE" if at_least_once else "EXACTLY_ONCE",
            "parameters": [chosen, *(_parameter(key) for key in keys), snapshot],
        },
    }


def _parameter(key: Key) -> dict[str, Any]:
    meaning = f"Setting {key.name}: {key.meaning}."
    described: dict[str, Any] = {
        "name": parameter_name(key.name),
        "label": key.name,
        "helpText": meaning if len(meaning) <= 500 else meaning[:497] + "...",
        "isOptional": True,
    }
    if key.choices:
        described["regexes"] = [f"^({'|'.join(map(re.escape, key.choices))})$"]
    elif key.type in {int, int | None}:
        described["regexes"] = [r"^\d+$"]
    elif key.type in {float, float | None}:
        described["regexes"] = [r"^\d+(\.\d+)?$"]
    return described
