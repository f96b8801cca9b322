"""What one worker does: its own model, some pictures, their rows."""

from __future__ import annotations

import hashlib
import os
import pickle
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from unmask.cluster import records
from unmask.cluster.kinds import Reader
from unmask.cluster.spans import fetch
from unmask.errors import UnmaskError, silent
from unmask.run.explain import explain
from unmask.run.prepare import prepare

if TYPE_CHECKING:
    from collections.abc import Mapping

    from unmask.cluster.records import Maps
    from unmask.cluster.spans import Place
    from unmask.models.source import ModelSource
    from unmask.targets.target import Target

__all__ = ["Before", "Worker"]

PICTURES = Reader()


@dataclass(frozen=True)
class Before:
    """A picture that an earlier run explained.

    Attributes
    ----------
    name : str
    data : bytes
        Its file.
    targets : tuple of Target
        As they were found then.
    """

    name: str
    data: bytes
    targets: tuple[Target, ...]


class Worker:
    """Explains pictures with a model that is loaded once; the actor of Ray Data's pool.

    Parameters
    ----------
    recipe : ModelSource
    settings : mapping
        Keyword arguments of `unmask.explain`.
    maps : {"grid", "full", "none"}
    threads : int, default 1
        Of the model.
    before : Before, optional
        What an earlier run found; the model has to find the same.
    reader : Reader
        Of what the pictures are.
    """

    def __init__(
        self,
        recipe: ModelSource,
        settings: Mapping[str, Any],
        maps: Maps,
        threads: int = 1,
        before: Before | None = None,
        reader: Reader = PICTURES,
    ) -> None:
        # Ray sets it where it counts cores; who shares a GPU needs it too.
        os.environ["OMP_NUM_THREADS"] = str(threads)
        self.settings, self.maps, self.reader = dict(settings), maps, reader
        self.model, self.fatal = None, ""
        try:
            self.model = recipe.load()
        except Exception as error:
            # Raised here, Ray would try again, and tell of it in a hundred lines.
            self.fatal = f"the model cannot be loaded: {type(error).__name__}: {error}"
            return
        if before is not None:
            self.fatal = self._is_another(before)

    def _is_another(self, before: Before) -> str:
        """Return a message if the model is not the one of the stored rows, whatever its name."""
        try:
            with silent():
                picture = self.reader(before.data, before.name)
                run = prepare(self.model, picture, **self.settings)
            for then, now in zip(before.targets, run.targets.targets, strict=False):
                then.check_same(now, run.model.name)
        except UnmaskError as error:
            return (
                f"the rows there are not this model's: of {before.name}, {error}. Give the model "
                "they were made with, or another output folder"
            )
        return ""

    def __call__(self, batch: Mapping[str, Any]) -> dict[str, list[Any]]:
        """Explain the pictures of one task.

        Parameters
        ----------
        batch : mapping
            "task", one pickled list of ids with places or image bytes.

        Returns
        -------
        dict
            "rows", a pickled list of rows; "fatal", the reason if the model cannot be used.
        """
        made: list[dict[str, Any]] = []
        if not self.fatal:
            for name, place in pickle.loads(batch["task"][0]):
                made += self.rows(name, place)
        return {"rows": [pickle.dumps(made)], "fatal": [self.fatal]}

    def rows(self, name: str, place: Place) -> list[dict[str, Any]]:
        """Return a picture's rows; whatever goes wrong with it is one row with the error."""
        start = time.perf_counter()
        try:
            data = fetch(place, name)
            with silent():  # explain says it of the array
                picture = self.reader(data, name)
            with silent():  # the notes say the same
                explanation = explain(self.model, picture, **self.settings)
            digest = hashlib.sha256(data).hexdigest()
            return records.rows(name, explanation, self.maps, digest)
        except Exception as error:
            return [records.failed(name, error, time.perf_counter() - start)]
