from __future__ import annotations

import datetime
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.infra.offline import EVERYTHING, PROJECT, ROOT, Offline

from fsictl.cli.pipelines import NAMES
from fsictl.infra.billing import billing_now
from fsictl.infra.cost import HOURS, Estimate, estimate
from fsictl.infra.deployment import (
    Container,
    Database,
    Deployment,
    Option,
    deployment_of,
    runs_a_month,
    standard,
)
from fsictl.infra.price_list import price_list
from fsictl.infra.program import Program
from fsictl.infra.terraform import Resource, Terraform
from fsictl.infra.traffic import traffic
from fsictl.ports.engine import PipelineState, PipelineStatus
from fsictl.settings.schema import Settings

PRICES = price_list()
MONTH = traffic(17, 10.0, batch=1000, linger=0.01, extreme_share=0.5)


def _cost(deployment: Deployment) -> Estimate:
    return estimate(deployment, MONTH, NAMES, PRICES)


def _line(found: Estimate, service: str, part: str) -> tuple[float, float]:
    line = next(one for one in found.lines if one.service == service and part in one.what)
    return line.idle, line.running


def test_nothing_costs_nothing() -> None:
    assert _cost(Deployment()).lines == ()


def test_the_sums_of_a_calculator() -> None:
    """By hand, from the list: 1 vCPU and 1 GiB all month; 2 vCPU, 8 GiB and 30 GiB; 10 GiB of disk."""
    found = _cost(standard("p", [Option.CLOUD_SQL]))
    assert _line(found, "Cloud Run", "p-generator")[0] == pytest.approx(730 * 3600 * (0.000018 + 0.000002))
    worker = 730 * (2 * 0.069 + 8 * 0.003557 + 30 * 0.000054)
    assert _line(found, "Dataflow", "infer")[1] == pytest.approx(worker, rel=0.01)
    assert _line(found, "Cloud SQL", "disk") == pytest.approx((1.7, 1.7))
    assert _line(found, "Cloud SQL", "machine") == pytest.approx((730 * 0.0105, 730 * 0.0105))
    assert found.idle == pytest.approx(sum(line.idle for line in found.lines))


def test_a_machine_that_is_off_costs_its_disk_alone() -> None:
    found = _cost(Deployment(databases=(Database("db-custom-2-8192", 20.0, is_on=False),)))
    assert [line.what for line in found.lines] == ["disk"]
    on = _cost(Deployment(databases=(Database("db-custom-2-8192", 20.0, is_on=True, replicas=2),)))
    assert _line(on, "Cloud SQL", "machine")[0] == pytest.approx(2 * 730 * (2 * 0.0413 + 8 * 0.007))


def test_prices_flow_while_idle_only_if_there_is_a_generator() -> None:
    own_feed = Deployment(readers={"p-prices": 2, "p-metrics": 2})
    assert _cost(own_feed).idle == 0.0
    with_generator = Deployment(pools=(Container("p-generator", 1.0, 1.0, 1),), readers={"p-prices": 2, "p-metrics": 2})
    assert _line(_cost(with_generator), "Pub/Sub", "prices")[0] > 0.0
    assert _line(_cost(with_generator), "Pub/Sub", "metrics")[0] == 0.0


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.builds(
        Deployment,
        pools=st.lists(st.builds(Container, st.just("p"), st.floats(0, 8), st.floats(0, 32), st.integers(0, 5))).map(
            tuple
        ),
        schedules=st.integers(0, 9),
        tables=st.integers(0, 9),
        clusters=st.integers(0, 2),
    )
)
def test_running_never_costs_less_than_idle(deployment: Deployment) -> None:
    found = _cost(deployment)
    assert all(0.0 <= line.idle <= line.running for line in found.lines)


@pytest.mark.parametrize(
    ("schedule", "in_a_day"),
    [("* * * * *", 1440), ("0 */2 * * *", 12), ("5,35 9-16 * * *", 16), ("0 0 * * *", 1), ("not a schedule", 0)],
)
def test_how_often_a_schedule_fires(schedule: str, in_a_day: int) -> None:
    assert runs_a_month(schedule) == pytest.approx(in_a_day * 365 / 12)


