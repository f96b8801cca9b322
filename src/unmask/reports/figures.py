"""An explanation's pictures as HTML: the input once, and what is drawn of each target."""

from __future__ import annotations

import base64
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from unmask.draw.rings import rectangle, svg_path
from unmask.draw.scale import Doubt, gray
from unmask.inputs import encoding
from unmask.inputs.encoding import jpeg
from unmask.run.media_files import is_scored
from unmask.run.preview import shrunk

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from unmask.draw.scale import Look, Scale
    from unmask.run.explanation import Explanation


__all__ = ["InMaps", "Pictures", "alpha", "color_scale", "figure", "image", "is_scored", "uri"]


PICTURE, MAP = 1000, 480  # longest sides, in pixels
BAR = 256
WIDE = 4  # times its height: figures then stand below each other


class Pictures:
    """Figures of one explanation.

    Parameters
    ----------
    number : int
        Of the explanation on the page.
    explanation : Explanation
    look : Look

    Attributes
    ----------
    style : str
        CSS that holds the picture, so that the page has it once.
    """

    def __init__(self, number: int, explanation: Explanation, look: Look) -> None:
        self.there = explanation.picture is not None
        self.look, self.small = look, shrunk(explanation, MAP)
        self.name, self.style, self.shape = f"p{number}", "", (0, 0)
        if explanation.picture is not None:
            picture = uri("jpeg", jpeg(explanation.picture, PICTURE))
            self.style = f".{self.name}{{background-image:url({picture})}}\n"
            self.shape = explanation.picture.shape[:2]

    def whole(self) -> str:
        """Return the picture's own figure; empty where there is none."""
        if not self.there:
            return ""
        height, width = self.shape
        seen = (
            f'<svg class="under {self.name}" viewBox="0 0 {width} {height}" role="img" '
            'aria-label="The picture"></svg>'
        )
        return figure(seen, "the picture", "whole")

    def of(self, number: int) -> str:
        """Return the figures of a target: overlay, map, standard error."""
        small, values = self.small, self.small.maps[number]
        if values.ndim != 2:
            return f"<p>The map has the shape {values.shape} and cannot be drawn as a picture.</p>"
        target = small.targets[number]
        scale, figures = small.scaled(number, self.look), []
        known = bool(np.isfinite(small.model_stderrs).all())
        lines = self._lines(number) if is_scored(small) else ""
        if self.there:
            over = np.dstack([scale.ink(values), alpha(scale.strength(values))])
            described = f"The map for {target.label} over the picture"
            figures.append(
                figure(
                    f'<div class="stack {scale.style}"><div class="under {self.name}"></div>'
                    f"{image(over, described, 'over')}{lines}{self._outline(number)}</div>"
                    f"{_controls(scale, lines=bool(lines))}",
                    "over the picture",
                )
            )
        drawn = image(scale.colors(values), f"Saliency map for {target.label}")
        figures.append(figure(drawn + color_scale(scale, small.measure(number)), "saliency map"))
        if known:
            figures.append(_stderr(small.influence_stderr(number), values, target.label))
        wide = values.shape[1] > WIDE * values.shape[0]  # as a line of text is
        return f'<div class="figures{" below" * wide}">{"".join(figures)}</div>'

    def _outline(self, number: int) -> str:
        """Return the lines around the part of the picture that a target is; a box's likewise."""
        target = self.small.targets[number]
        rings = target.outline or (target.box and rectangle(target.box)) or ()
        if not rings:
            return ""
        (height, width), d = self.shape, svg_path(rings, self.shape)
        return (
            f'<svg class="outline" viewBox="0 0 {width} {height}" aria-hidden="true">'
            f'<path class="halo" d="{d}"/><path d="{d}"/></svg>'
        )

    def _lines(self, number: int) -> str:
        """Return the lines around what is significant, for the target and against it."""
        from contourpy import contour_generator

        values = self.small.maps[number]
        there, above = self.small.significant(number), values > self.small.levels[number]
        paths = []
        for kind, where in (("for", there & above), ("against", there & ~above)):
            lines: Any = contour_generator(z=np.pad(where, 1).astype(float)).lines(0.5)
            d = "".join(
                "M" + "L".join(f"{x - 0.5:.4g} {y - 0.5:.4g}" for x, y in line) + "Z"
                for line in lines
            )
            paths.append(f'<path class="halo" d="{d}"/><path class="{kind}" d="{d}"/>' if d else "")
        height, width = values.shape
        return (
            f'<svg class="lines" viewBox="0 0 {width} {height}" aria-hidden="true">'
            f"{''.join(paths)}</svg>"
        )


