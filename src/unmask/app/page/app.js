// @ts-check
// The page: it begins here, and what happens on it is led to where it is dealt with.
import { draw } from "./boxes.js";
import { $, copy, element, guarded, say, short } from "./elements.js";
import { LINK, settingRow } from "./form.js";
import { arrived, code, copyLink, download, follow, link } from "./link.js";
import { addContrast, addDrawn, addOption, drawOptions, openAgain, openExample, openFile, opened } from "./picture.js";
import { readable } from "./readout.js";
import { explain, hear, more, showRun } from "./run.js";
import { begin, listen, ready, told } from "./server.js";
import { onChange, state } from "./state.js";
import { certain, enlarge, offerViews, recolor, restyle } from "./view.js";

/** Offer what the server has. */
function offer() {
  const { models, accept } = state.about;
  $("model").replaceChildren(
    ...models.map(one => element("option", { value: one.key, textContent: one.name })));
  $("file").accept = accept;
}

/** @param {?string} key */
function useModel(key) {
  const { models } = state.about, model = models.find(one => one.key === key) || models[0];
  state.model = model;
  $("model").value = model.key;
  $("missed").hidden = !model.detects;
  $("add-row").hidden = model.detects;
  $("add").placeholder = "Another class";
  $("add").ariaLabel = "Another class, by name or number";
  $("classes-hint").textContent = model.detects
    ? "Boxes it found, the surest first. Choose here, or on the picture."
    : "Choose one or several to explain.";
  $("labels").replaceChildren(...model.labels.map(label => element("option", { value: short(label) })));
  $("settings").replaceChildren(...model.fields.map(settingRow));
  $("examples").replaceChildren(...model.examples.map(name => {
    const image = element("img", { src: `api/examples/${encodeURIComponent(name)}`, alt: name });
    const button = element("button", { type: "button", title: name }, image);
    button.dataset.name = name;
    button.setAttribute("aria-pressed", String(state.picture?.example === name));
    button.addEventListener("click", guarded(() => openExample(name)));
    return button;
  }));
}

/** Everything that follows from the state. */
function refresh() {
  const there = state.picture !== null;
  $("empty").hidden = there;
  $("result").hidden = !there;
  $("classes-section").hidden = !there;
  $("code").hidden = !there;
  drawOptions();
  showRun();
  link();
  code();
}
onChange(refresh);

// --- a picture

/** @param {File} file */
async function take(file) {
  await openFile(file);
  await arrived();
}
$("file").addEventListener("change", guarded(async () => {
  const [file] = $("file").files;
  if (!file) return;
  try {
    await take(file);
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
  if (file) await take(file);
}));
addEventListener("paste", guarded(async event => {
  /** @type {File[]} */
  const files = [...event.clipboardData.files];
  const file = files.find(one => one.type.startsWith("image/"));
  if (file) await take(file);
}));
$("model").addEventListener("change", guarded(async () => {
  const number = ++state.loading;
  useModel($("model").value);
  const answer = told("model", { model: state.model.key });
  if (state.picture) await opened(number, answer, state.picture); else await answer;
  refresh();
}));

// --- what is explained

$("add-button").addEventListener("click", guarded(async () => {
  const text = $("add").value.trim();
  if (text) await addOption(text);
  $("add").value = "";
}));
for (const [input, button] of [["add", "add-button"], ["drawn-class", "drawn-button"]]) {
  $(input).addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
    if (event.key !== "Enter") return;
    event.preventDefault(); // not Explain
    $(button).click();
  });
}
$("why-button").addEventListener("click", guarded(addContrast));
$("draw-box").addEventListener("click", () => draw($("draw-box").ariaPressed !== "true"));
$("drawn-button").addEventListener("click", guarded(addDrawn));

// --- a run

$("settings").addEventListener("input", refresh);
$("wish").addEventListener("submit", guarded(explain));
// The browser can only point at what is seen.
$("wish").addEventListener("invalid", () => { $("settings-box").open = true; }, true);
$("stop").addEventListener("click", guarded(() => told("stop")));
$("more").addEventListener("click", guarded(more));

// --- what is seen, and taken away

for (const name of ["opacity", "top"]) $(name).addEventListener("input", () => { restyle(); link(); });
$("cmap").addEventListener("input", () => { recolor(); link(); });
$("certainty").addEventListener("input", guarded(async () => { link(); await certain(); }));
for (const button of $("views").children) {
  button.addEventListener("click", () => { enlarge(button.dataset.view); link(); });
}
for (const figure of $("panels").querySelectorAll("figure")) {
  figure.addEventListener("click", () => {
    if ($("panels").dataset.large === figure.dataset.view) return;
    enlarge(figure.dataset.view);
    link();
  });
}
for (const name of ["c-map", "c-overlay", "c-stderr"]) readable($(name));
$("link").addEventListener("click", guarded(copyLink));
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

// --- the server

/** Say whether the server is there. @param {boolean} there */
function linked(there) {
  if (there === !$("lost").classList.contains("out")) return;
  $("lost").classList.toggle("out", !there);
  $("lost").hidden = false;
  $("lost").textContent = there ? "The server is there again."
    : "Nothing is heard from the server: it is busy, or unmask app has ended. This page tries again every second.";
  if (there) setTimeout(() => { $("lost").hidden = !$("lost").classList.contains("out"); }, 3000);
}

/** Begin anew with a server that does not know this page: it was started again, or waited for too long. */
async function renew() {
  const key = state.model.key;
  state.about = await begin();
  offer();
  useModel(key);
  await told("model", { model: state.model.key });
  if ($("certainty").checked) await certain();
  if (state.picture) guarded(async () => {
    await openAgain();
    say("The server had forgotten this page, and has the picture again. Press Explain.");
  })();
}

guarded(async () => {
  state.about = await begin();
  offer();
  offerViews();
  useModel(LINK.get("model"));
  restyle();
  ready();
  if (state.model !== state.about.models[0]) await told("model", { model: state.model.key });
  if ($("certainty").checked) await certain();
  listen({ hear, link: linked, gone: renew });
  await follow();
})();
