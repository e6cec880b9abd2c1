// How seconds became rows: the ticks, the line of one value a second, and the seconds that were filled.

import uPlot from "./vendor/uplot/uPlot.esm.js";
import { axes, shade } from "./drawing.js";
import * as format from "./format.js";
import { ask } from "./live.js";
import { colour } from "./palette.js";

const EVERY = 2000; // ms between two looks while live
const SECONDS = 120;
const LONGEST = 900;

export class Filling {
  constructor(element, words) {
    this.element = element;
    this.words = words;
    this.filled = [];
    this.request = null;
    this.visible = false;
    this.asked = 0;
    this.plot = null;
    new ResizeObserver(() => this.plot?.setSize({ width: element.clientWidth, height: element.clientHeight })).observe(element);
    new IntersectionObserver(([entry]) => {
      this.visible = entry.isIntersecting;
      if (this.visible) this.#fetch();
    }).observe(element);
    addEventListener("themechange", () => this.plot?.redraw(true, true));
  }

  #make() {
    const { element } = this;
    return new uPlot({
      width: element.clientWidth || 300, height: element.clientHeight || 120, padding: [8, 0, 0, 10], legend: { show: false },
      tzDate: (s) => uPlot.tzDate(new Date(s * 1000), "Etc/UTC"), cursor: { y: false, drag: { x: false, y: false } },
      axes: axes(format.price, true), scales: { x: { time: true, range: () => this.range } },
      series: [
        {},
        { stroke: () => colour("dim"), paths: () => null, points: { show: true, size: 4, width: 0, fill: () => colour("dim"), stroke: () => colour("dim") } },
        { stroke: () => colour("price"), width: 1.7, paths: uPlot.paths.stepped({ align: -1 }), points: { show: false } },
      ],
      hooks: { drawClear: [(plot) => shade(plot, this.filled)] },
    }, [[], [], []], element);
  }

  /** Show the end of that stretch of time, or without one the newest two minutes. */
  choose(symbol, range) {
    this.request = { symbol, ...(range && { end: Math.ceil(range[1]), seconds: Math.min(LONGEST, Math.max(10, Math.round(range[1] - range[0]))) }) };
    this.asked = 0;
    if (this.visible) this.#fetch();
  }

  /** There are newer rows. */
  grow() {
    if (this.visible && this.request && !this.request.end && performance.now() - this.asked >= EVERY) this.#fetch();
  }

  async #fetch() {
    const request = this.request;
    if (!request || (request.end && this.shown === request)) return;
    this.asked = performance.now();
    let answer;
    try {
      answer = await ask(`/api/filling?${new URLSearchParams({ seconds: SECONDS, ...request })}`);
    } catch {
      return; // the feed says so already
    }
    if (request !== this.request) return;
    this.shown = request;
    this.#show(answer);
  }

  #show({ start, end, ticks, rows }) {
    this.range = [start, end];
    this.filled = rows.time.flatMap((time, i) => (rows.gap_filled[i] ? [[time - 1, time, "filled"]] : []));
    this.plot ??= this.#make();
    this.plot.setData(uPlot.join([[ticks.time, ticks.price], [rows.time, rows.price]]));
    const text = `${ticks.time.length} ticks became ${rows.time.length} rows, ${this.filled.length} of them filled`;
    this.words.textContent = text;
    this.element.setAttribute("aria-label", `Gap filling of ${this.request.symbol}: ${text}`);
  }
}
