// The page: what is asked for, and what the server says of it.
import { Stage, brief, curve, decode } from "./draw.js";
import { $, copy, element, guarded, say, share, short } from "./elements.js";
import { LINK, settingRow, settingsOf } from "./form.js";
import { ask, begin, listen, own, ready, session, told } from "./server.js";

const stage = new Stage($("c-picture"), $("c-map"), $("c-overlay"), $("c-scale"));

let about, model;
let picture = null; // { name, width, height, example }
let options = []; // what can be explained: { key, label, score, box }
let chosen = new Set(); // keys of options
let job = { state: "none" };
let look = null; // the last update
let shown = 0; // which of its targets
let ran = null; // what was asked for when the run began, see wish()
let loading = 0; // counts pictures, so that an old answer is known

function offerModels() {
  $("model").replaceChildren(
    ...about.models.map(one => element("option", { value: one.key, textContent: one.name })));
  const names = Object.keys(about.colormaps), safe = names.filter(name => about.safe.includes(name));
  for (const [label, group] of [["For all eyes", safe], ["Not for all eyes", names.filter(one => !safe.includes(one))]]) {
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

function useModel(key) {
  model = about.models.find(one => one.key === key) || about.models[0];
  $("model").value = model.key;
  $("add-row").hidden = model.detects;
  $("classes-hint").textContent = model.detects
    ? "Boxes it found. Choose one or several to explain." : "Choose one or several to explain.";
  $("labels").replaceChildren(...model.labels.map(label => element("option", { value: short(label) })));
  $("settings").replaceChildren(...model.fields.map(settingRow));
}

// --- a picture

async function openFile(file) {
  await session; // a file can be dropped before the server has said what it takes
  if (file.size > about.max_bytes) {
    throw new Error(`The file has more than ${about.max_bytes / 2 ** 20} MB; make the picture smaller.`);
  }
  const number = ++loading;
  const path = `picture?name=${encodeURIComponent(file.name)}`;
  await opened(number, (await ask(path, { method: "PUT", body: file })).json(), null);
}

async function openExample(name) {
  const number = ++loading;
  await opened(number, told("example", { name }), name);
}

async function opened(number, answer, example) {
  document.body.ariaBusy = "true";
  try {
    // Of a picture that is no longer wanted not even the error is.
    const said = await answer.catch(error => { if (number === loading) throw error; });
    if (number !== loading) return;
    const image = new Image();
    image.src = own(`picture?${number}`);
    await image.decode();
    if (number !== loading) return;
    picture = { ...said, example };
    options = said.options;
    chosen = new Set(options.slice(0, 1).map(one => one.key));
    job = { state: "none" };
    look = ran = null;
    shown = 0;
    stage.size = said;
    stage.boxes = options.flatMap(one => one.box ? [one.box] : []);
    stage.show(image);
    $("notes").replaceChildren(...said.notes.map(note => element("li", { textContent: note })));
    $("c-picture").setAttribute("aria-label", `The picture, ${said.name}`);
    for (const one of $("examples").children) {
      one.setAttribute("aria-pressed", String(one.dataset.name === example));
    }
    drawOptions();
    refresh();
    if (said.options.length === 0) say("The model found nothing in this picture.");
  } finally {
    document.body.ariaBusy = "false";
  }
}

function drawOptions() {
  const top = Math.max(1e-9, ...options.map(one => Math.abs(one.score)));
  $("classes").replaceChildren(...options.map(one => {
    const box = element("input", { type: "checkbox", checked: chosen.has(one.key), value: one.key });
    box.addEventListener("change", () => {
      if (box.checked) chosen.add(one.key); else chosen.delete(one.key);
      refresh();
    });
    const bar = element("span", { className: "bar" });
    bar.style.transform = `scaleX(${Math.abs(one.score) / top})`;
    const name = element("span", { className: "name", textContent: short(one.label), title: one.label });
    const score = element("span", { className: "score", textContent: one.score.toFixed(3) });
    return element("label", { className: "class" }, bar, box, name, score);
  }));
}

async function addClass(text) {
  const one = await told("class", { text });
  if (!options.some(other => other.key === one.key)) options = [...options, one];
  chosen.add(one.key);
  drawOptions();
  refresh();
}

// --- a run

const targets = () => options.map(one => one.key).filter(key => chosen.has(key));
// What the page would ask for now. Where it is what was run, the masks are those of the map: more were
// added, or it was stopped.
function wish() {
  const asked = { targets: targets(), settings: settings() };
  if (look && JSON.stringify(asked) === ran) {
    asked.settings.masks = active() ? job.total : look.masks;
  }
  return asked;
}

const settings = () => settingsOf(model.fields);

const active = () => job.state === "waiting" || job.state === "running";

function tooMany() {
  if (chosen.size > model.most) throw new Error(`At most ${model.most} classes are explained at once.`);
}

function hear(message) {
  if (message instanceof ArrayBuffer) {
    look = decode(message);
    job = look;
    shown = Math.min(shown, look.targets.length - 1);
    drawLook();
  } else {
    job = JSON.parse(message);
    if (job.state === "none") look = null;
  }
  if (job.state === "failed") say(job.error);
  refresh();
}

function drawLook() {
  const target = look.targets[shown];
  stage.set(look, target);
  $("reliability").textContent = target.stderr ? share(target.reliability) : "–";
  $("low").textContent = brief(target.map.low);
  $("high").textContent = brief(target.map.high);
  curve($("curve"), look.curve, shown);
  $("c-map").setAttribute("aria-label", `Saliency map for ${target.label}`);
  $("c-overlay").setAttribute("aria-label", `Saliency map for ${target.label} over the picture`);
  const names = look.targets.map(one => one.label).join("\n");
  if ($("tabs").dataset.names !== names) {
    $("tabs").dataset.names = names;
    $("tabs").replaceChildren(...look.targets.map((one, number) => {
      const button = element("button", { type: "button", textContent: short(one.label) });
      button.addEventListener("click", () => { shown = number; drawLook(); refresh(); });
      return button;
    }));
  }
  [...$("tabs").children].forEach(
    (button, number) => button.setAttribute("aria-pressed", String(number === shown)));
  $("meter").style.width = `${100 * (target.stderr ? target.reliability : 0)}%`;
  $("others").textContent = look.targets.length > 1 ? "; grey: the other classes" : "";
  if (stage.probe) read(stage.probe);
}

const place = number => number === 1 ? "Next in line" : `Number ${number} in line`;

function stateWords() {
  switch (job.state) {
    case "waiting": return job.place ? place(job.place) : "Starting";
    case "running": return "Running";
    case "done": return `Done in ${job.seconds.toFixed(1)} s`;
    case "stopped": return "Stopped";
    case "failed": return "Failed";
    default: return "Ready";
  }
}

let spoken = "";
function announce() {
  const tenth = job.total ? Math.floor(5 * job.done / job.total) * 20 : 0;
  const words = job.state === "running" ? `${tenth} percent of the masks done` : stateWords();
  if (words !== spoken) $("live").textContent = spoken = words;
}

// Everything that follows from the state.
function refresh() {
  const there = picture !== null;
  $("empty").hidden = there;
  $("result").hidden = !there;
  $("classes-section").hidden = !there;
  $("code").hidden = !there;
  const focus = document.activeElement;
  $("explain").disabled = !there || (chosen.size === 0 && !active());
  // Not disabled while it runs: the focus would be lost.
  $("explain").ariaDisabled = String(active());
  $("explain").textContent = active() ? "Explaining…" : "Explain";
  $("stop").hidden = !active();
  $("more").hidden = active() || !look;
  $("more").textContent = `+ ${(settings().masks || 0).toLocaleString("en")} masks`;
  if (focus === $("stop") && !active()) $("more").focus();
  if (focus === $("more") && active()) $("stop").focus();
  $("model").disabled = active();
  $("progress").max = job.total || 1;
  $("progress").value = job.done || 0;
  $("masks").textContent = job.total
    ? `${job.done.toLocaleString("en")} / ${job.total.toLocaleString("en")}` : "–";
  if (!look) {
    $("reliability").textContent = "–";
    $("low").textContent = $("high").textContent = $("others").textContent = "";
    $("meter").style.width = "0";
    curve($("curve"), [], 0);
  }
  $("state").textContent = stateWords();
  $("tabs").hidden = !look || look.targets.length < 2;
  for (const button of document.querySelectorAll(".download")) button.disabled = !look;
  const notes = look && !active() ? look.notes : [];
  $("doubts").hidden = !notes.length;
  $("doubts").firstElementChild.textContent = `What to know about ${notes.length > 1 ? "these maps" : "this map"}`;
  $("doubts").lastElementChild.replaceChildren(...notes.map(note => element("li", { textContent: note })));
  announce();
  link();
  code();
}

// --- the link, and the code that does the same

function link() {
  const query = new URLSearchParams(), { settings } = wish();
  if (model.key !== about.models[0].key) query.set("model", model.key);
  if (picture?.example) query.set("example", picture.example);
  for (const one of options) if (chosen.has(one.key)) query.append("class", model.detects ? one.key : short(one.label));
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

let coding, coded; // what the code does that is shown or asked for
function code() {
  if (!picture) return;
  const asked = wish(), name = JSON.stringify([loading, model.key, asked]);
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
      if (coded === name) coded = null;
    }
  }, 200);
}

