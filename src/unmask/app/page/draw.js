// @ts-check
// Maps, pictures and the error curve: from numbers to what is seen. It asks the server for nothing.

/** @typedef {import("./state.js").Box} Box */
/** @typedef {import("./state.js").Look} Look */
/** @typedef {import("./state.js").Side} Side */
/** @typedef {import("./state.js").Target} Target */
/** @typedef {{ x: number, y: number }} Place Shares of the width and the height. */
/** @typedef {{ table: Uint8Array, opacity: number, keep: number }} Style */

/** An update of a run, see updates.py. @param {ArrayBuffer} buffer @returns {Look} */
export function decode(buffer) {
  const length = new DataView(buffer).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
  const size = header.width * header.height;
  let at = 4 + length;
  /** @param {{ low: number, high: number }} range */
  const next = range => {
    const values = new Uint16Array(buffer, at, size);
    at += 2 * size;
    return { ...range, values };
  };
  for (const target of header.targets) {
    target.map = next(target.map);
    if (target.stderr) target.stderr = next(target.stderr);
  }
  return header;
}

/** @param {Side} side @param {number} i */
const real = (side, i) => side.low + side.values[i] / 65535 * (side.high - side.low);

/** @param {number} width @param {number} height */
function canvas(width, height) {
  const made = document.createElement("canvas");
  made.width = width;
  made.height = height;
  return made;
}

/** @param {HTMLCanvasElement} on */
const brush = on => /** @type {CanvasRenderingContext2D} */ (on.getContext("2d"));

export class Stage {
  /**
   * @param {HTMLCanvasElement} picture @param {HTMLCanvasElement} map
   * @param {HTMLCanvasElement} overlay @param {HTMLCanvasElement} scale
   */
  constructor(picture, map, overlay, scale) {
    this.picture = picture;
    this.map = map;
    this.overlay = overlay;
    this.scale = scale;
    /** @type {Style} */
    this.style = { table: new Uint8Array(768), opacity: 0.5, keep: 1 };
    this.image = /** @type {?HTMLImageElement} */ (null);
    this.gray = canvas(0, 0);
    this.look = /** @type {?Look} */ (null);
    this.target = /** @type {?Target} */ (null);
    this.probe = /** @type {?Place} */ (null);
    this.boxes = /** @type {Box[]} */ ([]);
    this.size = { width: 1, height: 1 }; // of the picture that the boxes are in
    this.width = this.height = 1;
    this.seen = "";
    this.waiting = false;
  }

  /** A new picture; its map is not known yet. @param {HTMLImageElement} image */
  show(image) {
    this.image = image;
    this.target = this.probe = null;
    const factor = Math.min(1, 900 / Math.max(image.naturalWidth, image.naturalHeight));
    this.width = Math.max(1, Math.round(image.naturalWidth * factor));
    this.height = Math.max(1, Math.round(image.naturalHeight * factor));
    for (const one of [this.picture, this.map, this.overlay]) {
      one.width = this.width;
      one.height = this.height;
    }
    const draw = brush(this.picture);
    draw.drawImage(image, 0, 0, this.width, this.height);
    // Made here, as Safari knows no filters on a canvas. ITU-R BT.601, as unmask.inputs.preprocess.
    const pixels = draw.getImageData(0, 0, this.width, this.height);
    const data = pixels.data;
    for (let i = 0; i < data.length; i += 4) {
      data[i] = data[i + 1] = data[i + 2] =
        0.299 * data[i] + 0.587 * data[i + 1] + 0.114 * data[i + 2];
    }
    this.seen = "";
    this.gray = canvas(this.width, this.height);
    brush(this.gray).putImageData(pixels, 0, 0);
    this.draw();
  }

  /** @param {?Look} look @param {?Target} target */
  set(look, target) {
    this.look = look;
    this.target = target;
    this.draw();
  }

  /** @param {Style} style */
  restyle(style) {
    this.style = style;
    this.colorBar();
    this.draw();
  }

  /** The value that the pointer is at. @param {?Place} at */
  point(at) {
    this.probe = at;
    this.draw();
    if (!at || !this.look || !this.target) return null;
    const { width, height } = this.look;
    const column = Math.min(width - 1, Math.floor(at.x * width));
    const row = Math.min(height - 1, Math.floor(at.y * height));
    const i = row * width + column;
    const { map, stderr } = this.target;
    return { value: real(map, i), stderr: stderr ? real(stderr, i) : null };
  }

  draw() {
    if (!this.image || this.waiting) return;
    this.waiting = true;
    requestAnimationFrame(() => {
      this.waiting = false;
      this.paint();
    });
  }

