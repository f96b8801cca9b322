"""The models that a page may choose from, and what it is told of them and of a picture."""

from __future__ import annotations

import base64
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from unmask import demo
from unmask.app.form import MAX_TARGETS, brief, fields
from unmask.draw.colormap import COLORMAPS, DIVERGING, colorize, ink
from unmask.errors import ModelError, TargetError, UnmaskError
from unmask.inputs import Picture
from unmask.models.loading import load
from unmask.reports.reproduce import DEMO, Reproduction
from unmask.run.prepare import Run, prepare
from unmask.run.settings import MAX_MASKS, UNTIL
from unmask.targets import Point, Prediction, Segment, output_specs, region_specs, task_of
from unmask.targets.box_specs import CORNERS
from unmask.targets.class_specs import DIFFERENCE, NUMBER, parse

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from unmask.models.model import Model


__all__ = [
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
# Never a likeness to a file: who opens the page may not read the server's.
ASKED = (NUMBER, DIFFERENCE, CORNERS, region_specs.TEXT, output_specs.TEXT)


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

    @property
    def detects(self) -> bool:
        """Whether it finds boxes."""
        return task_of(self.model).name == "boxes"

    def about(self) -> dict[str, Any]:
        """Return what a page has to know, as JSON values."""
        model = self.model
        return {
            "key": self.key,
            "name": model.name,
            "detects": self.detects,
            "contrasts": task_of(model).name == "classes",
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
        # "top:1000" would be a lot to ask.
        if not any(form.fullmatch(key) for form in ASKED):
            raise TargetError(
                f"target {brief(key)}: expected the number of a class or a box, a box of four "
                "numbers, contrast:A-B, region:LABEL or output:NAME"
            )
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
    kinds: dict[type[Prediction], str] = {Segment: "region:", Point: "output:"}
    return [
        {
            "key": f"{kinds.get(type(one), '')}{one.index}",
            "label": one.label,
            "score": one.score,
            "box": None,
        }
        for one in run.predictions(TOP)
    ]


def option(run: Run, text: str) -> dict[str, Any]:
    """Return what was asked for beside `options`.

    Parameters
    ----------
    run : Run
    text : str
        A class by its label or number, "contrast:A-B" of two numbers, or for a detector a box by
        hand, "LEFT,TOP,RIGHT,BOTTOM" with or without "LABEL:" before it.

    Raises
    ------
    TargetError
        No such class, the message says what is near; or no such box.
    """
    question = run.question
    if question.task.name == "boxes" and not CORNERS.fullmatch(text):
        raise TargetError("a detector explains boxes: choose one that it found, or draw one")
    _, specs = question.task.parse(question.model, text)
    targets = question.task.resolve(specs, run.outputs, question.model, question.sample)
    found = targets.targets[0]
    return {
        "key": found.again(),
        "label": found.label,
        "score": found.score,
        "box": found.box,
        "drawn": found.box is not None,  # a box that was found is not asked for so
    }


def picture_of(run: Run) -> NDArray[np.uint8]:
    """Return the picture that a run is about; the page takes nothing else."""
    assert isinstance(run.sample.original, Picture)
    return run.sample.original.given


def recipe_of(
    choice: Choice, image: str, example: bool, targets: Sequence[str], settings: Mapping[str, Any]
) -> Reproduction:
    """Say how a page's explanation can be made again without it."""
    task = task_of(choice.model).name
    usual = {row.name: row.usual(task) for row in (UNTIL, MAX_MASKS)}
    settings = {name: one for name, one in settings.items() if usual.get(name) != one}
    return Reproduction(
        image=image,
        targets=tuple(_spoken(choice.model, key) for key in targets),
        settings=settings,
        model=choice.source,
        options=choice.options,
        example=example and image in demo.pictures(),
    )


def color_tables() -> dict[str, dict[str, Any]]:
    """Return 256 colors of each map, three bytes each, in base64, and those that are laid over.

    Diverging maps are for evidence around the level of no influence, the others for heat.
    """

    def text(colors: NDArray[Any]) -> str:
        return base64.b64encode(np.rint(colors).astype(np.uint8).tobytes()).decode()

    ramp = np.linspace(-1, 1, 256)
    return {
        name: {
            "style": "evidence" if name in DIVERGING else "heat",
            "colors": text(colorize(ramp, name, -1, 1)),
            "ink": text(ink(name, ramp)),
        }
        for name in sorted(COLORMAPS, key=lambda name: name not in DIVERGING)
    }


def _spoken(model: Model, key: str) -> str:
    """Return a class by its name, where that is sure to find it again."""
    if task_of(model).name == "boxes" or not model.labels or not NUMBER.fullmatch(key):
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
