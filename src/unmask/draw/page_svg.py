"""Curves as an SVG element, for pages."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING
from xml.etree import ElementTree

import numpy as np

from unmask.draw.canvas import GRAY, INK, RULE, Canvas, points, styled
from unmask.draw.curves import INKS, Sizes, chart

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike

    from unmask.draw.curves import Limits, Series


__all__ = ["svg"]


# What a page's style sheet has its own words for; it may be light or dark.
PAGE = {INK: "var(--ink)", GRAY: "var(--dim)", RULE: "var(--rule)"}
PAGE |= dict.fromkeys(INKS, "var(--dim)") | {INKS[0]: "var(--accent)", INKS[1]: "var(--other)"}
ATTRIBUTES = ("fill", "stroke", "stroke-width", "stroke-dasharray", "text-anchor")
CURVE = "curve"


@styled()
def svg(series: Sequence[Series], *, x_label: str, y_label: str) -> str:
    """Draw curves as an SVG element of a page that takes its colors and type from the page's style.

    It has no ``style`` attributes, which a page's security policy may forbid, and no identifiers,
    which would have to be unique in the page.

    Parameters
    ----------
    series : sequence of Series
        At least one.
    x_label, y_label : str
        What the axes are.

    Returns
    -------
    str
        An ``<svg>`` element, 544 x 308 units large, for type of 13.

    Examples
    --------
    >>> from unmask.draw.curves import Series
    >>> drawn = svg([Series([0, 1], [1, 0.5], "a <b>")], x_label="x", y_label="y")
    >>> drawn[:5], "a &lt;b&gt;" in drawn, drawn.count('class="curve"')
    ('<svg ', True, 1)
    """
    canvas = Canvas(1512, 856)
    canvas.figure.patch.set_visible(False)
    unit = 1 / points(1)
    kind = round(16 * unit / 0.86)  # room for the larger type of a small screen
    sizes = Sizes(label=kind, tick=kind, line=2 * unit, rule=0.7 * unit)
    ax = chart(
        canvas,
        (8, 8, canvas.width - 52, canvas.height - 24),
        series,
        x_label=x_label,
        y_label=y_label,
        x_limits=_from_zero([line.x for line in series]),
        y_limits=_from_zero([line.y for line in series]),
        sizes=sizes,
    )
    ax.patch.set_visible(False)
    ax.tick_params(axis="x", bottom=False, pad=points(18))
    for line in ax.lines:
        line.set_gid(CURVE)
    legend = ax.get_legend()
    if legend is not None:
        legend.get_frame().set_visible(False)
    file = io.StringIO()
    canvas.figure.savefig(file, format="svg", metadata={"Date": None})
    names = ", ".join(line.label for line in series)
    return _element(file.getvalue(), f"{y_label} over {x_label}: {names}")


def _from_zero(values: Sequence[ArrayLike]) -> Limits:
    low = min(float(np.min(value, initial=0)) for value in values)
    high = max(float(np.max(value, initial=0)) for value in values)
    return low, high if high > low else low + 1


def _element(document: str, label: str) -> str:
    root = ElementTree.fromstring(document)
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag.endswith(("}metadata", "}defs")):
                parent.remove(child)
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
        given = dict(element.attrib)
        element.attrib.clear()
        for key in ("d", "x", "y", "viewBox"):
            if key in given:
                element.set(key, " ".join(given[key].split()))
        if given.get("id") == CURVE:
            element.set("class", CURVE)
        for rule in given.get("style", "").split(";"):
            name, _, value = (part.strip() for part in rule.partition(":"))
            if name in ATTRIBUTES:
                element.set(name, PAGE.get(value, value))
        element.text, element.tail = (element.text or "").strip(), None
    root.set("role", "img")
    root.set("aria-label", label)
    return ElementTree.tostring(root, encoding="unicode")
