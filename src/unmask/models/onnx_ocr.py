"""ONNX models that read a line of text from a picture, frame by frame (CTC)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from unmask.errors import ModelError, TargetError
from unmask.inputs.preprocess import Preprocess, preprocessing
from unmask.models import ctc
from unmask.models.answering import Given, Scored
from unmask.models.interruptible import run_session
from unmask.models.model import Model, build
from unmask.models.onnx_session import DTYPES, as_input

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["CtcReader", "onnx_reader", "reads_lines"]

CHARACTERS = "character"  # metadata: one a line, as PaddleOCR's exports have it
HEIGHT = 48  # of PP-OCR's lines, where a file leaves it free
# What PaddleOCR's recognizers were trained on: blue, green, red from -1 to 1.
TRAINED = Preprocess("tf", 127.5, (1.0,), bgr=True, centered=True)


def reads_lines(session: Any) -> bool:
    """Whether a file says which characters it reads, and has a score of each for each frame."""
    said = session.get_modelmeta().custom_metadata_map
    return CHARACTERS in said and len(session.get_outputs()[0].shape or ()) == 3


def onnx_reader(
    path: Path,
    session: Any,
    entry: Any,
    versions: dict[str, str],
    *,
    size: Sequence[int] | None = None,
    preprocess: str | None = None,
    mean: Any = None,
    std: Any = None,
    name: str | None = None,
) -> Model:
    """Wrap a session that reads lines.

    Parameters
    ----------
    path : Path
    session : onnxruntime.InferenceSession
    entry
        Its input, (n, 3, height, width); a height that is free is 48.
    versions : dict of str to str
    size : (int, int), optional
        Height and width of a line; by default the width follows from the picture's proportions.
    preprocess, mean, std : optional
        See `unmask.inputs.preprocess.preprocessing`; by default as PaddleOCR's recognizers take it.
    name : str, optional

    Returns
    -------
    Model
        Of the task "answers".

    Raises
    ------
    ModelError
        Another number of characters than it has scores for.
    """
    output = session.get_outputs()[0]
    classes = output.shape[2]
    characters = session.get_modelmeta().custom_metadata_map[CHARACTERS].split("\n")
    # The blank comes first; a space, where there is one more, last.
    known = ["", *characters]
    if classes == len(known) + 1:
        known.append(" ")
    if isinstance(classes, int) and classes != len(known):
        raise ModelError(
            f"{path} names {len(characters):,} characters, and returns scores of {classes:,}: "
            "expected as many, and one more for what is no character"
        )
    dtype = DTYPES[entry.type]

    def run(batch: NDArray[np.float32]) -> NDArray[Any]:
        found: NDArray[Any] = run_session(
            session, [output.name], {entry.name: as_input(batch, dtype)}
        )[0]
        return found

    fixed = entry.shape[2] if isinstance(entry.shape[2], int) else HEIGHT
    scaled = preprocess is not None or mean is not None or std is not None
    return build(
        run=run,
        name=name or path.name,
        layout="NCHW",
        size=None if size is None else (int(size[0]), int(size[1])),
        line_height=fixed if size is None else None,
        channels=3,
        preprocess=preprocessing(preprocess or "tf", mean, std) if scaled else TRAINED,
        dtype=np.dtype(dtype).name,
        batch=entry.shape[0] if isinstance(entry.shape[0], int) else None,
        versions=versions,
        task="answers",
        answers=CtcReader(name or path.name, run, tuple(known)),
    )


@dataclass(frozen=True, eq=False)
class CtcReader:
    """A network that reads frame by frame; see `unmask.models.answering.Answering`.

    Attributes
    ----------
    name : str
    run : callable
        ``batch -> (n, frames, characters)``, probabilities or logits.
    characters : tuple of str
        The first is no character.
    """

    name: str
    run: Callable[[Any], NDArray[Any]]
    characters: tuple[str, ...]
    takes_prompt = False

    def greedy(self, whole: Any, prompt: str | None) -> Given:  # noqa: ARG002
        """Return what the best character of every frame reads."""
        text = "".join(self.characters[one] for one in self._read(self.run(whole)))
        if not text:
            raise TargetError(
                f"{self.name} reads nothing in the whole picture: give the text, as "
                "unmask.answer('...') or --answer"
            )
        return Given(text)

    def continued(self, answer: str, prompt: str | None, whole: Any) -> str:  # noqa: ARG002
        """Return it as it is."""
        return answer

    def scored(self, answers: tuple[str, ...], prompt: str | None, whole: Any) -> Scored:  # noqa: ARG002
        """Return what scores texts; a character in the frames that are its own."""
        ids = [self._ids(answer) for answer in answers]
        outputs = self.run(whole)
        probable = ctc.are_probabilities(outputs)
        frames = outputs.shape[1]
        for answer, own in zip(answers, ids, strict=True):
            # Between two that are alike there is a blank.
            needed = len(own) + sum(a == b for a, b in zip(own[1:], own[:-1], strict=True))
            if needed > frames:
                raise TargetError(
                    f"the answer {answer!r} needs {needed} frames, and {self.name} reads {frames} "
                    "in this picture: give a shorter one"
                )
        own_frames = [ctc.own_frames(ctc.aligned(outputs, own, probable), frames) for own in ids]

        def run(batch: Any) -> NDArray[np.float64]:
            read = self.run(batch)
            pairs = zip(ids, own_frames, strict=True)
            return np.concatenate([_columns(read, *pair, probable) for pair in pairs], axis=1)

        return Scored(answers, tuple(map(tuple, answers)), {"run": run}, 1)

    def _read(self, outputs: NDArray[Any]) -> list[int]:
        return ctc.collapsed(outputs[0].argmax(axis=1).tolist())

    def _ids(self, answer: str) -> list[int]:
        places = {one: place for place, one in enumerate(self.characters) if one}
        strange = [one for one in answer if one not in places]
        if strange:
            raise TargetError(
                f"{strange[0]!r} of the answer {answer!r} is none of the {len(places):,} "
                f"characters that {self.name} reads"
            )
        return [places[one] for one in answer]


def _columns(
    outputs: NDArray[Any], ids: Sequence[int], frames: Sequence[slice], probable: bool
) -> NDArray[np.float64]:
    """Return log-probabilities of a text, and of each character where it stands."""
    every = ctc.logs(outputs, ids, probable)
    own = [every[:, part, number].max(axis=1) for number, part in enumerate(frames)]
    return np.stack([ctc.total(outputs, ids, probable), *own], axis=1)
