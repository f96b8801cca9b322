// @ts-check
// A detector's boxes on the picture: numbered, to be clicked; and one drawn by hand.
import { $, element, scored, short } from "./elements.js";
import { changed, state } from "./state.js";

/** @typedef {import("./state.js").Box} Box */
/** @typedef {import("./state.js").Option} Option */

const layer = element("div", { className: "boxes", id: "boxes" });
const drawing = element("div", { className: "drawing", id: "drawing", hidden: true });
const drawn = element("div", { className: "drawn-box", id: "drawn-box", tabIndex: 0, hidden: true });
drawn.setAttribute("role", "img");
drawing.append(drawn);

let at = /** @type {?Box} */ (null); // what is drawn, in the picture's pixels

/** Put the boxes over a panel. @param {Element} frame */
export function placeBoxes(frame) {
  if (layer.parentElement !== frame) frame.append(layer, drawing);
}

/** The number that the detector's table has, or that it was drawn. @param {Option} one */
export const tag = one => one.drawn && one.box ? "drawn" : one.key;

/** @param {HTMLElement} one @param {Box} box */
function put(one, [left, top, right, bottom]) {
  const { width, height } = /** @type {import("./state.js").Picture} */ (state.picture);
  Object.assign(one.style, {
    left: `${100 * left / width}%`, top: `${100 * top / height}%`,
    width: `${100 * (right - left) / width}%`, height: `${100 * (bottom - top) / height}%`,
  });
}

/** Draw the boxes anew; the smaller lie on the larger. */
export function showBoxes() {
  const { options, chosen, look, picture } = state;
  const boxed = picture ? options.filter(one => one.box) : [];
  const names = JSON.stringify([picture, boxed]);
  if (layer.dataset.names !== names) {
    layer.dataset.names = names;
    /** @param {Option} one */
    const area = ({ box }) => box ? (box[2] - box[0]) * (box[3] - box[1]) : 0;
    layer.replaceChildren(...boxed.sort((a, b) => area(b) - area(a)).map(one => {
      const button = element("button", { type: "button", className: "box" },
        element("span", { className: "tag", textContent: tag(one) }));
      button.dataset.key = one.key;
      button.setAttribute("aria-label", `${tag(one)}: ${short(one.label)}, ${scored(one.score, 2)}`);
      if (one.box) put(button, one.box);
      button.addEventListener("click", () => {
        if (!chosen.delete(one.key)) chosen.add(one.key);
        changed();
      });
      return button;
    }));
  }
  for (const button of layer.children) {
    const key = /** @type {HTMLElement} */ (button).dataset.key || "";
    button.setAttribute("aria-pressed", String(state.chosen.has(key)));
  }
  // Under a map the boxes leave the pointer to its values; their numbers can be clicked still.
  layer.classList.toggle("aside", look !== null);
}

/** Begin or end to draw. @param {boolean} on */
export function draw(on) {
  drawing.hidden = !on;
  $("draw-box").setAttribute("aria-pressed", String(on));
  $("draw-box").textContent = on ? "Do not draw" : "Draw a box";
  $("missed-hint").textContent = on
    ? "Drag over the picture. From the keyboard: the arrow keys move the box, with Shift its corner."
    : "around what it missed, or anything else: why was it found, or not?";
  if (on && state.picture) {
    const { width, height } = state.picture;
    $("drawn-class").value = "";
    show([0.3 * width, 0.3 * height, 0.7 * width, 0.7 * height]);
    drawn.focus();
  } else {
    show(null);
  }
}

/** What is drawn, as the server reads it. */
export function drawnText() {
  if (!at) return "";
  const label = $("drawn-class").value.trim();
  return `${label && `${label}:`}${at.map(value => value.toFixed(1)).join(",")}`;
}

/** @param {?Box} box */
function show(box) {
  at = box;
  drawn.hidden = $("drawn").hidden = !box;
  if (!box) return;
  put(drawn, box);
  drawn.setAttribute("aria-label", `The box drawn: ${box.map(Math.round).join(", ")}`);
}

/** A place on the picture, in its pixels. @param {PointerEvent} event @returns {[number, number]} */
function spot(event) {
  const area = drawing.getBoundingClientRect(), { width, height } = /** @type {import("./state.js").Picture} */ (state.picture);
  /** @param {number} value @param {number} most */
  const inside = (value, most) => Math.min(most, Math.max(0, value * most));
  return [inside((event.clientX - area.left) / area.width, width), inside((event.clientY - area.top) / area.height, height)];
}

let from = /** @type {?[number, number]} */ (null);
drawing.addEventListener("pointerdown", event => {
  event.preventDefault();
  drawing.setPointerCapture(event.pointerId);
  from = spot(event);
});
drawing.addEventListener("pointermove", event => {
  if (!from) return;
  const to = spot(event);
  const [left, right] = [from[0], to[0]].sort((a, b) => a - b), [top, bottom] = [from[1], to[1]].sort((a, b) => a - b);
  if (right - left >= 2 && bottom - top >= 2) show([left, top, right, bottom]);
});
for (const end of ["pointerup", "pointercancel"]) drawing.addEventListener(end, () => { from = null; });

/** @type {Object<string, [number, number]>} */
const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
drawn.addEventListener("keydown", event => {
  const step = STEPS[event.key];
  if (event.key === "Enter") $("drawn-button").click();
  if (event.key === "Escape") {
    draw(false);
    $("draw-box").focus();
  }
  if (!step || !at || !state.picture) return;
  event.preventDefault();
  const { width, height } = state.picture, unit = Math.max(width, height) / 50;
  let [left, top, right, bottom] = at;
  const across = step[0] * unit, down = step[1] * unit;
  if (event.shiftKey) {
    right = Math.min(width, Math.max(left + 2, right + across));
    bottom = Math.min(height, Math.max(top + 2, bottom + down));
  } else {
    const x = Math.min(width - right, Math.max(-left, across)), y = Math.min(height - bottom, Math.max(-top, down));
    [left, top, right, bottom] = [left + x, top + y, right + x, bottom + y];
  }
  show([left, top, right, bottom]);
});