async function download(kind) {
  const query = new URLSearchParams({ target: shown, opacity: $("opacity").value / 100, cmap: $("cmap").value });
  const answer = await ask(`download/${kind}?${query}`, { method: "GET" });
  const name = /filename="([^"]+)"/.exec(answer.headers.get("Content-Disposition"))[1];
  const address = URL.createObjectURL(await answer.blob());
  element("a", { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 10000);
}

// --- looking at a value

function read(at) {
  const value = stage.point(at);
  $("readout").textContent = value
    ? `${brief(value.value)} ± ${value.stderr === null ? "unknown" : brief(value.stderr)} (standard error)`
      + ` at ${Math.round(at.x * picture.width)}, ${Math.round(at.y * picture.height)}`
    : "Point at the map, or move over it with the arrow keys, to read a value.";
}

const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

for (const one of [$("c-map"), $("c-overlay")]) {
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
    const moved = (value, by) => Math.min(1, Math.max(0, value + by * size));
    read({ x: moved(from.x, step[0]), y: moved(from.y, step[1]) });
  });
}

// --- controls

function restyle() {
  const table = Uint8Array.from(atob(about.colormaps[$("cmap").value]), c => c.charCodeAt(0));
  stage.restyle({ table, opacity: $("opacity").value / 100, keep: $("threshold").value / 100 });
  for (const name of ["opacity", "threshold"]) $(`${name}-out`).textContent = `${$(name).value}%`;
}

