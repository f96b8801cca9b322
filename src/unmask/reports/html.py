"""A report: one HTML file that holds everything it shows and asks the network for nothing."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import replace
from html import escape
from importlib import resources
from typing import TYPE_CHECKING, Protocol

import numpy as np

from unmask._base.numbers import format_score
from unmask._version import __version__
from unmask.draw.parts import paint_part
from unmask.draw.scale import DEFAULT
from unmask.errors import SettingError
from unmask.estimate.uncertainty import format_reliability
from unmask.masks.segments import SegmentMasks
from unmask.reports.answers import chosen_one_by_one
from unmask.reports.both import Both
from unmask.reports.figures import Pictures, figure, image
from unmask.reports.reproduce import reproduction
from unmask.reports.rows import Columns
from unmask.reports.series import Traces
from unmask.reports.sounds import Sounds
from unmask.reports.videos import Videos
from unmask.reports.volumes import Volumes
from unmask.reports.words import Words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from numpy.typing import ArrayLike

    from unmask.draw.colormap import Colormap
    from unmask.draw.scale import Look
    from unmask.masks.grid import Masks
    from unmask.reports.reproduce import Reproduction
    from unmask.run.explanation import Explanation
    from unmask.run.parts import Part

    Curves = Sequence[Mapping[str, "Curve"]]


__all__ = ["Curve", "report"]


CURVES = (
    "Deletion: the score while the most important pixels are taken away first; the sooner it "
    "falls, the better the map. Insertion: while they are put back first; the sooner it rises, the "
    "better."
)


class Figures(Protocol):
    """Figures of one explanation; `Pictures`, `Words`, `Traces` and `Columns` are such."""

    style: str

    def whole(self) -> str:
        """Return the input's own figure, as HTML; empty where it has none."""

    def of(self, number: int) -> str:
        """Return the figures of a target."""


# By the name of the modality; an array's maps are drawn as a picture's where they can be.
FIGURES: dict[str, Callable[[int, Explanation, Look], Figures]] = {
    "picture": Pictures,
    "text": Words,
    "series": Traces,
    "sound": Sounds,
    "volume": Volumes,
    "video": Videos,
    "row": Columns,
    "picture and text": Both,
}


class Curve(Protocol):
    """A score as more and more pixels change, as `unmask.metrics` measures it."""

    @property
    def fractions(self) -> ArrayLike:
        """Share of the pixels changed, 0 to 1, ascending."""

    @property
    def scores(self) -> ArrayLike:
        """Score of the target, as many."""


def report(
    explanations: Sequence[Explanation],
    *,
    recipes: Sequence[Reproduction] | None = None,
    curves: Sequence[Curves | None] | None = None,
    parts: Sequence[Sequence[Sequence[Part]]] | None = None,
    look: Look = DEFAULT,
    cmap: Colormap | None = None,
    title: str = "What did the model look at?",
) -> str:
    """Write explanations as one HTML page without any outside reference.

    Parameters
    ----------
    explanations : sequence of Explanation
        At least one.
    recipes : sequence of Reproduction, optional
        How each can be made again, where more is known than what the explanation holds.
    curves : sequence of mapping, optional
        For each explanation, None or what `unmask.metrics.curves` returns: for each target
        ``{"deletion": curve, "insertion": curve}``, or other names, or nothing.
    parts : sequence of sequences, optional
        For each explanation and each of its targets, what `Explanation.sufficient` and
        `Explanation.necessary` return.
    look : Look
        How maps are drawn.
    cmap : str, optional
        Another color map than that of `look`.
    title : str

    Returns
    -------
    str
        UTF-8 is what it declares.

    Raises
    ------
    SettingError
        No explanation, or not as many recipes, curves or targets with curves as there are.

    Examples
    --------
    >>> import unmask
    >>> street = unmask.demo.pictures()["street"]
    >>> page = report([unmask.explain("demo", street, ["heart", "star"], masks=256)])
    >>> page.startswith("<!doctype html>"), page.count("<figure")
    (True, 7)
    """
    count = len(explanations)
    again = recipes or [reproduction(explanation) for explanation in explanations]
    measured = curves or [None] * count
    found = parts or [[()] * len(explanation.targets) for explanation in explanations]
    if not count or {len(again), len(measured), len(found)} != {count}:
        raise SettingError(
            f"{count} explanations, {len(again)} recipes, {len(measured)} sets of curves and "
            f"{len(found)} of parts: expected at least one explanation, and as many of the others"
        )
    for explanation, of_one in zip(explanations, measured, strict=True):
        if of_one is not None and len(of_one) != len(explanation.targets):
            raise SettingError(
                f"{explanation.image} has {len(explanation.targets)} targets, and curves of "
                f"{len(of_one)}"
            )
    look = look if cmap is None else replace(look, cmap=cmap)
    drawn = [_figures(number, each, look) for number, each in enumerate(explanations)]
    many = "" if count == 1 else _contents(explanations)
    sections = "".join(
        _section(number, *section)
        for number, section in enumerate(
            zip(explanations, again, measured, found, drawn, strict=True)
        )
    )
    style = "".join(pictures.style for pictures in drawn)
    return page(title, f"<h1>{escape(title)}</h1>{many}", sections, style)


