// The charts of one symbol, on one time axis; only those in sight are drawn.

import uPlot from "./vendor/uplot/uPlot.esm.js";
import * as format from "./format.js";
import { colour, faint } from "./palette.js";
import { stretches } from "./state.js";

const FAMILY = 'Inter, ui-sans-serif, system-ui, "DejaVu Sans", sans-serif';
const FONT = `11px ${FAMILY}`;
const AXIS_WIDTH = 74;

function times(plot, splits, axis, space, step) {
  return splits.map((s) => (s % 86400 === 0 ? format.day(s).slice(5) : format.clock(s, step < 60)));
}

export function axes(values, showTimes) {
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

/** Shade [from, to, name of a colour] over the height of the chart. */
export function shade(plot, parts) {
  clipped(plot, (ctx, box) => {
    ctx.globalAlpha = Number(colour("shade"));
    let edge = box.left; // what is see-through must not lie on top of another
    for (const [from, to, name] of parts) {
      const left = Math.max(edge, plot.valToPos(from, "x", true));
      const right = Math.max(left + devicePixelRatio, plot.valToPos(to, "x", true));
      if (plot.valToPos(to, "x", true) < left || left > box.left + box.width) continue;
      ctx.fillStyle = colour(name);
      ctx.fillRect(left, box.top, right - left, box.height);
      edge = right;
    }
  });
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

function line({ name, width = 1.4, dash, fill }) {
  const stroke = () => colour(name);
  return { stroke, width, dash, fill: fill && fade(name), points: { show: true, size: 3, filter: lonely, fill: stroke, stroke } };
}

/** From the colour of the line down to nothing. */
function fade(name) {
  return (plot) => {
    const { top, height } = plot.bbox;
    const gradient = plot.ctx.createLinearGradient(0, top, 0, top + (height || 1));
    gradient.addColorStop(0, faint(name, 0.2));
    gradient.addColorStop(1, faint(name, 0));
    return gradient;
  };
}

function level(value, name) {
  return (plot) => {
    if (value() === null) return;
    clipped(plot, (ctx, box) => {
      const y = plot.valToPos(value(), "y", true);
      ctx.strokeStyle = colour(name);
      ctx.lineWidth = 1.4 * devicePixelRatio;
      ctx.setLineDash([5 * devicePixelRatio, 4 * devicePixelRatio]);
      ctx.beginPath();
      ctx.moveTo(box.left, y);
      ctx.lineTo(box.left + box.width, y);
      ctx.stroke();
    });
  };
}

/** The last value of the first series, on the axis. */
function lastValue(name, write) {
  return (plot) => {
    const values = plot.data[1];
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
    ctx.font = `600 ${11 * ratio}px ${FAMILY}`;
    ctx.textBaseline = "middle";
    ctx.textAlign = "left";
    ctx.fillText(write(values[at]), bbox.left + bbox.width + 7 * ratio, y);
    ctx.restore();
  };
}

const basisPoints = (value) => `${Number((value * 1e4).toPrecision(3))} bp`;
const PRICE = { column: "price", name: "price" };
const around = (middle, name, upper, lower) => [PRICE, { column: middle, name }, { column: upper, name, width: 1 }, { column: lower, name, width: 1 }];

/** What each chart shows: `lines` are columns with colours; `main` ones are shaded or carry the last value. */
function specifications(limits, view) {
  return [
    { id: "price-chart", title: "Price and simple moving average", lines: [{ ...PRICE, width: 1.7, fill: true }, { column: "sma", name: "sma" }], values: format.price, shaded: true, last: true },
    { id: "rsi-chart", title: "RSI", lines: [{ column: "rsi", name: "rsi" }], values: String, range: [0, 100], last: true, writeLast: (v) => v.toFixed(1),
      levels: [[() => limits.overbought, "overbought"], [() => limits.oversold, "oversold"]] },
    { id: "error-chart", title: "Reconstruction error and threshold", lines: [{ column: "error", name: "error", fill: true }, { column: "threshold", name: "threshold", width: 1.2, dash: [5, 4] }],
      values: format.score, range: (plot, low, high) => [0, Math.max(high || 1, view.threshold ?? 0) * 1.15], shaded: true, last: true, times: true, levels: [[() => view.threshold, "tried"]] },
    { id: "averages-chart", title: "", lines: [PRICE, { column: "sma", name: "sma" }, { column: "ema", name: "ema" }], values: format.price, times: true },
    { id: "returns-chart", title: "", lines: [{ column: "log_return", name: "return", width: 1 }], values: basisPoints, times: true },
    { id: "bands-chart", title: "", lines: around("sma", "sma", "band_upper", "band_lower"), values: format.price, band: "sma", times: true },
    { id: "ema-bands-chart", title: "", lines: around("ema", "ema", "ema_band_upper", "ema_band_lower"), values: format.price, band: "ema", times: true },
  ];
}

export class Charts {
  /** `view` has the threshold that is tried, or null; `onPoint` gets the row under the crosshair, `onZoom` two times. */
  constructor(limits, view, { onPoint, onZoom }) {
    this.limits = limits;
    this.view = view;
    this.onPoint = onPoint;
    this.onZoom = onZoom;
    this.shaded = [];
    this.columns = null;
    this.seen = new IntersectionObserver((entries) => entries.forEach((entry) => this.#see(entry)), { rootMargin: "80px" });
    this.all = specifications(limits, view).map((spec) => this.#make(spec));
    addEventListener("themechange", () => this.all.forEach(({ plot }) => plot.redraw(true, true)));
  }

  #make({ id, title, lines, values, range, shaded = false, last = false, writeLast = values, levels = [], band, times: showTimes = false }) {
    const element = document.getElementById(id);
    const after = levels.map(([value, name]) => level(value, name));
    if (last) after.push(lastValue(lines[0].name, writeLast));
    const plot = new uPlot({
      width: element.clientWidth || 300, height: element.clientHeight || 120, padding: [title ? 24 : 8, 0, showTimes ? 0 : 2, 10],
      legend: { show: false }, tzDate: (s) => uPlot.tzDate(new Date(s * 1000), "Etc/UTC"),
      cursor: { sync: { key: "time" }, drag: { x: true, y: false, setScale: false }, points: { size: 6 }, y: false },
      scales: { x: { time: true }, y: range ? { range } : {} },
      bands: band ? [{ series: [3, 4], fill: () => faint(band, 0.12) }] : [],
      axes: axes(values, showTimes), series: [{}, ...lines.map(line)],
      hooks: {
        drawClear: shaded ? [(drawn) => shade(drawn, this.shaded)] : [], draw: after,
        setCursor: [(drawn) => this.onPoint(drawn.cursor.idx ?? null)],
        setSelect: [(drawn) => this.#select(drawn)],
      },
    }, [[], ...lines.map(() => [])], element);
    if (title) {
      const name = document.createElement("span");
      name.className = "name";
      name.textContent = title;
      element.append(name);
    }
    const chart = { element, plot, shaded, lines, visible: false, behind: false };
    new ResizeObserver(() => plot.setSize({ width: element.clientWidth, height: element.clientHeight })).observe(element);
    this.seen.observe(element);
    return chart;
  }

  #select(plot) {
    const { left, width } = plot.select;
    if (width < 4) return;
    const [from, to] = [plot.posToVal(left, "x"), plot.posToVal(left + width, "x")].map(Math.round);
    plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
    if (to - from >= 5) this.onZoom(from, to);
  }

  #see({ target, isIntersecting }) {
    const chart = this.all.find(({ element }) => element === target);
    chart.visible = isIntersecting;
    if (isIntersecting && chart.behind) this.#draw(chart);
  }

  #draw(chart) {
    chart.behind = !chart.visible && chart.drawn;
    if (chart.behind || !this.columns) return;
    chart.drawn = true;
    chart.plot.setData([this.columns.time, ...chart.lines.map(({ column }) => this.columns[column])]);
  }

  /** Draw these columns. */
  show(columns) {
    this.columns = columns;
    this.shaded = stretches(columns, this.limits, this.view.threshold);
    this.all.forEach((chart) => this.#draw(chart));
  }

  /** Draw the stretches anew, for another threshold. */
  recolour() {
    if (!this.columns) return;
    this.shaded = stretches(this.columns, this.limits, this.view.threshold);
    for (const chart of this.all.filter(({ shaded }) => shaded)) {
      chart.plot.setData(chart.plot.data);
    }
  }

  /** Put the crosshair on a row. */
  point(index) {
    for (const { plot } of this.all) plot.setCursor({ left: plot.valToPos(this.columns.time[index], "x"), top: 8 }, false);
    this.onPoint(index);
  }
}
