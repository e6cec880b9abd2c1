// The table of all symbols.

import * as format from "./format.js";
import { sparkline } from "./sparkline.js";
import { symbolState } from "./state.js";

const TREND = 60; // points of a trend
const TREND_STEP = 5; // seconds between them
const WORDS = { overbought: "overbought", oversold: "oversold", unreliable: "unreliable", stale: "stale", flat: "no move", normal: "" };

export class SymbolTable {
  constructor(body, limits, onChoose) {
    this.body = body;
    this.limits = limits;
    this.onChoose = onChoose;
    this.entries = new Map();
    this.newest = 0;
  }

  /** Show exactly these symbols, as `/api/symbols` gives them. */
  fill(rows) {
    this.body.replaceChildren();
    this.entries.clear();
    this.newest = Math.max(0, ...rows.map((row) => row.time));
    for (const row of rows) {
      const entry = this.#entry(row);
      this.entries.set(row.symbol, entry);
      this.#draw(entry);
    }
  }

  has(symbol) {
    return this.entries.has(symbol);
  }

  /** Take a new metrics row of a symbol that is in the table. */
  update(row) {
    const entry = this.entries.get(row.symbol);
    if (!entry || row.time <= entry.row.time) return;
    const { verdict, trend, price } = entry.row;
    if (row.time % TREND_STEP === 0) trend.push(row.price);
    if (trend.length > TREND) trend.shift();
    entry.row = { ...row, verdict, trend };
    entry.move = Math.sign(row.price - price);
    this.newest = Math.max(this.newest, row.time);
  }

  judge(verdict) {
    const entry = this.entries.get(verdict.symbol);
    if (entry && !(entry.row.verdict?.time > verdict.time)) entry.row.verdict = verdict;
  }

  /** Draw what changed; every state is looked at again, because time passes for silent symbols too. */
  refresh() {
    for (const entry of this.entries.values()) this.#draw(entry);
  }

  /** How many symbols are in that state. */
  count(state) {
    return [...this.entries.values()].filter((entry) => entry.state === state).length;
  }

  /** Draw every trend again, in the colours of another theme. */
  repaint() {
    for (const entry of this.entries.values()) entry.drawn = null;
    this.refresh();
  }

  choose(symbol) {
    for (const [name, entry] of this.entries) {
      entry.line.classList.toggle("chosen", name === symbol);
      entry.button.setAttribute("aria-pressed", String(name === symbol));
    }
  }

  #entry(row) {
    const line = document.createElement("tr");
    const cells = Array.from({ length: 5 }, () => line.appendChild(document.createElement("td")));
    const button = cells[0].appendChild(document.createElement("button"));
    button.type = "button";
    button.textContent = row.symbol;
    const canvas = cells[2].appendChild(document.createElement("canvas"));
    canvas.width = 120;
    canvas.height = 44;
    canvas.setAttribute("aria-hidden", "true");
    const tag = cells[4].appendChild(document.createElement("span"));
    line.addEventListener("click", () => this.onChoose(row.symbol));
    this.body.append(line);
    return { row, line, button, priceCell: cells[1], rsiCell: cells[3], canvas, tag, move: 0 };
  }

  #draw(entry) {
    const { row, priceCell, rsiCell, tag } = entry;
    const text = format.price(row.price);
    if (priceCell.textContent !== text) {
      const first = priceCell.textContent === "";
      priceCell.textContent = text;
      if (!first && entry.move !== 0) {
        priceCell.className = entry.move > 0 ? "up flash" : "down flash";
        setTimeout(() => priceCell.classList.remove("flash"), 80);
      }
    }
    rsiCell.textContent = format.plain(row.rsi);
    const state = symbolState(row, this.newest, this.limits);
    if (entry.state !== state) {
      entry.state = state;
      tag.className = WORDS[state] ? `tag ${state}` : "tag none";
      tag.textContent = WORDS[state];
    }
    if (entry.drawn !== row.time) {
      entry.drawn = row.time;
      const trend = [...row.trend, row.price];
      sparkline(entry.canvas, trend, trend.at(-1) >= trend[0] ? "up" : "down");
    }
  }
}
