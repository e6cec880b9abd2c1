// The columns of the chosen symbol, as they grow.

const METRICS = ["time", "price", "sma", "ema", "rsi", "log_return", "band_upper", "band_lower", "ema_band_upper", "ema_band_lower", "gap_filled", "last_tick"];
const VERDICT = ["error", "threshold", "unreliable", "alert", "reason", "model_version"];
const GROWTH = 2500; // rows added before thinned columns are better fetched anew

export class Series {
  /** `answer` is what `/api/history` gave for a window of that many seconds; if it is not `live`, new rows don't belong to it. */
  constructor(answer, seconds, live = true) {
    this.live = live;
    this.symbol = answer.symbol;
    this.columns = answer.columns;
    this.seconds = seconds;
    this.grown = 0;
  }

  get stale() {
    return this.grown > GROWTH;
  }

  add(row) {
    const { time } = this.columns;
    if (!this.live || row.symbol !== this.symbol || (time.length && row.time <= time.at(-1))) return false;
    if (time.length && row.time - time.at(-1) > Math.max(1.5, this.seconds / 400)) this.#push({ time: time.at(-1) + 1 });
    this.#push(row);
    const first = row.time - this.seconds;
    let old = 0;
    while (time[old] < first) old++;
    if (old) for (const values of Object.values(this.columns)) values.splice(0, old);
    this.grown++;
    return true;
  }

  judge(verdict) {
    if (verdict.symbol !== this.symbol) return false;
    const { time } = this.columns;
    for (let i = time.length - 1; i >= 0 && time[i] >= verdict.time; i--) {
      if (time[i] !== verdict.time) continue;
      for (const name of VERDICT) this.columns[name][i] = verdict[name];
      return true;
    }
    return false;
  }

  #push(row) {
    for (const name of METRICS) this.columns[name].push(row[name] ?? null);
    for (const name of VERDICT) this.columns[name].push(null);
  }
}
