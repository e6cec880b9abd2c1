// What a row means: the one place where the page decides between overbought, oversold, unreliable and stale.

const VERDICT_HOLDS = 5; // seconds for which the last verdict speaks for newer rows that are still being scored

/** The state of one metrics row of its own, with its verdict (or null). */
export function stateOf(row, verdict, limits) {
  if (verdict?.reason && /stale/i.test(verdict.reason)) return "stale";
  if (row.rsi == null) return "flat";
  const side = row.rsi > limits.overbought ? "overbought" : row.rsi < limits.oversold ? "oversold" : "normal";
  return side !== "normal" && verdict?.unreliable ? "unreliable" : side;
}

/** The state of a symbol now: its newest row, and the newest second of the whole feed. */
export function symbolState(row, newest, limits) {
  const quiet = newest - row.time > limits.stale_after;
  const noTick = row.gap_filled && row.time - row.last_tick / 1000 > limits.stale_after;
  if (quiet || noTick) return "stale";
  const current = row.verdict && row.time - row.verdict.time <= VERDICT_HOLDS ? row.verdict : null;
  return stateOf(row, current, limits);
}

/** Whether a scored row is unreliable when another threshold than the model's is tried; rules stay as they are. */
export function unreliableAt(columns, i, threshold) {
  if (threshold === null || columns.error[i] == null) return columns.unreliable[i];
  return columns.error[i] > threshold;
}

/** Stretches of one state over columns: [from, to, state], `to` being the time of the row after the last. */
export function stretches(columns, limits, threshold = null) {
  const found = [];
  let open = null;
  const verdict = { unreliable: null, reason: null };
  for (let i = 0; i < columns.time.length; i++) {
    verdict.unreliable = unreliableAt(columns, i, threshold);
    verdict.reason = columns.reason[i];
    const state = columns.price[i] == null ? "hole" : stateOf({ rsi: columns.rsi[i] }, verdict, limits);
    if (open?.[2] === state) continue;
    if (open) open[1] = columns.time[i];
    open = [columns.time[i], columns.time[i], state];
    found.push(open);
  }
  if (open) open[1] = columns.time.at(-1) + 1;
  return found.filter(([, , state]) => ["overbought", "oversold", "unreliable"].includes(state));
}
