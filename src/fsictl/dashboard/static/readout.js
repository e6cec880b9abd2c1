// The charts in words: the row under the crosshair, and what somebody who cannot see them is told.

import { element } from "./elements.js";
import * as format from "./format.js";

function fact(name, value) {
  const part = document.createElement("span");
  const strong = document.createElement("b");
  strong.textContent = value;
  part.append(name ? `${name} ` : "", strong);
  return part;
}

/** Show row `i` of the columns; `threshold` is the one that is tried, or null. */
export function readOut(columns, i, threshold) {
  if (columns.time[i] === undefined) return element("readout").replaceChildren();
  const facts = [
    ["", format.clock(columns.time[i])], ["price", format.price(columns.price[i])], ["SMA", format.price(columns.sma[i])],
    ["EMA", format.price(columns.ema[i])], ["RSI", format.plain(columns.rsi[i])], ["error", format.score(columns.error[i])],
    ["threshold", format.score(threshold ?? columns.threshold[i])],
  ];
  if (columns.gap_filled[i]) facts.push(["", "filled"]);
  element("readout").replaceChildren(...facts.map(([name, value]) => fact(name, value)));
}

/** Give the charts of `{ symbol, columns }` names that say what they show. */
export function describe({ symbol, columns }, threshold, unreliable) {
  const last = columns.time.length - 1;
  const names = {
    "price-chart": `Price of ${symbol}, last ${format.price(columns.price[last])}; ${unreliable} unreliable stretches`,
    "rsi-chart": `RSI of ${symbol}, last ${format.plain(columns.rsi[last])}`,
    "error-chart": `Reconstruction error of ${symbol}, last ${format.score(columns.error[last])}, threshold ${format.score(threshold ?? columns.threshold[last])}`,
    "averages-chart": `Price of ${symbol} with simple moving average ${format.price(columns.sma[last])} and exponential moving average ${format.price(columns.ema[last])}`,
  };
  for (const [id, name] of Object.entries(names)) element(id).setAttribute("aria-label", name);
  element("nothing").hidden = last >= 0;
}
