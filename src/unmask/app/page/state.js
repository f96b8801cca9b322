// @ts-check
// What the page knows. Whoever changes it says so by `changed`, and app.js brings the page in line.

/**
 * @typedef {{ name: string, label: string, help: string, default: number | string, low: ?number,
 *   high: ?number, step: ?number, choices: string[] }} Field
 * @typedef {{ key: string, name: string, detects: boolean, contrasts: boolean, labels: string[],
 *   fields: Field[], most: number, examples: string[] }} Model
 * @typedef {{ style: string, colors: string, ink: string }} Table
 * @typedef {{ models: Model[], colormaps: Object<string, Table>, accept: string, formats: string,
 *   max_bytes: number, max_pixels: number }} About What the server offers.
 * @typedef {[number, number, number, number]} Box Left, top, right, bottom in the picture's pixels.
 * @typedef {[number, number][]} Ring Points (x, y) in the picture's pixels, of a line around a region.
 * @typedef {{ key: string, label: string, score: number, box: ?Box, drawn?: boolean }} Option
 * @typedef {{ name: string, width: number, height: number, example: ?string, file: ?File }} Picture
 * @typedef {{ low: number, high: number, values: Uint16Array }} Side A map or its standard error.
 * @typedef {{ low: number, high: number, level: number }} Scale What evidence's colors stand for.
 * @typedef {{ label: string, score: number, reliability: number, box: ?Box, outline?: ?Ring[], measure: string,
 *   scale: Scale, map: Side, stderr?: Side, doubt?: Side, gray?: { high: number, words: string },
 *   significant?: Uint8Array }} Target
 * @typedef {{ state: string, number?: number, place?: number, done?: number, total?: number, goal?: number,
 *   until?: ?number, left?: ?number, seconds?: number, reason?: string, error?: string }} Job
 * @typedef {Required<Job> & { masks: number, width: number, height: number, targets: Target[],
 *   certain: boolean, notes: string[], curve: number[][] }} Look The last update of a run.
 */

export const state = {
  about: /** @type {About} */ (/** @type {unknown} */ (null)), // known before anything is asked
  model: /** @type {Model} */ (/** @type {unknown} */ (null)),
  picture: /** @type {?Picture} */ (null),
  options: /** @type {Option[]} */ ([]), // what can be explained
  chosen: /** @type {Set<string>} */ (new Set()), // keys of options
  job: /** @type {Job} */ ({ state: "none" }),
  look: /** @type {?Look} */ (null),
  shown: 0, // which of its targets
  ran: /** @type {?string} */ (null), // what was asked for when the run began, see wish()
  loading: 0, // counts pictures, so that an old answer is known
};

export const active = () => state.job.state === "waiting" || state.job.state === "running";

/** @type {() => void} */
let follow = () => {};

/** Call `after` whenever the state has changed. @param {() => void} after */
export function onChange(after) {
  follow = after;
}

export const changed = () => follow();
