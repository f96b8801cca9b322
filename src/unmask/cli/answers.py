"""Answers in the terminal: what a model writes, and which word each of its tokens leans on."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from rich.markup import escape
from rich.table import Table
from rich.text import Text

from unmask._base.numbers import format_score
from unmask.cli import results, values
from unmask.cli.console import one_line, out, short
from unmask.inputs import TextOriginal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from unmask.run.explanation import Explanation

__all__ = ["show_tokens", "show_written_texts"]

DOUBTFUL = math.log(0.5)
MOST = 40  # tokens in a table


def show_written_texts(name: str, texts: Sequence[Any]) -> None:
    """Show what a model reads or writes, each token with its probability given those before."""
    results.current().add(model=name, answers=[*map(values.of_written, texts)])
    out.print(f"[bold]{escape(name)}[/] says")
    for one in texts:
        shown = Text(" ")
        for token, log in one.tokens:
            shown.append(" ".join(token.splitlines()), "" if log > DOUBTFUL else "yellow underline")
        out.print(shown, soft_wrap=True)
        out.print(f"[dim] log-probability {format_score(one.score)} of {len(one.tokens)} tokens[/]")
    doubted = any(log <= DOUBTFUL for one in texts for _, log in one.tokens)
    if doubted:
        out.print("[dim]Underlined: tokens of a probability below a half.[/]")


def show_tokens(explanation: Explanation) -> None:
    """List the tokens of answers to a text, each with the word that speaks for it most."""
    home = explanation.original
    tokens = [place for place, one in enumerate(explanation.targets) if one.is_token]
    if not isinstance(home, TextOriginal) or not tokens:
        return
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for title in ("token", "strongest word", "change", "± error"):
        table.add_column(title, justify="left" if title in ("token", "strongest word") else "right")
    for place in tokens[:MOST]:
        change = explanation.maps[place] - float(explanation.levels[place])
        best = int(abs(change).argmax())
        error = float(explanation.influence_stderr(place)[best])
        table.add_row(
            Text(one_line(explanation.targets[place].title), "bold"),
            Text(one_line(short(home.words[best]))),
            f"{change[best]:+.3g}",
            f"{error:.2g}" if math.isfinite(error) else "not known",
        )
    out.print(Text("\nEach token", "bold"))
    out.print(table)
    few = f"The first {MOST} of {len(tokens):,} tokens. " if len(tokens) > MOST else ""
    out.print(f"[dim]{few}Change of a token's log-probability while the word is there.[/]")
