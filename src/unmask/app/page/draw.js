// Maps, pictures and the error curve: from numbers to what is seen. It asks the server for nothing.

export function decode(buffer) {
  const length = new DataView(buffer).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
  const size = header.width * header.height;
  let at = 4 + length;
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

const real = (side, i) => side.low + side.values[i] / 65535 * (side.high - side.low);

function canvas(width, height) {
  const made = document.createElement("canvas");
  made.width = width;
  made.height = height;
  return made;
}

export class Stage {
  constructor(picture, map, overlay, scale) {
    Object.assign(this, { picture, map, overlay, scale });
    this.style = { table: null, opacity: 0.5, keep: 1 };
    this.image = this.target = this.probe = this.boxes = null;
  }

  // A new picture; its map is not known yet.
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
    const draw = this.picture.getContext("2d");
    draw.drawImage(image, 0, 0, this.width, this.height);
    // Made here, as Safari knows no filters on a canvas. ITU-R BT.601, as unmask.colour.
    const pixels = draw.getImageData(0, 0, this.width, this.height);
    const data = pixels.data;
    for (let i = 0; i < data.length; i += 4) {
      data[i] = data[i + 1] = data[i + 2] =
        0.299 * data[i] + 0.587 * data[i + 1] + 0.114 * data[i + 2];
    }
    this.seen = null;
    this.grey = canvas(this.width, this.height);
    this.grey.getContext("2d").putImageData(pixels, 0, 0);
    this.draw();
  }

  set(look, target) {
    this.look = look;
    this.target = target;
    this.draw();
  }

  restyle(style) {
    Object.assign(this.style, style);
    this.colourBar();
    this.draw();
  }

  // What the pointer is at: shares of the width and the height, or null.
  point(at) {
    this.probe = at;
    this.draw();
    if (!at || !this.target) return null;
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
    const { width, height, style } = this;
    const [map, overlay] = [this.map, this.overlay].map(one => one.getContext("2d"));
    overlay.drawImage(this.image, 0, 0, width, height);
    map.clearRect(0, 0, width, height);
    if (this.target) {
      const { heat, shade } = this.coloured();
      map.drawImage(heat, 0, 0, width, height);
      // The same mixture as unmask.colour.overlay: the picture's own colours go first.
      overlay.globalAlpha = Math.min(1, 2 * style.opacity);
      overlay.drawImage(this.grey, 0, 0);
      overlay.globalAlpha = style.opacity;
      overlay.drawImage(heat, 0, 0, width, height);
      overlay.globalAlpha = 1;
      if (shade) {
        overlay.drawImage(shade, 0, 0, width, height);
        map.drawImage(shade, 0, 0, width, height);
      }
    }
    const boxes = this.target ? (this.target.box ? [this.target.box] : []) : this.boxes || [];
    for (const box of boxes) this.outline(overlay, box);
    const probe = this.target && this.probe;
    if (probe) for (const one of [map, overlay]) this.cross(one);
    this.paintPicture(boxes, probe);
  }

  // Most looks leave the picture as it is, and to paint it again costs the model's own time.
  paintPicture(boxes, probe) {
    const seen = JSON.stringify([this.image.src, boxes, probe]);
    if (seen === this.seen) return;
    this.seen = seen;
    const picture = this.picture.getContext("2d");
    picture.drawImage(this.image, 0, 0, this.width, this.height);
    for (const box of boxes) this.outline(picture, box);
    if (probe) this.cross(picture);
  }

  // The map's colours, and the shade over what is not among the most important.
  coloured() {
    const { width, height } = this.look;
    const { values, low, high } = this.target.map;
    const { table, keep } = this.style;
    const heat = canvas(width, height), shade = keep < 1 ? canvas(width, height) : null;
    const paint = heat.getContext("2d"), pixels = paint.createImageData(width, height);
    const dark = shade && paint.createImageData(width, height);
    const cut = shade ? cutoff(values, keep) : 0;
    for (let i = 0; i < values.length; i++) {
      const colour = 3 * (low < high ? values[i] >> 8 : 128);
      pixels.data[4 * i] = table[colour];
      pixels.data[4 * i + 1] = table[colour + 1];
      pixels.data[4 * i + 2] = table[colour + 2];
      pixels.data[4 * i + 3] = 255;
      if (dark && values[i] < cut) dark.data[4 * i + 3] = 195;
    }
    paint.putImageData(pixels, 0, 0);
    if (shade) shade.getContext("2d").putImageData(dark, 0, 0);
    return { heat, shade };
  }

  outline(draw, [left, top, right, bottom]) {
    const across = this.width / this.size.width, down = this.height / this.size.height;
    const box = [left * across, top * down, (right - left) * across, (bottom - top) * down];
    for (const [colour, width] of [["#000", 5], ["#fff", 2]]) {
      draw.strokeStyle = colour;
      draw.lineWidth = width * this.width / 500;
      draw.strokeRect(...box);
    }
  }

  cross(draw) {
    const x = this.probe.x * this.width, y = this.probe.y * this.height, unit = this.width / 500;
    for (const [colour, width] of [["#000", 5], ["#fff", 2]]) {
      draw.strokeStyle = colour;
      draw.lineWidth = width * unit;
      draw.beginPath();
      draw.arc(x, y, 10 * unit, 0, 7);
      draw.stroke();
    }
  }

  colourBar() {
    const draw = this.scale.getContext("2d"), pixels = draw.createImageData(256, 1);
    for (let i = 0; i < 256; i++) {
      pixels.data.set([...this.style.table.subarray(3 * i, 3 * i + 3), 255], 4 * i);
    }
    draw.putImageData(pixels, 0, 0);
  }
}

