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
for (const figure of document.querySelectorAll(".stack-of")) {
  const slices = /** @type {HTMLElement[]} */ ([...figure.querySelectorAll(".slice")]);
  const place = /** @type {?HTMLInputElement} */ (figure.querySelector(".place"));
  const opacity = /** @type {?HTMLInputElement} */ (figure.querySelector(".opacity"));
  const said = figure.querySelector("output");
  const play = /** @type {?HTMLButtonElement} */ (figure.querySelector("button"));
  if (!place || !opacity || !said) continue;
  const show = () => {
    slices.forEach((slice, number) => slice.hidden = number !== Number(place.value));
    said.textContent = slices[Number(place.value)].dataset.name ?? "";
    for (const slice of slices) slice.style.setProperty("--opacity", String(Number(opacity.value) / 100));
  };
  place.addEventListener("input", show);
  opacity.addEventListener("input", show);
  show();
  let timer = 0;
  play?.addEventListener("click", () => {
    const stopped = play.getAttribute("aria-pressed") === "false";
    play.setAttribute("aria-pressed", String(stopped));
    play.textContent = stopped ? "pause" : "play";
    clearInterval(timer);
    if (!stopped) return;
    timer = setInterval(() => {
      place.value = String((Number(place.value) + 1) % slices.length);
      show();
    }, 1000 * Number(play.dataset.seconds));
  });
}
for (const answer of document.querySelectorAll(".answer")) {
  const buttons = [.../** @type {NodeListOf<HTMLButtonElement>} */ (answer.querySelectorAll(".tokens button"))];
  /** @param {HTMLButtonElement} chosen */
  const choose = (chosen) => {
    for (const button of buttons) {
      const shown = document.getElementById(button.dataset.shows ?? "");
      button.setAttribute("aria-pressed", String(button === chosen));
      if (shown) shown.hidden = button !== chosen;
    }
  };
  for (const button of buttons) button.addEventListener("click", () => choose(button));
  if (buttons[0]) choose(buttons[0]);
}
