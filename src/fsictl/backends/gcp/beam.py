"""Pub/Sub for the Beam pipelines: subscriptions as sources, topics as sinks; and what a running job keeps."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import apache_beam as beam
from apache_beam.io.gcp.pubsub import PubsubMessage, ReadFromPubSub, WriteToPubSub
from apache_beam.portability import common_urns
from apache_beam.portability.api import beam_runner_api_pb2
from apache_beam.pvalue import PBegin, PCollection

from fsictl.backends.gcp.message_ids import own_attributes, published_attributes
from fsictl.backends.gcp.names import ID_ATTRIBUTE
from fsictl.backends.gcp.rows import one_row_messages
from fsictl.clock import Clock, SystemClock
from fsictl.records.message import Message, Received
from fsictl.records.schemas import Schema

TIMESTAMP_ATTRIBUTE = "timestamp"
_CLOCK = SystemClock()


class FromSubscription(beam.PTransform):
    """Messages of one of our topics, with the attribute ``timestamp`` as event time.

    Dataflow drops what comes again with the same attribute ``message-id`` within ten minutes, and what Pub/Sub
    itself delivers again.
    """

    def __init__(self, topic: str, subscription: str) -> None:
        super().__init__()
        self._topic, self._subscription = topic, subscription

    def expand(self, begin: PBegin) -> PCollection:
        read = ReadFromPubSub(
            subscription=self._subscription,
            id_label=ID_ATTRIBUTE,
            timestamp_attribute=TIMESTAMP_ATTRIBUTE,
            with_attributes=True,
        )
        return begin | "Read" >> read | "AsReceived" >> beam.ParDo(AsReceived(self._topic))


class AsReceived(beam.DoFn):
    """Pub/Sub's messages to ours; one whose time of publication the runner does not tell was published now."""

    def __init__(self, topic: str, clock: Clock = _CLOCK) -> None:
        self._topic, self._clock = topic, clock

    def process(self, message: PubsubMessage, moment: Any = beam.DoFn.TimestampParam) -> Iterator[Received]:
        # The runner may keep the attributes that it was told to read for itself.
        given = message.attributes or {}
        attributes = {TIMESTAMP_ATTRIBUTE: str(moment.micros // 1000), **own_attributes(given)}
        published = message.publish_time
        told_ms = 0 if published is None else round(published.timestamp() * 1000)
        published_ms = told_ms if told_ms > 0 else self._clock.now_ms()
        origin = message.message_id or given.get(ID_ATTRIBUTE, "")
        yield Received(self._topic, origin, Message(message.data or b"", attributes), published_ms)


class ToTopic(beam.PTransform):
    """Messages to a Pub/Sub topic, each with the attribute ``message-id``: equal messages have equal ones.

    With ``schema``, the rows of a message become messages of their own, in JSON, as a BigQuery subscription needs.
    """

    def __init__(self, topic: str, schema: Schema | None = None) -> None:
        super().__init__()
        self._topic, self._schema = topic, schema

    def expand(self, messages: PCollection) -> PCollection:
        if self._schema is not None:
            messages = messages | "OneRowEach" >> beam.ParDo(OneRowEach(self._schema))
        published = messages | "AsPublished" >> beam.ParDo(AsPublished())
        return published | "Publish" >> WriteToPubSub(self._topic, with_attributes=True)


class OneRowEach(beam.DoFn):
    """Messages of many rows to JSON messages of one row each."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema

    def process(self, message: Message) -> Iterator[Message]:
        yield from one_row_messages(self._schema, message)


class AsPublished(beam.DoFn):
    """Our messages to Pub/Sub's."""

    def process(self, message: Message) -> Iterator[PubsubMessage]:
        yield PubsubMessage(message.data, published_attributes(message))


def kept_steps(pipeline: beam_runner_api_pb2.Pipeline) -> dict[str, str]:
    """The steps of a graph in which a running job keeps something, each with what it keeps.

    A job can be replaced in place by one that has the same of these: state, timers, groups, and what was read and
    not yet done.
    """
    keeping = {}
    for transform in pipeline.components.transforms.values():
        urn = transform.spec.urn
        if urn == common_urns.primitives.PAR_DO.urn:
            payload = beam_runner_api_pb2.ParDoPayload.FromString(transform.spec.payload)
            kept = [f"state {name} ({_kind(spec)})" for name, spec in payload.state_specs.items()]
            kept += [f"timer {name} ({_domain(spec)})" for name, spec in payload.timer_family_specs.items()]
            if kept:
                keeping[transform.unique_name] = ", ".join(sorted(kept))
        elif urn == common_urns.primitives.GROUP_BY_KEY.urn:
            keeping[transform.unique_name] = "groups"
        elif urn == common_urns.composites.PUBSUB_READ.urn:
            read = beam_runner_api_pb2.PubSubReadPayload.FromString(transform.spec.payload)
            keeping[transform.unique_name] = f"messages of {read.subscription}"
    return keeping


def _kind(spec: beam_runner_api_pb2.StateSpec) -> str:
    return str(spec.WhichOneof("spec")).removesuffix("_spec")


def _domain(spec: beam_runner_api_pb2.TimerFamilySpec) -> str:
    return str(beam_runner_api_pb2.TimeDomain.Enum.Name(spec.time_domain)).lower().replace("_", " ")
