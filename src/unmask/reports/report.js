"use strict";
for (const figure of document.querySelectorAll("figure")) {
  const slider = figure.querySelector("input");
  if (!slider) continue;
  const under = figure.querySelector(".under"), over = figure.querySelector(".over");
  slider.addEventListener("input", () => {
    const opacity = slider.value / 100;
    over.style.opacity = opacity;
    // As in unmask.colour.overlay: the picture loses its own colours as the map gets more opaque.
    under.style.filter = `grayscale(${Math.min(1, 2 * opacity)})`;
  });
}
