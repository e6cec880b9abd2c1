// The page: what is chosen, what is shown, and what to do when something new arrives.

import { readView, writeView } from "./address.js";
import { AlertList } from "./alerts.js";
import { Charts } from "./charts.js";
import { Explanation } from "./explanation.js";
import { Filling } from "./filling.js";
import * as format from "./format.js";
import { listenToKeys } from "./keys.js";
import { ask, Live, rowsOf } from "./live.js";
import { ModelCard } from "./model.js";
import { Series } from "./series.js";
import { sparkline } from "./sparkline.js";
import { SymbolTable } from "./table.js";

const RELOAD_AFTER = 2000; // ms between reloads, when more arrives than can be followed
const LAG_POINTS = 60; // one every two seconds
const AROUND_ALERT = 600; // seconds shown before and after an alert

const element = (id) => document.getElementById(id);
const FEED_WORDS = {
  connecting: "connecting", waiting: "waiting for prices", live: "live", behind: "behind", replay: "replay",
  silent: "no new prices", error: "cannot read", reconnecting: "reconnecting",
};
const windows = [...element("window").options].map((option) => Number(option.value)).filter(Boolean);

let limits;
let charts;
let filling;
let table;
let alerts;
let series = null;
let status = {};
let loading = 0;
let frame = 0;
let changed = false; // whether the charts lag behind their series
let reloading = 0;
let meanwhile = null; // what arrives while a history is being fetched, which may lack it
let point = null; // the row under the crosshair
const lags = [];
const view = readView(location.search, windows);
const modelCard = new ModelCard(element("model-card"), element("versions"));
const explanation = new Explanation(element("explanation"), { onShow: showAlert, onClose: () => change({ alert: null }) });

/** Keep the view in the address: a step back for the symbol or the time, none for what changes all the while. */
function keep({ step = false } = {}) {
  const address = location.pathname + writeView(view);
  if (address === location.pathname + location.search) return;
  if (step) history.pushState(null, "", address);
  else history.replaceState(null, "", address);
}

function change(part) {
  Object.assign(view, part);
  if (view.symbol) keep();
}

