"""What is billed at this moment: what is in the state, and the streaming jobs that run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from fsictl.infra.cost import HOURS, Line, estimate, worker_hour
from fsictl.infra.deployment import deployment_of
from fsictl.infra.draining import AT_REST
from fsictl.infra.price_list import PriceList
from fsictl.infra.terraform import Resource
from fsictl.infra.traffic import Traffic
from fsictl.ports.engine import PipelineStatus


def billing_now(
    resources: Iterable[Resource],
    pipelines: Sequence[PipelineStatus],
    month: Traffic,
    prices: PriceList,
    *,
    models: int = 0,
) -> list[Line]:
    """What costs money now, dearest first: ``idle`` and ``running`` of a line are US dollars a month at this rate.

    ``models`` are those on the Vertex AI endpoint, each on one node at least. What waits for use (services at no
    instance, tables, topics) is not in it; it costs by the amount.
    """
    deployment = deployment_of(resources)
    jobs = [
        Line("Dataflow", f"streaming job {one.name}", hour * HOURS, hour * HOURS, one.state.value)
        for one in pipelines
        if one.state not in AT_REST
        for hour in (prices.assumed["workers"] * worker_hour(prices),)
    ]
    node = prices.assumed["node_vcpus"] * prices.prices["vertex_vcpu"].usd * HOURS
    jobs += [Line("Vertex AI", "model on the endpoint", node, node, "one node")] * models
    standing = [line for line in estimate(deployment, month, (), prices).lines if line.idle]
    return sorted([*jobs, *standing], key=lambda line: -line.idle)
