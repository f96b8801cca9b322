// @ts-check
// A run: what is asked for, what is heard of it, and how it is shown.
import { curve } from "./curve.js";
import { decode } from "./draw.js";
import { $, duration, element, say, share, short } from "./elements.js";
import { settingsOf } from "./form.js";
import { stage } from "./picture.js";
import { read } from "./readout.js";
import { told } from "./server.js";
import { active, changed, state } from "./state.js";
import { arrange, caption } from "./view.js";

const targets = () => state.options.map(one => one.key).filter(key => state.chosen.has(key));

export const settings = () => settingsOf(state.model.fields);

/**
 * What the page would ask for now. Where it is what was run, the masks are those of the map: more
 * were added, or it was stopped.
 */
export function wish() {
  const asked = { targets: targets(), settings: settings() }, { look, job, ran } = state;
  if (!look || JSON.stringify(asked) !== ran || (active() && job.until)) return asked;
  const { until: _, max_masks: __, ...others } = asked.settings;
  return { ...asked, settings: { masks: active() ? job.total : look.masks, ...others } };
}

/** Take what the server pushes: a look at the map, or where the run stands. @param {string | ArrayBuffer} message */
export function hear(message) {
  if (message instanceof ArrayBuffer) {
    const before = state.look, look = decode(message);
    if (look.number === old) return;
    // How sure a map is takes as long again as the map, and comes less often.
    if (!look.certain) look.targets.forEach((target, i) => Object.assign(target, sureness(before, i)));
    state.job = state.look = look;
    state.shown = Math.min(state.shown, state.look.targets.length - 1);
    drawLook();
  } else {
    const job = JSON.parse(message);
    // The server says every second how things stand.
    if (message === said || (job.number && job.number === old)) return;
    said = message;
    state.job = job;
    if (job.state === "none") state.look = null;
  }
  if (state.job.state === "failed") say(state.job.error);
  changed();
}
let said = ""; // last
let old = /** @type {?number} */ (null); // what is said of this run was on its way when another began

/** @param {?import("./state.js").Look} look @param {number} i */
function sureness(look, i) {
  const { doubt, gray, significant } = look?.targets[i] ?? {};
  return doubt ? { doubt, gray, significant } : {};
}

/** Begin a run. */
export async function explain() {
  if (active()) return;
  const { most } = state.model;
  if (state.chosen.size > most) throw new Error(`At most ${most} are explained at once.`);
  const asked = { targets: targets(), settings: settings() }, before = { ...state };
  old = state.job.number ?? null;
  state.job = { state: "waiting", place: 0, done: 0, total: asked.settings.max_masks, seconds: 0 };
  state.look = null;
  state.shown = 0;
  state.ran = JSON.stringify(asked);
  stage.set(null, null);
  $("tabs").dataset.names = "";
  changed();
  try {
    // The answer is not looked at: the socket may have said more already, even that all is done.
    await told("explain", asked);
  } catch (error) {
    const { job, look, shown, ran } = before;
    Object.assign(state, { job, look, shown, ran });
    old = null;
    if (look) drawLook();
    changed();
    throw error;
  }
  // On a phone the map is below what was pressed.
  if (innerWidth <= 980) $("stage").scrollIntoView({ block: "start" });
}

/** How many masks more there are to make: as many again, or none where a run was stopped before its end. */
function added() {
  const { job, look } = state;
  return job.state === "done" && look ? look.masks : 0;
}

/** Go on with a run that has ended. */
export async function more() {
  const { job, look } = state;
  if (!look) return;
  const masks = added() ? look.masks + added() : undefined;
  old = job.number ?? null;
  state.job = { ...job, state: "waiting", place: 0, ...(masks ? { total: masks, goal: masks, until: null } : {}) };
  changed();
  try {
    await told("more", { masks });
  } catch (error) {
    state.job = job;
    old = null;
    changed();
    throw error;
  }
}

