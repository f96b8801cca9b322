"""The question to a model: everything read and checked, then one call with the whole input.

`explain`, `predict`, `detect`, the metrics and the page all begin here.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from unmask import demo
from unmask.demo.familiar import is_scene
from unmask.errors import (
    DoubtWarning,
    ModelError,
    ModelOutputError,
    SettingError,
    UnmaskError,
    UnmaskWarning,
    collected,
    warn,
)
from unmask.inputs import Picture, Together, read
from unmask.inputs.rows import RowSample
from unmask.inputs.together import TogetherSample
from unmask.models.loading import load
from unmask.models.model import labels_misfit
from unmask.models.registry import DEMO
from unmask.targets import Prediction, task_of
from unmask.targets.texts import with_same_texts

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from unmask.inputs import Sample
    from unmask.models.model import Model
    from unmask.targets import Target, Targets, Task

__all__ = [
    "STRANGE",
    "Answer",
    "Question",
    "about_picture",
    "as_asked",
    "ask",
    "opened",
    "same_model",
    "source_of",
    "whole_outputs",
]

# Pixels beyond which a picture at its own size is noted: for a network, for a function.
USUAL, LARGE = 256 * 256, 1_000_000
# Of outputs that may be probabilities: numbers and embeddings are none.
AXES = {"regions": 4, "outputs": 0, "similarity": 0, "answers": 0}
# How the note begins that is said before anything else.
STRANGE = "the embedded demo knows eight drawn shapes"


@dataclass(frozen=True, eq=False)
class Question:
    """A model, an input and what is asked of them, checked; no model call was made.

    Attributes
    ----------
    model : Model
    sample : Sample
    task : Task
    specs
        What is to be explained, as the task reads it.
    notes : tuple of str
        What was said while the input was read.
    """

    model: Model
    sample: Sample
    task: Task
    specs: Any
    notes: tuple[str, ...] = ()

    def answer(self) -> Answer:
        """Show the model the whole input.

        Warns
        -----
        DoubtWarning, UnmaskWarning
            What was assumed, and what may be wrong.

        Raises
        ------
        ModelError, ModelOutputError
            The model failed, or returned something unusable.
        """
        settle = getattr(self.task, "settle", None)
        if settle is not None:
            model, specs, said = settle(self.specs, self.model, self.sample)
            for note in said:
                warn(note, UnmaskWarning)
            settled = replace(self, model=model, specs=specs, notes=(*self.notes, *said))
            return settled._answered()
        return self._answered()

    def _answered(self) -> Answer:
        model, sample = self.model, self.sample
        outputs = whole_outputs(model, sample)
        _check_gaps(model, sample)
        original = sample.original
        picture = original.picture if isinstance(original, Picture) else None
        first = about_picture(source_of(model), picture)
        notes = (
            *model.notes,
            *_about_input(model, sample),
            *_about_outputs(model, outputs, AXES.get(self.task.name, 2)),
        )
        for said, category in ((first, DoubtWarning), (notes, UnmaskWarning)):
            for note in said:
                warn(note, category)
        return Answer(self, outputs, (*first, *notes, *self.notes))


@dataclass(frozen=True, eq=False)
class Answer:
    """What a model said of the whole input.

    Attributes
    ----------
    question : Question
    outputs : as the model returned them
        For a batch of one.
    notes : tuple of str
    """

    question: Question
    outputs: Any
    notes: tuple[str, ...]

    def targets(self) -> Targets:
        """Fix what is explained.

        Raises
        ------
        TargetError
            It is not there.
        """
        question = self.question
        return question.task.resolve(question.specs, self.outputs, question.model, question.sample)

    def found(self, top: int | None = None) -> Sequence[Any]:
        """Return what the model says of the whole input, best first; so many at most."""
        question = self.question
        return question.task.found(self.outputs, question.model, question.sample, top)

    def predictions(self, top: int | None = None) -> list[Prediction]:
        """Return the best classes, best first; a detector has none."""
        return [found for found in self.found(top) if isinstance(found, Prediction)]


def ask(
    model: Any,
    given: Any,
    target: Any = None,
    *,
    preprocess: str | None = None,
    top: int | None = None,
    single: bool = False,
    look: bool = False,
) -> Question:
    """Load the model, read the input and what is asked for; no model call is made.

    Parameters
    ----------
    model, given, target, preprocess
        As for `unmask.explain`.
    top : int, optional
        Scores count only among so many best classes.
    single : bool, default False
        One target is wanted, the task's own if none is named.
    look : bool, default False
        Nothing is to be explained: the model is only called with the whole input.

    Returns
    -------
    Question

    Examples
    --------
    >>> import unmask
    >>> question = ask("demo", unmask.demo.pictures()["street"], "heart")
    >>> question.task.name, question.sample.shape
    ('classes', (96, 96))
    >>> question.answer().targets().targets[0].label
    'heart'
    """
    loaded = load(model)
    if isinstance(given, Mapping):
        loaded, given = _held(loaded, given)
    if isinstance(given, Together):
        loaded = _paired(loaded, given)
    task = task_of(loaded, target)
    if single and target is None:
        target = task.single
    with collected() as said:
        sample = read(loaded.input, loaded.name, given, preprocess)
    loaded, specs = (loaded, None) if look else task.parse(loaded, target, top)
    loaded = opened(loaded, sample)
    return Question(loaded, sample, task, specs, tuple(said))


def _held(model: Model, given: Mapping[str, Any]) -> tuple[Model, Any]:
    """Return a model with its other inputs held as a dictionary says, and the masked one."""
    if model.hold is None or model.main_input is None:
        raise ModelError(
            f"{model.name} has one input, or nobody said which of several is masked: give the "
            "input itself, or main_input=NAME to unmask.load"
        )
    others = {name: one for name, one in given.items() if name != model.main_input}
    if model.main_input not in given:
        raise SettingError(
            f"{model.main_input!r}, which is masked, is not among the inputs {', '.join(given)}"
        )
    return replace(model, **model.hold(others)), given[model.main_input]


def _paired(model: Model, given: Together) -> Model:
    """Return a model that takes pictures and texts together."""
    if model.pairs is None:
        raise ModelError(
            f"{model.name} does not take a picture and a text together: expected one that is asked "
            "about a picture, or that compares pictures with texts"
        )
    return replace(model, **model.pairs(given.text.string))


@dataclass(frozen=True, eq=False)
class _Opened:
    """A model's function that is given rows of numbers, and gives the model what it takes."""

    run: Callable[[Any], Any]
    asarray: Callable[[NDArray[Any]], Any]
    sample: RowSample

    def __call__(self, batch: NDArray[Any]) -> Any:
        rows = self.sample.opened(batch)
        return self.run(self.asarray(rows) if isinstance(rows, np.ndarray) else rows)


