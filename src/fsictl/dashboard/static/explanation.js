// What an alert rests on, in a dialog.

import * as format from "./format.js";
import { ask } from "./live.js";
import { sparkline } from "./sparkline.js";

/** The end of a bar in seconds from a row's timestamp in ms. */
const secondsOf = (timestamp) => (timestamp + 1) / 1000;

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

function curve(title, values, name, write) {
  const figure = make("figure");
  const canvas = make("canvas");
  [canvas.width, canvas.height] = [560, 90];
  canvas.setAttribute("aria-hidden", "true");
  const known = values.filter((value) => value != null);
  const range = known.length ? `${write(Math.min(...known))} to ${write(Math.max(...known))}` : "not known";
  canvas.hidden = !known.length;
  figure.append(make("figcaption", `${title}: ${range}`), canvas);
  sparkline(canvas, known, name);
  return figure;
}

function sentence({ alert, verdict }) {
  const rsi = `The RSI of ${alert.symbol} was ${format.plain(verdict.rsi)}, ${verdict.side}`;
  if (verdict.reconstruction_error == null) return `${rsi}; a rule decided without a score: ${verdict.reason}.`;
  const chance = verdict.p_value == null ? "" : `, as in ${format.percent(verdict.p_value)} of ordinary windows`;
  return `${rsi}, but the seconds before it do not look as they usually do: the error reached ${format.score(verdict.reconstruction_error)} (threshold ${format.score(verdict.threshold)})${chance}.`;
}

function lineage({ version, alert, detectors }) {
  const { trained_on: data = {} } = version ?? {};
  return facts([
    ["Model", alert.model_version || "none"],
    ["Detector that decides", version?.detector],
    ["Scores", Object.entries(detectors).map(([name, score]) => `${name} ${format.score(score)}`).join(", ")],
    ["Trained on", data.symbols && format.symbols(data.symbols)],
    ["Data", data.until && `${format.moment(data.since / 1000)} to ${format.moment(data.until / 1000)}`],
    ["Rows", data.rows?.toLocaleString("en")],
    ["SHA-256 of the data", data.sha256 && `${data.sha256.slice(0, 16)}…`],
    ["Calibrated for", version && `${format.percent(version.label_rate)} unreliable, ${format.percent(version.alert_rate)} alerts`],
    ["Asked by", version?.requested_by],
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
    const { alert, verdict, seconds, ticks, missing } = told;
    this.alert = { symbol: alert.symbol, since: secondsOf(alert.start), until: secondsOf(alert.end) };
    this.dialog.querySelector(".show").hidden = false;
    this.title.textContent = `${alert.symbol}: RSI unreliable`;
    const filled = seconds.filter((second) => second.gap_filled).length;
    const column = (name) => seconds.map((second) => second[name]);
    const shown = Object.keys(verdict.feature_errors).length > 0;
    this.body.replaceChildren(
      make("p", sentence(told)),
      facts([
        ["From", format.moment(this.alert.since)], ["Lasted", format.duration(alert.seconds)],
        ["Worst at", format.moment(secondsOf(verdict.timestamp))],
        ["Window", `${seconds.length} seconds from ${ticks.length.toLocaleString("en")} ticks, ${filled} filled`], ["Alert", alert.id],
      ]),
      make("h3", "Which features were unusual"),
      shown ? shares(verdict.feature_errors) : make("p", "A rule decided; there are no shares.", "dim"),
      make("h3", "The window that was scored"),
      curve("Price", column("price"), "price", format.price),
      curve("RSI", column("rsi"), "rsi", format.plain),
      curve("Autoencoder’s error, second by second", column("error"), "error", format.score),
      make("h3", "Where the verdict comes from"),
      lineage(told),
      ...missing.map((what) => make("p", `Missing: ${what}.`, "dim")),
    );
    this.body.scrollTop = 0;
  }
}
