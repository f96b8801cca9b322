// @ts-check
"use strict";
for (const figure of document.querySelectorAll("figure")) {
  const over = /** @type {?HTMLElement} */ (figure.querySelector(".over"));
  const under = /** @type {?HTMLElement} */ (figure.querySelector(".under"));
  const slider = /** @type {?HTMLInputElement} */ (figure.querySelector("[type=range]"));
  const box = /** @type {?HTMLInputElement} */ (figure.querySelector("[type=checkbox]"));
  const lines = figure.querySelector(".lines");
  const heat = figure.querySelector(".heat") !== null;
  if (over && under && slider) {
    const show = () => {
      const opacity = Number(slider.value) / 100;
      over.style.opacity = String(opacity);
      // As in unmask.draw.scale: the picture loses its own colors as heat gets more opaque.
      if (heat) under.style.filter = `grayscale(${Math.min(1, 2 * opacity)})`;
    };
    slider.addEventListener("input", show);
    show();
  }
  if (box && lines) box.addEventListener("input", () => lines.classList.toggle("on", box.checked));
}
