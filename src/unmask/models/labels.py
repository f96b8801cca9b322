"""Names of classes."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from unmask.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["imagenet", "read_labels"]

IMAGENET = "imagenet"


def imagenet() -> tuple[str, ...]:
    """Return the 1,000 labels of ImageNet-1k (ILSVRC 2012), in the usual order.

    Examples
    --------
    >>> labels = imagenet()
    >>> len(labels), labels[386]
    (1000, 'African elephant, Loxodonta africana')
    """
    text = resources.files("unmask.data").joinpath("imagenet_1k.txt").read_text("utf-8")
    return tuple(text.splitlines())


def read_labels(source: str | Path | Sequence[str], classes: int | None = None) -> tuple[str, ...]:
    """Labels from a list, from a file of one a line, or by the name "imagenet".

    Parameters
    ----------
    source : sequence of str, path-like, or "imagenet"
        "imagenet" gives a model of 1,001 classes a first label 'background'.
    classes : int, optional
        How many the model has, where that is known.

    Raises
    ------
    ModelError
        The file is missing, is no text or is empty.
    """
    if source == IMAGENET:
        return ("background", *imagenet()) if classes == 1001 else imagenet()
    if not isinstance(source, str | Path):
        if not source:
            raise ModelError("labels is empty: expected one for each class")
        return tuple(str(label) for label in source)
    path = Path(source).expanduser()
    try:
        lines = path.read_text("utf-8-sig").splitlines()
    except OSError as error:
        raise ModelError(f"cannot read labels from {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ModelError(f"{path} is not a text file of labels, one a line") from error
    while lines and not lines[-1].strip():
        lines.pop()
    if not lines:
        raise ModelError(f"{path} holds no labels: expected one a line")
    return tuple(line.strip() for line in lines)
