"""A model: scores for a batch, and what it declared."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, field, replace
from dataclasses import fields as dataclass_fields
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from unmask._base.checks import is_number, known
from unmask.errors import ModelError, ModelOutputError, SettingError
from unmask.inputs.spec import InputSpec
from unmask.models.outputs import classes_axis, described

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from unmask.models.answering import Answering, Cost, Scored
    from unmask.models.origin import Origin

__all__ = ["ACTIVATIONS", "Activation", "Model", "Overlap", "build", "joined", "labels_misfit"]

Activation = Literal["softmax", "sigmoid", "probabilities", "logits"]
# Types in which nobody keeps scores: those of indices.
IDS = ("int32", "int64", "uint32", "uint64")
OF_INPUT = frozenset(item.name for item in dataclass_fields(InputSpec))
Overlap = Literal["mask", "box"]
ACTIVATIONS: tuple[Activation, ...] = ("softmax", "sigmoid", "probabilities", "logits")


@dataclass(frozen=True)
class Model:
    """A function that returns scores, and what is declared of it.

    Attributes
    ----------
    run : callable
        ``batch -> outputs``: float32 of shape (n, ...) in the model's layout and space, or a list
        of n strings; outputs (n, classes), or (n,) for a single score. Functions used as targets
        may read other outputs. One whose device works by itself may have an attribute ``begin``:
        ``batch -> wait``, where ``wait()`` returns the outputs.
    name : str
    input : InputSpec
        Its layout, size and scaling.
    labels : tuple of str or None
    classes : int or None
        Number of classes, where it is known without running the model.
    activation : {"softmax", "sigmoid", "probabilities", "logits"} or None
        "softmax" and "sigmoid" are applied to the outputs; "probabilities" and "logits" declare
        what the outputs are already; None leaves them alone; a note says what they look like.
    batch : int or None
        The one batch size it takes; None takes any.
    output : int, str or None
        Which of several outputs is read, by its place in a tuple or its key in a dict; None takes
        what `run` returns as it is.
    detector : str or None
        How its detections are read, for a detector: `run` then returns a list of `Detections`,
        one for each input, with boxes in the model's own pixels.
    threshold : float
        Least confidence of a box that counts as found.
    overlap : {"mask", "box"}
        What of two detections is compared: their masks, where the detector has any, or their boxes.
    asarray : callable
        Moves a NumPy array to where `run` wants it, a GPU for instance. Masks are then made there.
    export : callable or None
        ``path -> None``: writes the model as an ONNX file whose first input is the batch, of any
        size; None where the framework has no such thing.
    texts : callable or None
        For a model that compares pictures with texts: ``texts -> fields``, what to `replace` in it
        so that its classes are those texts.
    origin : Origin or None
        What `unmask.load` was given for it; None for a live object.
    versions : dict of str to str
        Of the framework that runs it.
    digest : str
        SHA-256 of the file it came from; "" where it came from none.
    notes : tuple of str
        What was assumed when it was loaded.
    task : str or None
        What its outputs are for, where that is known without asking it: "regions", a score of
        every class for every place; "outputs", points. None: classes, or what a target says.
    points : {"xy", "yx"} or None
        Which of a point's numbers comes first; None where nobody says.
    embeddings : callable or None
        For a model that returns something else: what to `replace` in it so that its outputs are
        embeddings, (n, d).
    embed_texts : callable or None
        For a model that has one space for pictures and texts: ``texts -> (n, d)``.
    main_input : str or None
        Of several inputs, the one that is masked.
    hold : callable or None
        For a model of several inputs: ``others -> fields``, what to `replace` in it so that the
        others are these.
    answers : Answering or None
        For a model that writes text: how it is asked what it writes, and what scores an answer.
    answered : Scored or None
        The answers whose log-probabilities it returns, once they are known.
    cost : Cost or None
        What an input costs, of a model on a server that counts.
    pairs : callable or None
        For a model that takes a picture and a text together: ``text -> fields``, what to `replace`
        in it so that a batch is a list of both, `text` being the whole one.
    """

    run: Callable[[Any], Any]
    name: str = "model"
    input: InputSpec = field(default_factory=InputSpec)
    labels: tuple[str, ...] | None = None
    classes: int | None = None
    activation: Activation | None = None
    batch: int | None = None
    output: int | str | None = None
    detector: str | None = None
    threshold: float = 0.3
    overlap: Overlap = "mask"
    asarray: Callable[[NDArray[Any]], Any] = np.asarray
    export: Callable[[Path], None] | None = None
    texts: Callable[[Sequence[str]], dict[str, Any]] | None = None
    origin: Origin | None = None
    versions: dict[str, str] = field(default_factory=dict)
    digest: str = ""
    notes: tuple[str, ...] = ()
    task: str | None = None
    points: Literal["xy", "yx"] | None = None
    embeddings: Callable[[], dict[str, Any]] | None = None
    embed_texts: Callable[[Sequence[str]], NDArray[Any]] | None = None
    main_input: str | None = None
    hold: Callable[[Mapping[str, Any]], dict[str, Any]] | None = None
    answers: Answering | None = None
    answered: Scored | None = None
    cost: Cost | None = None
    pairs: Callable[[str], dict[str, Any]] | None = None

    def __post_init__(self) -> None:
        own = self.input
        entries = max(len(own.preprocess.mean), len(own.preprocess.std))
        if own.channels == 1 and entries > 1:
            raise SettingError(
                f"preprocess={own.preprocess.name!r} has {entries} channels, {self.name} has one: "
                "use tf, unit or raw, or a mean and std of one number"
            )
        if np.dtype(own.dtype).kind in "iu" and not own.preprocess.keeps_pixels:
            raise SettingError(
                f"{self.name} takes whole numbers ({own.dtype}), pixels from 0 to 255, and "
                f"preprocess={own.preprocess.name!r} would leave next to nothing of them: use "
                "preprocess='raw' or preprocess='bgr', without mean and std"
            )
        if not 0 < self.threshold < 1:
            raise SettingError(f"threshold={self.threshold}: expected a confidence between 0 and 1")
        known("overlap", self.overlap, get_args(Overlap))
        if self.activation is not None:
            known("activation", self.activation, ACTIVATIONS)
        if self.points is not None:
            known("points", self.points, ("xy", "yx"))
        if self._of_one_score and self.classes == 1:
            object.__setattr__(self, "classes", 2)
        if self.labels is not None and self.classes not in (None, len(self.labels)):
            raise ModelError(labels_misfit(self.name, len(self.labels), self.classes or 0))

    def __repr__(self) -> str:
        """Say in three lines what it is, what it takes and what it returns."""
        own = self.input
        size = "any size" if own.size is None else " x ".join(map(str, own.size))
        if own.size is None and own.edges is not None:
            size = "shorter side {}, longer at most {}".format(*own.edges)
        if own.line_height is not None:
            size = f"lines {own.line_height} high"
        channels = f"{own.channels} channels, " if own.channels else ""
        takes = (
            f"{size}, {channels}{own.layout}, {own.dtype}, pixels as {own.preprocess.name}, "
            f"resize {own.resize}"
        )
        if own.text is not None:
            takes = f"texts{f', mask token {own.text.mask_token}' * bool(own.text.mask_token)}"
        elif own.rate is not None:
            steps = "" if own.size is None else f" of {own.size[0]:,} samples"
            takes = f"sounds{steps} at {own.rate:,} Hz, {own.layout}, {own.dtype}"
        elif own.table is not None or own.layout == "NT":
            takes = f"{takes} or {_rows(own)}" if own.takes_pictures else _rows(own)
        by = ", ".join(f"{name} {version}" for name, version in self.versions.items())
        if self.detector is not None:
            returns = f"boxes, read as {self.detector}, from a confidence of {self.threshold:g}"
        elif self.answers is not None:
            returns = "text, and how probable an answer is"
        else:
            count = self.classes or len(self.labels or ())
            scores = f"{count:,} classes" if count else "scores"
            places = {"regions": ", for every place", "outputs": ", points"}.get(
                self.task or "", ""
            )
            returns = f"{scores}{f', {self.activation}' if self.activation else ''}{places}"
        return (
            f"<Model {self.name}{f', run by {by}' if by else ''}\n"
            f"  takes {takes}\n"
            f"  returns {returns}>"
        )

    @property
    def _of_one_score(self) -> bool:
        """Whether a single score would be that of the second of two classes."""
        return self.labels is not None and len(self.labels) == 2 and self.activation is not None

    def changed(self, **fields: Any) -> Model:
        """Return the same with other fields, those of its input among them.

        Examples
        --------
        >>> build(len, layout="NCHW").changed(size=(6, 8), name="length").input.size
        (6, 8)
        """
        inside, beside = _sorted(fields)
        return replace(self, input=replace(self.input, **inside), **beside)

    def sent(self, batch: Any) -> Any:
        """Move a batch to where `run` wants it; a list, of strings, is left as it is."""
        return batch if isinstance(batch, list) else self.asarray(batch)

    def __call__(self, batch: Any) -> Any:
        """Score a batch.

        Parameters
        ----------
        batch : float array, shape (n, ...), or list of n strings
            In the model's layout and space.

        Returns
        -------
        ndarray of float, shape (n, classes), or whatever else the model returns

        Raises
        ------
        ModelOutputError
            Outputs of another batch size.
        """
        return self.begun(batch)()

    @property
    def works_by_itself(self) -> bool:
        """Whether a batch can be prepared while the one before is scored, on a GPU for instance."""
        return self.batch is None and hasattr(self.run, "begin")

    def begun(self, batch: Any) -> Callable[[], Any]:
        """Begin to score a batch.

        Parameters
        ----------
        batch : as for a call

        Returns
        -------
        callable
            Returns what a call returns, once it is there.

        Examples
        --------
        >>> wait = build(lambda batch: batch.mean(axis=(1, 2, 3))).begun(np.ones((2, 4, 6, 3)))
        >>> wait().tolist()
        [[1.0], [1.0]]
        """
        if not self.works_by_itself:
            return partial(self._scored, batch)
        wait = self.run.begin(batch)  # type: ignore[attr-defined]
        return lambda: self._read(wait(), batch, len(batch))

    def _scored(self, batch: Any) -> Any:
        n, fixed = len(batch), self.batch or len(batch)
        if n > fixed:
            # Copied: a model may return the same memory again and again.
            return joined([deepcopy(self(batch[i : i + fixed])) for i in range(0, n, fixed)])
        if n < fixed:
            # Fill up with the last input. Indexing, as arrays may be of any framework.
            batch = (
                [*batch, *batch[-1:] * (fixed - n)]
                if isinstance(batch, list)
                else batch[np.minimum(np.arange(fixed), n - 1)]
            )
        outputs = self._read(self.run(batch), batch, fixed)
        return outputs if n == fixed else _first(outputs, n)

    def _read(self, returned: Any, batch: Any, n: int) -> Any:
        """Read what `run` returned for a batch of n."""
        outputs = self._chosen(returned)
        if isinstance(batch, list) and isinstance(outputs, list) and all(map(_is_row, outputs)):
            outputs = np.asarray(outputs)  # a function of texts may well return plain numbers
        return self._activated(outputs, n)

    def _chosen(self, outputs: Any) -> Any:
        """Return the one of several outputs that `output` names."""
        if self.output is None:
            return outputs
        if isinstance(outputs, dict):
            if self.output in outputs:
                return outputs[self.output]
            there = ", ".join(map(repr, outputs))
        elif isinstance(outputs, list | tuple):
            number = int(self.output) if str(self.output).isdecimal() else len(outputs)
            if number < len(outputs):
                return outputs[number]
            there = f"0 to {len(outputs) - 1}"
        else:
            there = f"a single one ({type(outputs).__name__})"
        raise SettingError(f"output={self.output!r}: the outputs of {self.name} are {there}")

    def _activated(self, outputs: Any, n: int) -> Any:
        outputs = self._scores(outputs, n)
        if isinstance(outputs, np.ndarray) and outputs.shape[1:] == (1,) and self._of_one_score:
            other = -outputs if self.activation == "logits" else 1 - outputs
            return np.concatenate([other, outputs], axis=1)
        return outputs

    def _scores(self, outputs: Any, n: int) -> Any:
        applied = self.activation if self.activation in ("softmax", "sigmoid") else None
        if applied and isinstance(outputs, tuple | dict) and self.detector is None:
            raise ModelOutputError(
                f"activation={applied!r} is for one array of scores, and {self.name} returned "
                f"{described(outputs)}: choose one with output="
            )
        if isinstance(outputs, list) and len(outputs) != n:
            raise ModelOutputError(
                f"{self.name} returned a list of {len(outputs)} for a batch of {n}: expected one "
                "entry for each input"
            )
        if isinstance(outputs, list | tuple | dict):
            return outputs
        outputs = np.asarray(outputs)
        if outputs.ndim == 0 or len(outputs) != n:
            raise ModelOutputError(
                f"{self.name} returned an array of shape {outputs.shape} for a batch of {n}: "
                f"expected ({n}, classes)"
            )
        if outputs.ndim == 1:
            outputs = outputs[:, None]
        if outputs.ndim == 2 and outputs.shape[1] == 0:
            raise ModelOutputError(f"{self.name} returned no scores: an array of shape ({n}, 0)")
        if outputs.dtype.kind not in "fiub":
            raise ModelOutputError(
                f"{self.name} returned {outputs.dtype}, such as {outputs.flat[0]!r}: expected "
                "finite numbers, a score for each class. Names of classes are no scores"
            )
        if outputs.ndim == 2 and outputs.shape[1] == 1 and outputs.dtype.name in IDS:
            raise ModelOutputError(
                f"{self.name} returned whole numbers ({outputs.dtype}), one for each input: these "
                "are ids of classes as a rule, as ArgMax gives them, and no scores. Return the "
                "scores of all classes; if these are scores, return them as floats"
            )
        if outputs.dtype.kind in "iub" or outputs.dtype == np.float16:
            # Differences of scores leave the range of small types.
            outputs = outputs.astype(np.float64)
        if applied == "softmax":
            # In place, which saves a fifth of the time.
            axis = self._softmax_axis(outputs.shape)
            scores = outputs - outputs.max(axis=axis, keepdims=True)
            np.exp(scores, out=scores)
            scores /= scores.sum(axis=axis, keepdims=True)
            return scores
        if applied == "sigmoid":
            # tanh keeps large logits from overflowing.
            return 0.5 * (1 + np.tanh(0.5 * outputs))
        return outputs

    def _softmax_axis(self, shape: tuple[int, ...]) -> int:
        axis = self.class_axis(shape)
        if shape[axis] == 1:
            raise ModelOutputError(
                f"activation='softmax' of a single class is 1 whatever the model says ({self.name} "
                f"returned an array of shape {shape}): use 'sigmoid' or 'logits'"
            )
        return axis

    def class_axis(self, shape: tuple[int, ...]) -> int:
        """Return the axis of outputs of a shape along which the classes lie.

        Raises
        ------
        ModelOutputError
            It is not known.
        """
        if len(shape) <= 2:
            return len(shape) - 1
        # The axis that is as long as there are classes; else what leaves a picture's proportions;
        # else that of the input's channels.
        count = self.classes or len(self.labels or ())
        fits = [axis for axis, size in enumerate(shape) if axis and size == count]
        if len(fits) == 1:
            return fits[0]
        axis = classes_axis(shape, self.input.size, self.input.layout)
        if axis is not None:
            return axis
        if len(shape) == len(self.input.layout) and "C" in self.input.layout:
            return self.input.layout.index("C")
        raise ModelOutputError(
            f"which axis of the outputs of {self.name} (shape {shape}) the classes lie along is "
            "not known: give labels, or activation='logits' and a function of the outputs as target"
        )


def build(run: Callable[[Any], Any], **fields: Any) -> Model:
    """Return a model of whatever is known of it, its input's fields among the others.

    Parameters
    ----------
    run : callable
    **fields
        Of `Model` and `InputSpec`.

    Examples
    --------
    >>> build(len, layout="NTC", name="length").input.spatial
    (0,)
    """
    inside, beside = _sorted(fields)
    return Model(run, input=InputSpec(**inside), **beside)


def _rows(own: InputSpec) -> str:
    """Say what rows of a table a model takes, and that they may be a series."""
    table, count = own.table, None if own.size is None else own.size[0]
    if table is not None:
        named = " in a DataFrame" if table.names else ""
        return f"rows of {table.columns or 'any number of'} columns{named}"
    sizes = "rows of any length" if count is None else f"rows of {count} columns"
    steps = "" if count is None else f" of {count} steps"
    return f"{sizes} or series{steps}, {own.dtype}"


def _sorted(given: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Sort fields into those of the input and those of the model."""
    inside = {name: value for name, value in given.items() if name in OF_INPUT}
    return inside, {name: value for name, value in given.items() if name not in OF_INPUT}


