// What is drawn on a chart besides what uPlot draws: shading, levels, the last value; and how axes and lines look.

import * as format from "./format.js";
import { colour, faint } from "./palette.js";

const FAMILY = 'Inter, ui-sans-serif, system-ui, "DejaVu Sans", sans-serif';
const FONT = `11px ${FAMILY}`;
const AXIS_WIDTH = 74;

function times(plot, splits, axis, space, step) {
  return splits.map((s) => (s % 86400 === 0 ? format.day(s).slice(5) : format.clock(s, step < 60)));
}

export function axes(values, showTimes) {
  const look = { stroke: () => colour("dim"), font: FONT, grid: { stroke: () => colour("line"), width: 1 }, ticks: { show: false } };
  return [
    { ...look, values: showTimes ? times : () => [], size: showTimes ? 26 : 6, space: 80 },
    { ...look, side: 1, size: AXIS_WIDTH, space: 26, values: (plot, splits) => splits.map(values) },
  ];
}

function clipped(plot, draw) {
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  draw(ctx, bbox);
  ctx.restore();
}

/** Shade [from, to, name of a colour] over the height of the chart. */
export function shade(plot, parts) {
  clipped(plot, (ctx, box) => {
    const alpha = Number(colour("shade"));
    let edge = box.left; // what is see-through must not lie on top of another
    for (const [from, to, name] of parts) {
      const left = Math.max(edge, plot.valToPos(from, "x", true));
      const right = Math.max(left + devicePixelRatio, plot.valToPos(to, "x", true));
      if (plot.valToPos(to, "x", true) < left || left > box.left + box.width) continue;
      ctx.globalAlpha = name === "unreliable" ? alpha * 1.35 : alpha; // what the page is for
      ctx.fillStyle = colour(name);
      ctx.fillRect(left, box.top, right - left, box.height);
      edge = right;
    }
  });
}

/** Points that have no neighbour, which a line would not show. */
function lonely(plot, index) {
  const values = plot.data[index];
  const found = [];
  for (let i = 0; i < values.length; i++) {
    if (values[i] != null && values[i - 1] == null && values[i + 1] == null) found.push(i);
  }
  return found;
}

const WIDTH = 1.4;

/** Whether there are so many points that a line is a band: thin ones show more then, and cost a tenth to draw. */
const isDense = (data, plot) => data[0].length > 2 * plot.width;

export function line({ name, width = WIDTH, dash, fill }) {
  const stroke = () => colour(name);
  return { stroke, width, dash, fill: fill && fade(name, fill), points: { show: true, size: 3, filter: lonely, fill: stroke, stroke } };
}

/** Show other data on a chart, with lines as wide as suits them. */
export function setData(plot, lines, data) {
  lines.forEach(({ width = WIDTH }, i) => { plot.series[i + 1].width = isDense(data, plot) ? 1 : width; });
  plot.setData(data);
}

/** From the colour of the line down to nothing, "always" or not under a band ("sparse"). */
function fade(name, when) {
  return (plot) => {
    if (when === "sparse" && isDense(plot.data, plot)) return null;
    const { top, height } = plot.bbox;
    const gradient = plot.ctx.createLinearGradient(0, top, 0, top + (height || 1));
    gradient.addColorStop(0, faint(name, 0.2));
    gradient.addColorStop(1, faint(name, 0));
    return gradient;
  };
}

export function level(value, name) {
  return (plot) => {
    if (value() === null) return;
    clipped(plot, (ctx, box) => {
      const y = plot.valToPos(value(), "y", true);
      ctx.strokeStyle = colour(name);
      ctx.lineWidth = 1.4 * devicePixelRatio;
      ctx.setLineDash([5 * devicePixelRatio, 4 * devicePixelRatio]);
      ctx.beginPath();
      ctx.moveTo(box.left, y);
      ctx.lineTo(box.left + box.width, y);
      ctx.stroke();
    });
  };
}

/** The last value of the first series, on the axis. */
export function lastValue(name, write) {
  return (plot) => {
    const values = plot.data[1];
    const at = values.findLastIndex((value) => value != null);
    if (at < 0 || plot.data[0].length - at > 3 || plot.data[0][at] > plot.scales.x.max) return;
    const { ctx, bbox } = plot;
    const ratio = devicePixelRatio;
    const y = plot.valToPos(values[at], "y", true);
    if (y < bbox.top || y > bbox.top + bbox.height) return;
    ctx.save();
    ctx.strokeStyle = faint(name, 0.7);
    ctx.lineWidth = ratio;
    ctx.setLineDash([2 * ratio, 3 * ratio]);
    ctx.beginPath();
    ctx.moveTo(bbox.left, y);
    ctx.lineTo(bbox.left + bbox.width, y);
    ctx.stroke();
    ctx.fillStyle = colour(name);
    ctx.fillRect(bbox.left + bbox.width + ratio, y - 9 * ratio, AXIS_WIDTH * ratio, 18 * ratio);
    ctx.fillStyle = colour("panel");
    ctx.font = `600 ${11 * ratio}px ${FAMILY}`;
    ctx.textBaseline = "middle";
    ctx.textAlign = "left";
    ctx.fillText(write(values[at]), bbox.left + bbox.width + 7 * ratio, y);
    ctx.restore();
  };
}
