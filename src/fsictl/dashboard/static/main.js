// The page: what is chosen, what is shown, and what to do when something new arrives.

import { AlertList } from "./alerts.js";
import { Charts } from "./charts.js";
import * as format from "./format.js";
import { ask, Live, rowsOf } from "./live.js";
import { Series } from "./series.js";
import { SymbolTable } from "./table.js";

const RELOAD_AFTER = 2000; // ms between reloads, when more arrives than can be followed

const element = (id) => document.getElementById(id);
const FEED_WORDS = {
  connecting: "connecting", waiting: "waiting for prices", live: "live", behind: "behind", replay: "replay",
  silent: "no new prices", error: "cannot read", reconnecting: "reconnecting",
};

let limits;
let charts;
let table;
let alerts;
let series = null;
let status = {};
let chosen = { symbol: null, seconds: 3600 };
let loading = 0;
let frame = 0;
let changed = false; // whether the charts lag behind their series
let reloading = 0;
let meanwhile = null; // what arrives while a history is being fetched, which may lack it

function readAddress() {
  const query = new URLSearchParams(location.search);
  const seconds = Number(query.get("window"));
  const offered = [...element("window").options].some((option) => Number(option.value) === seconds);
  chosen = { symbol: query.get("symbol"), seconds: offered ? seconds : 3600 };
}

function writeAddress() {
  const query = new URLSearchParams({ symbol: chosen.symbol, window: chosen.seconds });
  const address = `${location.pathname}?${query}`;
  if (address !== location.pathname + location.search) history.pushState(null, "", address);
}

function notify(sentence) {
  element("notice").textContent = sentence;
  element("notice").hidden = !sentence;
}

function showFeed(state) {
  const feed = element("feed");
  feed.dataset.state = state;
  if (feed.textContent !== FEED_WORDS[state]) feed.textContent = FEED_WORDS[state];
}

function lagText({ feed, newest, lag, time }) {
  if (newest == null) return "–";
  if (feed === "replay") return `at ${format.day(newest)} ${format.clock(newest)}`;
  if (feed === "silent") return format.duration(Math.round(time - newest));
  return lag == null ? "–" : format.duration(lag);
}

function showStatus(news) {
  const before = status;
  status = news;
  showFeed(news.feed);
  notify(news.problem ? [news.problem, news.hint].filter(Boolean).join(". ") : "");
  element("lag").textContent = lagText(news);
  element("alert-count").textContent = String(news.alerts);
  element("alert-count").toggleAttribute("data-some", news.alerts > 0);
  if (news.model_version !== before.model_version) showModel();
  if (!charts && news.newest != null) reload();
}

async function showModel() {
  const model = await ask("/api/model").catch(() => ({ version: null }));
  element("model").textContent = model.version ?? "none yet";
  element("model").title = model.created_at ? `made ${format.day(model.created_at)} ${format.clock(model.created_at)} UTC` : (model.problem ?? "");
}

/** Fetch everything anew: at the start, after a lost connection, and when more came than can be followed. */
async function load() {
  const news = await ask("/api/status");
  limits = news.limits;
  element("over-limit").textContent = limits.overbought;
  element("under-limit").textContent = limits.oversold;
  const rows = await ask("/api/symbols");
  element("empty").hidden = rows.length > 0;
  element("board").hidden = rows.length === 0;
  if (!rows.length) return;
  makeBoard();
  table.fill(rows);
  const names = rows.map((row) => row.symbol);
  const picker = element("symbol");
  picker.replaceChildren(...names.map((name) => new Option(name, name)));
  alerts.fill(await ask("/api/alerts"));
  alerts.draw(table.newest);
  await choose({ symbol: known(chosen.symbol) }, { keepAddress: true });
}

/** That symbol if there is such a one, else the first. */
function known(symbol) {
  return table.has(symbol) ? symbol : element("symbol").options[0].value;
}

function makeBoard() {
  if (charts) return;
  charts = new Charts({ price: element("price-chart"), rsi: element("rsi-chart"), error: element("error-chart") }, limits, readOut);
  table = new SymbolTable(element("symbols"), limits, (symbol) => choose({ symbol }));
  alerts = new AlertList(element("alerts"), element("no-alerts"), (symbol) => choose({ symbol }));
}

