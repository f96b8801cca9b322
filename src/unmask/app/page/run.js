// @ts-check
// A run: what is asked for, what is heard of it, and how it is shown.
import { brief, curve, decode } from "./draw.js";
import { $, element, say, share, short } from "./elements.js";
import { settingsOf } from "./form.js";
import { stage } from "./picture.js";
import { read } from "./readout.js";
import { told } from "./server.js";
import { active, changed, state } from "./state.js";

const targets = () => state.options.map(one => one.key).filter(key => state.chosen.has(key));

export const settings = () => settingsOf(state.model.fields);

/**
 * What the page would ask for now. Where it is what was run, the masks are those of the map: more
 * were added, or it was stopped.
 */
export function wish() {
  const asked = { targets: targets(), settings: settings() };
  if (state.look && JSON.stringify(asked) === state.ran) {
    asked.settings.masks = active() ? state.job.total : state.look.masks;
  }
  return asked;
}

/** Take what the server pushes: a look at the map, or where the run stands. @param {string | ArrayBuffer} message */
export function hear(message) {
  if (message instanceof ArrayBuffer) {
    state.job = state.look = decode(message);
    state.shown = Math.min(state.shown, state.look.targets.length - 1);
    drawLook();
  } else {
    state.job = JSON.parse(message);
    if (state.job.state === "none") state.look = null;
  }
  if (state.job.state === "failed") say(state.job.error);
  changed();
}

/** Begin a run. */
export async function explain() {
  if (active()) return;
  const { most } = state.model;
  if (state.chosen.size > most) throw new Error(`At most ${most} classes are explained at once.`);
  const asked = { targets: targets(), settings: settings() }, before = { ...state };
  state.job = { state: "waiting", place: 0, done: 0, total: asked.settings.masks, seconds: 0 };
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
    if (look) drawLook();
    changed();
    throw error;
  }
  // On a phone the map is below what was pressed.
  if (innerWidth <= 980) $("stage").scrollIntoView({ block: "start" });
}

/** Go on with a run that has ended, for as many masks again. */
export async function more() {
  const { job, look, ran } = state;
  if (!look || !ran) return;
  const added = settings().masks, asked = JSON.parse(ran), masks = look.masks + added;
  // The number of masks to add is no other wish.
  state.ran = JSON.stringify({ ...asked, settings: { ...asked.settings, masks: added } });
  state.job = { ...job, state: "waiting", place: 0, total: masks };
  changed();
  try {
    await told("more", { masks });
  } catch (error) {
    Object.assign(state, { job, ran });
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
  $("low").textContent = brief(target.map.low);
  $("high").textContent = brief(target.map.high);
  curve($("curve"), look.curve, shown);
  $("c-map").setAttribute("aria-label", `Saliency map for ${target.label}`);
  $("c-overlay").setAttribute("aria-label", `Saliency map for ${target.label} over the picture`);
  drawTabs(look);
  $("meter").style.width = `${100 * (target.stderr ? target.reliability : 0)}%`;
  $("others").textContent = look.targets.length > 1 ? "; gray: the other classes" : "";
  if (stage.probe) read(stage.probe);
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
    case "running": return "Running";
    case "done": return `Done in ${(job.seconds || 0).toFixed(1)} s`;
    case "stopped": return "Stopped";
    case "failed": return "Failed";
    default: return "Ready";
  }
}

let spoken = "";
function announce() {
  const { done = 0, total = 0, state: now } = state.job;
  const tenth = total ? Math.floor(5 * done / total) * 20 : 0;
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
  $("more").textContent = `+ ${(settings().masks || 0).toLocaleString("en")} masks`;
  if (focus === $("stop") && !running) $("more").focus();
  if (focus === $("more") && running) $("stop").focus();
  $("model").disabled = running;
  $("progress").max = job.total || 1;
  $("progress").value = job.done || 0;
  $("masks").textContent = job.total
    ? `${(job.done || 0).toLocaleString("en")} / ${job.total.toLocaleString("en")}` : "–";
  if (!look) {
    $("reliability").textContent = "–";
    $("low").textContent = $("high").textContent = $("others").textContent = "";
    $("meter").style.width = "0";
    curve($("curve"), [], 0);
  }
  $("state").textContent = stateWords();
  $("tabs").hidden = !look || look.targets.length < 2;
  for (const button of document.querySelectorAll("button.download")) {
    /** @type {HTMLButtonElement} */ (button).disabled = !look;
  }
  const notes = look && !running ? look.notes : [];
  $("doubts").hidden = !notes.length;
  $("doubts").firstElementChild.textContent = `What to know about ${notes.length > 1 ? "these maps" : "this map"}`;
  $("doubts").lastElementChild.replaceChildren(...notes.map(note => element("li", { textContent: note })));
  announce();
}
