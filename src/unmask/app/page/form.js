// @ts-check
// The settings: a row for each field that a model has.
import { $, element } from "./elements.js";

// What the address asked for when the page was loaded.
export const LINK = new URLSearchParams(location.search);

/** @typedef {import("./state.js").Field} Field */

/** @param {Field} field */
export function settingRow(field) {
  const asked = LINK.get(field.name);
  let input;
  /** @type {HTMLElement[]} */
  let more = [];
  if (field.choices.length) {
    input = element("select", {},
      ...[...field.choices, "color"].map(word => element("option", { value: word, textContent: word })));
    const free = /^#[0-9a-f]{6}$/i.test(asked || "");
    const color = element("input", { type: "color", value: free ? asked : "#808080", hidden: !free });
    color.setAttribute("aria-label", `${field.label}: color`);
    const word = asked !== null && field.choices.includes(asked) ? asked : String(field.default);
    const select = input;
    select.value = free ? "color" : word;
    select.addEventListener("change", () => { color.hidden = select.value !== "color"; });
    select.dataset.color = "";
    more = [color];
  } else {
    input = element("input", { type: "number", min: field.low, max: field.high, step: field.step });
    input.value = asked !== null && isFinite(Number(asked)) ? asked : String(field.default);
    // An address that says how many masks there are wants neither more nor fewer.
    const exactly = LINK.get("masks");
    if (exactly && field.name === "max_masks") input.value = exactly;
    if (exactly && field.name === "until") input.value = "";
    // Without a reliability it goes on to the last mask.
    input.required = field.name !== "until";
    if (field.name === "until") input.placeholder = "–";
  }
  input.id = `set-${field.name}`;
  input.name = field.name;
  const help = element("small", { textContent: field.help, id: `help-${field.name}` });
  input.setAttribute("aria-describedby", help.id);
  return element("label", {}, element("span", { textContent: field.label }), input, ...more, help);
}

/**
 * What the fields say now; null where they are empty.
 * @param {Field[]} fields @returns {Object<string, any>}
 */
export function settingsOf(fields) {
  return Object.fromEntries(fields.map(field => {
    const input = $(`set-${field.name}`);
    if (!field.choices.length) return [field.name, input.value === "" ? null : input.valueAsNumber];
    return [field.name, input.value === "color" ? input.nextElementSibling.value : input.value];
  }));
}
