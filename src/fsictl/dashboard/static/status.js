// How the feed and the pipelines behind it do: the facts at the top, and the panel about the lag.

import { count, element, notify, write } from "./elements.js";
import * as format from "./format.js";
import { sparkline } from "./sparkline.js";

const LAG_POINTS = 60; // one every two seconds
const FEED_WORDS = {
  connecting: "connecting", waiting: "waiting for prices", live: "live", behind: "behind", replay: "replay",
  silent: "no new prices", error: "cannot read", reconnecting: "reconnecting",
};

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

export class Status {
  constructor() {
    this.news = {};
    this.lags = [];
    addEventListener("themechange", () => this.#drawLag());
  }

  /** Take the status as the server tells it. */
  show(news) {
    this.news = news;
    this.feed(news.feed);
    notify(news.problem ? [news.problem, news.hint].filter(Boolean).join(". ") : stuckText(news));
    const { ticks_per_second: ticks } = news;
    write("lag", lagText(news));
    write("ticks", ticks == null ? "–" : format.plain(ticks, ticks < 10 ? 1 : 0));
    count("late", news.late);
    count("dead", news.dead_letters);
    count("alert-count", news.alerts);
    this.#takeLag(news);
    this.#drawLag();
    this.#drawPipelines(news.pipelines ?? []);
  }

  feed(state) {
    element("feed").dataset.state = state;
    write("feed", FEED_WORDS[state]);
  }

  #takeLag({ lag, feed, time, newest }) {
    if (lag != null && feed !== "replay") this.lags.push(feed === "silent" ? time - newest : lag);
    while (this.lags.length > LAG_POINTS) this.lags.shift();
  }

  #drawLag() {
    const { lags } = this;
    write("lag-now", lags.length ? `${format.duration(Math.min(...lags))} to ${format.duration(Math.max(...lags))}` : "");
    sparkline(element("lag-line"), lags, "sma", 1);
  }

  #drawPipelines(pipelines) {
    element("pipelines").replaceChildren(...pipelines.map(({ name, waiting, stuck }) => {
      const item = document.createElement("li");
      item.textContent = `${name}: ${waiting ? `${waiting.toLocaleString("en")} waiting` : "up to date"}`;
      item.toggleAttribute("data-stuck", stuck);
      return item;
    }));
  }
}
