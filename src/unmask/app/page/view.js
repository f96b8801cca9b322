// @ts-check
// How the map is looked at: which view is large, in which colors, how much of it, how sure it is.
import { placeBoxes, tag } from "./boxes.js";
import { ends, palette } from "./colors.js";
import { brief } from "./draw.js";
import { $, element, short } from "./elements.js";
import { LINK } from "./form.js";
import { stage } from "./picture.js";
import { told } from "./server.js";
import { state } from "./state.js";

/** @typedef {import("./draw.js").View} View */

/** What the address tells of the view, with what is usual. @type {Object<string, string>} */
const USUAL = { opacity: "75", top: "100", cmap: "evidence" };
const HEAT = "50"; // the usual opacity of heat
// What opacity heat and evidence had last.
const opacities = { evidence: USUAL.opacity, heat: HEAT };

/** Offer the color maps, and take what the address says of the view. */
export function offerViews() {
  const { colormaps } = state.about, names = Object.keys(colormaps);
  for (const [label, style] of [["Evidence for and against", "evidence"], ["Heat, over gray", "heat"]]) {
    $("cmap").append(element("optgroup", { label }, ...names.filter(name => colormaps[name].style === style).map(
      name => element("option", { value: name, textContent: name }))));
  }
  for (const [name, usual] of Object.entries(USUAL)) {
    $(name).value = LINK.get(name) ?? usual;
    if (!$(name).value) $(name).value = usual;
  }
  const { style } = colormaps[$("cmap").value];
  if (style === "heat" && !LINK.has("opacity")) $("opacity").value = HEAT;
  opacities[style === "heat" ? "heat" : "evidence"] = $("opacity").value;
  // Links of before said it so.
  if (LINK.has("threshold")) $("top").value = LINK.get("threshold");
  $("certainty").checked = LINK.has("certainty");
  enlarge(LINK.get("view") || "overlay");
}

/** What of the view is other than usual. @returns {[string, string][]} */
export function viewed() {
  const { heat } = style();
  const found = Object.keys(USUAL).map(name => /** @type {[string, string]} */ ([name, $(name).value]))
    .filter(([name, value]) => value !== (name === "opacity" && heat ? HEAT : USUAL[name]));
  if (wanted !== "overlay") found.push(["view", wanted]);
  if ($("certainty").checked) found.push(["certainty", "1"]);
  return found;
}

/** How the map is drawn, as the server is asked for a figure of it. */
export function style() {
  const cmap = $("cmap").value, heat = state.about.colormaps[cmap].style === "heat";
  return { cmap, heat, opacity: $("opacity").value / 100, keep: $("top").value / 100, certainty: $("certainty").checked };
}

/** Draw in the colors that are asked for. */
export function restyle() {
  const now = style();
  stage.restyle({ ...palette(state.about.colormaps[now.cmap]), ...now });
  for (const name of ["opacity", "top"]) $(`${name}-out`).textContent = `${$(name).value}%`;
  $("opacity").disabled = now.keep < 1; // there is no color over the picture
  if (!now.certainty && wanted === "stderr") wanted = "overlay";
  arrange();
  caption();
}

/** Heat and evidence each keep their opacity. */
export function recolor() {
  const kind = style().heat ? "heat" : "evidence", other = kind === "heat" ? "evidence" : "heat";
  if (before !== kind) {
    opacities[other] = $("opacity").value;
    $("opacity").value = opacities[kind];
    before = kind;
  }
  restyle();
}
let before = "evidence";

/** Ask for, or leave out, where the map is significant. */
export async function certain() {
  restyle();
  await told("certainty", { shown: $("certainty").checked });
}

let wanted = "overlay"; // the view that was asked for

/** Make one of the views the large one. @param {string} view */
export function enlarge(view) {
  wanted = view;
  arrange();
  caption();
}

/** Make that large which is asked for; before a run there is the picture alone. */
export function arrange() {
  const certain = $("certainty").checked && state.look?.targets[state.shown].doubt !== undefined;
  for (const one of document.querySelectorAll("[data-view=stderr]")) /** @type {HTMLElement} */ (one).hidden = !certain;
  const view = state.look && (certain || wanted !== "stderr") ? wanted : "overlay";
  const figure = $("panels").querySelector(`figure[data-view="${CSS.escape(view)}"]`);
  if (!figure || figure.hidden || $("panels").dataset.large === view) return;
  $("panels").dataset.large = view;
  for (const button of $("views").children) button.setAttribute("aria-pressed", String(button.dataset.view === view));
  const frame = figure.firstElementChild;
  placeBoxes(frame);
  figure.append($("legend"));
  stage.enlarge(/** @type {View} */ (view));
}

/** The words around the views: title, color bar, captions. */
export function caption() {
  const { look, shown, options, chosen } = state, target = look?.targets[shown];
  const { keep, certainty, ...now } = style();
  const asked = options.filter(one => chosen.has(one.key)).map(one => short(one.label)).join(", ");
  const number = options.find(one => target?.box && one.box && one.box.join() === target.box.join());
  $("title").textContent = target ? [number && tag(number), short(target.label)].filter(Boolean).join(" · ") : asked;
  $("title").title = target?.label ?? "";
  $("overlay-caption").textContent = !target ? "Picture" : keep < 1 ? `The most important ${Math.round(100 * keep)}%`
    : certainty && target.significant ? "Lines: differs from no influence, 95%" : "Over the picture";
  $("legend").hidden = !target;
  $("scale").hidden = !target || stage.large === "picture" || (keep < 1 && stage.large === "overlay");
  if (!target) return;
  $("stderr-caption").textContent = ["Standard error", target.gray?.words].filter(Boolean).join(", ");
  if (stage.large === "stderr") {
    mark(0, target.gray?.high ?? 0, null, "standard error of the influence");
    return;
  }
  const { low, high } = ends(target, { ...now, colors: new Uint8Array(), ink: new Uint8Array() });
  mark(low, high, target.scale.level, target.measure);
}

/** @param {number} low @param {number} high @param {?number} level @param {string} measure */
function mark(low, high, level, measure) {
  const there = level !== null && high > low && level >= low && level <= high;
  const at = there ? (level - low) / (high - low) : 0, near = 0.15;
  $("tick").hidden = $("level").hidden = !there;
  $("tick").style.left = $("level").style.left = `${100 * at}%`;
  $("level").textContent = there ? `${brief(level)}, no influence` : "";
  $("level").dataset.end = at < near ? "low" : at > 1 - near ? "high" : "";
  // The level's words take the place of an end's number that they would lie on.
  $("low").textContent = there && at < near ? "" : brief(low);
  $("high").textContent = there && at > 1 - near ? "" : brief(high);
  $("measure").textContent = measure;
}