def page(title: str, header: str, main: str, style: str = "") -> str:
    """Return a whole page of HTML that loads nothing; `style` is CSS beside the report's own."""
    style, script = _asset("report.css") + style, _asset("report.js")
    policy = (
        f"default-src 'none'; img-src data:; media-src data:; style-src '{_digest(style)}'; "
        f"script-src '{_digest(script)}'"
    )
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{style}</style>\n</head>\n<body>\n"
        f"<header>{header}</header>\n<main>\n{main}</main>\n"
        "<footer>Made by unmask "
        f"{escape(__version__)}. Parts of the input were hidden at random; what was visible when "
        "the score was high is warm, what was visible when it was low is cold (RISE, "
        "arXiv:1806.07421). Reliability is the correlation to expect with the map of infinitely "
        "many masks.</footer>\n"
        f"<script>{script}</script>\n</body>\n</html>\n"
    )


def _figures(number: int, explanation: Explanation, look: Look) -> Figures:
    """Return the figures of an explanation, by what kind of input it is of."""
    original = explanation.original
    kind = "picture" if original is None else original.kind
    return FIGURES.get(kind, Pictures)(number, explanation, look)


def _contents(explanations: Sequence[Explanation]) -> str:
    titles = [
        ", ".join(target.title for target in explanation.targets if not target.is_token)
        for explanation in explanations
    ]
    items = "".join(
        f'<li><a href="#e{number}">{escape(explanation.image)}</a> '
        f"<span>{escape(titles[number])}</span></li>"
        for number, explanation in enumerate(explanations)
    )
    return f"<nav><ol>{items}</ol></nav>"


def _section(
    number: int,
    explanation: Explanation,
    again: Reproduction,
    curves: Curves | None,
    parts: Sequence[Sequence[Part]],
    pictures: Figures,
) -> str:
    targets = []
    for position, target in enumerate(explanation.targets):
        facts = [
            f"{target.quantity} {format_score(target.score)}",
            f"reliability {format_reliability(explanation.reliabilities[position])}",
        ]
        if target.box is not None:
            facts.append("box " + ", ".join(f"{edge:.0f}" for edge in target.box))
        lines = {} if curves is None else curves[position]
        targets.append(
            f"<h3>{escape(target.title)}</h3><p class=facts>{escape(' · '.join(facts))}"
            f"</p>{pictures.of(position)}{_kept_and_lost(explanation, parts[position])}"
            f"{_curves(lines)}"
        )
    state = "" if explanation.complete else f" of {explanation.plan.count:,} asked for"
    head = f"{explanation.model} · {explanation.masks:,} masks{state} · {explanation.seconds:.1f} s"
    return (
        f'<section id="e{number}"><h2>{escape(explanation.image)}</h2>'
        f"<p class=facts>{escape(head)}</p>"
        f"{_notes(explanation.notes)}<div class=explained>{pictures.whole()}"
        f"<div>{chosen_one_by_one(number, explanation.targets, targets)}</div></div>"
        f"{_details(explanation, again)}</section>\n"
    )


