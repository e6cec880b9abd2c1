// What an alert rests on, in a dialog.

import * as format from "./format.js";
import { ask } from "./live.js";
import { sparkline } from "./sparkline.js";

function make(name, text, className) {
  const element = document.createElement(name);
  if (text !== undefined) element.textContent = text;
  if (className) element.className = className;
  return element;
}

/** Pairs of name and text as a list of definitions. */
export function facts(pairs) {
  const list = make("dl", undefined, "card");
  for (const [name, text] of pairs.filter(([, value]) => value != null && value !== "")) {
    const pair = list.appendChild(make("div"));
    pair.append(make("dt", name), make("dd", text));
  }
  return list;
}

function shares(parts) {
  const list = make("ul", undefined, "shares");
  for (const [name, share] of Object.entries(parts)) {
    const item = list.appendChild(make("li"));
    const bar = make("span", undefined, "bar");
    bar.style.width = `${Math.max(0, Math.min(1, share)) * 100}%`;
    item.append(make("span", name.replaceAll("_", " ").toLowerCase()), make("span", format.percent(share)), bar);
  }
  return list;
}

function curve(title, values, name) {
  const figure = make("figure");
  const canvas = make("canvas");
  [canvas.width, canvas.height] = [560, 90];
  canvas.setAttribute("aria-hidden", "true");
  const known = values.filter((value) => value != null);
  const range = known.length ? `${format.plainest(Math.min(...known))} to ${format.plainest(Math.max(...known))}` : "not stored";
  figure.append(make("figcaption", `${title}: ${range}`), canvas);
  sparkline(canvas, known, name);
  return figure;
}

function sentence({ alert, worst }) {
  if (!worst) return `The RSI of ${alert.symbol} was ${alert.side}.`;
  const rsi = `The RSI of ${alert.symbol} was ${format.plain(worst.rsi)}, ${worst.side}`;
  if (worst.error == null) return `${rsi}; a rule decided without a score: ${worst.reason}.`;
  const chance = worst.p_value == null ? "" : `, as ${format.percent(worst.p_value)} of ordinary windows do`;
  return `${rsi}, but the rows before it do not look as they usually do: the error reached ${format.score(worst.error)} (threshold ${format.score(worst.threshold)})${chance}.`;
}

function lineage({ version, alert }) {
  const { snapshot = {}, calibration = {} } = version ?? {};
  return facts([
    ["Model", alert.model_version || "none"],
    ["Detector", version?.detector],
    ["Made", version?.created_at && format.moment(version.created_at)],
    ["Trained on", snapshot.symbols && format.symbols(snapshot.symbols)],
    ["Data", snapshot.until && `${format.moment(snapshot.since / 1000)} to ${format.moment(snapshot.until / 1000)}`],
    ["Rows", snapshot.rows?.toLocaleString("en")],
    ["SHA-256 of the data", snapshot.sha256 && `${snapshot.sha256.slice(0, 16)}…`],
    ["Calibrated for", calibration.label_rate && `${format.percent(calibration.label_rate)} unreliable, ${format.percent(calibration.alert_rate)} alerts`],
    ["Follows", version?.parent],
  ]);
}

export class Explanation {
  /** `onShow` gets the alert whose time is to be looked at, `onClose` nothing. */
  constructor(dialog, { onShow, onClose }) {
    this.dialog = dialog;
    this.body = dialog.querySelector(".body");
    this.title = dialog.querySelector("h2");
    dialog.querySelector(".close").addEventListener("click", () => dialog.close());
    dialog.querySelector(".show").addEventListener("click", () => {
      const { alert } = this;
      dialog.close();
      onShow(alert);
    });
    dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
    dialog.addEventListener("close", onClose);
  }

  async open(id) {
    this.alert = null;
    this.dialog.querySelector(".show").hidden = true;
    this.title.textContent = "Alert";
    this.body.replaceChildren(make("p", "Looking it up…"));
    if (!this.dialog.open) this.dialog.showModal();
    try {
      this.#show(await ask(`/api/alerts/${id}`));
    } catch (error) {
      this.body.replaceChildren(make("p", error instanceof TypeError ? "The server does not answer." : error.message));
    }
  }

  #show(told) {
    const { alert, worst, window, ticks, missing, errors } = told;
    this.alert = alert;
    this.dialog.querySelector(".show").hidden = false;
    this.title.textContent = `${alert.symbol}: RSI unreliable`;
    const filled = window.gap_filled.filter(Boolean).length;
    this.body.replaceChildren(
      make("p", sentence(told)),
      facts([
        ["From", format.moment(alert.since)], ["Lasted", format.duration(alert.until - alert.since + 1)],
        ["Worst at", worst && format.moment(worst.time)],
        ["Window", `${window.time.length} rows from ${ticks.toLocaleString("en")} ticks, ${filled} filled`], ["Alert", alert.id],
      ]),
      make("h3", "Which features were unusual"),
      Object.keys(told.shares).length ? shares(told.shares) : make("p", "A rule decided; there are no shares.", "dim"),
      make("h3", "The window that was scored"),
      curve("Price", window.price, "price"), curve("RSI", window.rsi, "rsi"), curve("Error during the alert", errors.error, "error"),
      make("h3", "Where the verdict comes from"),
      lineage(told),
      ...missing.map((what) => make("p", `Missing: ${what}.`, "dim")),
    );
    this.body.scrollTop = 0;
  }
}
