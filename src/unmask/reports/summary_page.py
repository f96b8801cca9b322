"""A summary of many explanations as one HTML page."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from unmask._base.numbers import format_score
from unmask.draw.scale import DEFAULT
from unmask.estimate.uncertainty import format_reliability
from unmask.reports.figures import color_scale, figure, image
from unmask.reports.html import page

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy as np
    from numpy.typing import NDArray

    from unmask.draw.scale import Look
    from unmask.reports.summary import ClassSummary, Entry, Summary

__all__ = ["summary_page"]

MEASURE = "change of the score while visible"  # the color bar adds the level
LARGE = 6  # a side of a place of a mean map, in pixels
NAMED = 12  # pictures of a group that are named


def summary_page(
    summary: Summary, *, title: str = "What does the model look at?", look: Look = DEFAULT
) -> str:
    """Write a summary as one HTML page without any outside reference.

    Parameters
    ----------
    summary : Summary
    title : str
    look : Look
        How maps are drawn.

    Returns
    -------
    str

    Examples
    --------
    >>> import unmask
    >>> from unmask.reports.summary import summarize
    >>> street = unmask.demo.pictures()["street"]
    >>> text = summary_page(summarize([unmask.explain("demo", street, masks=256)]))
    >>> text.startswith("<!doctype html>"), "least reliable" in text
    (True, True)
    """
    maps = len(summary.entries)
    head = f"{maps:,} maps of {len(summary.classes):,} classes"
    sections = [
        f"<p class=facts>{head}, each in the model's own frame.</p>",
        _table("The least reliable", "More masks would help them most.", summary.least_reliable()),
    ]
    if surprising := summary.most_surprising():
        about = "The least like the mean of their class's other maps."
        sections.append(_table("The most surprising", about, surprising))
    sections.append(
        f"<div class=classes>{''.join(_class(one, look) for one in summary.classes)}</div>"
    )
    return page(title, f"<h1>{escape(title)}</h1>", "".join(sections))


def _class(one: ClassSummary, look: Look) -> str:
    figures = [_map(one.mean, "mean map", look)]
    if len(one.groups) > 1:
        figures += [
            _map(group.mean, f"group {number}: {len(group.images):,} maps", look)
            for number, group in enumerate(one.groups, 1)
        ]
    count = f"{len(one.entries):,} map{'s' * (len(one.entries) > 1)}"
    named = ""
    if len(one.groups) > 1:
        named = "".join(
            f"<p class=facts>Group {number}: {escape(_names(group.images))}</p>"
            for number, group in enumerate(one.groups, 1)
        )
    # One map takes a third of the page, so that three such classes stand side by side.
    kind, shown = ("wide", "figures") if len(one.groups) > 1 else ("single", "figures below")
    return (
        f"<section class={kind}><h2>{escape(one.label)}</h2><p class=facts>{count}</p>"
        f'<div class="{shown}">{"".join(figures)}</div>{named}</section>'
    )


def _map(values: NDArray[np.float64], caption: str, look: Look) -> str:
    scale = look.scale(values, 0.0)
    drawn = scale.colors(values).repeat(LARGE, axis=0).repeat(LARGE, axis=1)
    return figure(image(drawn, caption) + color_scale(scale, MEASURE), caption)


def _names(images: tuple[str, ...]) -> str:
    rest = len(images) - NAMED
    return ", ".join(images[:NAMED]) + (f" and {rest:,} more" if rest > 0 else "")


def _table(title: str, about: str, entries: Iterable[Entry]) -> str:
    rows = "".join(
        f"<tr><td>{escape(entry.image)}</td><td>{escape(entry.label)}</td>"
        f"<td>{format_score(entry.score)}</td><td>{format_reliability(entry.reliability)}</td>"
        f"<td>{'' if entry.likeness != entry.likeness else f'{entry.likeness:.2f}'}</td></tr>"
        for entry in entries
    )
    heads = ("picture", "class", "score", "reliability", "likeness to the class")
    head = "".join(f"<th>{name}</th>" for name in heads)
    return (
        f"<section><h2>{title}</h2><p class=facts>{about}</p>"
        f"<table class=listed><tr>{head}</tr>{rows}</table></section>"
    )
