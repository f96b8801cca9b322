// @ts-check
// A picture comes in, by file or by example; what the model sees in it is offered.
import { draw, drawnText, showBoxes, tag } from "./boxes.js";
import { Stage } from "./draw.js";
import { $, element, say, scored, short } from "./elements.js";
import { ask, own, session, told } from "./server.js";
import { changed, state } from "./state.js";
import { fitted, size } from "./upload.js";

/** @typedef {import("./state.js").Option} Option */
/** @typedef {Omit<import("./state.js").Picture, "example" | "file"> & { options: Option[], notes: string[] }} Said */
/** @typedef {{ example?: ?string, file?: ?File, shrunk?: string }} From Where a picture is from. */

export const stage = new Stage(
  { overlay: $("c-overlay"), map: $("c-map"), picture: $("c-picture"), stderr: $("c-stderr") }, $("c-scale"));

/** @param {File} file */
export async function openFile(file) {
  await session; // a file can be dropped before the server has said what it takes
  const number = ++state.loading;
  document.body.ariaBusy = "true";
  try {
    const { body, shrunk } = await fitted(file, state.about);
    const path = `picture?name=${encodeURIComponent(file.name)}`;
    const answer = ask(path, { method: "PUT", body }).then(said => said.json());
    await opened(number, answer, { file, shrunk });
  } finally {
    document.body.ariaBusy = "false";
  }
}

/** @param {string} name */
export async function openExample(name) {
  const number = ++state.loading;
  await opened(number, told("example", { name }), { example: name });
}

/** Show the picture at hand again: to a server that has forgotten it. */
export async function openAgain() {
  const { picture, chosen } = state;
  if (!picture) return;
  if (picture.example) await openExample(picture.example);
  else if (picture.file) await openFile(picture.file);
  await choose([...chosen]);
}

/**
 * Show a picture once the server has answered, unless another is wanted by then.
 * @param {number} number @param {Promise<Said>} answer @param {From} from
 */
export async function opened(number, answer, { example = null, file = null, shrunk = "" }) {
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
      picture: { ...said, example, file }, options: said.options, chosen: new Set(first),
      job: { state: "none" }, look: null, ran: null, shown: 0,
    });
    stage.size = said;
    stage.show(image);
    $("panels").style.setProperty("--ratio", String(said.width / said.height));
    $("picture-name").textContent = [`${said.name}, ${size(said.width, said.height)}`, shrunk].filter(Boolean).join(", ");
    $("notes").replaceChildren(...said.notes.map(note => element("li", { textContent: note })));
    $("c-picture").setAttribute("aria-label", `The picture, ${said.name}`);
    for (const one of $("examples").children) {
      one.setAttribute("aria-pressed", String(one.dataset.name === example));
    }
    draw(false);
    changed();
    if (said.options.length === 0) say("The model found nothing in this picture. Draw a box to ask why.");
  } finally {
    document.body.ariaBusy = "false";
  }
}

/** Rows of what can be explained, boxes with the numbers that they have on the picture. */
export function drawOptions() {
  const { options, chosen, model } = state;
  // Scores from 0 to 1 have bars of that length; of others the greatest fills its row.
  const top = Math.max(1, ...options.map(one => Math.abs(one.score)));
  const names = JSON.stringify(options);
  if ($("classes").dataset.names !== names) {
    $("classes").dataset.names = names;
    $("classes").replaceChildren(...options.map(one => {
      const box = element("input", { type: "checkbox", value: one.key });
      box.addEventListener("change", () => {
        if (box.checked) state.chosen.add(one.key); else state.chosen.delete(one.key);
        changed();
      });
      const bar = element("span", { className: "bar" });
      bar.style.transform = `scaleX(${Math.abs(one.score) / top})`;
      const number = one.box ? [element("span", { className: "tag", textContent: tag(one) })] : [];
      const name = element("span", { className: "name", title: one.label }, ...number, document.createTextNode(short(one.label)));
      const score = element("span", { className: "score", textContent: scored(one.score) });
      return element("label", { className: "class" }, bar, box, name, score);
    }));
    const plain = options.filter(one => !one.box && !one.key.includes(":"));
    for (const [id, usual] of /** @type {[string, number][]} */ ([["why-this", 0], ["why-not", 1]])) {
      const before = $(id).value;
      $(id).replaceChildren(...plain.map(one => element("option", { value: one.key, textContent: short(one.label) })));
      $(id).value = plain.some(one => one.key === before) ? before : plain[usual]?.key ?? "";
    }
    $("why").hidden = !model.contrasts || plain.length < 2;
  }
  for (const box of $("classes").querySelectorAll("input")) box.checked = chosen.has(box.value);
  showBoxes();
}

/** Add what is asked for: a class by name or number, a contrast, a box. @param {string} text */
export async function addOption(text) {
  const one = await told("class", { text });
  if (!state.options.some(other => other.key === one.key)) state.options = [...state.options, one];
  state.chosen.add(one.key);
  changed();
}

/** Tick these and nothing else. @param {string[]} wanted */
export async function choose(wanted) {
  const found = wanted.filter(text => state.options.some(one => one.key === text));
  state.chosen = new Set(found);
  for (const text of wanted) if (!found.includes(text)) await addOption(text);
  changed();
}

/** "Why this and not that?" */
export async function addContrast() {
  const one = $("why-this").value, other = $("why-not").value;
  if (one === other) throw new Error("Why this and not that? Choose two different classes.");
  await addOption(`contrast:${one}-${other}`);
}

/** Take the box that was drawn. */
export async function addDrawn() {
  await addOption(drawnText());
  draw(false);
  $("explain").focus();
}
