// @ts-check
// Elements of the page, and what it says. Words are set as text, never as HTML.
/**
 * The element of an id. Of which kind it is stands in index.html, where no checker looks.
 * @param {string} id @returns {any}
 */
export const $ = id => document.getElementById(id);

/** @param {string} [message] Without one there is nothing to say. */
export function say(message) {
  $("message").hidden = !message;
  $("message").textContent = message || "";
}

/**
 * Make a listener that says what went wrong.
 * @param {(event: any) => unknown} action
 * @returns {(event?: Event) => Promise<void>}
 */
export const guarded = action => async event => {
  event?.preventDefault();
  say("");
  try {
    await action(event);
  } catch (error) {
    say(error instanceof Error ? error.message : String(error));
  }
};

/**
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} name @param {Object<string, unknown>} properties @param {...Node} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

/** The first of a class's names, of both sides of a contrast. @param {string} label */
export const short = label => label.split(" − ").map(one => one.split(",")[0]).join(" − ");
/**
 * A score as `unmask._base.numbers.format_score` writes it: what is not 0 or 1 is never written so.
 * @param {number} score
 */
export function scored(score, decimals = 4) {
  const size = Math.abs(score), step = 10 ** -decimals, minus = score < 0 ? "−" : "";
  if (!(size <= 1 + 1e-6)) {
    const text = size.toPrecision(decimals + 1);
    return minus + (text.includes("e") && size < 1e6 ? size.toFixed(0) : text);
  }
  const text = size.toFixed(decimals);
  if (Number(text) === 0 && size > 0) return `${score < 0 ? ">" : "<"}${minus}${step.toFixed(decimals)}`;
  if (Number(text) === 1 && size < 1) return `${score < 0 ? "<" : ">"}${minus}${(1 - step).toFixed(decimals)}`;
  return minus + text;
}

/** How long, in few words. @param {number} seconds */
export const duration = seconds => {
  if (seconds < 60) return `${Math.max(1, Math.round(seconds))} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
};

/** A reliability in three digits, never rounded up. @param {number} value */
export const share = value => `${Math.floor(1000 * value + 1e-9) / 1000}`.padEnd(5, "0").replace(/^([01])0+$/, "$1.000");

/** @param {string} text */
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
