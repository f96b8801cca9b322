"""``unmask merge``."""

from __future__ import annotations

from pathlib import Path

import unmask
from unmask.cli import tables
from unmask.cli.arguments import check_parts, make_folder, parse_name
from unmask.cli.figures import check_places, keep_others, write_explanation
from unmask.cli.look_options import LookOptions, takes_look
from unmask.cli.options import CertaintyOption, NameOption, OutputOption, Parts
from unmask.cli.result_options import gives_results
from unmask.cli.status import clear_errors

__all__ = ["merge"]


@gives_results
@takes_look
def merge(
    parts: Parts,
    name: NameOption = "merged",
    *,
    look: LookOptions,
    certainty: CertaintyOption = False,
    output: OutputOption = Path("unmask-output"),
) -> None:
    """Join explanations of different masks, such as the shards of one, into one map."""
    with clear_errors():
        stem, drawn = parse_name(name), look.look()
        check_parts(parts)
        read = [unmask.Explanation.load(path) for path in parts]
        folder = make_folder(output)
        check_places(folder, stem, read[0].targets)
        keep_others(folder / f"{stem}.npz", read[0].original)
        before = set(folder.iterdir())
        merged = read[0].merge(*read[1:])
        written = write_explanation(merged, folder, stem, drawn, certainty)
        tables.show_result(merged, written, before)
