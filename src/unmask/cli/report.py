"""``unmask report``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import unmask
from unmask._base import files
from unmask.cli import console, options, results
from unmask.cli.look_options import LookOptions, takes_look
from unmask.cli.model_options import ModelOptions, takes_model
from unmask.cli.parts import find_parts
from unmask.cli.result_options import gives_results
from unmask.cli.status import clear_errors
from unmask.draw.scale import Look
from unmask.evaluation import metrics
from unmask.reports import stored
from unmask.reports.html import report as written
from unmask.reports.reproduce import Reproduction, reproduction
from unmask.reports.stored import MOST
from unmask.reports.summary import summarize
from unmask.reports.summary_page import summary_page

__all__ = ["report"]


@gives_results
@takes_model
@takes_look
def report(
    explanations: options.Explanations,
    *,
    model: ModelOptions,
    output: options.PageOption = Path("report.html"),
    title: options.TitleOption = "What did the model look at?",
    look: LookOptions,
    most: options.MostOption = MOST,
    source: options.SourceOption = None,
    curves: options.CurvesOption = False,
    parts: options.PartsOption = False,
    summary: options.SummaryOption = False,
) -> None:
    """Put explanations into one HTML file that can be sent to anybody.

    It holds everything that it shows, and asks the network for nothing.
    """
    with clear_errors():
        drawn = look.look()
        files.check(output)
        if summary:
            if curves or parts:
                raise unmask.SettingError("--summary goes without --curves and --parts: give one")
            gathered = summarize(_every(explanations, source))
            results.current().add(explanations=len(gathered.entries))
            page = summary_page(gathered, title=title, look=drawn)
        else:
            asked = model.load() if curves or parts else None
            page = _page(explanations, asked, title, drawn, most, source, curves, parts)
        before = [output] if output.exists() else []
        with files.replacing(output) as file:
            file.write(page.encode("utf-8", "backslashreplace"))
        console.show_written([output], before)


def _every(paths: Sequence[str], source: str | None) -> Iterator[unmask.Explanation]:
    """Yield all explanations, one in memory at a time."""
    for path in paths:
        if _is_stored(path):
            yield from unmask.results.open(path, source)
        else:
            yield unmask.Explanation.load(path)


def _is_stored(path: str) -> bool:
    return "://" in path or Path(path).is_dir()


def _page(
    paths: Sequence[str],
    asked: unmask.Model | None,
    title: str,
    look: Look,
    most: int,
    source: str | None,
    curves: bool,
    parts: bool,
) -> str:
    shown: list[unmask.Explanation] = []
    recipes: list[Reproduction] = []
    for path in paths:
        if _is_stored(path):
            found = stored(unmask.results.open(path, source), most)
            console.show_notes(found.notes)
            shown += found.explanations
            recipes += found.recipes
        else:
            shown.append(unmask.Explanation.load(path))
            recipes.append(reproduction(shown[-1]))
    lines = None
    if curves:
        # Said meanwhile where that is seen.
        with console.bars().status("measuring deletion and insertion"):
            lines = [metrics.curves(explanation, asked) for explanation in shown]
    regions = [find_parts(explanation, asked) for explanation in shown] if parts else None
    results.current().add(explanations=len(shown))
    return written(shown, curves=lines, parts=regions, recipes=recipes, title=title, look=look)
