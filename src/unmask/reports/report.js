// @ts-check
"use strict";
for (const figure of document.querySelectorAll("figure")) {
  const slider = figure.querySelector("input");
  const under = /** @type {?HTMLElement} */ (figure.querySelector(".under"));
  const over = /** @type {?HTMLElement} */ (figure.querySelector(".over"));
  if (!slider || !under || !over) continue;
  slider.addEventListener("input", () => {
    const opacity = Number(slider.value) / 100;
    over.style.opacity = String(opacity);
    // As in unmask.draw.colormap: the picture loses its own colors as the map gets more opaque.
    under.style.filter = `grayscale(${Math.min(1, 2 * opacity)})`;
  });
}
