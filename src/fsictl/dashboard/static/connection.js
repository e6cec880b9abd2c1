// A connection to the server: events as they come, and a new connection when they stop coming.

const SILENCE = 12_000; // the server speaks every two seconds; after this many ms the connection counts as dead
const AGAIN = 1_500;

export class Connection {
  /** `say` gets a kind and its data as text: "open", "lost", or what the server sends. */
  constructor(address, say) {
    this.address = address;
    this.say = say;
    this.source = null;
  }

  get isOpen() {
    return this.source?.readyState === EventSource.OPEN;
  }

  open() {
    if (this.source) return;
    clearTimeout(this.again);
    const source = new EventSource(this.address);
    this.source = source;
    const fail = () => {
      this.close();
      this.say("lost");
      this.again = setTimeout(() => this.open(), AGAIN);
    };
    const heard = () => {
      clearTimeout(this.silence);
      this.silence = setTimeout(fail, SILENCE);
    };
    source.onopen = () => {
      heard();
      this.say("open");
    };
    source.onerror = fail;
    for (const kind of ["rows", "status", "reload"]) {
      source.addEventListener(kind, ({ data }) => {
        heard();
        this.say(kind, data);
      });
    }
    heard();
  }

  close() {
    clearTimeout(this.silence);
    clearTimeout(this.again);
    this.source?.close();
    this.source = null;
  }
}
