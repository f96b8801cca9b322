// @ts-check
// What can be taken away: the link, the code that does the same, and files.
import { $, element, short } from "./elements.js";
import { addClass, drawOptions, openExample } from "./picture.js";
import { wish } from "./run.js";
import { ask, told } from "./server.js";
import { changed, state } from "./state.js";

/** Make the address that of what is shown. */
export function link() {
  const { about, model } = state, query = new URLSearchParams(), { settings } = wish();
  if (model.key !== about.models[0].key) query.set("model", model.key);
  if (state.picture?.example) query.set("example", state.picture.example);
  for (const one of state.options) {
    if (state.chosen.has(one.key)) query.append("class", model.detects ? one.key : short(one.label));
  }
  for (const field of model.fields) {
    const value = settings[field.name];
    if (value !== field.default && !Number.isNaN(value)) query.set(field.name, value);
  }
  for (const [name, usual] of [["opacity", "50"], ["threshold", "100"], ["cmap", Object.keys(about.colormaps)[0]]]) {
    if ($(name).value !== usual) query.set(name, $(name).value);
  }
  const text = query.toString();
  const address = text ? `?${text}` : location.pathname;
  if (address !== (location.search || location.pathname)) history.replaceState(null, "", address);
}

/**
 * Open what a link asks for. The address is read before the first picture rewrites it.
 * @param {?string} example @param {string[]} wanted
 */
export async function follow(example, wanted) {
  if (!example) return;
  await openExample(example);
  if (!wanted.length) return;
  state.chosen = new Set();
  for (const text of wanted) {
    if (state.model.detects) state.chosen.add(text);
    else await addClass(text);
  }
  drawOptions();
  changed();
}

let coding = 0; // a timer
let coded = ""; // what the code does that is shown or asked for

/** Show the command and the Python that do what the page would. */
export function code() {
  if (!state.picture) return;
  const asked = wish(), name = JSON.stringify([state.loading, state.model.key, asked]);
  if (name === coded) return;
  coded = name; // once, also while it is waited for
  clearTimeout(coding);
  coding = setTimeout(async () => {
    try {
      const said = await told("code", asked);
      $("command").textContent = said.command;
      $("python").textContent = said.python;
    } catch {
      // A setting is being typed; Explain says what is wrong with it.
      if (coded === name) coded = "";
    }
  }, 200);
}

/** Fetch a file of the map that is shown. @param {string} kind */
export async function download(kind) {
  const query = new URLSearchParams({
    target: String(state.shown), opacity: String($("opacity").value / 100), cmap: $("cmap").value,
  });
  const answer = await ask(`download/${kind}?${query}`, { method: "GET" });
  const name = /filename="([^"]+)"/.exec(answer.headers.get("Content-Disposition") || "")?.[1] || "";
  const address = URL.createObjectURL(await answer.blob());
  element("a", { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 10000);
}