  paint() {
    const { width, height, style, image } = this;
    if (!image) return;
    const map = brush(this.map), overlay = brush(this.overlay);
    overlay.drawImage(image, 0, 0, width, height);
    map.clearRect(0, 0, width, height);
    if (this.look && this.target) {
      const { heat, shade } = colored(this.look, this.target.map, style);
      map.drawImage(heat, 0, 0, width, height);
      // The same mixture as unmask.draw.colormap.overlay: the picture's own colors go first.
      overlay.globalAlpha = Math.min(1, 2 * style.opacity);
      overlay.drawImage(this.gray, 0, 0);
      overlay.globalAlpha = style.opacity;
      overlay.drawImage(heat, 0, 0, width, height);
      overlay.globalAlpha = 1;
      if (shade) {
        overlay.drawImage(shade, 0, 0, width, height);
        map.drawImage(shade, 0, 0, width, height);
      }
    }
    const boxes = this.target ? (this.target.box ? [this.target.box] : []) : this.boxes;
    for (const box of boxes) this.outline(overlay, box);
    const probe = this.target && this.probe;
    if (probe) for (const one of [map, overlay]) this.cross(one, probe);
    this.paintPicture(image, boxes, probe);
  }

  /**
   * Most looks leave the picture as it is, and to paint it again costs the model's own time.
   * @param {HTMLImageElement} image @param {Box[]} boxes @param {?Place} probe
   */
  paintPicture(image, boxes, probe) {
    const seen = JSON.stringify([image.src, boxes, probe]);
    if (seen === this.seen) return;
    this.seen = seen;
    const picture = brush(this.picture);
    picture.drawImage(image, 0, 0, this.width, this.height);
    for (const box of boxes) this.outline(picture, box);
    if (probe) this.cross(picture, probe);
  }

  /** @param {CanvasRenderingContext2D} draw @param {Box} box */
  outline(draw, [left, top, right, bottom]) {
    const across = this.width / this.size.width, down = this.height / this.size.height;
        for (const [color, width] of RIM) {
      draw.strokeStyle = color;
      draw.lineWidth = width * this.width / 500;
      draw.strokeRect(left * across, top * down, (right - left) * across, (bottom - top) * down);
    }
  }

  /** @param {CanvasRenderingContext2D} draw @param {Place} at */
  cross(draw, at) {
    const x = at.x * this.width, y = at.y * this.height, unit = this.width / 500;
    for (const [color, width] of RIM) {
      draw.strokeStyle = color;
      draw.lineWidth = width * unit;
      draw.beginPath();
      draw.arc(x, y, 10 * unit, 0, 7);
      draw.stroke();
    }
  }

  colorBar() {
    const draw = brush(this.scale), pixels = draw.createImageData(256, 1);
    for (let i = 0; i < 256; i++) {
      pixels.data.set([...this.style.table.subarray(3 * i, 3 * i + 3), 255], 4 * i);
    }
    draw.putImageData(pixels, 0, 0);
  }
}

/** Of what is drawn over a picture: dark around light, to be seen on any. @type {[string, number][]} */
const RIM = [["#000", 5], ["#fff", 2]];

/**
 * The map's colors, and the shade over what is not among the most important.
 * @param {Look} look @param {Side} map @param {Style} style
 */
function colored({ width, height }, { values, low, high }, { table, keep }) {
  const heat = canvas(width, height), shade = keep < 1 ? canvas(width, height) : null;
  const pixels = new ImageData(width, height), dark = new ImageData(width, height);
  const cut = shade ? cutoff(values, keep) : 0;
  for (let i = 0; i < values.length; i++) {
    const color = 3 * (low < high ? values[i] >> 8 : 128);
    pixels.data[4 * i] = table[color];
    pixels.data[4 * i + 1] = table[color + 1];
    pixels.data[4 * i + 2] = table[color + 2];
    pixels.data[4 * i + 3] = 255;
    if (values[i] < cut) dark.data[4 * i + 3] = 195;
  }
  brush(heat).putImageData(pixels, 0, 0);
  if (shade) brush(shade).putImageData(dark, 0, 0);
  return { heat, shade };
}

/** The least of the `keep` largest values. @param {Uint16Array} values @param {number} keep */
function cutoff(values, keep) {
  const counts = new Uint32Array(65536);
  for (const value of values) counts[value]++;
  let left = Math.max(1, Math.round(keep * values.length)), value = 65535;
  while (value > 0 && left > counts[value]) left -= counts[value--];
  return value;
}

/** Three digits, without a needless exponent. @param {number} value */
export const brief = value => {
  const size = Math.abs(value);
  return size && (size < 1e-3 || size >= 1e5) ? value.toExponential(1) : String(+value.toPrecision(3));
};

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
