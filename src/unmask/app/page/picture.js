// @ts-check
// A picture comes in, by file or by example; what the model sees in it is offered.
import { Stage } from "./draw.js";
import { $, element, say, short } from "./elements.js";
import { ask, own, session, told } from "./server.js";
import { changed, state } from "./state.js";

/** @typedef {import("./state.js").Option} Option */
/** @typedef {Omit<import("./state.js").Picture, "example"> & { options: Option[], notes: string[] }} Said */

export const stage = new Stage($("c-picture"), $("c-map"), $("c-overlay"), $("c-scale"));

/** @param {File} file */
export async function openFile(file) {
  await session; // a file can be dropped before the server has said what it takes
  const { max_bytes: most } = state.about;
  if (file.size > most) {
    throw new Error(`The file has more than ${most / 2 ** 20} MB; make the picture smaller.`);
  }
  const number = ++state.loading;
  const path = `picture?name=${encodeURIComponent(file.name)}`;
  await opened(number, (await ask(path, { method: "PUT", body: file })).json(), null);
}

/** @param {string} name */
export async function openExample(name) {
  const number = ++state.loading;
  await opened(number, told("example", { name }), name);
}

/**
 * Show a picture once the server has answered, unless another is wanted by then.
 * @param {number} number @param {Promise<Said>} answer @param {?string} example
 */
export async function opened(number, answer, example) {
  document.body.ariaBusy = "true";
  try {
    // Of a picture that is no longer wanted not even the error is.
    const said = await answer.catch(error => {
      if (number === state.loading) throw error;
      return null;
    });
    if (!said || number !== state.loading) return;
    const image = new Image();
    image.src = own(`picture?${number}`);
    await image.decode();
    if (number !== state.loading) return;
    const first = said.options.slice(0, 1).map(one => one.key);
    Object.assign(state, {
      picture: { ...said, example }, options: said.options, chosen: new Set(first),
      job: { state: "none" }, look: null, ran: null, shown: 0,
    });
    stage.size = said;
    stage.boxes = said.options.flatMap(one => one.box ? [one.box] : []);
    stage.show(image);
    $("notes").replaceChildren(...said.notes.map(note => element("li", { textContent: note })));
    $("c-picture").setAttribute("aria-label", `The picture, ${said.name}`);
    for (const one of $("examples").children) {
      one.setAttribute("aria-pressed", String(one.dataset.name === example));
    }
    drawOptions();
    changed();
    if (said.options.length === 0) say("The model found nothing in this picture.");
  } finally {
    document.body.ariaBusy = "false";
  }
}

export function drawOptions() {
  const { options, chosen } = state;
  const top = Math.max(1e-9, ...options.map(one => Math.abs(one.score)));
  $("classes").replaceChildren(...options.map(one => {
    const box = element("input", { type: "checkbox", checked: chosen.has(one.key), value: one.key });
    box.addEventListener("change", () => {
      if (box.checked) state.chosen.add(one.key); else state.chosen.delete(one.key);
      changed();
    });
    const bar = element("span", { className: "bar" });
    bar.style.transform = `scaleX(${Math.abs(one.score) / top})`;
    const name = element("span", { className: "name", textContent: short(one.label), title: one.label });
    const score = element("span", { className: "score", textContent: one.score.toFixed(3) });
    return element("label", { className: "class" }, bar, box, name, score);
  }));
}

/** Add a class by its name or number. @param {string} text */
export async function addClass(text) {
  const one = await told("class", { text });
  if (!state.options.some(other => other.key === one.key)) state.options = [...state.options, one];
  state.chosen.add(one.key);
  drawOptions();
  changed();
}
