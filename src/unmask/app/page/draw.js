// @ts-check
// Maps and pictures on canvases: from numbers to what is seen. It asks the server for nothing.
import { colored, doubt, gray, painter, real, veil } from "./colors.js";
import { contours } from "./contours.js";

/** @typedef {import("./colors.js").Style} Style */
/** @typedef {import("./state.js").Box} Box */
/** @typedef {import("./state.js").Look} Look */
/** @typedef {import("./state.js").Ring} Ring */
/** @typedef {import("./state.js").Target} Target */
/** @typedef {{ x: number, y: number }} Place Shares of the width and the height. */
/** @typedef {"overlay" | "map" | "picture" | "stderr"} View */

const LONGEST = 1200; // pixels of a canvas, as of the picture that the server sends

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
    if (target.doubt) target.doubt = next(target.doubt);
  }
  if (header.certain) {
    const bytes = 2 * Math.ceil(size / 16);
    for (const target of header.targets) {
      const bits = new Uint8Array(buffer, at, bytes);
      target.significant = Uint8Array.from({ length: size }, (_, i) => bits[i >> 3] >> (7 - i % 8) & 1);
      at += bytes;
    }
  }
  return header;
}

/** @param {number} width @param {number} height @param {ImageData} [pixels] */
function canvas(width, height, pixels) {
  const made = document.createElement("canvas");
  made.width = width;
  made.height = height;
  if (pixels) brush(made).putImageData(pixels, 0, 0);
  return made;
}

/** @param {HTMLCanvasElement} on */
const brush = on => /** @type {CanvasRenderingContext2D} */ (on.getContext("2d"));

/** Of what is drawn over a picture: dark around light, to be seen on any. @type {[string, number][]} */
const RIM = [["#000", 5], ["#fff", 2]];

export class Stage {
  /** @param {Object<View, HTMLCanvasElement>} views @param {HTMLCanvasElement} scale */
  constructor(views, scale) {
    this.views = views;
    this.scale = scale;
    this.large = /** @type {View} */ ("overlay");
    this.style = /** @type {?Style} */ (null);
    this.image = /** @type {?HTMLImageElement} */ (null);
    this.gray = canvas(0, 0);
    this.look = /** @type {?Look} */ (null);
    this.target = /** @type {?Target} */ (null);
    this.probe = /** @type {?Place} */ (null);
    this.size = { width: 1, height: 1 }; // of the picture that the boxes are in
    this.width = this.height = 1;
    this.seen = "";
    this.waiting = false;
  }

  /** A new picture; its map is not known yet. @param {HTMLImageElement} image */
  show(image) {
    this.image = image;
    this.target = this.probe = null;
    // Small pictures are drawn larger, so that lines and rings on them are fine.
    const factor = LONGEST / Math.max(image.naturalWidth, image.naturalHeight);
    this.width = Math.max(1, Math.round(image.naturalWidth * factor));
    this.height = Math.max(1, Math.round(image.naturalHeight * factor));
    for (const one of Object.values(this.views)) {
      one.width = this.width;
      one.height = this.height;
    }
    const draw = brush(this.views.picture);
    draw.drawImage(image, 0, 0, this.width, this.height);
    // Made here, as Safari knows no filters on a canvas. ITU-R BT.601, as unmask.inputs.preprocess.
    const pixels = draw.getImageData(0, 0, this.width, this.height);
    const data = pixels.data;
    for (let i = 0; i < data.length; i += 4) {
      data[i] = data[i + 1] = data[i + 2] =
        0.299 * data[i] + 0.587 * data[i + 1] + 0.114 * data[i + 2];
    }
    this.seen = "";
    this.gray = canvas(this.width, this.height, pixels);
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
    this.draw();
  }

  /** @param {View} view */
  enlarge(view) {
    this.large = view;
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
    const { style, image, look, target, views } = this;
    if (!image || !style) return;
    const map = brush(views.map), over = brush(views.overlay);
    over.drawImage(image, 0, 0, this.width, this.height);
    map.clearRect(0, 0, this.width, this.height);
    if (look && target) {
      this.paintMap(map, over, look, target, style);
      if (target.doubt) this.lay(brush(views.stderr), doubt(look, target.doubt, target.gray?.high ?? 1));
    }
    const boxes = target?.box ? [target.box] : [];
    const rings = target?.outline ?? [];
    for (const box of boxes) this.outline(over, box);
    this.rings(over, rings);
    const probe = target && this.probe;
    if (probe) {
      for (const one of [map, over, brush(views.stderr)]) this.cross(one, probe);
    }
    this.paintPicture(image, boxes, rings, probe);
    this.colorBar();
  }