/** Show the last look: its map, its numbers, and a button for each of several targets. */
function drawLook() {
  const { look, shown } = state;
  if (!look) return;
  const target = look.targets[shown];
  stage.set(look, target);
  $("reliability").textContent = target.stderr ? share(target.reliability) : "–";
  curve($("curve"), look.curve, shown);
  $("c-map").setAttribute("aria-label", `Saliency map for ${target.label}`);
  $("c-overlay").setAttribute("aria-label", `Saliency map for ${target.label} over the picture`);
  drawTabs(look);
  $("meter").style.width = `${100 * (target.stderr ? target.reliability : 0)}%`;
  $("others").textContent = look.targets.length > 1 ? "; gray: the others" : "";
  read(stage.probe);
}

/** @param {import("./state.js").Look} look */
function drawTabs(look) {
  const names = look.targets.map(one => one.label).join("\n");
  if ($("tabs").dataset.names !== names) {
    $("tabs").dataset.names = names;
    $("tabs").replaceChildren(...look.targets.map((one, number) => {
      const button = element("button", { type: "button", textContent: short(one.label) });
      button.addEventListener("click", () => { state.shown = number; drawLook(); changed(); });
      return button;
    }));
  }
  [...$("tabs").children].forEach(
    (button, number) => button.setAttribute("aria-pressed", String(number === state.shown)));
}

/** @param {number} number */
const place = number => number === 1 ? "Next in line" : `Number ${number} in line`;

function stateWords() {
  const { job } = state;
  switch (job.state) {
    case "waiting": return job.place ? place(job.place) : "Starting";
    case "running": return typeof job.left === "number" ? `About ${duration(job.left)} left` : "Running";
    case "done": return `Done in ${(job.seconds || 0).toFixed(1)} s`;
    case "stopped": return "Stopped";
    case "failed": return "Failed";
    default: return "Ready";
  }
}

let spoken = "";
function announce() {
  const { done = 0, total = 0, goal = total, state: now } = state.job;
  const tenth = total ? Math.floor(5 * done / (goal || total)) * 20 : 0;
  const words = now === "running" ? `${tenth} percent of the masks done` : stateWords();
  if (words !== spoken) $("live").textContent = spoken = words;
}

/** Bring the buttons, the progress and the numbers in line with the state. */
export function showRun() {
  const { picture, job, look } = state, running = active();
  const focus = document.activeElement;
  $("explain").disabled = !picture || (state.chosen.size === 0 && !running);
  // Not disabled while it runs: the focus would be lost.
  $("explain").ariaDisabled = String(running);
  $("explain").textContent = running ? "Explaining…" : "Explain";
  $("stop").hidden = !running;
  $("more").hidden = running || !look;
  $("more").textContent = added() ? `Continue: ${added().toLocaleString("en")} more` : "Continue";
  if (focus === $("stop") && !running) $("more").focus();
  if (focus === $("more") && running) $("stop").focus();
  $("model").disabled = running;
  $("progress").max = job.state === "done" ? job.done || 1 : job.goal || job.total || 1;
  $("progress").value = job.done || 0;
  const of = job.state === "done" && job.until ? "" : ` / ${(job.total || 0).toLocaleString("en")}`;
  $("masks").textContent = job.total ? `${(job.done || 0).toLocaleString("en")}${of}` : "–";
  $("meter-goal").hidden = !job.until;
  $("meter-goal").style.left = `${100 * (job.until || 0)}%`;
  $("reason").textContent = job.reason ? `${job.reason[0].toUpperCase()}${job.reason.slice(1)}.` : "";
  if (!look) {
    $("reliability").textContent = "–";
    $("others").textContent = "";
    $("meter").style.width = "0";
    curve($("curve"), [], 0);
  }
  $("state").textContent = stateWords();
  // Before a run there is the picture alone.
  $("result").classList.toggle("bare", !look && !running);
  $("tabs").hidden = !look || look.targets.length < 2;
  for (const button of document.querySelectorAll("button.download")) {
    /** @type {HTMLButtonElement} */ (button).disabled = !look;
  }
  const before = [...$("notes").children].map(one => one.textContent);
  const notes = look && !running ? look.notes.filter(note => !before.includes(note)) : [];
  $("doubts").hidden = !notes.length;
  $("doubts").firstElementChild.textContent = "What to know about this map";
  $("doubts").lastElementChild.replaceChildren(...notes.map(note => element("li", { textContent: note })));
  arrange();
  caption();
  announce();
}
