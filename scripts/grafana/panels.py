"""The kinds of panels that the dashboards are made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from grafana_foundation_sdk.builders import common as common_builders
from grafana_foundation_sdk.builders import dashboard as dashboard_builders
from grafana_foundation_sdk.builders import stat, table, timeseries
from grafana_foundation_sdk.models import common
from grafana_foundation_sdk.models import dashboard as models
from scripts.grafana.sources import Target

COLOURS = {
    "price": "text",
    "tick": "orange",
    "sma": "orange",
    "ema": "purple",
    "rsi": "green",
    "error": "light-blue",
    "threshold": "red",
    "overbought": "yellow",
    "oversold": "blue",
    "unreliable": "semi-dark-red",
    "alert": "dark-red",
    "filled": "orange",
    "band_upper": "light-blue",
    "band_lower": "light-blue",
    "ema_band_upper": "light-purple",
    "ema_band_lower": "light-purple",
}
NAMES = {
    "sma": "SMA",
    "ema": "EMA",
    "rsi": "RSI",
    "band_upper": "upper band",
    "band_lower": "lower band",
    "ema_band_upper": "upper band",
    "ema_band_lower": "lower band",
    "log_return": "log return",
    "p_value": "p-value",
    "unreliable": "RSI unreliable",
    "overbought": "RSI > 70",
    "oversold": "RSI < 30",
    "filled": "filled",
}


def lines(
    title: str,
    targets: Sequence[Target],
    fields: Sequence[str],
    *,
    says: str,
    place: models.GridPos,
    shades: Sequence[str] = (),
    points: Sequence[str] = (),
    bars: bool = False,
    step: str = "1s",
    decimals: int | None = None,
    unit: str = "short",
    limits: tuple[float, float] | None = None,
    marks: Mapping[float, str] | None = None,
) -> timeseries.Panel:
    """Lines over time; ``shades`` are fields of 0 and 1 that colour the stretches where they are 1."""
    panel = (
        timeseries.Panel()
        .title(title)
        .description(says)
        .grid_pos(place)
        .interval(step)
        .max_data_points(3600)
        .unit(unit)
        .line_width(1)
        .fill_opacity(0)
        .show_points(common.VisibilityMode.NEVER)
        .span_nulls(False)
        .insert_nulls(61_000.0)
        .legend(common_builders.VizLegendOptions().show_legend(True).placement(common.LegendPlacement.BOTTOM))
        .tooltip(common_builders.VizTooltipOptions().mode(common.TooltipDisplayMode.MULTI))
    )
    if bars:
        panel = panel.draw_style(common.GraphDrawStyle.BARS).fill_opacity(60)
    if decimals is not None:
        panel = panel.decimals(decimals)
    if limits is not None:
        panel = panel.min(limits[0]).max(limits[1])
    if marks:
        steps = [models.Threshold(value=None, color="transparent")]
        steps += [models.Threshold(value=value, color=colour) for value, colour in sorted(marks.items())]
        panel = panel.thresholds(
            dashboard_builders.ThresholdsConfig().mode(models.ThresholdsMode.ABSOLUTE).steps(steps)
        ).thresholds_style(common_builders.GraphThresholdsStyleConfig().mode(common.GraphThresholdsStyleMode.DASHED))
    for target in targets:
        panel = panel.with_target(target)
    for field in (*fields, *shades):
        properties = _shade(field) if field in shades else _line(field, as_points=field in points)
        if properties:
            panel = panel.override_by_name(field, properties)
    return panel


def rows(
    title: str, targets: Sequence[Target], *, says: str, place: models.GridPos, flags: Sequence[str] = ()
) -> table.Panel:
    """A table; ``flags`` are boolean columns whose cells are coloured when true."""
    panel = table.Panel().title(title).description(says).grid_pos(place)
    for target in targets:
        panel = panel.with_target(target)
    for flag in flags:
        mapping = models.ValueMap(
            options={
                "true": models.ValueMappingResult(text="unreliable", color="semi-dark-red", index=0),
                "false": models.ValueMappingResult(text="", index=1),
            }
        )
        panel = panel.override_by_name(
            flag,
            [
                models.DynamicConfigValue(id_val="mappings", value=[mapping]),
                models.DynamicConfigValue(id_val="custom.cellOptions", value={"type": "color-text"}),
            ],
        )
    return panel


def number(
    title: str, targets: Sequence[Target], *, says: str, place: models.GridPos, unit: str = "short"
) -> stat.Panel:
    """One number, the newest."""
    panel = stat.Panel().title(title).description(says).grid_pos(place).unit(unit)
    panel = panel.color_mode(common.BigValueColorMode.NONE).graph_mode(common.BigValueGraphMode.NONE)
    for target in targets:
        panel = panel.with_target(target)
    return panel


def _line(field: str, *, as_points: bool) -> list[models.DynamicConfigValue]:
    properties = []
    if field in COLOURS:
        properties.append(_property("color", {"mode": "fixed", "fixedColor": COLOURS[field]}))
    if field in NAMES:
        properties.append(_property("displayName", NAMES[field]))
    if as_points:
        properties += [
            _property("custom.drawStyle", "points"),
            _property("custom.showPoints", "always"),
            _property("custom.pointSize", 4),
        ]
    return properties


def _shade(field: str) -> list[models.DynamicConfigValue]:
    return [
        _property("displayName", NAMES.get(field, field)),
        _property("color", {"mode": "fixed", "fixedColor": COLOURS[field]}),
        _property("custom.axisPlacement", "hidden"),
        _property("custom.drawStyle", "line"),
        _property("custom.lineInterpolation", "stepAfter"),
        _property("custom.lineWidth", 0),
        _property("custom.fillOpacity", 35),
        _property("min", 0),
        _property("max", 1),
        _property("unit", "bool"),
        _property("custom.hideFrom", {"legend": False, "tooltip": True, "viz": False}),
    ]


def _property(name: str, value: object) -> models.DynamicConfigValue:
    return models.DynamicConfigValue(id_val=name, value=value)
