// The three charts of one symbol: price, RSI and reconstruction error, on one time axis.

import uPlot from "./vendor/uplot/uPlot.esm.js";
import * as format from "./format.js";
import { stretches } from "./state.js";

const FONT = '11px Inter, ui-sans-serif, system-ui, "DejaVu Sans", sans-serif';
const AXIS_WIDTH = 74;

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

function times(plot, splits, axis, space, step) {
  return splits.map((s) => (s % 86400 === 0 ? format.day(s).slice(5) : format.clock(s, step < 60)));
}

function axes(values, showTimes) {
  const look = { stroke: () => colour("dim"), font: FONT, grid: { stroke: () => colour("line"), width: 1 }, ticks: { show: false } };
  return [
    { ...look, values: showTimes ? times : () => [], size: showTimes ? 26 : 6, space: 80 },
    { ...look, side: 1, size: AXIS_WIDTH, space: 26, values: (plot, splits) => splits.map(values) },
  ];
}

function clipped(plot, draw) {
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  draw(ctx, bbox);
  ctx.restore();
}

/** Points that have no neighbour, which a line would not show. */
function lonely(plot, index) {
  const values = plot.data[index];
  const found = [];
  for (let i = 0; i < values.length; i++) {
    if (values[i] != null && values[i - 1] == null && values[i + 1] == null) found.push(i);
  }
  return found;
}

function line(label, name, width = 1.4) {
  return { label, stroke: () => colour(name), width, points: { show: true, size: 3, filter: (plot, index) => lonely(plot, index), fill: () => colour(name), stroke: () => colour(name) } };
}

function level(value, name) {
  return (plot) => clipped(plot, (ctx, box) => {
    const y = plot.valToPos(value(), "y", true);
    ctx.strokeStyle = colour(name);
    ctx.lineWidth = devicePixelRatio;
    ctx.setLineDash([5 * devicePixelRatio, 4 * devicePixelRatio]);
    ctx.beginPath();
    ctx.moveTo(box.left, y);
    ctx.lineTo(box.left + box.width, y);
    ctx.stroke();
  });
}

/** The last value of a series, on the axis. */
function lastValue(series, name, write) {
  return (plot) => {
    const values = plot.data[series];
    const at = values.findLastIndex((value) => value != null);
    if (at < 0 || plot.data[0].length - at > 3 || plot.data[0][at] > plot.scales.x.max) return;
    const { ctx, bbox } = plot;
    const ratio = devicePixelRatio;
    const y = plot.valToPos(values[at], "y", true);
    if (y < bbox.top || y > bbox.top + bbox.height) return;
    ctx.save();
    ctx.fillStyle = colour(name);
    ctx.fillRect(bbox.left + bbox.width + ratio, y - 9 * ratio, AXIS_WIDTH * ratio, 18 * ratio);
    ctx.fillStyle = colour("panel");
    ctx.font = `600 ${11 * ratio}px Inter, ui-sans-serif, system-ui, "DejaVu Sans", sans-serif`;
    ctx.textBaseline = "middle";
    ctx.textAlign = "left";
    ctx.fillText(write(values[at]), bbox.left + bbox.width + 7 * ratio, y);
    ctx.restore();
  };
}

export class Charts {
  constructor(elements, limits, onPoint) {
    this.limits = limits;
    this.zoomed = false;
    this.shaded = [];
    const follow = (plot) => onPoint(plot.cursor.idx ?? null);
    this.price = this.#make(elements.price, "Price and simple moving average", [line("price", "price", 1.7), line("SMA", "sma")], {
      values: format.price, before: [(plot) => this.#shade(plot)], after: [lastValue(1, "price", format.price)], follow,
    });
    this.rsi = this.#make(elements.rsi, "RSI", [line("RSI", "rsi")], {
      values: String, range: [0, 100], follow,
      after: [level(() => limits.overbought, "overbought"), level(() => limits.oversold, "oversold"), lastValue(1, "rsi", (v) => v.toFixed(1))],
    });
    this.error = this.#make(elements.error, "Reconstruction error and threshold", [line("error", "error"), { ...line("threshold", "threshold", 1.2), dash: [5, 4] }], {
      values: format.score, range: (plot, low, high) => [0, (high || 1) * 1.15], times: true, follow, before: [(plot) => this.#shade(plot)],
      after: [lastValue(1, "error", format.score)],
    });
    matchMedia("(prefers-color-scheme: light)").addEventListener("change", () => this.#all((plot) => plot.redraw(true, true)));
  }

  #make(element, name, series, { values, range, times: showTimes = false, before = [], after = [], follow }) {
    const title = document.createElement("span");
    title.className = "name";
    title.textContent = name;
    const plot = new uPlot({
      width: element.clientWidth || 300, height: element.clientHeight || 120, padding: [24, 0, showTimes ? 0 : 2, 10],
      legend: { show: false }, tzDate: (s) => uPlot.tzDate(new Date(s * 1000), "Etc/UTC"),
      cursor: { sync: { key: "time" }, drag: { x: true, y: false }, points: { size: 6 }, y: false },
      scales: { x: { time: true }, y: range ? { range } : {} },
      axes: axes(values, showTimes), series: [{}, ...series],
      hooks: { drawClear: before, draw: after, setCursor: [follow], setSelect: [(plot) => { this.zoomed ||= plot.select.width > 0; }] },
    }, [[], ...series.map(() => [])], element);
    element.append(title);
    plot.over.addEventListener("dblclick", () => { this.zoomed = false; });
    new ResizeObserver(() => plot.setSize({ width: element.clientWidth, height: element.clientHeight })).observe(element);
    return plot;
  }

  #all(call) {
    for (const plot of [this.price, this.rsi, this.error]) call(plot);
  }

  #shade(plot) {
    clipped(plot, (ctx, box) => {
      ctx.globalAlpha = Number(colour("shade"));
      for (const [from, to, state] of this.shaded) {
        const left = plot.valToPos(from, "x", true);
        const right = plot.valToPos(to, "x", true);
        if (right < box.left || left > box.left + box.width) continue;
        ctx.fillStyle = colour(state);
        ctx.fillRect(left, box.top, Math.max(devicePixelRatio, right - left), box.height);
      }
    });
  }

  /** Draw these columns; with `live`, a part of the time that was chosen with the mouse stays in view. */
  show(columns, { live = false } = {}) {
    this.shaded = stretches(columns, this.limits);
    if (!live) this.zoomed = false;
    const data = [
      [this.price, [columns.time, columns.price, columns.sma]],
      [this.rsi, [columns.time, columns.rsi]],
      [this.error, [columns.time, columns.error, columns.threshold]],
    ];
    for (const [plot, series] of data) {
      plot.setData(series, !this.zoomed);
      if (this.zoomed) plot.redraw();
    }
  }
}
