"""The five dashboards, each for BigQuery and for the local page's API."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.models import dashboard as models
from scripts.grafana import sql
from scripts.grafana.panels import lines, number, rows
from scripts.grafana.sources import BigQuery, Local, Source, monitoring

from fsictl.settings.schema import PAIRS, GcpSettings

FULL = 24
HALF = 12


def place(x: int, y: int, w: int, h: int) -> models.GridPos:
    """Where a panel stands, in Grafana's grid of 24 columns."""
    return models.GridPos(x=x, y=y, w=w, h=h)


def prices(source: Source) -> builders.Dashboard:
    """Every pair's newest row, and the price with the stretches in which its RSI is extreme or unreliable."""
    board = _board(source, "prices", "prices", "symbol", threshold=True)
    shades = ["overbought", "oversold", "unreliable"]
    targets = source.series("metrics", ["price", "sma", "overbought", "oversold"])
    targets += source.series("verdicts", ["unreliable"])
    return (
        board.with_panel(
            lines(
                "RSI valuations vs underlying price",
                targets,
                ["price", "sma"],
                says="Yellow: RSI above 70. Blue: RSI below 30. Red: the RSI is unreliable, by the threshold above or, "
                "without one, by the calibrated threshold that was in force.",
                place=place(0, 0, FULL, 12),
                shades=shades,
                decimals=5,
            )
        )
        .with_panel(
            rows(
                "Pairs",
                source.pairs(),
                says="The newest row of every symbol within the time chosen, and its verdict.",
                place=place(0, 12, HALF, 12),
                flags=["unreliable"],
            )
        )
        .with_panel(
            lines(
                "RSI",
                source.series("metrics", ["rsi"]),
                ["rsi"],
                says="The relative strength index. It is extreme above 70 and below 30.",
                place=place(HALF, 12, HALF, 12),
                limits=(0, 100),
                marks={30: "blue", 70: "yellow"},
                decimals=1,
            )
        )
    )


def filling(source: Source) -> builders.Dashboard:
    """Ticks as they came against the line of one row a second."""
    board = _board(source, "filling", "gap filling", "symbol", span="now-5m")
    return (
        board.with_panel(
            lines(
                "Ticks and filled seconds",
                [*source.series("ticks", ["tick"]), *source.series("filling", ["price", "filled"])],
                ["tick", "price"],
                says="Ticks, and the closing price of every second. Orange: seconds without a tick, filled with the "
                "price before.",
                place=place(0, 0, FULL, 12),
                shades=["filled"],
                points=["tick"],
                step="100ms",
                decimals=5,
            )
        )
        .with_panel(
            lines(
                "Ticks in a step",
                source.series("filling", ["ticks"]),
                ["ticks"],
                says="How many ticks each step of time has.",
                place=place(0, 12, HALF, 9),
                bars=True,
            )
        )
        .with_panel(
            lines(
                "Share of filled rows in the window",
                source.series("filling", ["filled_fraction"]),
                ["filled_fraction"],
                says="Of the rows that the metrics are computed from.",
                place=place(HALF, 12, HALF, 9),
                unit="percentunit",
                limits=(0, 1),
            )
        )
    )


