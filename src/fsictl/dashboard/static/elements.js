// The elements of the page by their ids, and writing only what changed: a screen reader reads a change aloud.

export const element = (id) => document.getElementById(id);

export function write(id, text) {
  if (element(id).textContent !== text) element(id).textContent = text;
}

/** Write a number, marked when there is something to look at. */
export function count(id, number) {
  write(id, number == null ? "–" : number.toLocaleString("en"));
  element(id).toggleAttribute("data-some", number > 0);
}

/** Say what is wrong, or nothing. */
export function notify(sentence) {
  write("notice", sentence);
  element("notice").hidden = !sentence;
}

export function complain(error) {
  notify(error instanceof TypeError ? "The server does not answer; trying again." : error.message);
}
