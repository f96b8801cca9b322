"""``unmask report``."""

from __future__ import annotations

from pathlib import Path

import unmask
from unmask._base import files
from unmask.cli import console, options, results
from unmask.cli.look_options import LookOptions, takes_look
from unmask.cli.model_options import ModelOptions, takes_model
from unmask.cli.parts import find_parts
from unmask.cli.result_options import gives_results
from unmask.cli.status import clear_errors
from unmask.evaluation import metrics
from unmask.reports import stored
from unmask.reports.html import report as written
from unmask.reports.reproduce import Reproduction, reproduction
from unmask.reports.stored import MOST

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
) -> None:
    """Put explanations into one HTML file that can be sent to anybody.

    It holds everything that it shows, and asks the network for nothing.
    """
    with clear_errors():
        drawn = look.look()
        files.check(output)
        shown: list[unmask.Explanation] = []
        recipes: list[Reproduction] = []
        lines = regions = None
        for path in explanations:
            if "://" in path or Path(path).is_dir():
                found = stored(unmask.results.open(path, source), most)
                console.show_notes(found.notes)
                shown += found.explanations
                recipes += found.recipes
            else:
                shown.append(unmask.Explanation.load(path))
                recipes.append(reproduction(shown[-1]))
        if curves:
            asked = model.load()
            # Said meanwhile where that is seen.
            with console.bars().status("measuring deletion and insertion"):
                lines = [metrics.curves(explanation, asked) for explanation in shown]
        if parts:
            asked = model.load()
            regions = [find_parts(explanation, asked) for explanation in shown]
        results.current().add(explanations=len(shown))
        page = written(shown, curves=lines, parts=regions, recipes=recipes, title=title, look=drawn)
        before = [output] if output.exists() else []
        with files.replacing(output) as file:
            file.write(page.encode("utf-8", "backslashreplace"))
        console.show_written([output], before)
