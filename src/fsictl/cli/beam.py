"""The streaming pipelines on Google Cloud, made from settings; and the program that a Flex Template runs.

Nothing here is imported on the local target. ``launch`` is what the launcher of a Flex Template calls, in the
container that the workers use too.
"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Sequence
from functools import partial
from typing import Any

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions

from fsictl.backends.gcp.beam import FromSubscription, ToTopic, kept_steps
from fsictl.backends.gcp.control import Access
from fsictl.backends.gcp.engine import Program
from fsictl.backends.gcp.graph import Graph
from fsictl.backends.gcp.names import bucket_name, subscription_id, topic_id
from fsictl.backends.gcp.options import JobOptions
from fsictl.backends.gcp.template import PIPELINE_PARAMETER, container_spec, parameter_name
from fsictl.backends.gcp.workers import open_artifacts, open_warehouse
from fsictl.cli.models import window_rules_of
from fsictl.cli.pipelines import metrics_parameters_of
from fsictl.errors import BusyError, UsageError
from fsictl.records.schemas import (
    CALIBRATIONS,
    DEAD_LETTER_TOPIC,
    METRICS_TOPIC,
    PRICES_TOPIC,
    RECONERR_TOPIC,
    TOPIC_SCHEMAS,
)
from fsictl.settings.load import Key, keys, load_settings
from fsictl.settings.schema import Settings
from fsictl.streams.beam import WriteToWarehouse, build_infer, build_metrics, build_sink

_PLACES = ("gcp.project", "gcp.prefix")

SETTINGS = {
    "metrics": (
        *_PLACES,
        "gcp.sink",
        "metrics.window",
        "metrics.rsi_window",
        "metrics.max_gap",
        "metrics.allowed_lateness",
        "metrics.max_ahead",
    ),
    "infer": (
        *_PLACES,
        "gcp.sink",
        "gcp.bucket",
        "gcp.dataset",
        "metrics.window",
        "metrics.rsi_window",
        "metrics.allowed_lateness",
        "model.window",
        "model.overbought",
        "model.oversold",
        "model.stale_after",
        "model.most_filled",
    ),
    "sink": (*_PLACES, "gcp.dataset"),
}
"""The settings that each pipeline takes to its workers."""

KEPT = {
    "metrics": ("metrics.window", "metrics.rsi_window", "metrics.max_gap"),
    "infer": ("metrics.window", "metrics.rsi_window", "model.window"),
    "sink": (),
}
"""Those that the state of a running job depends on: a job with others cannot take it over."""

ALWAYS = ("--runner=DataflowRunner", "--streaming", "--no_save_main_session", "--sdk_location=container")
"""Workers run the image, with our program in it: nothing of the launching machine is pickled or uploaded."""


def build(pipeline: beam.Pipeline, name: str, settings: Settings) -> None:
    """Put the steps of the pipeline ``name`` into a Beam pipeline, between Pub/Sub and Pub/Sub or BigQuery."""
    gcp, metrics = settings.gcp, settings.metrics
    project = gcp.project or ""
    bucket = bucket_name(gcp.bucket, project, gcp.prefix)

    def source(topic: str) -> FromSubscription:
        subscription = subscription_id(gcp.prefix, topic, name)
        return FromSubscription(topic, f"projects/{project}/subscriptions/{subscription}")

    def sink(topic: str) -> ToTopic:
        single = gcp.sink == "subscription"
        address = f"projects/{project}/topics/{topic_id(gcp.prefix, topic)}"
        return ToTopic(address, TOPIC_SCHEMAS.get(topic) if single else None)

    letters = sink(DEAD_LETTER_TOPIC)
    opened = partial(open_warehouse, project, gcp.dataset)
    if name == "metrics":
        build_metrics(
            pipeline,
            source=source(PRICES_TOPIC),
            sink=sink(METRICS_TOPIC),
            dead_letters=letters,
            parameters=metrics_parameters_of(settings),
            allowed_lateness=metrics.allowed_lateness,
            max_ahead=metrics.max_ahead,
        )
    elif name == "infer":
        build_infer(
            pipeline,
            source=source(METRICS_TOPIC),
            sink=sink(RECONERR_TOPIC),
            dead_letters=letters,
            rules=window_rules_of(settings),
            open_artifacts=partial(open_artifacts, project, bucket),
            wait=metrics.allowed_lateness,
            calibrations=WriteToWarehouse(CALIBRATIONS.name, opened),
        )
    else:
        build_sink(
            pipeline,
            sources={topic: source(topic) for topic in TOPIC_SCHEMAS},
            tables={schema.name: WriteToWarehouse(schema.name, opened) for schema in TOPIC_SCHEMAS.values()},
            dead_letters=letters,
        )


def program(name: str, settings: Settings, options: JobOptions, access: Access) -> Program:
    """The pipeline ``name`` as the engine launches it."""
    parameters = {PIPELINE_PARAMETER: name}
    for key in _keys_of(name):
        value = _value(settings, key.name)
        if value is not None:
            parameters[parameter_name(key.name)] = str(value)
    return Program(
        graph=graph(name, settings),
        template=container_spec(name, options.image, _keys_of(name), at_least_once=name in options.at_least_once),
        parameters=parameters,
        submit=lambda arguments: submit(name, settings, arguments, access),
    )


def graph(name: str, settings: Settings) -> Graph:
    """What a job of the pipeline keeps while it runs."""
    pipeline = beam.Pipeline(options=PipelineOptions(["--streaming"]))
    build(pipeline, name, settings)
    metrics = settings.metrics
    values = {key: _value(settings, key) for key in KEPT[name]}
    if "metrics.rsi_window" in values:
        values["metrics.rsi_window"] = metrics.rsi_window or metrics.window
    return Graph(kept_steps(pipeline.to_runner_api()), values)


def submit(name: str, settings: Settings, arguments: Sequence[str], access: Access) -> str:
    """Launch a job from this machine and return its id; it does not wait until the job runs."""
    from apache_beam.runners.dataflow.internal.apiclient import DataflowJobAlreadyExistsError

    given = [*ALWAYS, *arguments]
    if access.endpoint is not None:
        given += [f"--dataflow_endpoint={access.endpoint}", "--no_auth"]
    logging.getLogger("apache_beam").setLevel(logging.CRITICAL + 1)  # what went wrong is said once, by us

    def run() -> str:
        try:
            return str(_run(name, settings, given).job_id())
        except DataflowJobAlreadyExistsError as error:
            message = f"{name} already runs on Dataflow: {error}"
            raise BusyError(message, hint="Look at `fsictl stream status`.") from error

    return str(access.call(run, f"launch the job of {name}", again=False))


def launch(arguments: Sequence[str]) -> None:
    """Make the job of a pipeline from the parameters of a Flex Template; everything else is for Beam.

    The launcher adds ``--template_location``, so that the job is written there, and begins it itself.
    """
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument(f"--{PIPELINE_PARAMETER}", required=True, choices=sorted(SETTINGS))
    known: dict[str, Key] = {}
    for key in keys():
        if any(key.name in names for names in SETTINGS.values()):
            known[parameter_name(key.name)] = key
            parser.add_argument(f"--{parameter_name(key.name)}")
    given, others = parser.parse_known_args(arguments)
    environment = {
        known[name].variable: value for name, value in vars(given).items() if name in known and value is not None
    }
    settings = load_settings(None, environment).settings
    if not settings.gcp.project:
        message = f"--{parameter_name('gcp.project')} is missing"
        raise UsageError(message, hint="The template's parameters name the project.")
    logging.getLogger().setLevel(logging.INFO)
    _run(given.pipeline, settings, [*ALWAYS, *others])


def _run(name: str, settings: Settings, arguments: Sequence[str]) -> Any:
    pipeline = beam.Pipeline(options=PipelineOptions(list(arguments)))
    build(pipeline, name, settings)
    return pipeline.run()


def _keys_of(name: str) -> list[Key]:
    return [key for key in keys() if key.name in SETTINGS[name]]


def _value(settings: Settings, key: str) -> Any:
    section, _, name = key.rpartition(".")
    return getattr(getattr(settings, section), name)
