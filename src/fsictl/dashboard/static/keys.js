// The keyboard: what keys do, and which elements keep them for themselves.

const OWN = "input, select, textarea, dialog";

/** `actions` maps keys to functions. */
export function listenToKeys(actions) {
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest?.(OWN)) return;
    const action = actions[event.key];
    if (!action) return;
    event.preventDefault();
    action();
  });
}
