"""The models that a page may choose from, and what it is told of them and of a picture."""

from __future__ import annotations

import base64
import re
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from unmask import demo
from unmask.app.form import MAX_TARGETS, brief, fields
from unmask.draw.colormap import COLORMAPS, colorize
from unmask.errors import ModelError, TargetError, UnmaskError
from unmask.inputs import Picture
from unmask.models.loading import load
from unmask.reports.reproduce import DEMO, Reproduction
from unmask.run.prepare import Run, prepare
from unmask.targets import task_of
from unmask.targets.class_specs import parse

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from unmask.models.model import Model


__all__ = [
    "SAFE",
    "Choice",
    "choices",
    "color_tables",
    "look",
    "option",
    "options",
    "recipe_of",
    "started",
]


TOP = 8
# Color maps that grow lighter evenly, so that color-blind readers see what others see.
SAFE = ("inferno", "viridis", "magma", "cividis")
KEY = re.compile(r"[0-9]{1,9}")


@dataclass(frozen=True, eq=False)
class Choice:
    """A model to choose.

    Attributes
    ----------
    key : str
    model : Model
    source : str
        As the command line takes it.
    options : mapping
        As `unmask.load` takes them.
    """

    key: str
    model: Model
    source: str
    options: Mapping[str, Any]

    def about(self) -> dict[str, Any]:
        """Return what a page has to know, as JSON values."""
        model = self.model
        return {
            "key": self.key,
            "name": model.name,
            "detects": task_of(model).name == "boxes",
            "labels": list(model.labels or ()),
            "fields": [asdict(field) for field in fields(model)],
            "most": MAX_TARGETS,
        }


def choices(model: Any, source: str | None, options: Mapping[str, Any]) -> list[Choice]:
    """Return the model given and, unless it is the same, the embedded one."""
    loaded = load(model)
    if not loaded.input.takes_pictures:
        raise ModelError(
            f"{loaded.name} takes no pictures (layout {loaded.input.layout}): the page does"
        )
    known = loaded.origin
    place = known.source if known is not None else loaded.name
    own = Choice(
        "own", loaded, source or place, options or ({} if known is None else known.options)
    )
    if own.source == DEMO:
        return [replace(own, key=DEMO)]
    return [own, Choice(DEMO, load(DEMO), DEMO, {})]


def look(choice: Choice, picture: NDArray[np.uint8]) -> Run:
    """Ask a model about a whole picture."""
    return _lean(prepare(choice.model, picture), picture)


def started(run: Run, targets: Sequence[str], settings: Mapping[str, Any]) -> Run:
    """Check what a page asks to be explained, and prepare it.

    Parameters
    ----------
    run : Run
        From `look`.
    targets : sequence of str
        Keys of `options`; none is the model's best.
    settings : mapping
        From `unmask.app.form.parse`.

    Returns
    -------
    Run
    """
    for key in targets:
        if not KEY.fullmatch(key):  # "top:1000" would be a lot to ask
            raise TargetError(f"target {brief(key)}: expected the number of a class or a box")
    if len(targets) > MAX_TARGETS:
        raise TargetError(f"{len(targets)} classes: at most {MAX_TARGETS} are explained at once")
    picture = picture_of(run)
    ready = prepare(run.model, picture, list(targets) or None, **settings)
    return replace(_lean(ready, picture), image=run.image)


def options(run: Run) -> list[dict[str, Any]]:
    """Return what can be explained: the best classes, or the boxes found, as JSON values."""
    if found := run.detections():
        return [
            {"key": str(b.number), "label": b.label, "score": b.confidence, "box": b.box}
            for b in found
        ]
    return [
        _option(prediction.index, prediction.label, prediction.score)
        for prediction in run.predictions(TOP)
    ]


def option(run: Run, text: str) -> dict[str, Any]:
    """Return a class that was asked for by its label or number.

    Raises
    ------
    TargetError
        No such class; the message says what is near.
    """
    question = run.question
    if question.task.name == "boxes":
        raise TargetError("a detector explains the boxes that it found: choose among these")
    _, specs = question.task.parse(question.model, text)
    targets = question.task.resolve(specs, run.outputs, question.model, question.sample)
    found = targets.targets[0]
    return _option(found.index, found.label, found.score)


def picture_of(run: Run) -> NDArray[np.uint8]:
    """Return the picture that a run is about; the page takes nothing else."""
    assert isinstance(run.sample.original, Picture)
    return run.sample.original.given


def recipe_of(
    choice: Choice, image: str, example: bool, targets: Sequence[str], settings: Mapping[str, Any]
) -> Reproduction:
    """Say how a page's explanation can be made again without it."""
    return Reproduction(
        image=image,
        targets=tuple(_spoken(choice.model, key) for key in targets),
        settings=settings,
        model=choice.source,
        options=choice.options,
        example=example and image in demo.pictures(),
    )


def color_tables() -> dict[str, str]:
    """Return 256 colors of each map, three bytes each, in base64; the safe ones first."""
    ramp = np.arange(256.0)
    return {
        name: base64.b64encode(colorize(ramp, name, 0, 255).tobytes()).decode()
        for name in COLORMAPS
    }


def _option(index: int | None, label: str, score: float) -> dict[str, Any]:
    return {"key": str(index), "label": label, "score": score, "box": None}


def _spoken(model: Model, key: str) -> str:
    """Return a class by its name, where that is sure to find it again."""
    if task_of(model).name == "boxes" or not model.labels or not KEY.fullmatch(key):
        return key
    name = model.labels[int(key)].split(",")[0] if int(key) < len(model.labels) else key
    try:
        return name if parse(name, model.labels, model.classes) == (int(key),) else key
    except UnmaskError:
        return key


def _lean(run: Run, picture: NDArray[np.uint8]) -> Run:
    """Let all runs of a picture hold the same array."""
    sample: Any = run.sample
    sample = replace(sample, original=replace(sample.original, source=picture))
    question = replace(run.question, sample=sample)
    return replace(run, answer=replace(run.answer, question=question))
