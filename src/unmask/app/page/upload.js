// @ts-check
// A file that is larger than the server takes is made smaller here, and that is said.

/** @typedef {import("./state.js").About} About */
/** @typedef {{ body: Blob, shrunk: string }} Fitted What is sent, and from which size it was made. */

/** @param {File} file @param {About} about @returns {Promise<Fitted>} */
export async function fitted(file, about) {
  const image = await opened(file);
  if (!image) {
    // The server may read what this browser does not.
    if (file.size <= about.max_bytes) return { body: file, shrunk: "" };
    throw new Error(`${file.name} has ${megabytes(file.size)}, and at most ${megabytes(about.max_bytes)} `
      + "are read. This browser cannot make it smaller: save it as a JPEG first.");
  }
  const { naturalWidth: width, naturalHeight: height } = image, pixels = width * height;
  if (file.size <= about.max_bytes && pixels <= about.max_pixels) return { body: file, shrunk: "" };
  const factor = Math.min(1, Math.sqrt(about.max_pixels / pixels));
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.floor(width * factor));
  canvas.height = Math.max(1, Math.floor(height * factor));
  const draw = canvas.getContext("2d");
  if (!draw) throw new Error(`${file.name} is too large for this browser: make it smaller.`);
  draw.fillStyle = "#fff"; // as transparent parts are read
  draw.fillRect(0, 0, canvas.width, canvas.height);
  draw.imageSmoothingQuality = "high";
  draw.drawImage(image, 0, 0, canvas.width, canvas.height);
  for (const quality of [0.95, 0.8, 0.5]) {
    /** @type {?Blob} */
    const body = await new Promise(done => canvas.toBlob(done, "image/jpeg", quality));
    if (body && body.size <= about.max_bytes) {
      return { body, shrunk: `made smaller here, from ${size(width, height)} pixels and ${megabytes(file.size)}` };
    }
  }
  throw new Error(`${file.name} has ${size(width, height)} pixels, and this browser cannot make it small enough.`);
}

/** A picture of a file, or null where this browser reads none. @param {File} file @returns {Promise<?HTMLImageElement>} */
function opened(file) {
  const image = new Image(), address = URL.createObjectURL(file);
  return new Promise(done => {
    /** @param {?HTMLImageElement} found */
    const end = found => {
      URL.revokeObjectURL(address);
      done(found);
    };
    image.onload = () => end(image);
    image.onerror = () => end(null);
    image.src = address;
  });
}

/** @param {number} bytes */
const megabytes = bytes => `${(bytes / 2 ** 20).toLocaleString("en", { maximumFractionDigits: 1 })} MB`;

/** @param {number} width @param {number} height */
export const size = (width, height) => `${width.toLocaleString("en")} × ${height.toLocaleString("en")}`;
