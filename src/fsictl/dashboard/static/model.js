// The card of the model that scores, and the versions before it.

import { facts } from "./explanation.js";
import * as format from "./format.js";

function gateWords(gate) {
  if (!gate || gate.passed === undefined) return "not judged";
  return gate.passed ? "passed" : `refused${gate.reason ? `: ${gate.reason}` : ""}`;
}

function rates(meant, reached) {
  if (meant == null) return null;
  return reached == null ? `${format.percent(meant)} meant` : `${format.percent(meant)} meant, ${format.percent(reached)} so far`;
}

export class ModelCard {
  constructor(body, checks, history) {
    this.body = body;
    this.checks = checks;
    this.history = history;
  }

  show(model, versions) {
    this.model = model;
    this.draw(this.achieved);
    this.history.replaceChildren(...versions.map(({ version, created_at, aliases, passed }) => {
      const item = document.createElement("li");
      const name = item.appendChild(document.createElement("b"));
      name.textContent = format.shortVersion(version);
      name.title = version;
      const words = [created_at && format.moment(created_at), aliases.join(", "), passed === false && "refused by its gate"];
      item.append(` ${words.filter(Boolean).join(" · ")}`);
      return item;
    }));
  }

  #drawChecks(checks) {
    this.checks.parentElement.hidden = !checks.length;
    this.checks.replaceChildren(...checks.map(({ name, said }) => {
      const item = document.createElement("li");
      const title = item.appendChild(document.createElement("b"));
      title.textContent = name;
      item.append(` ${said}`);
      return item;
    }));
  }

  /** `achieved` are the shares of the last hour, or null. */
  draw(achieved) {
    this.achieved = achieved;
    const { model } = this;
    if (!model) return;
    if (!model.version) {
      const text = document.createElement("p");
      text.className = "dim";
      text.textContent = "There is none yet; `fsictl train` makes one.";
      this.body.replaceChildren(text);
      this.#drawChecks([]);
      return;
    }
    const { snapshot = {}, calibration = {}, training = {} } = model;
    const said = JSON.stringify([model, achieved]);
    if (said === this.said) return;
    this.said = said;
    this.body.replaceChildren(facts([
      ["Version", model.version],
      ["Problem", model.problem],
      ["Detector", model.detector],
      ["Made", model.created_at && format.moment(model.created_at)],
      ["Trained on", snapshot.symbols && format.symbols(snapshot.symbols)],
      ["Data from", snapshot.since && format.moment(snapshot.since / 1000)],
      ["Data until", snapshot.until && format.moment(snapshot.until / 1000)],
      ["Windows", training.windows?.toLocaleString("en")],
      ["Gate", gateWords(model.gate)],
      ["Unreliable", rates(calibration.label_rate, achieved?.label_rate)],
      ["Alerts", rates(calibration.alert_rate, achieved?.alert_rate)],
      ["Judged", achieved && `${achieved.windows.toLocaleString("en")} windows, last hour`],
    ]));
    this.#drawChecks(model.gate?.checks ?? []);
  }
}
