// The view as it stands in the address: symbol, window or stretch of time, threshold, and the alert that is open.

const LATEST = 253402300799; // the end of the year 9999, as the server has it
const LONGEST = 7 * 86400;

function number(text, least, most) {
  const value = Number(text);
  return text !== null && text !== "" && value >= least && value <= most ? value : null;
}

/** The view that the address asks for; what makes no sense in it is as if it were not there. */
export function readView(search, windows) {
  const query = new URLSearchParams(search);
  const seconds = Number(query.get("window"));
  const [from, to] = [number(query.get("from"), 0, LATEST), number(query.get("to"), 0, LATEST)];
  const stretch = from !== null && to !== null && to > from && to - from <= LONGEST;
  return {
    symbol: query.get("symbol"),
    seconds: windows.includes(seconds) ? seconds : 3600,
    range: stretch ? [from, to] : null,
    threshold: number(query.get("threshold"), 0, Number.MAX_VALUE),
    alert: /^[0-9a-f]{1,64}$/.test(query.get("alert") ?? "") ? query.get("alert") : null,
  };
}

export function writeView(view) {
  const query = new URLSearchParams({ symbol: view.symbol, window: view.seconds });
  if (view.range) {
    query.set("from", view.range[0]);
    query.set("to", view.range[1]);
  }
  if (view.threshold !== null) query.set("threshold", Number(view.threshold.toPrecision(4)));
  if (view.alert) query.set("alert", view.alert);
  return `?${query}`;
}
