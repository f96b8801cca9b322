"""An answer in a notebook: its tokens to choose from, and what each was read from."""

from __future__ import annotations

import base64
import math
import secrets
from html import escape
from typing import Any

import numpy as np
from PIL import Image

from unmask.draw.bars import largest
from unmask.draw.words import on_dark
from unmask.estimate.uncertainty import format_reliability
from unmask.inputs import TextOriginal
from unmask.inputs.encoding import png

__all__ = ["choices"]

WIDE, HIGH = 720, 480  # pixels of a picture, at most
FEW = 8  # words whose change is written out, the largest first
MOST = 64  # targets shown: a notebook keeps all of them in its file
STYLE = (
    "<style>#{0} input{{display:none}}#{0} label{{display:inline-block;padding:1px 8px;"
    "margin:0 3px 4px 0;border:1px solid #9994;border-radius:4px;cursor:pointer}}"
    "#{0} .shown{{display:none}}{1}</style>"
)
CHOSEN = (
    "#{0} #{0}-{1}:checked~.tokens label[for={0}-{1}]{{background:#0b62c4;color:#fff}}"
    "#{0} #{0}-{1}:checked~.shown.n{1}{{display:block}}"
)


def choices(explanation: Any) -> str | None:
    """Return HTML that shows one target at a time, by buttons and without any script.

    Parameters
    ----------
    explanation : Explanation
        Which calls this, so that it is no type here.

    Returns
    -------
    str or None
        None where there are no tokens of an answer, or the input is neither picture nor text.
    """
    home = explanation.original
    readable = isinstance(home, TextOriginal) or explanation.picture is not None
    if not readable or not any(target.is_token for target in explanation.targets):
        return None
    count = min(MOST, len(explanation.targets))
    name = f"unmask{secrets.token_hex(4)}"
    style = STYLE.format(name, "".join(CHOSEN.format(name, place) for place in range(count)))
    checked = [" checked", *[""] * (count - 1)]
    inputs = "".join(
        f'<input type=radio name="{name}" id="{name}-{place}"{said}>'
        for place, said in enumerate(checked)
    )
    labels = "".join(
        f'<label for="{name}-{place}">{escape(explanation.targets[place].label)}</label>'
        for place in range(count)
    )
    draw = _words if isinstance(home, TextOriginal) else _picture
    shown = "".join(
        f'<div class="shown n{place}">{_facts(explanation, place)}{draw(explanation, place)}</div>'
        for place in range(count)
    )
    more = len(explanation.targets) - count
    rest = f"<p>and {more:,} more tokens, which a report shows</p>" if more else ""
    return f'<div id="{name}">{style}{inputs}<div class=tokens>{labels}</div>{shown}{rest}</div>'


def _facts(explanation: Any, place: int) -> str:
    target = explanation.targets[place]
    sure = format_reliability(explanation.reliabilities[place])
    return f"<p>{target.quantity} {target.score:.4g} · reliability {sure}</p>"


def _picture(explanation: Any, place: int) -> str:
    drawn = explanation.overlay(place)
    share = min(1.0, WIDE / drawn.width, HIGH / drawn.height)
    size = (max(1, round(drawn.width * share)), max(1, round(drawn.height * share)))
    pixels = np.asarray(drawn.resize(size, Image.Resampling.LANCZOS))
    uri = base64.b64encode(png(pixels)).decode()
    label = escape(explanation.targets[place].label)
    return f'<img alt="The map for {label} over the picture" src="data:image/png;base64,{uri}">'


def _words(explanation: Any, place: int) -> str:
    home: Any = explanation.original
    values, level = explanation.maps[place], float(explanation.levels[place])
    errors = explanation.influence_stderr(place)
    colors = explanation.scaled(place).colors(values)
    parts = [escape(home.gaps[0])]
    rows = zip(home.words, home.gaps[1:], values, errors, colors, on_dark(colors), strict=True)
    for word, gap, value, error, color, dark in rows:
        back = "#" + "".join(f"{int(part):02x}" for part in color)
        sure = f" ± {error:.2g}" if math.isfinite(error) else ""
        parts.append(
            f'<span title="{value - level:+.3g}{sure}" style="background:{back};'
            f'color:{"#fff" if dark else "#1c1e21"};padding:1px 3px;border-radius:3px">'
            f"{escape(word)}</span>{escape(gap)}"
        )
    said = ", ".join(
        f"{escape(home.words[one])} {values[one] - level:+.3g}"
        + (f" ± {errors[one]:.2g}" if math.isfinite(errors[one]) else "")
        for one in largest(values, level, FEW)
    )
    text = f'<p style="line-height:2">{"".join(parts)}</p>'
    return f"{text}<p>Change, ± standard error: {said}</p>"
