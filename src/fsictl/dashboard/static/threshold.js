// The slider that tries another threshold than the model's.

import { element, write } from "./elements.js";
import * as format from "./format.js";

const STEPS = 1000;

export class Threshold {
  /** `view.threshold` is what is tried, or null; `onTry` is called when it changes, `onSettle` when it stays. */
  constructor(view, { onTry, onSettle }) {
    this.view = view;
    this.onTry = onTry;
    this.onSettle = onSettle;
    this.own = null;
    this.slider = element("threshold");
    this.slider.addEventListener("input", () => this.#try((this.slider.value / STEPS) * this.top));
    this.slider.addEventListener("change", onSettle);
    element("model-threshold").addEventListener("click", () => this.reset());
  }

  /** The slider over the range of the errors that are shown. */
  show(columns) {
    this.own = columns.threshold.findLast((value) => value != null) ?? null;
    const value = this.view.threshold ?? this.own;
    this.slider.disabled = this.own === null;
    if (value !== null) {
      const largest = columns.error.reduce((most, error) => Math.max(most, error ?? 0), 0);
      this.top = Math.max(this.own * 2, Math.min(largest, this.own * 8), value);
      this.slider.value = Math.round((value / this.top) * STEPS);
    }
    this.#say(value);
  }

  /** Back to the model's own. */
  reset() {
    this.#try(null);
    if (this.own !== null) this.slider.value = Math.round((this.own / this.top) * STEPS);
    this.onSettle();
  }

  #try(value) {
    this.view.threshold = value;
    this.#say(value ?? this.own);
    this.onTry();
  }

  #say(value) {
    const { threshold } = this.view;
    element("model-threshold").hidden = threshold === null;
    const words = threshold === null ? format.score(value) : `${format.score(value)} (model ${format.score(this.own)})`;
    write("threshold-value", words);
    this.slider.setAttribute("aria-valuetext", words);
  }
}
