"""A row's columns in the terminal, the strongest first."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from unmask.cli import values
from unmask.cli.console import one_line, out, short

if TYPE_CHECKING:
    from unmask.run.explanation import Explanation
    from unmask.targets.target import Target

__all__ = ["show_columns"]


def show_columns(explanation: Explanation, number: int, target: Target) -> None:
    """Show a row's strongest columns in a target's map; nothing of other inputs."""
    rows = values.of_columns(explanation, number)
    if not rows:
        return
    from unmask.draw.bars import MOST, largest

    level = float(explanation.levels[number])
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for title in ("column", "value", "change", "± error"):
        table.add_column(title, justify="left" if title == "column" else "right")
    for place in largest(explanation.maps[number], level):
        row = rows[place]
        error = f"{row['stderr']:.2g}" if math.isfinite(row["stderr"]) else "not known"
        given = row["input"]
        held = f"{len(given)} columns" if isinstance(given, dict) else str(given)
        table.add_row(
            Text(one_line(row["column"]), "bold" if row["significant"] else ""),
            Text(one_line(held)),
            f"{row['value'] - level:+.3g}",
            error,
        )
    out.print(Text.assemble("\n", (short(target.label), "bold")))
    out.print(table)
    few = f"The {MOST} strongest, and {len(rows) - MOST:,} more. " if len(rows) > MOST else ""
    out.print(
        f"[dim]{few}Change of the {explanation.quantity(number)} while a column is as in the row, "
        "not as in the background; bold: more than chance, 95%.[/]"
    )
