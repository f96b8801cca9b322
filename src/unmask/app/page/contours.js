// @ts-check
// Lines around where a map differs from no influence, for and against apart.
import { real } from "./colors.js";

/** @typedef {import("./state.js").Look} Look */
/** @typedef {import("./state.js").Target} Target */

/** @type {[boolean, string][]} As unmask.draw.colormap: the strongest ink of each side. */
const SIDES = [[true, "#e0003c"], [false, "#2b2bd8"]];

/**
 * The lines of a target, in shares of the width and the height.
 * @param {Look} look @param {Target} target @returns {{ color: string, path: Path2D }[]}
 */
export function contours(look, target) {
  const { width, height } = look, { significant, map, scale } = target;
  if (!significant) return [];
  return SIDES.map(([above, color]) => {
    const inside = new Float32Array(width * height);
    for (let i = 0; i < inside.length; i++) {
      inside[i] = Number(significant[i] && (real(map, i) > scale.level) === above);
    }
    return { color, path: line(soft(inside, width, height), width, height) };
  });
}

/** A mean over 3 x 3 pixels, so that lines have no steps. @param {Float32Array} values @param {number} width @param {number} height */
function soft(values, width, height) {
  const across = new Float32Array(values.length), both = new Float32Array(values.length);
  for (let i = 0; i < values.length; i++) {
    const x = i % width;
    across[i] = (values[x ? i - 1 : i] + values[i] + values[x < width - 1 ? i + 1 : i]) / 3;
  }
  for (let i = 0; i < values.length; i++) {
    const above = i < width ? i : i - width, below = i < width * (height - 1) ? i + width : i;
    both[i] = (across[above] + across[i] + across[below]) / 3;
  }
  return both;
}

/** Which edges of a cell a line joins (0 top, 1 right, 2 bottom, 3 left), by which corners are inside. */
const JOINS = [[], [3, 0], [0, 1], [3, 1], [1, 2], [3, 0, 1, 2], [0, 2], [3, 2],
  [2, 3], [2, 0], [0, 1, 2, 3], [2, 1], [1, 3], [1, 0], [0, 3], []];

/** Marching squares at one half. @param {Float32Array} values @param {number} width @param {number} height */
function line(values, width, height) {
  const path = new Path2D();
  /** @param {number} from @param {number} to */
  const cross = (from, to) => (0.5 - from) / (to - from || 1);
  for (let y = 0; y < height - 1; y++) {
    for (let x = 0; x < width - 1; x++) {
      const i = y * width + x;
      const a = values[i], b = values[i + 1], c = values[i + width + 1], d = values[i + width];
      const joins = JOINS[Number(a > 0.5) + 2 * Number(b > 0.5) + 4 * Number(c > 0.5) + 8 * Number(d > 0.5)];
      if (!joins.length) continue;
      /** @type {[number, number][]} */
      const points = [[x + cross(a, b), y], [x + 1, y + cross(b, c)], [x + cross(d, c), y + 1], [x, y + cross(a, d)]];
      for (let j = 0; j < joins.length; j += 2) {
        const [from, to] = [points[joins[j]], points[joins[j + 1]]];
        path.moveTo((from[0] + 0.5) / width, (from[1] + 0.5) / height);
        path.lineTo((to[0] + 0.5) / width, (to[1] + 0.5) / height);
      }
    }
  }
  return path;
}
