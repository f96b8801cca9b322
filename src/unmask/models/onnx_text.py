"""ONNX models of texts: of strings, or of the ids of a tokenizer's tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from unmask.errors import ModelError, SettingError
from unmask.inputs.spec import TextSpec
from unmask.models.interruptible import run_session
from unmask.models.labels import read_labels
from unmask.models.model import Model, build
from unmask.models.onnx_facts import choose_output, classes_in, declared_in
from unmask.models.onnx_language import onnx_language, writes_text
from unmask.models.tokenizing import Tokenizing, read_tokenizer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from unmask.models.labels import Labels
    from unmask.models.model import Activation

__all__ = ["onnx_of_text", "takes_text"]

STRING = "tensor(string)"
IDS = {"tensor(int64)": np.int64, "tensor(int32)": np.int32}
BESIDE = "tokenizer.json"


def takes_text(inputs: Sequence[Any]) -> bool:
    """Whether a file's inputs are strings, or ids of tokens.

    Parameters
    ----------
    inputs : sequence
        Of ONNX Runtime's descriptions, each with a name, a type and a shape.
    """
    if any(entry.type == STRING for entry in inputs):
        return True
    return all(entry.type in IDS and len(entry.shape or ()) == 2 for entry in inputs)


def onnx_of_text(
    path: Path,
    session: Any,
    versions: dict[str, str],
    *,
    tokenizer: str | Path | None = None,
    lower: bool | None = None,
    labels: Labels | None = None,
    activation: Activation | None = None,
    output: str | int | None = None,
    name: str | None = None,
    max_tokens: int | None = None,
) -> Model:
    """Wrap a session that takes texts.

    Parameters
    ----------
    path : Path
    session : onnxruntime.InferenceSession
    versions : dict of str to str
    tokenizer : path-like, optional
        A tokenizer.json, by default the one beside the file; for ids of tokens.
    lower : bool, optional
        Whether strings are given in lower case. Where nobody says, they go in as they are, and a
        note says so.
    max_tokens : int, optional
        Of an answer that a language model writes itself, 32 by default.
    labels, activation, output, name
        As for `unmask.models.onnx.from_onnx`.

    Returns
    -------
    Model

    Raises
    ------
    ModelError
        No tokenizer, or inputs that are no text.
    SettingError
        A tokenizer for a model of strings.
    """
    inputs, outputs = session.get_inputs(), session.get_outputs()
    facts = declared_in(session.get_modelmeta().custom_metadata_map)
    read, notes = choose_output(path, outputs, output)
    shape = read.shape or []
    classes = classes_in(shape)
    if inputs[0].type == STRING:
        if tokenizer is not None:
            raise SettingError(f"tokenizer={str(tokenizer)!r}: {path.name} takes strings, not ids")
        feeds, spec = _strings(path, inputs), TextSpec()
        if lower is None:
            notes += (
                (
                    f"{path.name} is given texts as they are. Was it trained on lower case? "
                    "lower=True gives them so, lower=False ends this note"
                ),
            )
    else:
        tokenizing = read_tokenizer(_tokenizer_of(path, tokenizer))
        if writes_text(inputs, read):
            return onnx_language(
                path, session, read, tokenizing, versions, name=name, max_tokens=max_tokens
            )
        feeds, spec = _ids(path, inputs, tokenizing), tokenizing.spec

    def run(texts: list[str]) -> NDArray[Any]:
        given = [text.lower() for text in texts] if lower else texts
        found: NDArray[Any] = run_session(session, [read.name], feeds(given))[0]
        return found

    # Ids without a mask of what is there: texts of other lengths would be read with their filling.
    alone = inputs[0].type != STRING and not any("mask" in entry.name for entry in inputs)
    fixed = 1 if alone else inputs[0].shape[0] if inputs[0].shape else None
    return build(
        run,
        name=name or facts.name or path.name,
        text=spec,
        labels=facts.labels if labels is None else read_labels(labels, classes),
        classes=classes,
        activation=activation or facts.activation,
        batch=fixed if isinstance(fixed, int) else None,
        versions=versions,
        notes=tuple(notes),
    )


def _strings(path: Path, inputs: Sequence[Any]) -> Callable[[list[str]], dict[str, NDArray[Any]]]:
    (entry, *others), shape = inputs, inputs[0].shape or [None]
    if others or len(shape) > 2 or (len(shape) == 2 and shape[1] not in (1, None)):
        known = ", ".join(f"{one.name} {list(one.shape or ())}" for one in inputs)
        raise ModelError(
            f"{path} takes {known}: expected one input of strings, of shape (n,) or (n, 1)"
        )

    def feeds(texts: list[str]) -> dict[str, NDArray[Any]]:
        strings = np.array(texts, object)
        return {entry.name: strings[:, None] if len(shape) == 2 else strings}

    return feeds


def _ids(
    path: Path, inputs: Sequence[Any], tokenizing: Tokenizing
) -> Callable[[list[str]], dict[str, NDArray[Any]]]:
    known = tokenizing.arrays(["a"])
    # A single input of ids may be called anything.
    names = ["input_ids"] if len(inputs) == 1 else [entry.name for entry in inputs]
    strange = [name for name in names if name not in known]
    if strange:
        raise ModelError(
            f"{path} takes {', '.join(names)}, and {strange[0]} is not known here: expected "
            f"{', '.join(known)}. Give unmask.load a function from a list of strings to scores"
        )

    def feeds(texts: list[str]) -> dict[str, NDArray[Any]]:
        arrays = tokenizing.arrays(texts)
        pairs = zip(inputs, names, strict=True)
        return {entry.name: arrays[name].astype(IDS[entry.type]) for entry, name in pairs}

    return feeds


def _tokenizer_of(path: Path, given: str | Path | None) -> str | Path:
    if given is not None:
        return given
    if (path.parent / BESIDE).is_file():
        return path.parent / BESIDE
    raise ModelError(
        f"{path} takes ids of tokens, and there is no {BESIDE} beside it: give the file of its "
        "tokenizer as tokenizer="
    )
