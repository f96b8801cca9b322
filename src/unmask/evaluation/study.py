"""A whole evaluation in a folder: rows on disk as they are made, tables and mean curves at the end.

Stopped, it goes on where it was; under other settings it is refused, so that no table mixes two.
"""

from __future__ import annotations

import contextlib
import functools
import importlib.util
import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unmask import demo
from unmask._base import files
from unmask._version import __version__
from unmask.errors import (
    DoubtWarning,
    FileError,
    ImageError,
    MissingExtra,
    SettingError,
    warn,
)
from unmask.evaluation import metrics, stored
from unmask.evaluation.evaluating import DEFAULT, Row, evaluate, summarize
from unmask.evaluation.evidence import evidence_boxes, evidence_digest, short_digest
from unmask.evaluation.study_files import TABLES, as_dict, mean_curve, write_study
from unmask.evaluation.table import EvaluationTable
from unmask.inputs import images
from unmask.models.loading import load
from unmask.models.registry import DEMO
from unmask.run.ask import about_picture, source_of

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from numpy.typing import ArrayLike

    from unmask.evaluation.explainers import Explainer
    from unmask.evaluation.metrics import Curve, Mean
    from unmask.models.model import Model
    from unmask.run.stored_maps import StoredMaps


__all__ = ["Study", "check_asked"]


class Study:
    """An evaluation that is stored in a folder, and goes on where it stopped.

    Iterating makes the rows that are missing; each is on disk when it is yielded. A picture whose
    file has changed is done again.

    Parameters
    ----------
    folder : path-like
        Made if it is not there. Rows are in its results.jsonl.
    model : Model, path-like, "demo" or callable
    pictures : iterable of path-like
        Files, or folders of them.
    explainer : str or callable, default "unmask"
        As for `evaluate`. A function is recognized by its name alone.
    maps : optional
        Stored maps, as `unmask.cluster.open` gives them, to be measured; no picture is explained
        then.
    target : optional
        One, as for `evaluate`; of stored maps its position or label.
    wanted : sequence of str
        Names of `unmask.metrics.METRICS`.
    evidence : path-like or mapping of str to box or bool array, optional
        Where the evidence is: by the picture's name, or a file that `read_evidence` reads.
    randomized : Model or what `unmask.load` takes, optional
        The same model with random weights, for "sanity".
    seed : int, default 0
        For an explainer that takes one.
    settings : mapping, optional
        JSON values to tell this evaluation from others by, in place of those that are found out:
        "model options", "explainer".

    Attributes
    ----------
    metrics : tuple of Metric
        What is measured.
    names : tuple of str
        All pictures.
    notes : tuple of str
        What may be wrong, known from the first picture.
    left_out : dict of str to int
        Files of folders that are no pictures, by their endings.

    Raises
    ------
    SettingError
        The folder was begun with other settings, or a metric lacks what it needs.
    FileError
        The folder cannot be written, or holds something else.
    ImageError
        A folder without pictures.
    MissingExtra
        PyArrow is not installed.

    Warns
    -----
    DoubtWarning
        The notes.

    Examples
    --------
    >>> import tempfile
    >>> import unmask
    >>> from unmask.evaluation import Study
    >>> night = unmask.demo.pictures()["night"]
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     study = Study(folder, "demo", [night], "unmask,masks=256", wanted=["deletion"])
    ...     made = [row["label"] for row in study]
    ...     again = Study(folder, "demo", [night], "unmask,masks=256", wanted=["deletion"])
    ...     len(again.left), made, [path.name for path in again.write()]
    (0, ['heart'], ['results.parquet', 'results.csv', 'summary.csv', 'curves.png'])
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        model: Any = "demo",
        pictures: Iterable[str | os.PathLike[str]] = (),
        explainer: str | Explainer = "unmask",
        *,
        maps: StoredMaps | None = None,
        target: Any = None,
        wanted: Sequence[str] = DEFAULT,
        evidence: str | os.PathLike[str] | Mapping[str, ArrayLike] | None = None,
        randomized: Any = None,
        seed: int = 0,
        settings: Mapping[str, Any] | None = None,
    ) -> None:
        if importlib.util.find_spec("pyarrow") is None:  # at the start, not at the end
            raise MissingExtra("pyarrow", "eval")
        paths, self.left_out = _opened(pictures)
        check_asked(paths, maps, explainer)
        self.metrics = metrics.known(wanted)
        loaded = load(model)
        self.notes: tuple[str, ...] = ()
        asked: dict[str, Any] = {
            "target": target,
            "wanted": [metric.name for metric in self.metrics],
            "evidence": evidence_boxes(evidence),
        }
        # All that can be wrong with the settings is raised here, before a file is begun.
        if maps is None:
            asked |= {"randomized": randomized, "seed": seed}
            self._begin(loaded, paths, explainer, asked)
        else:
            self._begin_stored(loaded, maps, asked)
        self.names = tuple(self._digests)
        self.folder = files.made(folder)
        for name in TABLES:
            files.check(self.folder / name)
        known = {
            "model": loaded.name,
            "model file": _of_model(loaded),
            "model options": None if loaded.origin is None else loaded.origin.options,
            "explainer": explainer if maps is None else f"maps of {maps.url}",
            "target": target,
            "metrics": asked["wanted"],
            "evidence": evidence_digest(evidence),
            "seed": seed,
            "unmask": __version__,
        }
        known |= settings or {}
        said = {name: json.loads(json.dumps(value, default=_said)) for name, value in known.items()}
        self.table = EvaluationTable(self.folder / "results.jsonl", said)

    def _begin(
        self,
        model: Model,
        paths: Sequence[Path],
        explainer: str | Explainer,
        asked: Mapping[str, Any],
    ) -> None:
        evaluate(model, [], explainer, **asked)
        with contextlib.suppress(ImageError):  # it becomes a row
            self.notes = tuple(about_picture(source_of(model), images.read(paths[0])))
        for note in self.notes:
            warn(note, DoubtWarning)
        self._digests = {str(path): short_digest(path) for path in paths}
        self._make: Callable[[Sequence[str]], Iterable[Row]] = lambda left: evaluate(
            model, map(Path, left), explainer, **asked
        )

    def _begin_stored(self, model: Model, maps: StoredMaps, asked: Mapping[str, Any]) -> None:
        """Measure stored maps; their failures are failures here, too."""
        asked = {**asked, "target": asked["target"] or 0}
        stored.evaluate(model, [], **asked)
        names, failures = maps.ids, maps.failures
        if not names and not failures:
            raise FileError(f"{maps.url}: batch has finished no picture there yet")
        stored.check_explained(model, maps.explanations())

        def make(left: Sequence[str]) -> Iterator[Row]:
            wanted = frozenset(left)
            yield from stored.evaluate(model, maps.explanations(wanted), **asked)
            for name, reason in failures.items():
                if name in wanted:
                    yield Row(name, error=f"{name} failed in batch: {reason}")

        self._digests = dict.fromkeys([*names, *failures], "")
        self._make = make

    @property
    def left(self) -> tuple[str, ...]:
        """The pictures whose rows are missing, or whose files have changed."""
        rows = self.table.rows
        return tuple(
            name
            for name, digest in self._digests.items()
            if rows.get(name, {}).get("digest", "-") != digest
        )

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The rows that are there, in the order of `names`; what is missing in one is None."""
        return [self.table.rows[name] for name in self.names if name in self.table.rows]

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """Make the rows that are missing."""
        left = self.left
        for name, row in zip(left, self._make(left), strict=True):
            self.table.append(as_dict(row, name, self._digests[name]))
            yield self.table.rows[name]

    def summary(self) -> dict[str, Mean]:
        """Return the metrics' means over the pictures, with their 95% intervals."""
        names = [metric.name for metric in self.metrics]
        return summarize(
            Row(
                row["picture"],
                values={name: row[name] for name in names if row.get(name) is not None},
                error=row["error"],
            )
            for row in self.rows
        )

    def curves(self) -> dict[str, Curve]:
        """Return the mean curves, of "deletion" and "insertion" where they were measured."""
        means = {metric.name: mean_curve(self.rows, metric.name) for metric in self.metrics}
        return {name: curve for name, curve in means.items() if curve is not None}

    def write(self) -> list[Path]:
        """Write the rows as results.parquet and results.csv, summary.csv, and curves.png.

        Returns
        -------
        list of pathlib.Path
            What was written.

        Raises
        ------
        FileError
        """
        return write_study(self.folder, self.metrics, self.rows, self.summary(), self.curves())