def test_days_of_the_week_and_of_the_month() -> None:
    assert runs_a_month("0 6 * * MON-FRI,SUN") <= runs_a_month("0 6 * * *")
    assert runs_a_month("0 6 * * 1-5") == pytest.approx(365 / 12 * 5 / 7)
    assert runs_a_month("0 6 1 * *") == pytest.approx(1, rel=0.05)


def test_the_list_says_where_and_when() -> None:
    datetime.date.fromisoformat(PRICES.date)
    for price in PRICES.prices.values():
        assert price.usd > 0
        assert price.page.startswith("cloud.google.com/")
        assert price.unit
        assert price.seen is None or datetime.date.fromisoformat(price.seen) <= datetime.date.fromisoformat(PRICES.date)


def test_what_is_billed_now() -> None:
    resources = [
        Resource(
            "google_cloud_run_v2_worker_pool.generator[0]",
            "google_cloud_run_v2_worker_pool",
            {
                "name": "p-generator",
                "scaling": [{"manual_instance_count": 1}],
                "template": [{"containers": [{"resources": [{"limits": {"cpu": "1", "memory": "1Gi"}}]}]}],
            },
        ),
        Resource(
            "google_cloud_run_v2_service.grafana[0]",
            "google_cloud_run_v2_service",
            {"name": "p-grafana", "scaling": [{"scaling_mode": "AUTOMATIC", "manual_instance_count": 1}]},
        ),
        Resource("google_vertex_ai_endpoint.scores[0]", "google_vertex_ai_endpoint", {}),
    ]
    pipelines = [
        PipelineStatus("metrics", PipelineState.RUNNING),
        PipelineStatus("infer", PipelineState.STOPPED),
        PipelineStatus("sink", PipelineState.FAILED),
    ]
    found = billing_now(resources, pipelines, MONTH, PRICES)
    assert [line.what for line in found] == ["streaming job metrics", "p-generator, always there"]
    with_model = billing_now(resources, [], MONTH, PRICES, models=1)
    assert with_model[0].idle == pytest.approx(0.1095 * HOURS)  # a node with 2 processors
    assert found[0].idle == pytest.approx(HOURS * (2 * 0.069 + 8 * 0.003557 + 30 * 0.000054))


def test_the_documentation_has_these_sums() -> None:
    of = Settings().prices
    share = PRICES.assumed["extreme_share"]
    count, hz, batch = len(of.symbols), of.hz, of.batch
    month = traffic(count, hz, batch=batch, linger=of.linger, extreme_share=share)
    found = estimate(standard("fsictl"), month, NAMES, PRICES)
    everything = estimate(standard("fsictl", list(Option)), month, NAMES, PRICES)
    patient = traffic(count, hz, batch=batch, linger=0.5, extreme_share=share)
    jobs = sum(line.running for line in found.lines if line.service == "Dataflow")
    page = (ROOT / "docs" / "infra.md").read_text(encoding="utf-8")
    for said in (
        f"| idle | {found.idle:.0f} |",
        f"| of it the generator | {_line(found, 'Cloud Run', 'generator')[0]:.0f} |",
        f"| running | {found.running:.0f} |",
        f"each of one worker with 2 vCPU | {jobs:.0f} |",
        f"`--with endpoint --with cloud-sql --with gke` | {everything.running:.0f} |",
        f"from {_line(found, 'Pub/Sub', 'prices')[1]:.0f} to 2 dollars",
        f"from {found.running:.0f} to {estimate(standard('fsictl'), patient, NAMES, PRICES).running:.0f}",
    ):
        assert said in page


@pytest.mark.slow
def test_the_estimate_without_a_plan_is_that_of_the_packaged_configuration(
    working_directory: Callable[[str], Offline],
) -> None:
    offline = working_directory("cost")
    terraform = Terraform(offline.module, Program((str(offline.program),), "1.9.0"), offline.environment)

    def planned(variables: dict[str, object]) -> Deployment:
        with terraform.plan(variables={"project": PROJECT, **variables}) as plan:
            return deployment_of(plan.after)

    assert planned({"image_tag": "0.1.0"}) == standard("fsictl")
    assert planned(EVERYTHING) == standard("fsictl", list(Option))
