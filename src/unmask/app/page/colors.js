// @ts-check
// From a map's numbers to colors: the same as unmask.draw.scale.
// Evidence is ink, as dense as a pixel has influence: on white it is the map, on the photograph the
// overlay. Heat runs from the least value to the greatest, over the photograph in gray.

/** @typedef {import("./state.js").Look} Look */
/** @typedef {import("./state.js").Side} Side */
/** @typedef {import("./state.js").Target} Target */
/** @typedef {{ heat: boolean, colors: Uint8Array, ink: Uint8Array }} Palette */
/** @typedef {Palette & { opacity: number, keep: number, certainty: boolean }} Style */

/** @param {Side} side @param {number} i */
export const real = (side, i) => side.low + side.values[i] / 65535 * (side.high - side.low);

/** @param {{ style: string, colors: string, ink: string }} table As the server sends it. */
export function palette({ style, colors, ink }) {
  /** @param {string} text */
  const bytes = text => Uint8Array.from(atob(text), one => one.charCodeAt(0));
  return { heat: style === "heat", colors: bytes(colors), ink: bytes(ink) };
}

/** The values of the first and the last color that are shown. @param {Target} target @param {Palette} style */
export const ends = ({ map, scale }, { heat }) => heat ? map : scale;

/**
 * The color of a value: its place in the tables, and how dense it is.
 * @param {Target} target @param {Palette} style @returns {(value: number) => [number, number]}
 */
export function painter({ map, scale }, { heat }) {
  if (heat) {
    const span = map.high - map.low;
    return value => [span > 0 ? Math.min(255, Math.floor(256 * (value - map.low) / span)) : 128, 1];
  }
  const { low, high, level } = scale, reach = Math.max(high - level, level - low);
  return value => {
    const at = reach > 0 ? (Math.min(high, Math.max(low, value)) - level) / reach : 0;
    return [Math.min(255, Math.floor(128 * (at + 1))), Math.abs(at)];
  };
}

/**
 * A map's own colors, and those to be laid over the picture.
 * @param {Look} look @param {Target} target @param {Style} style
 */
export function colored({ width, height }, target, style) {
  const own = new ImageData(width, height), over = new ImageData(width, height);
  const { low, high, values } = target.map, paint = painter(target, style);
  // A color for each of 4,096 levels: finer than any screen.
  const table = Array.from({ length: 4096 }, (_, i) => paint(low + (i + 0.5) / 4096 * (high - low)));
  for (let i = 0; i < values.length; i++) {
    const [color, density] = table[values[i] >> 4];
    for (let channel = 0; channel < 3; channel++) {
      own.data[4 * i + channel] = style.colors[3 * color + channel];
      over.data[4 * i + channel] = style.ink[3 * color + channel];
    }
    own.data[4 * i + 3] = 255;
    over.data[4 * i + 3] = 255 * style.opacity * density;
  }
  return { own, over };
}

export const VEIL = 0.8; // of what is not among the most important, white; as in downloads.py

/** White over what is not among the `keep` largest values. @param {Look} look @param {Side} map @param {number} keep */
export function veil({ width, height }, { values }, keep) {
  const white = new ImageData(width, height), cut = cutoff(values, keep);
  for (let i = 0; i < values.length; i++) {
    white.data.fill(255, 4 * i, 4 * i + 3);
    if (values[i] < cut) white.data[4 * i + 3] = 255 * VEIL;
  }
  return white;
}

/** The least of the `keep` largest values. @param {Uint16Array} values @param {number} keep */
function cutoff(values, keep) {
  const counts = new Uint32Array(65536);
  for (const value of values) counts[value]++;
  let left = Math.max(1, Math.round(keep * values.length)), value = 65535;
  while (value > 0 && left > counts[value]) left -= counts[value--];
  return value;
}

/** A standard error, from white at 0: what is no evidence is gray. @param {number} share */
export const gray = share => Math.round(255 - 86 * Math.min(1, share));

/** The standard error in grays. @param {Look} look @param {Side} stderr @param {number} most Of the darkest. */
export function doubt({ width, height }, stderr, most) {
  const pixels = new ImageData(width, height);
  for (let i = 0; i < stderr.values.length; i++) {
    pixels.data.fill(gray(real(stderr, i) / (most || 1)), 4 * i, 4 * i + 3);
    pixels.data[4 * i + 3] = 255;
  }
  return pixels;
}
