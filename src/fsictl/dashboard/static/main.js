// The page: its parts put together, and what the buttons and keys do.

import { readView } from "./address.js";
import { Board } from "./board.js";
import { complain, element, write } from "./elements.js";
import * as format from "./format.js";
import { listenToKeys } from "./keys.js";
import { ask, Live } from "./live.js";
import { ModelCard } from "./model.js";
import { Status } from "./status.js";

const RELOAD_AFTER = 2000; // ms between reloads, when more arrives than can be followed

const windows = [...element("window").options].map((option) => Number(option.value)).filter(Boolean);
const view = readView(location.search, windows);
const status = new Status();
const modelCard = new ModelCard(element("model-card"), element("checks"), element("versions"));
let board = null;
let reloading = 0;

/** Fetch everything anew: at the start, after a lost connection, and when more came than can be followed. */
async function load() {
  const { limits } = await ask("/api/status");
  write("over-limit", String(limits.overbought));
  write("under-limit", String(limits.oversold));
  const rows = await ask("/api/symbols");
  element("empty").hidden = rows.length > 0;
  element("board").hidden = rows.length === 0;
  if (!rows.length) return;
  const first = board === null;
  board ??= new Board(limits, view);
  await board.fill(rows, await ask("/api/alerts"));
  if (first && view.alert) board.explain(view.alert);
}

/** Load after so many ms; what asks for it meanwhile is served by the same load. */
function reload(after = board ? RELOAD_AFTER : 0) {
  reloading ||= setTimeout(async () => {
    try {
      await load();
      reloading = 0;
    } catch (error) {
      complain(error);
      reloading = 0;
      reload(RELOAD_AFTER);
    }
  }, after);
}

function showStatus(news) {
  const before = status.news;
  status.show(news);
  modelCard.draw(news.achieved);
  if (news.model_version !== before.model_version) showModel();
  if (!board && news.newest != null) reload();
}

async function showModel() {
  const [model, versions] = await Promise.all([ask("/api/model"), ask("/api/versions")]).catch(() => [{ version: null }, []]);
  write("model", model.version ? format.shortVersion(model.version) : "none yet");
  element("model").title = model.version ?? "";
  modelCard.show(model, versions);
}

/** A window that is so many places longer. */
function longer(by) {
  const seconds = windows[windows.indexOf(view.seconds) + by];
  if (seconds) board?.go({ seconds, range: null });
}

const backToNow = () => board?.backToNow();
const toggleTheme = () => dispatchEvent(new Event("themetoggle"));
const showKeys = () => element("keys").showModal();

element("symbol").addEventListener("change", ({ target }) => board.go({ symbol: target.value }));
element("window").addEventListener("change", ({ target }) => board?.go({ seconds: Number(target.value), range: null }));
element("live").addEventListener("click", backToNow);
element("theme").addEventListener("click", toggleTheme);
element("help").addEventListener("click", showKeys);
element("keys").addEventListener("click", ({ target }) => { if (target.matches("dialog, .close")) element("keys").close(); });
for (const chart of document.querySelectorAll(".chart")) chart.addEventListener("dblclick", backToNow);
addEventListener("popstate", () => {
  Object.assign(view, readView(location.search, windows));
  if (!board) return;
  board.choose().catch(complain);
  if (view.alert) board.explain(view.alert);
  else board.explanation.dialog.close();
});
listenToKeys({
  ArrowDown: () => board?.neighbour(1), j: () => board?.neighbour(1), ArrowUp: () => board?.neighbour(-1), k: () => board?.neighbour(-1),
  ArrowLeft: () => board?.step(-1), ArrowRight: () => board?.step(1), "[": () => longer(-1), "]": () => longer(1),
  Escape: backToNow, t: toggleTheme, m: () => board?.threshold.reset(), "?": showKeys, a: () => board?.explain(board.alerts.newest),
});

new Live("/api/events", {
  open: () => reload(0),
  lost: () => status.feed("reconnecting"),
  rows: (news) => { if (!board?.take(news)) reload(); },
  status: showStatus,
  reload: () => reload(),
});
