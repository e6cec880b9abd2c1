// The charts of one symbol, on one time axis; only those in sight are drawn.

import uPlot from "./vendor/uplot/uPlot.esm.js";
import { axes, lastValue, level, line, setData, shade } from "./drawing.js";
import * as format from "./format.js";
import { faint } from "./palette.js";
import { stretches } from "./state.js";

const basisPoints = (value) => `${Number((value * 1e4).toPrecision(3))} bp`;
const PRICE = { column: "price", name: "price" };
const around = (middle, name, upper, lower) => [PRICE, { column: middle, name }, { column: upper, name, width: 1 }, { column: lower, name, width: 1 }];

/** What each chart shows: `lines` are columns with colours; `main` ones are shaded or carry the last value. */
function specifications(limits, view) {
  return [
    { id: "price-chart", title: "Price and simple moving average", lines: [{ ...PRICE, width: 1.7, fill: "always" }, { column: "sma", name: "sma" }], values: format.price, shaded: true, last: true },
    { id: "rsi-chart", title: "RSI", lines: [{ column: "rsi", name: "rsi" }], values: String, range: [0, 100], last: true, writeLast: (v) => v.toFixed(1),
      levels: [[() => limits.overbought, "overbought"], [() => limits.oversold, "oversold"]] },
    { id: "error-chart", title: "Reconstruction error and threshold", lines: [{ column: "error", name: "error", fill: "sparse" }, { column: "threshold", name: "threshold", width: 1.2, dash: [5, 4] }],
      values: format.score, range: (plot, low, high) => [0, Math.max(high || 1, view.threshold ?? 0) * 1.15], shaded: true, last: true, times: true, levels: [[() => view.threshold, "tried"]] },
    { id: "averages-chart", title: "", lines: [PRICE, { column: "sma", name: "sma" }, { column: "ema", name: "ema" }], values: format.price, times: true },
    { id: "returns-chart", title: "", lines: [{ column: "log_return", name: "return", width: 1 }], values: basisPoints, times: true },
    { id: "bands-chart", title: "", lines: around("sma", "sma", "band_upper", "band_lower"), values: format.price, band: "sma", times: true },
    { id: "ema-bands-chart", title: "", lines: around("ema", "ema", "ema_band_upper", "ema_band_lower"), values: format.price, band: "ema", times: true },
  ];
}

const soon = window.requestIdleCallback ?? ((call) => setTimeout(call, 50));

export class Charts {
  /** `view` has the threshold that is tried, or null; `onPoint` gets the row under the crosshair, `onZoom` two times. */
  constructor(limits, view, { onPoint, onZoom }) {
    this.limits = limits;
    this.view = view;
    this.onPoint = onPoint;
    this.onZoom = onZoom;
    this.shaded = [];
    this.columns = null;
    this.idle = 0;
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
    const { top, bottom } = element.getBoundingClientRect();
    const chart = { element, plot, shaded, lines, visible: bottom > 0 && top < innerHeight, behind: false };
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
    chart.behind = false;
    setData(chart.plot, chart.lines, [this.columns.time, ...chart.lines.map(({ column }) => this.columns[column])]);
  }

  /** Draw these columns on the charts that are in sight; the others follow when they come into sight. */
  show(columns) {
    this.columns = columns;
    this.shaded = stretches(columns, this.limits, this.view.threshold);
    for (const chart of this.all) {
      if (chart.visible) this.#draw(chart);
      else chart.behind = true;
    }
  }

  /** Draw the others too, one after the other when there is nothing else to do. */
  drawRest() {
    this.idle ||= soon(() => {
      this.idle = 0;
      const chart = this.all.find(({ behind }) => behind);
      if (!chart) return;
      this.#draw(chart);
      this.drawRest();
    });
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
