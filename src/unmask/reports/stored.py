"""Results of batch for a report: some of its pictures, and how each is explained again."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING

from unmask.errors import FileError
from unmask.reports.reproduce import Reproduction, reproduction

if TYPE_CHECKING:
    from unmask.run.explanation import Explanation
    from unmask.run.stored_maps import StoredMaps


__all__ = ["MOST", "Stored", "stored"]

MOST = 100  # a page holds its pictures, some 0.1 MB each


@dataclass(frozen=True)
class Stored:
    """Explanations with how each is made again, as `unmask.report` takes them.

    Attributes
    ----------
    explanations : tuple of Explanation
    recipes : tuple of Reproduction
    notes : tuple of str
        What is left out.
    """

    explanations: tuple[Explanation, ...]
    recipes: tuple[Reproduction, ...]
    notes: tuple[str, ...] = ()


def stored(results: StoredMaps, most: int = MOST) -> Stored:
    """Return what batch wrote, in the order of the pictures' names.

    Parameters
    ----------
    results : as `unmask.cluster.open` gives them
    most : int, default 100
        Pictures, the first by name.

    Returns
    -------
    Stored

    Raises
    ------
    FileError
        No picture is explained there, or there are no maps.

    Examples
    --------
    .. code-block:: python

        found = stored(unmask.results.open("maps"))
        page = unmask.report(found.explanations, recipes=found.recipes)
    """
    names = sorted(results.ids)
    if not names:
        raise FileError(f"{results.url}: no picture is explained there")
    chosen = dict.fromkeys(islice(names, most))
    found = {explanation.image: explanation for explanation in results.explanations(chosen)}
    notes = []
    if len(names) > most:
        notes.append(f"{most:,} of {len(names):,} pictures of {results.url}; most= takes more.")
    if failed := len(results.failures):
        notes.append(f"{failed:,} pictures of {results.url} failed and are left out.")
    gone = [explanation.missing for explanation in found.values() if explanation.missing]
    if gone:
        notes.append(f"{len(gone):,} pictures cannot be read again, such as {gone[0]}.")
    again = [
        # A local file's path; other URLs stay what they are.
        replace(
            reproduction(found[name]), image=results.place(name).removeprefix("file://") or name
        )
        for name in chosen
    ]
    return Stored(tuple(found[name] for name in chosen), tuple(again), tuple(notes))
