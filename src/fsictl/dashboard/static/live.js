// What is new, as the server tells it: over the connection that all tabs share, or over one of this page's own.

import { Connection } from "./connection.js";

const HIDDEN = 15_000; // a page that nobody sees for so many ms stops listening

export class Live {
  /** `handlers` has one function for each kind of event, and `open`, `lost`. */
  constructor(address, handlers) {
    this.listening = false;
    this.say = (kind, data) => this.listening && handlers[kind](data && JSON.parse(data));
    this.#share(address);
    document.addEventListener("visibilitychange", () => this.#seen());
    addEventListener("pagehide", () => this.#listen(false));
    addEventListener("pageshow", () => this.#seen());
    this.#seen();
  }

  #share(address) {
    const alone = () => {
      const connection = new Connection(address, this.say);
      this.wish = (join) => (join ? connection.open() : connection.close());
    };
    if (!window.SharedWorker) return alone();
    const worker = new SharedWorker("/static/worker.js", { type: "module", name: address });
    worker.port.onmessage = ({ data: [kind, data] }) => this.say(kind, data);
    worker.onerror = () => {
      alone();
      if (this.listening) this.wish(true);
    };
    this.wish = (join) => worker.port.postMessage(join ? "join" : "leave");
  }

  #seen() {
    clearTimeout(this.leaving);
    if (document.hidden) this.leaving = setTimeout(() => this.#listen(false), HIDDEN);
    else this.#listen(true);
  }

  #listen(wanted) {
    if (wanted === this.listening) return;
    this.listening = wanted;
    this.wish(wanted);
  }
}

export async function ask(path) {
  const response = await fetch(path);
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.error ?? `The server answered ${response.status}.`);
  return answer;
}

/** Columns as rows. */
export function rowsOf(columns) {
  const names = Object.keys(columns);
  return columns.time.map((_, i) => Object.fromEntries(names.map((name) => [name, columns[name][i]])));
}