def metrics(source: Source) -> builders.Dashboard:
    """Averages, returns, deviation and both kinds of Bollinger bands."""
    board = _board(source, "metrics", "metrics", "symbol")
    charts: list[tuple[str, list[str], str, int | None]] = [
        ("Averages", ["price", "sma", "ema"], "Simple and exponential moving average.", 5),
        ("RSI", ["rsi"], "The relative strength index of the window.", 1),
        ("Bollinger bands around the SMA", ["price", "sma", "band_upper", "band_lower"], "SMA ± 2 σ.", 5),
        ("Bollinger bands around the EMA", ["price", "ema", "ema_band_upper", "ema_band_lower"], "EMA ± 2 σ.", 5),
        ("Log return", ["log_return"], "ln of a second's price over that of the second before.", None),
        ("Standard deviation", ["deviation"], "Of the window's prices.", None),
    ]
    for index, (title, fields, says, decimals) in enumerate(charts):
        where = place(index % 2 * HALF, index // 2 * 10, HALF, 10)
        marks = {30.0: "blue", 70.0: "yellow"} if fields == ["rsi"] else None
        limits = (0.0, 100.0) if marks else None
        targets = source.series("metrics", fields)
        board = board.with_panel(
            lines(title, targets, fields, says=says, place=where, decimals=decimals, marks=marks, limits=limits)
        )
    return board


def model(source: Source) -> builders.Dashboard:
    """What the model says, how often it says so, and where its versions come from."""
    board = _board(source, "model", "model", "model_symbol", threshold=True)
    return (
        board.with_panel(
            lines(
                "Reconstruction error",
                source.series("verdicts", ["error", "threshold", "unreliable", "alert"], symbol="model_symbol"),
                ["error", "threshold"],
                says="The score of each window that ends at an extreme RSI, and the threshold that was in force. Red: "
                "unreliable.",
                place=place(0, 0, FULL, 10),
                shades=["unreliable", "alert"],
                decimals=3,
            )
        )
        .with_panel(
            lines(
                "p-value",
                source.series("verdicts", ["p_value"], symbol="model_symbol"),
                ["p_value"],
                says="The share of calibration scores that are at least as large.",
                place=place(0, 10, HALF, 9),
                limits=(0, 1),
                decimals=3,
            )
        )
        .with_panel(
            lines(
                "Rates: meant and achieved",
                source.series(
                    "calibrations",
                    ["label_target", "label_achieved", "alert_target", "alert_achieved"],
                    symbol="model_symbol",
                ),
                ["label_target", "label_achieved", "alert_target", "alert_achieved"],
                says="The share of windows that were called unreliable, and that raised an alert, between two "
                "calibrations.",
                place=place(HALF, 10, HALF, 9),
                unit="percentunit",
                decimals=1,
            )
        )
        .with_panel(
            rows(
                "Training runs",
                source.latest("runs"),
                says="The newest runs, also those that made no version, with the reason.",
                place=place(0, 19, HALF, 9),
            )
        )
        .with_panel(
            rows(
                "Promotions",
                source.latest("promotions"),
                says="Every change of the version that scores.",
                place=place(HALF, 19, HALF, 9),
            )
        )
    )


def operations(source: Source) -> builders.Dashboard:
    """Whether everything flows."""
    board = _board(source, "operations", "operations", None)
    board = _local_numbers(board, source) if isinstance(source, Local) else _cloud_numbers(board)
    fields = ["ticks", "rows", "filled"]
    judged = ["verdicts", "unreliable", "alerts"]
    board = board.with_panel(
        lines(
            "Ticks and rows",
            source.series("activity", fields),
            fields,
            says="Of all symbols, in each step of time.",
            place=place(0, 5, HALF, 10),
        )
    ).with_panel(
        lines(
            "Verdicts",
            source.series("judgements", judged),
            judged,
            says="Of all symbols, in each step of time.",
            place=place(HALF, 5, HALF, 10),
        )
    )
    return board if isinstance(source, Local) else _cloud_charts(board)


def _local_numbers(board: builders.Dashboard, source: Local) -> builders.Dashboard:
    shown = {
        "lag": ("Lag", "s", "Seconds from the end of a bar to its row."),
        "ticks_per_second": ("Ticks a second", "short", "Of the last ten seconds."),
        "late": ("Late ticks", "short", "Since the metrics pipeline began; they are kept as dead letters."),
        "dead_letters": ("Dead letters", "short", "What could not be used."),
        "alerts": ("Alerts", "short", "In the last hour of data."),
    }
    for index, (selector, (title, unit, says)) in enumerate(shown.items()):
        targets = source.status({selector: (selector, "number")})
        board = board.with_panel(number(title, targets, says=says, unit=unit, place=place(index * 4, 0, 4, 5)))
    return board


def _cloud_numbers(board: builders.Dashboard) -> builders.Dashboard:
    source = BigQuery()
    for index, name in enumerate(("prices", "metrics", "reconerr")):
        targets = [source.target(f"{name}_age", sql.newest(name))]
        says = f"Seconds since the newest row of {name}."
        where = place(index * 8, 0, 8, 5)
        board = board.with_panel(number(f"Age of {name}", targets, says=says, unit="s", place=where))
    return board


def _cloud_charts(board: builders.Dashboard) -> builders.Dashboard:
    backlog = monitoring(
        "backlog",
        "pubsub.googleapis.com/subscription/oldest_unacked_message_age",
        [],
        aligner="ALIGN_MAX",
        reducer="REDUCE_MAX",
        by="resource.label.subscription_id",
    )
    dead = monitoring(
        "dead",
        "pubsub.googleapis.com/subscription/dead_letter_message_count",
        [],
        aligner="ALIGN_DELTA",
        reducer="REDUCE_SUM",
        by="resource.label.subscription_id",
    )
    lag = monitoring(
        "lag",
        "dataflow.googleapis.com/job/system_lag",
        [],
        aligner="ALIGN_MAX",
        reducer="REDUCE_MAX",
        by="resource.label.job_name",
    )
    charts = (
        ("Oldest message waiting", backlog, "s", "Of each subscription."),
        ("Messages to dead letters", dead, "short", "That a subscription gave up, in each step of time."),
        ("Lag of the jobs", lag, "s", "Dataflow's system lag."),
    )
    for index, (title, target, unit, says) in enumerate(charts):
        where = place(index * 8, 15, 8, 9)
        board = board.with_panel(lines(title, [target], [], says=says, unit=unit, place=where))
    return board


DASHBOARDS: Mapping[str, Callable[[Source], builders.Dashboard]] = {
    "prices": prices,
    "filling": filling,
    "metrics": metrics,
    "model": model,
    "operations": operations,
}
"""Every dashboard by the name of its file."""


def _board(
    source: Source, name: str, title: str, symbol: str | None, *, threshold: bool = False, span: str = "now-1h"
) -> builders.Dashboard:
    board = (
        builders.Dashboard(f"fsictl: {title}")
        .uid(f"fsictl-{source.name}-{name}")
        .tags(["fsictl"])
        .refresh("10s")
        .time(span, "now")
        .timezone("utc")
        .tooltip(models.DashboardCursorSync.CROSSHAIR)
        .editable()
        .link(builders.DashboardLink("fsictl").type(models.DashboardLinkType.DASHBOARDS).tags(["fsictl"]))
        .with_variable(builders.DatasourceVariable("datasource").label("Data source").type(source.kind))
    )
    if isinstance(source, BigQuery):
        board = board.with_variable(builders.ConstantVariable("dataset").label("Dataset").value(GcpSettings().dataset))
        if name == "operations":
            board = board.with_variable(
                builders.DatasourceVariable("monitoring").label("Monitoring").type("stackdriver")
            )
    if symbol is not None:
        label = "Model's pair" if symbol == "model_symbol" else "Pair"
        chosen = models.VariableOption(text="EURUSD", value="EURUSD", selected=True)
        board = board.with_variable(
            builders.CustomVariable(symbol)
            .label(label)
            .values(",".join(PAIRS))
            .current(chosen)
            .allow_custom_value(True)
        )
    if threshold:
        board = board.with_variable(builders.TextBoxVariable("threshold").label("Threshold").default_value(""))
    return board


def built(name: str, source: Source) -> Any:
    """The dashboard of that name for that source."""
    return DASHBOARDS[name](source).build()
