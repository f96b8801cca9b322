// @ts-check
// The curve of a map's error against masks.

/** @type {"http://www.w3.org/2000/svg"} */
const SVG = "http://www.w3.org/2000/svg";
const AREA = { left: 46, top: 10, width: 412, height: 146 };

/**
 * Error against masks, both on logarithmic axes, where a run is nearly a straight line.
 * @param {SVGElement} svg @param {number[][]} points @param {number} shown
 */
export function curve(svg, points, shown) {
  /** @type {SVGElement[]} */
  const parts = [];
  /** @param {string} name @param {Object<string, string | number>} attributes @param {string} [text] */
  const make = (name, attributes, text) => {
    const element = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, String(value));
    if (text) element.textContent = text;
    parts.push(element);
  };
  points = points.filter(point => point.slice(1).some(error => error < 1));
  const first = points.length ? points[0][0] : 100, last = points.length ? points[points.length - 1][0] : 1000;
  const low = Math.log10(first), high = Math.max(Math.log10(last), low + 0.5);
  const errors = points.flatMap(point => point.slice(1)).filter(error => error > 0);
  const floor = Math.min(-1, Math.floor(2 * Math.log10(Math.min(0.1, ...errors))) / 2);
  const x = (/** @type {number} */ masks) => AREA.left + AREA.width * (Math.log10(masks) - low) / (high - low);
  const y = (/** @type {number} */ error) => AREA.top + AREA.height * Math.log10(Math.max(error, 10 ** floor)) / floor;
  for (const error of [1, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001]) {
    if (error < 10 ** floor * 0.999) break;
    make("path", { class: "rule", d: `M${AREA.left} ${y(error)}h${AREA.width}` });
    make("text", { class: "end", x: AREA.left - 8, y: y(error) + 4 }, String(error));
  }
  const bottom = AREA.top + AREA.height;
  let free = 0;
  for (let power = Math.floor(low); power <= high; power++) {
    for (const times of [1, 2, 5]) {
      const masks = times * 10 ** power, place = x(masks);
      if (place < Math.max(AREA.left - 1, free) || place > AREA.left + AREA.width + 1) continue;
      make("text", { class: "mid", x: place, y: bottom + 18 }, masks.toLocaleString("en"));
      free = place + 52;
    }
  }
  make("text", { class: "mid", x: AREA.left + AREA.width / 2, y: bottom + 38 }, "masks");
  const count = points.length ? points[0].length - 1 : 0;
  // The one that is looked at comes last, on top of the others.
  const order = [...Array(count).keys()].sort((a, b) => Number(a === shown) - Number(b === shown));
  for (const target of order) {
    // An error of 1 says that nothing is known yet.
    const path = points.filter(point => point[target + 1] < 1).map(point => `${x(point[0])},${y(point[target + 1])}`).join(" ");
    make("polyline", { class: target === shown ? "line on" : "line", points: path });
  }
  if (count) {
    const end = points[points.length - 1];
    make("circle", { class: "dot", r: 4, cx: x(end[0]), cy: y(end[shown + 1]) });
  }
  svg.replaceChildren(...parts);
}
