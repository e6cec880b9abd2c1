// How numbers and times are written.

const two = (n) => String(n).padStart(2, "0");

/** Seconds since the epoch as a time of day in UTC, hh:mm or hh:mm:ss. */
export function clock(seconds, withSeconds = true) {
  const date = new Date(seconds * 1000);
  const short = `${two(date.getUTCHours())}:${two(date.getUTCMinutes())}`;
  return withSeconds ? `${short}:${two(date.getUTCSeconds())}` : short;
}

/** Seconds since the epoch as a date in UTC. */
export function day(seconds) {
  return new Date(seconds * 1000).toISOString().slice(0, 10);
}

/** How many digits after the point a price of this size is written with: tenths of a pip, as dealers do. */
export function digits(price) {
  if (price >= 1000) return 2;
  if (price >= 10) return 3;
  return price >= 0.1 ? 5 : Math.min(8, 4 - Math.floor(Math.log10(price)));
}

export function price(value) {
  return value == null ? "–" : value.toFixed(digits(value));
}

export function plain(value, places = 1) {
  return value == null ? "–" : value.toFixed(places);
}

/** A score of any size, with three digits that count. */
export function score(value) {
  if (value == null) return "–";
  if (value === 0) return "0";
  return Math.abs(value) >= 100 ? value.toFixed(0) : String(Number(value.toPrecision(3)));
}

/** A length of time in words short enough for a header. */
export function duration(seconds) {
  const s = Math.abs(seconds);
  if (s < 10 && !Number.isInteger(s)) return `${s.toFixed(1)} s`;
  if (s < 120) return `${Math.round(s)} s`;
  if (s < 7200) return `${Math.round(s / 60)} min`;
  if (s < 172800) return `${Math.round(s / 3600)} h`;
  return `${Math.round(s / 86400)} days`;
}

/** A share as per cent. */
export function percent(share) {
  if (share == null) return "–";
  const value = share * 100;
  return `${value >= 10 || value === 0 ? value.toFixed(0) : Number(value.toPrecision(2))} %`;
}

/** Seconds since the epoch as date and time in UTC. */
export function moment(seconds) {
  return `${day(seconds)} ${clock(seconds)}`;
}

export function symbols(names) {
  if (names.length > 3) return `${names.length} symbols`;
  return names.includes("*") ? "all symbols" : names.join(", ");
}

/** A version's name without the time of day, which its date and hash make unneeded. */
export function shortVersion(version) {
  return version.length > 18 ? `…${version.slice(-10)}` : version;
}