function notify(sentence) {
  if (element("notice").textContent !== sentence) element("notice").textContent = sentence;
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

/** What stands still although there is work for it. */
function stuckText({ pipelines = [] }) {
  const stuck = pipelines.filter((pipeline) => pipeline.stuck);
  if (!stuck.length) return "";
  const words = stuck.map(({ name, waiting }) => `${name} (${waiting.toLocaleString("en")} messages wait)`);
  return `Standing still: ${words.join(", ")}. Run fsictl stream start, or see fsictl status.`;
}

function showStatus(news) {
  const before = status;
  status = news;
  showFeed(news.feed);
  notify(news.problem ? [news.problem, news.hint].filter(Boolean).join(". ") : stuckText(news));
  write("lag", lagText(news));
  write("ticks", news.ticks_per_second == null ? "–" : format.plain(news.ticks_per_second, news.ticks_per_second < 10 ? 1 : 0));
  count("late", news.late);
  count("dead", news.dead_letters);
  count("alert-count", news.alerts);
  if (news.model_version !== before.model_version) showModel();
  modelCard.draw(news.achieved);
  showLag(news);
  if (!charts && news.newest != null) reload();
}

function write(id, text) {
  if (element(id).textContent !== text) element(id).textContent = text;
}

function count(id, number) {
  write(id, number == null ? "–" : number.toLocaleString("en"));
  element(id).toggleAttribute("data-some", number > 0);
}

function showLag({ lag, feed, pipelines = [] }) {
  if (lag != null && feed !== "replay") lags.push(feed === "silent" ? status.time - status.newest : lag);
  while (lags.length > LAG_POINTS) lags.shift();
  write("lag-now", lags.length ? `${format.duration(Math.min(...lags))} to ${format.duration(Math.max(...lags))}` : "");
  sparkline(element("lag-line"), lags, "sma", 1);
  element("pipelines").replaceChildren(...pipelines.map(({ name, waiting, stuck }) => {
    const item = document.createElement("li");
    item.textContent = `${name}: ${waiting ? `${waiting.toLocaleString("en")} waiting` : "up to date"}`;
    item.toggleAttribute("data-stuck", stuck);
    return item;
  }));
}

async function showModel() {
  const [model, versions] = await Promise.all([ask("/api/model"), ask("/api/versions")]).catch(() => [{ version: null }, []]);
  element("model").textContent = model.version ? format.shortVersion(model.version) : "none yet";
  element("model").title = model.version ?? "";
  modelCard.show(model, versions);
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
  await choose({ symbol: known(view.symbol) });
  if (view.alert) explanation.open(view.alert);
}

/** That symbol if there is such a one, else the first. */
function known(symbol) {
  return table.has(symbol) ? symbol : element("symbol").options[0].value;
}

function makeBoard() {
  if (charts) return;
  charts = new Charts(limits, view, { onPoint: readOut, onZoom: (from, to) => go({ range: [from, to] }) });
  filling = new Filling(element("filling-chart"), element("filling-words"));
  table = new SymbolTable(element("symbols"), limits, (symbol) => go({ symbol }));
  alerts = new AlertList(element("alerts"), element("no-alerts"), explain);
}

function explain(id) {
  change({ alert: id });
  explanation.open(id);
}

function showAlert({ symbol, since, until }) {
  go({ symbol, range: [since - AROUND_ALERT, Math.min(until + AROUND_ALERT, Math.max(table.newest, until))] });
}

/** Choose something else, as a step that the browser can go back. */
function go(part) {
  if (part.symbol && part.symbol !== view.symbol) view.threshold = null;
  choose(part, { step: true }).catch(complain);
}

async function choose(part, { step = false } = {}) {
  Object.assign(view, part);
  keep({ step });
  showChosen();
  const mine = ++loading;
  meanwhile = { rows: [], verdicts: [] };
  const { symbol, seconds, range } = view;
  const when = range ? { start: range[0], end: range[1] } : { seconds };
  let answer;
  let missed;
  try {
    answer = await ask(`/api/history?${new URLSearchParams({ symbol, ...when })}`);
  } finally {
    if (mine === loading) [missed, meanwhile] = [meanwhile, null];
  }
  if (mine !== loading) return;
  const began = performance.now();
  series = new Series(answer, range ? range[1] - range[0] : seconds, !range);
  missed.rows.forEach((row) => series.add(row));
  missed.verdicts.forEach((verdict) => series.judge(verdict));
  point = null;
  charts.show(series.columns);
  filling.choose(symbol, range);
  showThreshold();
  describe();
  requestAnimationFrame(() => setTimeout(() => { // the frame with the charts is on the screen
    document.documentElement.dataset.drawn = (performance.now() - began).toFixed(1);
  }));
  document.title = `${symbol} · fsictl`;
}

function showChosen() {
  element("chart-title").textContent = `${view.symbol}: RSI against price`;
  element("symbol").value = view.symbol;
  const stretch = element("stretch");
  stretch.hidden = !view.range;
  element("live").hidden = !view.range;
  if (view.range) stretch.textContent = `${format.moment(view.range[0])} – ${format.clock(view.range[1])}`;
  element("window").value = view.range ? "stretch" : String(view.seconds);
  table.choose(view.symbol);
}

function modelThreshold() {
  return series?.columns.threshold.findLast((value) => value != null) ?? null;
}

/** The slider over the range of the errors that are shown. */
function showThreshold() {
  const own = modelThreshold();
  const value = view.threshold ?? own;
  const slider = element("threshold");
  slider.disabled = own === null;
  element("model-threshold").hidden = view.threshold === null;
  if (value === null) return write("threshold-value", "–");
  const errors = series.columns.error.reduce((most, error) => Math.max(most, error ?? 0), 0);
  const top = Math.max(own * 2, Math.min(errors, own * 8), value);
  slider.dataset.top = top;
  slider.value = Math.round((value / top) * 1000);
  const words = view.threshold === null ? format.score(value) : `${format.score(value)} (model ${format.score(own)})`;
  slider.setAttribute("aria-valuetext", words);
  write("threshold-value", words);
}

function tryThreshold(value) {
  view.threshold = value;
  charts?.recolour();
  if (value === null) showThreshold();
  else {
    element("model-threshold").hidden = false;
    write("threshold-value", `${format.score(value)} (model ${format.score(modelThreshold())})`);
    element("threshold").setAttribute("aria-valuetext", element("threshold-value").textContent);
  }
  describe();
}

function describe() {
  if (!series) return;
  const { columns } = series;
  const last = columns.time.length - 1;
  if (point === null) readOut(null);
  const unreliable = charts.shaded.filter(([, , state]) => state === "unreliable").length;
  const label = (id, text) => element(id).setAttribute("aria-label", text);
  const name = series.symbol;
  label("price-chart", `Price of ${name}, last ${format.price(columns.price[last])}; ${unreliable} unreliable stretches`);
  label("rsi-chart", `RSI of ${name}, last ${format.plain(columns.rsi[last])}`);
  label("error-chart", `Reconstruction error of ${name}, last ${format.score(columns.error[last])}, threshold ${format.score(view.threshold ?? columns.threshold[last])}`);
  label("averages-chart", `Price of ${name} with simple moving average ${format.price(columns.sma[last])} and exponential moving average ${format.price(columns.ema[last])}`);
  element("nothing").hidden = columns.time.length > 0;
}

function readOut(index) {
  point = index;
  if (!series) return;
  const { columns } = series;
  const i = index ?? columns.time.length - 1;
  if (columns.time[i] === undefined) return element("readout").replaceChildren();
  const facts = [
    ["", format.clock(columns.time[i])], ["price", format.price(columns.price[i])], ["SMA", format.price(columns.sma[i])],
    ["EMA", format.price(columns.ema[i])], ["RSI", format.plain(columns.rsi[i])], ["error", format.score(columns.error[i])],
    ["threshold", format.score(view.threshold ?? columns.threshold[i])],
  ];
  if (columns.gap_filled[i]) facts.push(["", "filled"]);
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
    choose({}).catch(complain);
  }
  frame ||= requestAnimationFrame(() => {
    frame = 0;
    table.refresh();
    count("unreliable-now", table.count("unreliable"));
    alerts.draw(table.newest);
    filling.grow();
    if (!changed) return;
    changed = false;
    charts.show(series.columns);
    describe();
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

/** Move the crosshair by so many rows, from the newest if it is nowhere. */
function step(by) {
  const rows = series?.columns.time.length;
  if (!rows) return;
  charts.point(Math.max(0, Math.min(rows - 1, (point ?? rows - 1) + by)));
}

function neighbour(by) {
  const names = [...element("symbol").options].map((option) => option.value);
  const symbol = names[names.indexOf(view.symbol) + by];
  if (symbol) go({ symbol });
}

function longer(by) {
  const seconds = windows[windows.indexOf(view.seconds) + by];
  if (seconds) go({ seconds, range: null });
}

const backToNow = () => view.range && go({ range: null });
const toggleTheme = () => dispatchEvent(new Event("themetoggle"));
const ownThreshold = () => { tryThreshold(null); keep(); };

function listen() {
  element("symbol").addEventListener("change", (event) => go({ symbol: event.target.value }));
  element("window").addEventListener("change", (event) => go({ seconds: Number(event.target.value), range: null }));
  element("live").addEventListener("click", backToNow);
  element("threshold").addEventListener("input", ({ target }) => tryThreshold((target.value / 1000) * target.dataset.top));
  element("threshold").addEventListener("change", () => keep());
  element("model-threshold").addEventListener("click", ownThreshold);
  element("theme").addEventListener("click", toggleTheme);
  element("help").addEventListener("click", () => element("keys").showModal());
  element("keys").addEventListener("click", ({ target }) => { if (target.matches("dialog, .close")) element("keys").close(); });
  for (const chart of document.querySelectorAll(".chart")) chart.addEventListener("dblclick", backToNow);
  addEventListener("themechange", () => { table?.repaint(); showLag(status); });
  addEventListener("popstate", () => {
    Object.assign(view, readView(location.search, windows));
    if (!charts) return;
    choose({ symbol: known(view.symbol) }).catch(complain);
    if (view.alert) explanation.open(view.alert);
    else element("explanation").close();
  });
  listenToKeys({
    ArrowDown: () => neighbour(1), j: () => neighbour(1), ArrowUp: () => neighbour(-1), k: () => neighbour(-1),
    ArrowLeft: () => step(-1), ArrowRight: () => step(1), "[": () => longer(-1), "]": () => longer(1),
    Escape: backToNow, t: toggleTheme, m: ownThreshold, "?": () => element("keys").showModal(),
    a: () => { const newest = alerts?.newest; if (newest) explain(newest); },
  });
}

listen();
new Live("/api/events", {
  open: () => load().catch((error) => { complain(error); reload(); }),
  lost: () => showFeed("reconnecting"),
  rows: takeRows,
  status: showStatus,
  reload,
});