def opened(model: Model, sample: Sample) -> Model:
    """Return a model as the batches of an input need it.

    Rows of a table are put together as numbers, and become a DataFrame, or an array where the
    model wants it, when it is called.
    """
    if isinstance(model.run, _Opened):  # for another row
        model = replace(model, run=model.run.run, asarray=model.run.asarray)
    if not isinstance(sample, RowSample):
        return model
    # Of a model that takes pictures too, notes are about these.
    notes = () if model.input.table is not None else model.notes
    run = _Opened(model.run, model.asarray, replace(sample, original=None))
    return replace(model, run=run, asarray=np.asarray, notes=notes)


def same_model(model: Any, texts: Sequence[str] | None, targets: Sequence[Target]) -> Model:
    """Load the model of an explanation that was made before, with all its texts and targets."""
    if texts is None and all(target.measure for target in targets):
        return load(model)  # of similarities, say
    return with_same_texts(load(model), texts, targets)


def as_asked(model: Model, question: Question) -> Model:
    """Return a model, loaded anew, as a question that was answered elsewhere needs it."""
    sample = question.sample
    if isinstance(sample, TogetherSample) and model.pairs is not None:
        model = replace(model, **model.pairs(sample.home.text.string))
    model = opened(model, sample)
    settle = getattr(question.task, "settle", None)
    return model if settle is None else settle(question.specs, model, sample)[0]


def source_of(model: Model) -> str | None:
    """Return where a model came from, None for a live object."""
    return None if model.origin is None else model.origin.source


