// The list of recent alerts: one entry for each stretch of time.

import * as format from "./format.js";

const SHOWN = 50;
const GOING_ON = 5; // seconds after its last row for which an alert counts as going on

export class AlertList {
  constructor(list, none, onChoose) {
    this.list = list;
    this.none = none;
    this.onChoose = onChoose;
    this.episodes = new Map();
  }

  fill(episodes) {
    this.episodes.clear();
    this.add(episodes);
  }

  /** Take episodes that are new or went on. */
  add(episodes) {
    for (const episode of episodes) this.episodes.set(episode.id, episode);
  }

  /** The id of the newest alert. */
  get newest() {
    return this.list.firstElementChild?.dataset.id ?? null;
  }

  draw(newest) {
    const latest = [...this.episodes.values()].sort((a, b) => b.since - a.since).slice(0, SHOWN);
    this.episodes = new Map(latest.map((episode) => [episode.id, episode]));
    this.none.hidden = latest.length > 0;
    latest.forEach((episode, i) => this.#write(this.#line(i), episode, newest));
    while (this.list.children.length > latest.length) this.list.lastChild.remove();
  }

  #line(i) {
    if (this.list.children[i]) return this.list.children[i];
    const line = this.list.appendChild(document.createElement("li"));
    const button = line.appendChild(document.createElement("button"));
    button.type = "button";
    button.append(document.createElement("b"), document.createElement("span"), document.createElement("span"));
    button.lastChild.className = "what";
    button.addEventListener("click", () => this.onChoose(line.dataset.id));
    return line;
  }

  #write(line, episode, newest) {
    const [name, when, what] = line.firstChild.children;
    const length = episode.until - episode.since + 1;
    const duration = newest - episode.until <= GOING_ON ? "still going on" : `for ${format.duration(length)}`;
    const texts = [
      episode.symbol,
      ` ${format.clock(episode.since)}, ${duration}`,
      `RSI ${format.plain(episode.rsi)} ${episode.side}, ` +
        `error ${format.score(episode.error)} > ${format.score(episode.threshold)}` +
        (episode.feature ? `, mostly ${episode.feature.replaceAll("_", " ")}` : ""),
    ];
    line.dataset.id = episode.id;
    [name, when, what].forEach((element, i) => {
      if (element.textContent !== texts[i]) element.textContent = texts[i];
    });
  }
}
