"""An answer's tokens as HTML: one is chosen, and what is drawn of it is shown."""

from __future__ import annotations

import math
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from unmask.targets.target import Target

__all__ = ["chosen_one_by_one"]

DOUBTFUL = math.log(0.5)


def chosen_one_by_one(number: int, targets: Sequence[Target], articles: Sequence[str]) -> str:
    """Return articles of targets, with buttons to choose one where there are tokens of an answer.

    Without scripts all of them are shown.

    Parameters
    ----------
    number : int
        Of the explanation on the page.
    targets : sequence of Target
    articles : sequence of str
        HTML, as many.
    """
    if not any(target.is_token for target in targets):
        return "".join(f"<article>{article}</article>" for article in articles)
    buttons = "".join(
        f'<button type=button data-shows="e{number}t{place}"{_kind(target)} '
        f'title="{escape(target.quantity)} {target.score:.3g}">{escape(target.label)}</button> '
        for place, target in enumerate(targets)
    )
    shown = "".join(
        f'<article id="e{number}t{place}">{article}</article>'
        for place, article in enumerate(articles)
    )
    return (
        f"<div class=answer><p class=tokens>{buttons}</p><p class=facts>Choose the whole or a "
        f"token; underlined are those of a probability below a half.</p>{shown}</div>"
    )


def _kind(target: Target) -> str:
    if not target.is_token:
        return ' class="all"'
    return ' class="doubted"' if target.score <= DOUBTFUL else ""
