// What is chosen and shown: the table of all symbols, the charts of one, the alerts. Made when there is something.

import { writeView } from "./address.js";
import { AlertList } from "./alerts.js";
import { Charts } from "./charts.js";
import { complain, count, element, write } from "./elements.js";
import { Explanation } from "./explanation.js";
import { Filling } from "./filling.js";
import * as format from "./format.js";
import { ask, rowsOf } from "./live.js";
import { describe, readOut } from "./readout.js";
import { Series } from "./series.js";
import { SymbolTable } from "./table.js";
import { Threshold } from "./threshold.js";

const AROUND_ALERT = 600; // seconds shown before and after an alert

export class Board {
  /** `view` is what the address asks for and stays what is shown. */
  constructor(limits, view) {
    this.view = view;
    this.series = null;
    this.point = null; // the row under the crosshair
    this.loading = 0;
    this.meanwhile = null; // what arrives while a history is being fetched, which may lack it
    this.changed = false; // whether the charts lag behind their series
    this.frame = 0;
    this.charts = new Charts(limits, view, { onPoint: (i) => this.#readOut(i), onZoom: (from, to) => this.go({ range: [from, to] }) });
    this.filling = new Filling(element("filling-chart"), element("filling-words"));
    this.table = new SymbolTable(element("symbols"), limits, (symbol) => this.go({ symbol }));
    this.alerts = new AlertList(element("alerts"), element("no-alerts"), (id) => this.explain(id));
    this.threshold = new Threshold(view, { onTry: () => this.#recolour(), onSettle: () => this.#keep() });
    this.explanation = new Explanation(element("explanation"), { onShow: (alert) => this.#showAlert(alert), onClose: () => this.#change({ alert: null }) });
    addEventListener("themechange", () => this.table.repaint());
  }

  /** Show these symbols and alerts, and of the symbols the one that is chosen. */
  async fill(rows, episodes) {
    this.table.fill(rows);
    element("symbol").replaceChildren(...this.symbols.map((name) => new Option(name, name)));
    this.alerts.fill(episodes);
    this.alerts.draw(this.table.newest);
    await this.choose();
  }

  get symbols() {
    return [...this.table.entries.keys()];
  }

  /** Take what is new; false if it is of a symbol that is not known yet. */
  take(news) {
    const rows = rowsOf(news.metrics);
    const verdicts = rowsOf(news.verdicts);
    if (rows.some((row) => !this.table.has(row.symbol))) return false;
    rows.forEach((row) => this.table.update(row));
    verdicts.forEach((verdict) => this.table.judge(verdict));
    this.alerts.add(news.alerts);
    for (const row of rows) this.changed = this.series?.add(row) || this.changed;
    for (const verdict of verdicts) this.changed = this.series?.judge(verdict) || this.changed;
    this.meanwhile?.rows.push(...rows);
    this.meanwhile?.verdicts.push(...verdicts);
    if (this.series?.stale) {
      this.series.grown = 0;
      this.choose().catch(complain);
    }
    this.frame ||= requestAnimationFrame(() => this.#draw());
    return true;
  }

  #draw() {
    this.frame = 0;
    this.table.refresh();
    count("unreliable-now", this.table.count("unreliable"));
    this.alerts.draw(this.table.newest);
    this.filling.grow();
    if (!this.changed) return;
    this.changed = false;
    this.charts.show(this.series.columns);
    this.#describe();
  }

  /** Choose something else, as a step that the browser can go back. */
  go(part) {
    if (part.symbol && part.symbol !== this.view.symbol) this.view.threshold = null;
    Object.assign(this.view, part);
    this.#keep({ step: true });
    this.choose().catch(complain);
  }

  /** Fetch and show what the view says. */
  async choose() {
    const { view } = this;
    this.#replaceUnknown();
    this.#showChosen();
    const mine = ++this.loading;
    this.meanwhile = { rows: [], verdicts: [] };
    const { symbol, seconds, range } = view;
    const when = range ? { start: range[0], end: range[1] } : { seconds };
    let answer;
    let missed;
    try {
      answer = await ask(`/api/history?${new URLSearchParams({ symbol, ...when })}`);
    } finally {
      if (mine === this.loading) [missed, this.meanwhile] = [this.meanwhile, null];
    }
    if (mine !== this.loading) return;
    const began = performance.now();
    this.series = new Series(answer, range ? range[1] - range[0] : seconds, !range);
    missed.rows.forEach((row) => this.series.add(row));
    missed.verdicts.forEach((verdict) => this.series.judge(verdict));
    this.point = null;
    this.charts.show(this.series.columns);
    this.threshold.show(this.series.columns);
    this.#describe();
    document.title = `${symbol} · fsictl`;
    requestAnimationFrame(() => setTimeout(() => { // the frame with the charts is on the screen
      document.documentElement.dataset.drawn = (performance.now() - began).toFixed(1);
      this.charts.drawRest();
      this.filling.choose(symbol, range);
    }));
  }

  /** A link may name a symbol that is not here. */
  #replaceUnknown() {
    const { symbol } = this.view;
    const unknown = symbol && !this.table.has(symbol);
    if (!this.table.has(symbol)) [this.view.symbol] = this.symbols;
    if (unknown) write("unknown", `There are no rows of the symbol ${symbol}; this is ${this.view.symbol}.`);
    element("unknown").hidden = !unknown;
    this.#keep();
  }

  #showChosen() {
    const { symbol, seconds, range } = this.view;
    element("chart-title").textContent = `${symbol}: RSI against price`;
    element("symbol").value = symbol;
    element("stretch").hidden = !range;
    element("live").hidden = !range;
    if (range) element("stretch").textContent = `${format.moment(range[0])} – ${format.clock(range[1])}`;
    element("window").value = range ? "stretch" : String(seconds);
    this.table.choose(symbol);
  }

  #recolour() {
    this.charts.recolour();
    this.#describe();
  }

  #describe() {
    if (!this.series) return;
    if (this.point === null) this.#readOut(null);
    const unreliable = this.charts.shaded.filter(([, , state]) => state === "unreliable").length;
    describe(this.series, this.view.threshold, unreliable);
  }

  #readOut(index) {
    this.point = index;
    if (this.series) readOut(this.series.columns, index ?? this.series.columns.time.length - 1, this.view.threshold);
  }

  /** Move the crosshair by so many rows, from the newest if it is nowhere. */
  step(by) {
    const rows = this.series?.columns.time.length;
    if (rows) this.charts.point(Math.max(0, Math.min(rows - 1, (this.point ?? rows - 1) + by)));
  }

  /** The symbol so many places further down. */
  neighbour(by) {
    const symbol = this.symbols[this.symbols.indexOf(this.view.symbol) + by];
    if (symbol) this.go({ symbol });
  }

  backToNow() {
    if (this.view.range) this.go({ range: null });
  }

  explain(id) {
    if (!id) return;
    this.#change({ alert: id });
    this.explanation.open(id);
  }

  #showAlert({ symbol, since, until }) {
    this.go({ symbol, range: [since - AROUND_ALERT, Math.min(until + AROUND_ALERT, Math.max(this.table.newest, until))] });
  }

  #change(part) {
    Object.assign(this.view, part);
    this.#keep();
  }

  /** Keep the view in the address: a step back for the symbol or the time, none for what changes all the while. */
  #keep({ step = false } = {}) {
    if (!this.view.symbol) return;
    const address = location.pathname + writeView(this.view);
    if (address === location.pathname + location.search) return;
    if (step) history.pushState(null, "", address);
    else history.replaceState(null, "", address);
  }
}