def labels_misfit(name: str, labels: int, classes: int) -> str:
    """Say that a model has another number of classes than there are labels."""
    said = f"{labels} labels for a model of {classes} classes ({name}): "
    if classes == 1 and labels == 2:
        return (
            f"{said}it has one score, as a rule that of the second class (the first one's is 1 - "
            "score): say what it is, activation='sigmoid', 'probabilities' or 'logits', and both "
            "can be explained; or give that one's label alone"
        )
    return said + "give those that belong to it"


def _is_row(entry: Any) -> bool:
    """Whether a list's entry is a score, or a list of scores."""
    numbers = entry if isinstance(entry, list) else [entry]
    return bool(numbers) and all(map(is_number, numbers))


def _first(outputs: Any, n: int) -> Any:
    """Return the outputs of the first n inputs."""
    if isinstance(outputs, dict):
        return {name: part[:n] for name, part in outputs.items()}
    if isinstance(outputs, tuple):
        return tuple(part[:n] for part in outputs)
    return outputs[:n]


def joined(parts: list[Any]) -> Any:
    """Return the outputs of several batches as those of one."""
    first = parts[0]
    if isinstance(first, dict):
        return {name: joined([part[name] for part in parts]) for name in first}
    if isinstance(first, tuple):
        return tuple(joined(list(column)) for column in zip(*parts, strict=True))
    if isinstance(first, list):
        return [output for part in parts for output in part]
    return np.concatenate(parts)
