// The connection to the server: events as they come, and a new connection when they stop coming.

const SILENCE = 12_000; // the server speaks every two seconds; after this many ms the connection counts as dead
const AGAIN = 1_500;
const HIDDEN = 15_000; // a page that nobody sees for so long lets go of its connection: a browser has six for all tabs

export class Live {
  /** `handlers` has one function for each kind of event, and `open`, `lost`. */
  constructor(address, handlers) {
    this.address = address;
    this.handlers = handlers;
    this.source = null;
    document.addEventListener("visibilitychange", () => this.#seen());
    this.#connect();
  }

  #seen() {
    clearTimeout(this.leaving);
    if (!document.hidden) return this.#connect();
    this.leaving = setTimeout(() => this.#leave(), HIDDEN);
  }

  #leave() {
    clearTimeout(this.silence);
    clearTimeout(this.again);
    this.source?.close();
    this.source = null;
  }

  #connect() {
    if (this.source || document.hidden) return;
    const source = new EventSource(this.address);
    this.source = source;
    const fail = () => {
      this.#leave();
      this.handlers.lost();
      this.again = setTimeout(() => this.#connect(), AGAIN);
    };
    const heard = () => {
      clearTimeout(this.silence);
      this.silence = setTimeout(fail, SILENCE);
    };
    source.onopen = () => {
      heard();
      this.handlers.open();
    };
    source.onerror = fail;
    for (const kind of ["rows", "status", "reload"]) {
      source.addEventListener(kind, (event) => {
        heard();
        this.handlers[kind](JSON.parse(event.data));
      });
    }
    heard();
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