  /**
   * @param {CanvasRenderingContext2D} map @param {CanvasRenderingContext2D} over
   * @param {Look} look @param {Target} target @param {Style} style
   */
  paintMap(map, over, look, target, style) {
    const made = colored(look, target, style);
    this.lay(map, made.own);
    if (style.keep < 1) {
      // The photograph as it is, and the rest faded.
      const white = veil(look, target.map, style.keep);
      for (const one of [map, over]) this.lay(one, white);
    } else {
      if (style.heat) {
        over.globalAlpha = Math.min(1, 2 * style.opacity);
        over.drawImage(this.gray, 0, 0);
        over.globalAlpha = 1;
      }
      this.lay(over, made.over);
    }
    if (!style.certainty) return;
    for (const { color, path } of contours(look, target)) this.stroke(over, color, path);
  }

  /** @param {CanvasRenderingContext2D} on @param {ImageData} pixels */
  lay(on, pixels) {
    on.drawImage(canvas(pixels.width, pixels.height, pixels), 0, 0, this.width, this.height);
  }

  /** @param {CanvasRenderingContext2D} on @param {string} color @param {Path2D} path In shares. */
  stroke(on, color, path) {
    const whole = new Path2D();
    whole.addPath(path, new DOMMatrix([this.width, 0, 0, this.height, 0, 0]));
    /** @type {[string, number][]} */
    const lines = [["#ffffffcc", 5], [color, 2.5]];
    on.lineCap = "round";
    for (const [ink, width] of lines) {
      on.strokeStyle = ink;
      on.lineWidth = width * this.unit;
      on.stroke(whole);
    }
  }

  /**
   * Most looks leave the picture as it is, and to paint it again costs the model's own time.
   * @param {HTMLImageElement} image @param {Box[]} boxes @param {Ring[]} rings @param {?Place} probe
   */
  paintPicture(image, boxes, rings, probe) {
    const seen = JSON.stringify([image.src, boxes, rings, probe]);
    if (seen === this.seen) return;
    this.seen = seen;
    const picture = brush(this.views.picture);
    picture.drawImage(image, 0, 0, this.width, this.height);
    for (const box of boxes) this.outline(picture, box);
    this.rings(picture, rings);
    if (probe) this.cross(picture, probe);
  }

  /** Canvas pixels of a line that is about one wide where it is shown. */
  get unit() {
    return LONGEST / 800;
  }

  /** @param {CanvasRenderingContext2D} draw @param {Box} box */
  outline(draw, [left, top, right, bottom]) {
    const across = this.width / this.size.width, down = this.height / this.size.height;
    for (const [color, width] of RIM) {
      draw.strokeStyle = color;
      draw.lineWidth = width * this.unit;
      draw.strokeRect(left * across, top * down, (right - left) * across, (bottom - top) * down);
    }
  }

  /**
   * Lines around a region; a ring of one point is a mark.
   * @param {CanvasRenderingContext2D} draw @param {Ring[]} rings
   */
  rings(draw, rings) {
    const across = this.width / this.size.width, down = this.height / this.size.height;
    const path = new Path2D();
    for (const ring of rings) {
      const places = ring.map(([x, y]) => /** @type {[number, number]} */ ([x * across, y * down]));
      const [[x, y], ...rest] = places;
      if (rest.length) path.moveTo(x, y);
      else path.arc(x, y, 9 * this.unit, 0, 7);
      for (const place of rest) path.lineTo(...place);
    }
    for (const [color, width] of RIM) {
      draw.strokeStyle = color;
      draw.lineWidth = width * this.unit;
      draw.stroke(path);
    }
  }

  /** @param {CanvasRenderingContext2D} draw @param {Place} at */
  cross(draw, at) {
    for (const [color, width] of RIM) {
      draw.strokeStyle = color;
      draw.lineWidth = width * this.unit;
      draw.beginPath();
      draw.arc(at.x * this.width, at.y * this.height, 10 * this.unit, 0, 7);
      draw.stroke();
    }
  }

  /** The colors of the large view, from the first value that is shown to the last. */
  colorBar() {
    const draw = brush(this.scale), pixels = draw.createImageData(256, 1), { target, style } = this;
    if (!target || !style) return;
    const { low, high } = style.heat ? target.map : target.scale, paint = painter(target, style);
    for (let i = 0; i < 256; i++) {
      const [color] = paint(low + i / 255 * (high - low)), tone = gray(i / 255);
      const shown = this.large === "stderr" ? [tone, tone, tone] : style.colors.subarray(3 * color, 3 * color + 3);
      pixels.data.set([...shown, 255], 4 * i);
    }
    draw.putImageData(pixels, 0, 0);
  }
}

/** Three digits, without a needless exponent. @param {number} value */
export const brief = value => {
  const size = Math.abs(value);
  return size && (size < 1e-3 || size >= 1e5) ? value.toExponential(1) : String(+value.toPrecision(3));
};
