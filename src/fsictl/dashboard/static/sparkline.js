// A line without axes.

import { colour } from "./palette.js";

/** Draw values on a small canvas in a colour of the palette; `floor` is the least range that fills its height. */
export function sparkline(canvas, values, name, floor = 0) {
  const ctx = canvas.getContext("2d");
  const { width, height } = canvas;
  ctx.clearRect(0, 0, width, height);
  if (values.length < 2) return;
  const low = Math.min(...values);
  const range = Math.max(Math.max(...values) - low, floor) || 1;
  ctx.strokeStyle = colour(name);
  ctx.lineWidth = 2.4;
  ctx.lineJoin = "round";
  ctx.beginPath();
  values.forEach((value, i) => ctx.lineTo((i / (values.length - 1)) * width, height - 4 - ((value - low) / range) * (height - 8)));
  ctx.stroke();
}
