// The colours of the style sheet, for what is drawn on a canvas.

let known = new Map();
addEventListener("themechange", () => { known = new Map(); });

export function colour(name) {
  if (!known.has(name)) known.set(name, getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim());
  return known.get(name);
}

/** A colour of the palette (written as six hexadecimal digits) that can be seen through. */
export function faint(name, share) {
  return colour(name) + Math.round(share * 255).toString(16).padStart(2, "0");
}
