// @ts-check
// The page: it begins here, and what happens on it is led to where it is dealt with.
import { $, copy, element, guarded, say, short } from "./elements.js";
import { LINK, settingRow } from "./form.js";
import { code, download, follow, link } from "./link.js";
import { addClass, openExample, openFile, opened, stage } from "./picture.js";
import { readable } from "./readout.js";
import { explain, hear, more, showRun } from "./run.js";
import { begin, listen, ready, told } from "./server.js";
import { onChange, state } from "./state.js";

/** @typedef {import("./state.js").About} About */

/** @param {About} about */
function offer(about) {
  $("model").replaceChildren(
    ...about.models.map(one => element("option", { value: one.key, textContent: one.name })));
  const names = Object.keys(about.colormaps), safe = names.filter(name => about.safe.includes(name));
  /** @type {[string, string[]][]} */
  const groups = [["For all eyes", safe], ["Not for all eyes", names.filter(one => !safe.includes(one))]];
  for (const [label, group] of groups) {
    $("cmap").append(element("optgroup", { label }, ...group.map(
      name => element("option", { value: name, textContent: name }))));
  }
  $("examples").replaceChildren(...about.examples.map(name => {
    const image = element("img", { src: `api/examples/${encodeURIComponent(name)}`, alt: name });
    const button = element("button", { type: "button", title: name }, image);
    button.dataset.name = name;
    button.setAttribute("aria-pressed", "false");
    button.addEventListener("click", guarded(() => openExample(name)));
    return button;
  }));
}

/** @param {?string} key */
function useModel(key) {
  const { models } = state.about, model = models.find(one => one.key === key) || models[0];
  state.model = model;
  $("model").value = model.key;
  $("add-row").hidden = model.detects;
  $("classes-hint").textContent = model.detects
    ? "Boxes it found. Choose one or several to explain." : "Choose one or several to explain.";
  $("labels").replaceChildren(...model.labels.map(label => element("option", { value: short(label) })));
  $("settings").replaceChildren(...model.fields.map(settingRow));
}

function restyle() {
  const table = Uint8Array.from(atob(state.about.colormaps[$("cmap").value]), c => c.charCodeAt(0));
  stage.restyle({ table, opacity: $("opacity").value / 100, keep: $("threshold").value / 100 });
  for (const name of ["opacity", "threshold"]) $(`${name}-out`).textContent = `${$(name).value}%`;
}

/** Everything that follows from the state. */
function refresh() {
  const there = state.picture !== null;
  $("empty").hidden = there;
  $("result").hidden = !there;
  $("classes-section").hidden = !there;
  $("code").hidden = !there;
  showRun();
  link();
  code();
}
onChange(refresh);

// --- a picture

$("file").addEventListener("change", guarded(async () => {
  const [file] = $("file").files;
  if (!file) return;
  try {
    await openFile(file);
  } finally {
    $("file").value = "";
  }
}));
addEventListener("dragover", event => {
  event.preventDefault();
  document.body.classList.add("over-page");
});
addEventListener("dragleave", event => {
  if (!event.relatedTarget) document.body.classList.remove("over-page");
});
addEventListener("drop", guarded(async event => {
  document.body.classList.remove("over-page");
  const [file] = event.dataTransfer.files;
  if (file) await openFile(file);
}));
addEventListener("paste", guarded(async event => {
  /** @type {File[]} */
  const files = [...event.clipboardData.files];
  const file = files.find(one => one.type.startsWith("image/"));
  if (file) await openFile(file);
}));
$("model").addEventListener("change", guarded(async () => {
  const number = ++state.loading;
  useModel($("model").value);
  const answer = told("model", { model: state.model.key });
  if (state.picture) await opened(number, answer, state.picture.example); else await answer;
  refresh();
}));
$("add-button").addEventListener("click", guarded(async () => {
  const text = $("add").value.trim();
  if (text) await addClass(text);
  $("add").value = "";
}));
$("add").addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
  if (event.key !== "Enter") return;
  event.preventDefault(); // not Explain
  $("add-button").click();
});

// --- a run

$("settings").addEventListener("input", refresh);
$("wish").addEventListener("submit", guarded(explain));
// The browser can only point at what is seen.
$("wish").addEventListener("invalid", () => { $("settings-box").open = true; }, true);
$("stop").addEventListener("click", guarded(() => told("stop")));
$("more").addEventListener("click", guarded(more));

// --- what is seen, and taken away

for (const name of ["opacity", "threshold", "cmap"]) {
  $(name).addEventListener("input", () => { restyle(); link(); });
}
for (const one of [$("c-map"), $("c-overlay")]) readable(one);
$("link").addEventListener("click", guarded(async () => {
  await copy(location.href);
  $("link-hint").textContent = state.picture?.example
    ? "Copied: the example, the classes and all settings."
    : "Copied: the classes and all settings. The picture itself stays with you.";
}));
for (const button of document.querySelectorAll("button.download")) {
  const { kind } = /** @type {HTMLElement} */ (button).dataset;
  button.addEventListener("click", guarded(() => download(String(kind))));
}
for (const button of document.querySelectorAll("button[data-copy]")) {
  const { copy: what } = /** @type {HTMLElement} */ (button).dataset;
  button.addEventListener("click", guarded(async () => {
    await copy($(String(what)).textContent);
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = "Copy"; }, 1500);
  }));
}

// --- start

guarded(async () => {
  const about = state.about = await begin();
  offer(about);
  for (const name of ["opacity", "threshold", "cmap"]) {
    if (LINK.has(name)) $(name).value = LINK.get(name);
    if (!$(name).value) $(name).selectedIndex = 0;
  }
  restyle();
  useModel(LINK.get("model"));
  ready();
  if (state.model !== about.models[0]) await told("model", { model: state.model.key });
  listen(hear, () => say("This page has been away for too long. Load it again."));
  await follow(LINK.get("example"), LINK.getAll("class"));
})();
