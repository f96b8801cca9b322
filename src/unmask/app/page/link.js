// @ts-check
// What can be taken away: the link, the code that does the same, and files.
import { $, copy, element } from "./elements.js";
import { LINK } from "./form.js";
import { choose, openExample } from "./picture.js";
import { settings, wish } from "./run.js";
import { ask, told } from "./server.js";
import { state } from "./state.js";
import { style, viewed } from "./view.js";

/** Make the address that of what is shown. */
export function link() {
  const { about, model } = state, query = new URLSearchParams(), now = settings();
  if (model.key !== about.models[0].key) query.set("model", model.key);
  if (state.picture?.example) query.set("example", state.picture.example);
  for (const one of state.options) {
    if (state.chosen.has(one.key)) query.append("class", spoken(one));
  }
  for (const field of model.fields) {
    const value = now[field.name];
    if (value !== undefined && value !== field.default && !Number.isNaN(value)) query.set(field.name, value ?? "");
  }
  for (const [name, value] of viewed()) query.set(name, value);
  const text = query.toString();
  const address = text ? `?${text}` : location.pathname;
  if (address !== (location.search || location.pathname)) history.replaceState(null, "", address);
}

/** A class by its name, if that is of no other; a box or a contrast as the command line takes it. @param {import("./state.js").Option} one */
function spoken({ key, label }) {
  const name = label.split(",")[0], { detects, labels } = state.model;
  const alone = labels.filter(other => other.split(",")[0] === name).length === 1;
  return detects || key.includes(":") || !alone ? key : name;
}

/** Copy an address that says what it needs, and say it. */
export async function copyLink() {
  const address = new URL(location.href), { picture, model } = state;
  address.searchParams.set("of", model.name);
  if (picture && !picture.example) address.searchParams.set("picture", picture.name);
  await copy(address.href);
  const here = ["127.0.0.1", "localhost", "[::1]"].includes(address.hostname) ? "on this machine" : "wherever this server is reached";
  const own = picture && !picture.example ? ` The picture stays with you: who opens the link is asked for ${picture.name}.` : "";
  $("link-hint").textContent = `Copied. It opens ${here}, while unmask app runs with the model ${model.name}.${own}`;
}

/** Whether the link's classes and view are still to be used: for the first picture only. */
let pending = LINK.getAll("class");

/** Open what a link asks for, or say what it needs. */
export async function follow() {
  const example = LINK.get("example"), picture = LINK.get("picture"), model = LINK.get("of");
  const needs = [];
  if (model && model !== state.model.name) needs.push(`It was made with the model ${model}, which is not chosen here.`);
  if (picture && !example) needs.push(`It is about the picture ${picture}: choose that, and the rest is as it was.`);
  if (example && !state.model.examples.includes(example)) needs.push(`Its example ${example} is not offered here.`);
  $("needs").hidden = !needs.length;
  $("needs").textContent = ["This link needs something.", ...needs].join(" ");
  if (!example || !state.model.examples.includes(example)) return;
  await openExample(example);
  await arrived();
}

/** Tick what the link names, once there is a picture. */
export async function arrived() {
  const wanted = pending;
  pending = [];
  if (!wanted.length) return;
  const keys = wanted.map(text => state.options.find(one => spoken(one) === text)?.key ?? text);
  await choose(keys);
  $("needs").hidden = true;
}

let coding = 0; // a timer
let coded = ""; // what the code does that is shown or asked for

/** Show the command and the Python that do what the page would. */
export function code() {
  // No code for settings that the browser itself refuses.
  if (!state.picture || $("wish").matches(":invalid")) return;
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
  const { cmap, heat, opacity, keep, certainty } = style();
  const query = new URLSearchParams({
    target: String(state.shown), style: heat ? "heat" : "evidence", cmap, opacity: String(opacity),
    keep: String(keep), certainty: String(certainty),
  });
  const answer = await ask(`download/${kind}?${query}`, { method: "GET" });
  const name = /filename="([^"]+)"/.exec(answer.headers.get("Content-Disposition") || "")?.[1] || "";
  const address = URL.createObjectURL(await answer.blob());
  element("a", { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 10000);
}
