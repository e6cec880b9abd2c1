"""What things are called on Google Cloud: one place for the names that Terraform makes and the programs look for.

Needs no Google library. ``prefix`` is the setting ``gcp.prefix``; where it matters that a name is the only one in
the world (buckets), it begins with the project id.
"""

from __future__ import annotations

COMPONENTS = ("generator", "worker", "trainer", "invoker", "sql", "grafana", "scheduler", "builder")
"""What runs on the cloud; each has a service account of its own."""

IMAGES = ("worker", "trainer", "serving", "sql", "grafana")
"""The images that are built: ``worker`` for streaming jobs, ``trainer`` for workloads, ``serving`` for the invoker, the
model server and the generator."""

ID_ATTRIBUTE = "message-id"
"""The attribute by which a message that was published twice is known; our own publishers set it."""

HELD = "held"
"""The reader that only looks: what a topic had in the last days waits there for people, dead letters above all."""

READERS: dict[str, tuple[str, ...]] = {
    "prices": ("metrics", "sink"),
    "metrics": ("infer", "sink"),
    "reconerr": ("sink",),
    "dead-letter": (HELD,),
    "jobs": ("workloads", HELD),
    "job-events": (HELD,),
}
"""Every topic, with who reads it; each has a subscription of its own."""


def topic_id(prefix: str, topic: str) -> str:
    """The Pub/Sub topic of one of our topics.

    >>> topic_id("fsictl", "prices")
    'fsictl-prices'
    """
    return f"{prefix}-{topic}"


def subscription_id(prefix: str, topic: str, pipeline: str) -> str:
    """The subscription by which a pipeline reads a topic.

    >>> subscription_id("fsictl", "prices", "metrics")
    'fsictl-prices-metrics'
    """
    return f"{prefix}-{topic}-{pipeline}"


def undeliverable_topic_id(prefix: str, topic: str) -> str:
    """Where Pub/Sub puts what a subscription of the topic could not deliver; its bytes, before we ever saw them.

    What *we* could not use is in our topic ``dead-letter``.

    >>> undeliverable_topic_id("fsictl", "prices")
    'fsictl-prices-undeliverable'
    """
    return f"{prefix}-{topic}-undeliverable"


def undeliverable_subscription_id(prefix: str, topic: str) -> str:
    """Where it waits to be looked at.

    >>> undeliverable_subscription_id("fsictl", "prices")
    'fsictl-prices-undeliverable-held'
    """
    return f"{undeliverable_topic_id(prefix, topic)}-{HELD}"


def job_name(prefix: str, pipeline: str) -> str:
    """The Dataflow job of a streaming pipeline; at most one of that name runs in a region.

    >>> job_name("fsictl", "infer")
    'fsictl-infer'
    """
    return f"{prefix}-{pipeline}"


def model_id(prefix: str) -> str:
    """The model in Vertex AI's registry whose versions ours are.

    >>> model_id("fsictl")
    'fsictl'
    """
    return prefix


def endpoint_name(prefix: str) -> str:
    """The display name of the Vertex AI endpoint.

    >>> endpoint_name("fsictl")
    'fsictl-scores'
    """
    return f"{prefix}-scores"


def bucket_name(bucket: str | None, project: str, prefix: str) -> str:
    """The bucket of model versions, staging and templates: the setting ``gcp.bucket``, else one named for the project.

    >>> bucket_name(None, "my-project", "fsictl")
    'my-project-fsictl'
    """
    return bucket or f"{project}-{prefix}"


def account_id(prefix: str, component: str) -> str:
    """The service account of a component, before the ``@``.

    >>> account_id("fsictl", "worker")
    'fsictl-worker'
    """
    return f"{prefix}-{component}"


def account_email(project: str, prefix: str, component: str) -> str:
    """The service account of a component as an address.

    >>> account_email("my-project", "fsictl", "worker")
    'fsictl-worker@my-project.iam.gserviceaccount.com'
    """
    return f"{account_id(prefix, component)}@{project}.iam.gserviceaccount.com"


def image(region: str, project: str, prefix: str, name: str, tag: str) -> str:
    """One of our container images in Artifact Registry.

    >>> image("europe-west1", "my-project", "fsictl", "worker", "0.1.0")
    'europe-west1-docker.pkg.dev/my-project/fsictl/worker:0.1.0'
    """
    return f"{region}-docker.pkg.dev/{project}/{prefix}/{name}:{tag}"