for (const name of ["opacity", "threshold", "cmap"]) {
  $(name).addEventListener("input", () => { restyle(); link(); });
}
$("settings").addEventListener("input", () => refresh());
$("model").addEventListener("change", guarded(async () => {
  const number = ++loading;
  useModel($("model").value);
  const said = await told("model", { model: model.key });
  if (picture) await opened(number, said, picture.example);
  refresh();
}));
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
  const file = [...event.clipboardData.files].find(one => one.type.startsWith("image/"));
  if (file) await openFile(file);
}));
$("add-button").addEventListener("click", guarded(async () => {
  const text = $("add").value.trim();
  if (text) await addClass(text);
  $("add").value = "";
}));
$("add").addEventListener("keydown", event => {
  if (event.key !== "Enter") return;
  event.preventDefault(); // not Explain
  $("add-button").click();
});
$("wish").addEventListener("submit", guarded(async () => {
  if (active()) return;
  tooMany();
  const asked = { targets: targets(), settings: settings() }, before = { job, look, shown, ran };
  job = { state: "waiting", place: 0, done: 0, total: asked.settings.masks, seconds: 0 };
  look = null;
  shown = 0;
  ran = JSON.stringify(asked);
  stage.set(null, null);
  $("tabs").dataset.names = "";
  refresh();
  try {
    // The answer is not looked at: the socket may have said more already, even that all is done.
    await told("explain", asked);
  } catch (error) {
    ({ job, look, shown, ran } = before);
    if (look) drawLook();
    refresh();
    throw error;
  }
  // On a phone the map is below what was pressed.
  if (innerWidth <= 980) $("stage").scrollIntoView({ block: "start" });
}));
// The browser can only point at what is seen.
$("wish").addEventListener("invalid", () => { $("settings-box").open = true; }, true);
$("stop").addEventListener("click", guarded(() => told("stop")));
$("more").addEventListener("click", guarded(async () => {
  const added = settings().masks, before = { job, ran }, asked = JSON.parse(ran);
  // The number of masks to add is no other wish.
  ran = JSON.stringify({ ...asked, settings: { ...asked.settings, masks: added } });
  job = { ...job, state: "waiting", place: 0, total: look.masks + added };
  refresh();
  try {
    await told("more", { masks: look.masks + added });
  } catch (error) {
    ({ job, ran } = before);
    refresh();
    throw error;
  }
}));
$("link").addEventListener("click", guarded(async () => {
  await copy(location.href);
  $("link-hint").textContent = picture?.example
    ? "Copied: the example, the classes and all settings."
    : "Copied: the classes and all settings. The picture itself stays with you.";
}));
for (const button of document.querySelectorAll(".download")) {
  button.addEventListener("click", guarded(() => download(button.dataset.kind)));
}
for (const button of document.querySelectorAll("[data-copy]")) {
  button.addEventListener("click", guarded(async () => {
    await copy($(button.dataset.copy).textContent);
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = "Copy"; }, 1500);
  }));
}

// --- start

guarded(async () => {
  about = await begin();
  offerModels();
  for (const name of ["opacity", "threshold", "cmap"]) {
    if (LINK.has(name)) $(name).value = LINK.get(name);
    if (!$(name).value) $(name).selectedIndex = 0;
  }
  restyle();
  useModel(LINK.get("model"));
  ready();
  if (model !== about.models[0]) await told("model", { model: model.key });
  listen(hear, () => say("This page has been away for too long. Load it again."));
  await follow(LINK.get("example"), LINK.getAll("class"));
})();

// What a link asks for. The address is read before the first picture rewrites it.
async function follow(example, wanted) {
  if (!example) return;
  await openExample(example);
  if (!wanted.length) return;
  chosen = new Set();
  for (const text of wanted) {
    if (model.detects) chosen.add(text);
    else await addClass(text);
  }
  drawOptions();
  refresh();
}