async function choose(change, { keepAddress = false } = {}) {
  chosen = { ...chosen, ...change };
  if (!keepAddress) writeAddress();
  element("symbol").value = chosen.symbol;
  element("window").value = String(chosen.seconds);
  table.choose(chosen.symbol);
  const mine = ++loading;
  meanwhile = { rows: [], verdicts: [] };
  const { symbol, seconds } = chosen;
  let answer;
  let missed;
  try {
    answer = await ask(`/api/history?${new URLSearchParams({ symbol, seconds })}`);
  } finally {
    if (mine === loading) [missed, meanwhile] = [meanwhile, null];
  }
  if (mine !== loading) return;
  series = new Series(answer, seconds);
  missed.rows.forEach((row) => series.add(row));
  missed.verdicts.forEach((verdict) => series.judge(verdict));
  element("chart-title").textContent = `${symbol}: RSI against price`;
  document.title = `${symbol} · fsictl`;
  charts.show(series.columns);
  describe();
}

function describe() {
  const { columns } = series;
  const last = columns.time.length - 1;
  readOut(null);
  const unreliable = charts.shaded.filter(([, , state]) => state === "unreliable").length;
  const label = (id, text) => element(id).setAttribute("aria-label", text);
  label("price-chart", `Price of ${series.symbol}, last ${format.price(columns.price[last])}; ${unreliable} unreliable stretches`);
  label("rsi-chart", `RSI of ${series.symbol}, last ${format.plain(columns.rsi[last])}`);
  label("error-chart", `Reconstruction error of ${series.symbol}, last ${format.score(columns.error[last])}, threshold ${format.score(columns.threshold[last])}`);
}

function readOut(index) {
  if (!series) return;
  const { columns } = series;
  const i = index ?? columns.time.length - 1;
  if (columns.time[i] === undefined) return;
  const facts = [
    ["", format.clock(columns.time[i])], ["price", format.price(columns.price[i])], ["SMA", format.price(columns.sma[i])],
    ["RSI", format.plain(columns.rsi[i])], ["error", format.score(columns.error[i])],
    ["threshold", format.score(columns.threshold[i])],
  ];
  element("readout").replaceChildren(...facts.map(([name, value]) => {
    const part = document.createElement("span");
    const strong = document.createElement("b");
    strong.textContent = value;
    part.append(name ? `${name} ` : "", strong);
    return part;
  }));
}

function takeRows(news) {
  if (!charts) return reload();
  const rows = rowsOf(news.metrics);
  const verdicts = rowsOf(news.verdicts);
  if (rows.some((row) => !table.has(row.symbol))) return reload();
  rows.forEach((row) => table.update(row));
  verdicts.forEach((verdict) => table.judge(verdict));
  alerts.add(news.alerts);
  for (const row of rows) changed = series?.add(row) || changed;
  for (const verdict of verdicts) changed = series?.judge(verdict) || changed;
  meanwhile?.rows.push(...rows);
  meanwhile?.verdicts.push(...verdicts);
  if (series?.stale) {
    series.grown = 0;
    choose({}, { keepAddress: true }).catch(complain);
  }
  frame ||= requestAnimationFrame(() => {
    frame = 0;
    table.refresh();
    alerts.draw(table.newest);
    if (!changed) return;
    changed = false;
    charts.show(series.columns, { live: true });
    if (!element("price-chart").matches(":hover")) describe();
  });
}

function complain(error) {
  notify(error instanceof TypeError ? "The server does not answer; trying again." : error.message);
}

/** Load again, soon; what asks for it meanwhile is served by the same load. */
function reload() {
  reloading ||= setTimeout(async () => {
    try {
      await load();
      reloading = 0;
    } catch (error) {
      complain(error);
      reloading = 0;
      reload();
    }
  }, charts ? RELOAD_AFTER : 0);
}

function listen() {
  element("symbol").addEventListener("change", (event) => choose({ symbol: event.target.value }).catch(complain));
  element("window").addEventListener("change", (event) => choose({ seconds: Number(event.target.value) }).catch(complain));
  addEventListener("popstate", () => {
    readAddress();
    if (charts) choose({ symbol: known(chosen.symbol) }, { keepAddress: true }).catch(complain);
  });
}

readAddress();
listen();
new Live("/api/events", {
  open: () => load().catch((error) => { complain(error); reload(); }),
  lost: () => showFeed("reconnecting"),
  rows: takeRows,
  status: showStatus,
  reload,
});
