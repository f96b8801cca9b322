// The settings: a row for each field that a model has.
import { $, element } from "./elements.js";

// What the address asked for when the page was loaded.
export const LINK = new URLSearchParams(location.search);

export function settingRow(field) {
  const asked = LINK.get(field.name);
  let input, colour = "";
  if (field.choices.length) {
    input = element("select", {},
      ...[...field.choices, "colour"].map(word => element("option", { value: word, textContent: word })));
    const free = /^#[0-9a-f]{6}$/i.test(asked || "");
    colour = element("input", { type: "color", value: free ? asked : "#808080", hidden: !free });
    colour.setAttribute("aria-label", `${field.label}: colour`);
    input.value = free ? "colour" : field.choices.includes(asked) ? asked : field.default;
    input.addEventListener("change", () => { colour.hidden = input.value !== "colour"; });
    input.dataset.colour = "";
  } else {
    input = element("input", { type: "number", min: field.low, max: field.high, step: field.step });
    input.value = asked !== null && asked !== "" && isFinite(asked) ? asked : field.default;
  }
  input.id = `set-${field.name}`;
  input.name = field.name;
  const help = element("small", { textContent: field.help, id: `help-${field.name}` });
  input.setAttribute("aria-describedby", help.id);
  return element("label", {}, element("span", { textContent: field.label }), input, colour, help);
}

// What the fields say now.
export function settingsOf(fields) {
  return Object.fromEntries(fields.map(field => {
    const input = $(`set-${field.name}`);
    if (!field.choices.length) return [field.name, input.valueAsNumber];
    return [field.name, input.value === "colour" ? input.nextElementSibling.value : input.value];
  }));
}
