"""A model: scores for a batch, and what it declared about its input."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from unmask._base.checks import known
from unmask.errors import ModelError, ModelOutputError, SettingError
from unmask.inputs.preprocess import Preprocess, preprocessing
from unmask.models.outputs import described

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from unmask.inputs.frame import Interpolation, Mode
    from unmask.models.origin import Origin

__all__ = ["ACTIVATIONS", "Activation", "Model", "joined", "labels_misfit"]

Activation = Literal["softmax", "sigmoid", "probabilities", "logits"]
# Types in which nobody keeps scores: those of indices.
IDS = ("int32", "int64", "uint32", "uint64")
ACTIVATIONS: tuple[Activation, ...] = ("softmax", "sigmoid", "probabilities", "logits")


@dataclass(frozen=True)
class Model:
    """Anything with scores, and what it declared.

    Attributes
    ----------
    run : callable
        ``batch -> outputs``: float32 of shape (n, ...) in the model's layout and space; outputs
        (n, classes), or (n,) for a single score. Functions used as targets may read other outputs.
    name : str
    layout : str
        One letter per axis of a batch: N first, C for channels if there are any, the others
        spatial. "NCHW" and "NHWC" take pictures; "NTC" is a series, "NCDHW" a volume.
    size : tuple of int or None
        Spatial size it wants; None takes inputs at their own.
    channels : int or None
        None takes any.
    preprocess : Preprocess
    resize : {"stretch", "crop", "squash", "letterbox"}
        How a picture is brought to `size`, see `unmask.inputs.frame.Frame`.
    crop : float
        Part of the scaled picture's side that "crop" and "squash" leave.
    interpolation : {"nearest", "bilinear", "bicubic", "lanczos"}
        How a picture is resampled.
    labels : tuple of str or None
    classes : int or None
        Number of classes, where it is known without running the model.
    activation : {"softmax", "sigmoid", "probabilities", "logits"} or None
        "softmax" and "sigmoid" are applied to the outputs; "probabilities" and "logits" declare
        what the outputs are already; None leaves them alone and says what they look like.
    batch : int or None
        The one batch size it takes; None takes any.
    dtype : str
        Of its input, as NumPy names it. Whole numbers are pixels, which no preprocessing may scale.
    output : int, str or None
        Which of several outputs is read, by its place in a tuple or its key in a dict; None takes
        what `run` returns as it is.
    detector : str or None
        How its detections are read, for a detector: `run` then returns a list of `Detections`,
        one for each input, with boxes in the model's own pixels.
    threshold : float
        Least confidence of a box that counts as found.
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
    """

    run: Callable[[Any], Any]
    name: str = "model"
    layout: str = "NHWC"
    size: tuple[int, ...] | None = None
    channels: int | None = None
    preprocess: Preprocess = field(default_factory=lambda: preprocessing("raw"))
    resize: Mode = "stretch"
    crop: float = 0.875
    interpolation: Interpolation = "bilinear"
    labels: tuple[str, ...] | None = None
    classes: int | None = None
    activation: Activation | None = None
    batch: int | None = None
    dtype: str = "float32"
    output: int | str | None = None
    detector: str | None = None
    threshold: float = 0.3
    asarray: Callable[[NDArray[Any]], Any] = np.asarray
    export: Callable[[Path], None] | None = None
    texts: Callable[[Sequence[str]], dict[str, Any]] | None = None
    origin: Origin | None = None
    versions: dict[str, str] = field(default_factory=dict)
    digest: str = ""
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        letters = self.layout
        spatial = letters[1:].replace("C", "", 1)
        if letters[:1] != "N" or len(set(letters)) != len(letters) or not 1 <= len(spatial) <= 3:
            raise SettingError(
                f"layout={letters!r}: expected N first, then one letter per axis, C for channels; "
                "for instance NCHW, NHWC, NTC"
            )
        if self.size is not None and (len(self.size) != len(spatial) or min(self.size) < 1):
            raise SettingError(
                f"size={self.size} does not fit layout={letters!r}: expected {len(spatial)} whole "
                "numbers of at least 1"
            )
        entries = max(len(self.preprocess.mean), len(self.preprocess.std))
        if self.channels == 1 and entries > 1:
            raise SettingError(
                f"preprocess={self.preprocess.name!r} has {entries} channels, {self.name} has one: "
                "use tf, unit or raw, or a mean and std of one number"
            )
        if np.dtype(self.dtype).kind in "iu" and not self.preprocess.keeps_pixels:
            raise SettingError(
                f"{self.name} takes whole numbers ({self.dtype}), pixels from 0 to 255, and "
                f"preprocess={self.preprocess.name!r} would leave next to nothing of them: use "
                "preprocess='raw' (or 'bgr'), without mean and std"
            )
        if not 0 < self.threshold < 1:
            raise SettingError(f"threshold={self.threshold}: expected a confidence between 0 and 1")
        if self.activation is not None:
            known("activation", self.activation, ACTIVATIONS)
        if self.labels is not None and self.classes not in (None, len(self.labels)):
            raise ModelError(labels_misfit(self.name, len(self.labels), self.classes or 0))

    @property
    def spatial(self) -> tuple[int, ...]:
        """Positions of the spatial axes in one input (a batch's less its first).

        Examples
        --------
        >>> Model(run=len, layout="NCHW").spatial, Model(run=len, layout="NHWC").spatial
        ((1, 2), (0, 1))
        """
        return tuple(i for i, letter in enumerate(self.layout[1:]) if letter != "C")

    @property
    def takes_pictures(self) -> bool:
        """Whether an input has a height, a width and channels."""
        return self.layout in ("NCHW", "NHWC")

    def __call__(self, batch: Any) -> Any:
        """Score a batch.

        Parameters
        ----------
        batch : float array, shape (n, ...)
            In the model's layout and space.

        Returns
        -------
        ndarray of float, shape (n, classes), or whatever else the model returns

        Raises
        ------
        ModelOutputError
            Outputs of another batch size.
        """
        n, fixed = len(batch), self.batch or len(batch)
        if n > fixed:
            # Copied: a model may hand out the same memory again and again.
            return joined([deepcopy(self(batch[i : i + fixed])) for i in range(0, n, fixed)])
        if n < fixed:
            # Fill up with the last input. Indexing, as arrays may be of any framework.
            batch = batch[np.minimum(np.arange(fixed), n - 1)]
        outputs = self._activated(self._chosen(self.run(batch)), fixed)
        return outputs if n == fixed else _first(outputs, n)

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
            axis = self._class_axis(outputs.shape)
            scores = outputs - outputs.max(axis=axis, keepdims=True)
            np.exp(scores, out=scores)
            scores /= scores.sum(axis=axis, keepdims=True)
            return scores
        if applied == "sigmoid":
            # tanh keeps large logits from overflowing.
            return 0.5 * (1 + np.tanh(0.5 * outputs))
        return outputs

    def _class_axis(self, shape: tuple[int, ...]) -> int:
        """Axis of an array of outputs along which the classes lie."""
        axis = -1
        if len(shape) > 2:
            # The axis that is as long as there are classes; else that of the input's channels.
            fits = [i for i, size in enumerate(shape) if i and size == self.classes]
            if len(fits) == 1:
                axis = fits[0]
            elif len(shape) == len(self.layout) and "C" in self.layout:
                axis = self.layout.index("C")
            else:
                raise ModelOutputError(
                    f"activation='softmax' is along the classes, and which axis of the outputs of "
                    f"{self.name} these are is not known (shape {shape}): give labels, or "
                    "activation='logits' and a function of the outputs as target"
                )
        if shape[axis] == 1:
            raise ModelOutputError(
                f"activation='softmax' of a single class is 1 whatever the model says ({self.name} "
                f"returned an array of shape {shape}): use 'sigmoid' or 'logits'"
            )
        return axis


def labels_misfit(name: str, labels: int, classes: int) -> str:
    """Say that a model has another number of classes than there are labels."""
    said = f"{labels} labels for a model of {classes} classes ({name}): "
    if classes == 1 and labels == 2:
        return (
            f"{said}it has one score, as a rule that of the second class (the first one's is 1 - "
            "score): give that one's label alone"
        )
    return said + "give those that belong to it"


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
        return [one for part in parts for one in part]
    return np.concatenate(parts)