// The least of the `keep` largest values.
function cutoff(values, keep) {
  const counts = new Uint32Array(65536);
  for (const value of values) counts[value]++;
  let left = Math.max(1, Math.round(keep * values.length)), value = 65535;
  while (value > 0 && left > counts[value]) left -= counts[value--];
  return value;
}

// Three digits, without a needless exponent.
export const brief = value => {
  const size = Math.abs(value);
  return size && (size < 1e-3 || size >= 1e5) ? value.toExponential(1) : String(+value.toPrecision(3));
};

const AREA = { left: 46, top: 10, width: 420, height: 146 };

// Error against masks, both on logarithmic axes, where a run is nearly a straight line.
export function curve(svg, points, shown) {
  const parts = [];
  const make = (name, attributes, text) => {
    const element = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    if (text) element.textContent = text;
    parts.push(element);
  };
  points = points.filter(point => point.slice(1).some(error => error < 1));
  const first = points.length ? points[0][0] : 100, last = points.length ? points.at(-1)[0] : 1000;
  const low = Math.log10(first), high = Math.max(Math.log10(last), low + 0.5);
  const errors = points.flatMap(point => point.slice(1)).filter(error => error > 0);
  const floor = Math.min(-1, Math.floor(2 * Math.log10(Math.min(0.1, ...errors))) / 2);
  const x = masks => AREA.left + AREA.width * (Math.log10(masks) - low) / (high - low);
  const y = error => AREA.top + AREA.height * Math.log10(Math.max(error, 10 ** floor)) / floor;
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
  const order = [...Array(count).keys()].sort((a, b) => (a === shown) - (b === shown));
  for (const target of order) {
    // An error of 1 says that nothing is known yet.
    const path = points.filter(point => point[target + 1] < 1).map(point => `${x(point[0])},${y(point[target + 1])}`).join(" ");
    make("polyline", { class: target === shown ? "line on" : "line", points: path });
  }
  if (count) {
    const end = points.at(-1);
    make("circle", { class: "dot", r: 4, cx: x(end[0]), cy: y(end[shown + 1]) });
  }
  svg.replaceChildren(...parts);
}