def check_asked(pictures: Any, maps: Any, explainer: Any) -> None:
    """Refuse both pictures and maps, or neither, and an explainer together with stored maps."""
    if (maps is None) == (not pictures):
        raise SettingError("give pictures to explain, or maps= with maps that are there")
    if maps is not None and explainer != "unmask":
        raise SettingError("explainer= and maps= exclude each other: maps are there")


def _opened(
    given: Iterable[str | os.PathLike[str]],
) -> tuple[list[Path], dict[str, int]]:
    """Return the pictures, folders opened, and what is left out of these by endings.

    A file that is not there becomes a row.
    """
    found: list[Path] = []
    left_out: Counter[str] = Counter()
    for path in map(Path, given):
        if not path.is_dir():
            found.append(path)
            continue
        there = [file for file in sorted(path.iterdir()) if file.is_file()]
        inside = [file for file in there if file.suffix.lower() in images.suffixes()]
        if not inside:
            raise ImageError(f"{path}: no pictures in this folder")
        found += inside
        rest = [file for file in set(there).difference(inside) if not file.name.startswith(".")]
        left_out.update(file.suffix.lower() or "no ending" for file in rest)
    counted = sorted(left_out.items(), key=lambda item: (-item[1], item[0]))
    return list(dict.fromkeys(found)), dict(counted)


def _of_model(model: Model) -> str:
    """Return the digest of a model's file, "" where it has none."""
    if model.origin is None:
        return ""
    source = model.origin.source
    return short_digest(demo.MODEL if source == DEMO else Path(source))


def _said(value: Any) -> Any:
    """Return what stands in JSON for a function or a target."""
    if isinstance(value, functools.partial):
        return [value.func, list(value.args), value.keywords]
    if hasattr(value, "__qualname__"):
        return f"{value.__module__}:{value.__qualname__}"
    return repr(value)
