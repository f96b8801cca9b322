// @ts-check
// The value of the map under a pointer, or where the arrow keys lead.
import { brief } from "./draw.js";
import { $ } from "./elements.js";
import { stage } from "./picture.js";
import { state } from "./state.js";

/** @typedef {import("./draw.js").Place} Place */

/** @param {?Place} at */
export function read(at) {
  const value = stage.point(at), { picture } = state;
  $("readout").textContent = at && value && picture
    ? `${brief(value.value)} ± ${value.stderr === null ? "unknown" : brief(value.stderr)} (standard error)`
      + ` at ${Math.round(at.x * picture.width)}, ${Math.round(at.y * picture.height)}`
    : "Point at the map, or move over it with the arrow keys, to read a value.";
}

/** @type {Object<string, [number, number]>} */
const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/** Let a canvas be read. @param {HTMLCanvasElement} one */
export function readable(one) {
  /** @param {PointerEvent} event */
  const point = event => {
    if (event.offsetX < 0 || event.offsetY < 0) return;
    read({ x: Math.min(1, event.offsetX / one.clientWidth), y: Math.min(1, event.offsetY / one.clientHeight) });
  };
  one.addEventListener("pointermove", point);
  one.addEventListener("pointerdown", point); // a finger does not hover
  one.addEventListener("pointerleave", event => { if (event.pointerType === "mouse") read(null); });
  one.addEventListener("blur", () => read(null));
  one.addEventListener("keydown", event => {
    const step = STEPS[event.key];
    if (!step) return;
    event.preventDefault();
    const from = stage.probe || { x: 0.5, y: 0.5 }, size = event.shiftKey ? 0.1 : 0.02;
    /** @param {number} value @param {number} by */
    const moved = (value, by) => Math.min(1, Math.max(0, value + by * size));
    read({ x: moved(from.x, step[0]), y: moved(from.y, step[1]) });
  });
}
