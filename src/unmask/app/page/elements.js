// Elements of the page, and what it says. Words are set as text, never as HTML.
export const $ = id => document.getElementById(id);

export function say(message) {
  $("message").hidden = !message;
  $("message").textContent = message || "";
}

export const guarded = action => async event => {
  event?.preventDefault?.();
  say("");
  try {
    await action(event);
  } catch (error) {
    say(error.message);
  }
};

export function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

export const short = label => label.split(",")[0];
export const share = value => `${Math.floor(1000 * value + 1e-9) / 1000}`.padEnd(5, "0").replace(/^([01])0+$/, "$1.000");

export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // Without https on another machine there is no clipboard: the old way.
    const area = element("textarea", { value: text });
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
}