def _kept_and_lost(explanation: Explanation, parts: Sequence[Part]) -> str:
    """Return what keeps an answer and what loses it, as pictures where it is one."""
    shown = []
    for part in parts:
        words = f"{part.TITLES[part.kind]}: {part}."
        content = f"<p>{escape(words)}</p>"
        if explanation.picture is not None:
            pixels = paint_part(explanation.picture, part.mask, hidden=part.hidden)
            content = figure(image(pixels, part.TITLES[part.kind]), words)
        shown.append(content)
    return f"<div class=parts>{''.join(shown)}</div>" if shown else ""


def _curves(curves: Mapping[str, Curve]) -> str:
    if not curves:
        return ""
    from unmask.draw.curves import OF_METRICS, Series
    from unmask.draw.page_svg import svg

    lines, areas = [], []
    for name, curve in curves.items():
        fractions, scores = np.asarray(curve.fractions, float), np.asarray(curve.scores, float)
        lines.append(Series(fractions, scores, name, color=OF_METRICS.get(name)))
        areas.append(f"{name} {format_score(float(np.trapezoid(scores, fractions)))}")
    drawn = svg(lines, x_label="share of the pixels changed", y_label="score")
    words = f"{CURVES} Areas under them: {', '.join(areas)}."
    caption = f"<figcaption>{escape(words)}</figcaption>"
    return f"<figure class=curves>{drawn}{caption}</figure>"


def _details(explanation: Explanation, again: Reproduction) -> str:
    masks = explanation.plan.masks
    rows = {
        "model": explanation.model,
        "size": " × ".join(map(str, masks.shape)),
        "masks": f"{explanation.masks:,} of {explanation.plan.count:,}",
        **_parts(masks),
        "keep probability": f"{masks.keep:g}",
        "fill": explanation.plan.fill,
        "design": masks.design,
        "estimator": explanation.plan.estimator,
        "link": explanation.plan.link,
        "seed": str(masks.seed),
        "time": f"{explanation.seconds:.2f} s, {explanation.model_calls:,} model calls",
        "versions": ", ".join(
            f"{name} {version}" for name, version in explanation.versions.items()
        ),
    }
    table = "".join(
        f"<tr><th scope=row>{escape(name)}</th><td>{escape(value)}</td></tr>"
        for name, value in rows.items()
    )
    unsaid = "".join(
        f"<p>{'Add' if what in again.missing else 'The command leaves out'} {escape(what)}.</p>"
        for what in again.unsaid
    )
    return (
        f"<details><summary>Settings, and how to make it again</summary><table>{table}</table>"
        f"<pre><code>{escape(again.command())}</code></pre>"
        f"<pre><code>{escape(again.python())}</code></pre>{unsaid}</details>"
    )


def _parts(masks: Masks) -> dict[str, str]:
    """Return what the masks are made of, as rows of the table."""
    if isinstance(masks, SegmentMasks):
        return {"segments": f"{masks.segments}: {masks.in_words}"}
    return {"units" if masks.units else "grid": " × ".join(map(str, masks.grid))}


def _notes(notes: Iterable[str]) -> str:
    items = "".join(f"<li>{escape(note)}</li>" for note in notes)
    return f"<ul class=notes>{items}</ul>" if items else ""


def _asset(name: str) -> str:
    return (resources.files("unmask.reports") / name).read_text("utf-8")


def _digest(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