class InMaps:
    """Figures of one explanation whose input stands in each of its maps; see `Pictures`.

    Parameters
    ----------
    number : int
        Of the explanation on the page.
    explanation : Explanation
    look : Look

    Attributes
    ----------
    style : str
        CSS of its own, which the page's policy allows in its style sheet alone.
    """

    style = ""

    def __init__(self, number: int, explanation: Explanation, look: Look) -> None:
        self.number, self.explanation, self.look = number, explanation, look

    def whole(self) -> str:
        """Return nothing: the input has no figure of its own."""
        return ""

    def errors(self, number: int) -> NDArray[Any] | None:
        """Return the standard errors of a target's influence; None where they are not known."""
        known = bool(np.isfinite(self.explanation.model_stderrs).all())
        return self.explanation.influence_stderr(number) if known else None


def _controls(scale: Scale, *, lines: bool) -> str:
    slider = (
        f"<label>opacity <input type=range min=0 max=100 value={100 * scale.opacity:.0f}></label>"
    )
    box = "<label><input type=checkbox> lines: differs from no influence, 95%</label>"
    return f"<div class=controls>{slider}{box if lines else ''}</div>"


def color_scale(scale: Scale, measure: str) -> str:
    """Return what a map's colors stand for, as HTML."""
    # Halved, as the whole may be infinite.
    colors = scale.colors(2 * np.linspace(scale.low / 2, scale.high / 2, BAR))
    words = measure
    if scale.level is not None and scale.low <= scale.level <= scale.high:
        words += f"; no influence: {scale.level:.3g}"
        span = scale.high / 2 - scale.low / 2
        at = round((scale.level / 2 - scale.low / 2) / span * (BAR - 1)) if span else BAR // 2
        colors[max(at - 1, 0) : at + 2] = 0
    return _scaled(colors, f"{scale.low:.3g}", f"{scale.high:.3g}") + f"<p>{escape(words)}</p>"


def _stderr(stderr: Any, values: Any, label: str) -> str:
    doubt = Doubt.of(values, stderr)
    share = stderr.astype(np.float64) / (doubt.high or 1)
    drawn = image(gray(share), f"Standard error of the map for {label}")
    words = f"<p>{escape(doubt.words)}</p>" if doubt.words else ""
    bar = _scaled(gray(np.linspace(0, 1, BAR)), "0", f"{doubt.high:.3g}")
    return figure(drawn + bar + words, "standard error")


def _scaled(colors: Any, low: str, high: str) -> str:
    bar = image(colors[None], "")
    return f"<div class=scale><span>{low}</span>{bar}<span>{high}</span></div>"


def alpha(strength: Any) -> Any:
    """Return how opaque pixels are, as bytes."""
    return np.rint(255 * strength).astype(np.uint8)


def figure(content: str, caption: str, kind: str = "") -> str:
    """Return HTML with a caption."""
    name = f' class="{kind}"' if kind else ""
    return f"<figure{name}><figcaption>{escape(caption)}</figcaption>{content}</figure>"


def image(pixels: Any, alt: str, kind: str = "") -> str:
    """Return pixels as an HTML image that holds them."""
    name = f' class="{kind}"' if kind else ""
    return f'<img{name} src="{uri("png", encoding.png(pixels))}" alt="{escape(alt)}">'


def uri(kind: str, data: bytes) -> str:
    """Return a picture's file as an address that holds it."""
    return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"