def whole_outputs(model: Model, sample: Sample) -> Any:
    """Return what the model says of the whole input, checked."""
    try:
        # Copied: a model may hand out the same memory again.
        outputs = deepcopy(model(model.sent(sample.whole())))
    except UnmaskError as error:
        seems = [note for note in model.notes if "detector=" in note]
        if seems:
            raise ModelError(f"{error}. But {seems[0]}") from error
        raise
    except Exception as error:
        shown = (
            _kind(sample)
            if sample.units and not sample.spatial
            else f"input of shape (1, {', '.join(map(str, sample.array.shape))}), layout "
            f"{model.input.layout}"
        )
        raise ModelError(
            f"{model.name} failed on the whole {shown}: {type(error).__name__}: {error}"
        ) from error
    if isinstance(outputs, np.ndarray):
        if outputs.dtype.kind not in "fiub" or not np.isfinite(outputs).all():
            raise ModelOutputError(
                f"{model.name} returned values that are not finite numbers for the whole input "
                f"(shape {outputs.shape}, {outputs.dtype})"
            )
        of_places = model.task == "regions" and outputs.ndim == 4
        if model.labels is not None and (outputs.ndim == 2 or of_places):
            classes = outputs.shape[model.class_axis(outputs.shape)]
            if classes != len(model.labels):
                said = f"{model.name} returned {classes} classes, but {len(model.labels)} labels"
                one = classes == 1 and len(model.labels) == 2
                raise ModelError(labels_misfit(model.name, 2, 1) if one else f"{said} were given")
    return outputs


def _kind(sample: Sample) -> str:
    if isinstance(sample, TogetherSample):
        return "picture and text"
    return "row" if isinstance(sample, RowSample) else "text"


def _check_gaps(model: Model, sample: Sample) -> None:
    """Ask a model about gaps, if a row or its background has any, before masks meet them."""
    found = sample.gaps() if isinstance(sample, RowSample) else None
    if found is None:
        return
    names, batch = found
    try:
        outputs = np.asarray(model(batch))
        if outputs.dtype.kind not in "fiub" or np.isfinite(outputs).all():
            return
        reason = "it returned values that are not finite"
    except Exception as error:
        first = (str(error).strip().splitlines() or [""])[0]
        reason = f"{type(error).__name__}: {first[:200]}"
    raise ModelError(
        f"{model.name} takes no gaps ({reason}), and the row or its background has some in "
        f"{names}: fill them (scikit-learn: SimpleImputer), or leave out those rows"
    )


def _about_input(model: Model, sample: Sample) -> list[str]:
    """Return notes on how an input reaches the model, where that may be unexpected."""
    notes = []
    pixels = model.input.preprocess
    if pixels.name in ("unit", "torch") and pixels.divisor == 1:
        notes.append(
            f"mean={pixels.mean} and std={pixels.std} are read as of pixels from 0 to 255: in "
            "units of x/255 none could be so large"
        )
    own = model.input
    free = own.size is None and own.edges is None and own.line_height is None
    if free and isinstance(sample.original, Picture):
        height, width = sample.shape
        # A function may look at colors; a network of a framework was trained at some size.
        if height * width > (USUAL if model.versions else LARGE):
            notes.append(
                f"{model.name} takes any size, so the picture goes in whole, {width} x {height} "
                "pixels. Most networks were trained at one size: give it, as in size=(224, 224), "
                "which is faster too"
            )
    return notes


def about_picture(source: str | None, picture: NDArray[np.uint8] | None) -> list[str]:
    """Return a note where the embedded classifier is asked about a picture of another kind.

    Parameters
    ----------
    source : str or None
        Where the model came from, see `unmask.models.origin.Origin`.
    picture : ndarray of uint8, shape (H, W, 3), or None

    Returns
    -------
    list of str
        One note, or none.
    """
    if source not in (DEMO, str(demo.MODEL)) or picture is None or is_scene(picture):
        return []
    shapes = f"{', '.join(demo.LABELS[:-1])} and {demo.LABELS[-1]}"
    note = (
        f"{STRANGE} ({shapes}), and this picture is none of its "
        "scenes: what it says of it means nothing. Give a model of your own with --model FILE, in "
        "Python with unmask.load(FILE)"
    )
    return [note]


def _about_outputs(model: Model, outputs: Any, axes: int) -> list[str]:
    """Say what undeclared outputs look like, where that matters to the reader of the map."""
    if model.activation is not None or not isinstance(outputs, np.ndarray) or outputs.ndim != axes:
        return []
    low, high = float(outputs.min()), float(outputs.max())
    if (low >= 0 and high <= 1 + 1e-4) or outputs.shape[1] == 1:
        return []
    note = (
        f"the outputs of {model.name} look like logits ({low:.3g} to {high:.3g}): they are "
        "explained as they are. activation='softmax' or activation='sigmoid' turns them into "
        "probabilities, activation='logits' declares them and ends this note"
    )
    return [note]
