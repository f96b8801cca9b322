"""What a model returned for an input: identifies the model that earlier scores came from.

A name does not identify a model: one that is trained again keeps its file's name. So an identity
holds, beside the file's digest, what the model returns for the whole input, for a plain one and for
noise, and what the input was. Numbers are compared with a tolerance, as machines round differently.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from unmask._base.schema import listed, number, record, text
from unmask.errors import SettingError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray


__all__ = ["SAID", "UNKNOWN", "Identity", "identity"]


BEST = 8  # outputs for the whole input that are remembered, the greatest
PARTS = 16
# Relative, and of the largest: half precision and other processors stay within it, a model that
# was trained again does not. Small outputs feel both more.
SCORE, OUTPUT, LEAST = 0.03, 0.1, 1e-4
STEPS, LEVELS = 2, 16  # of whole numbers, as quantized models give them
INPUT = 1e-3  # of an input's largest value
# What a file may say of it.
NUMBERS = listed(number())
SAID = record({"digest": text, "given": NUMBERS, "scores": NUMBERS, "best": NUMBERS})


@dataclass(frozen=True)
class Identity:
    """What identifies a model.

    Attributes
    ----------
    digest : str
        SHA-256 of its file; "" where there is none.
    given : tuple of float
        Of the input in the model's space: mean, standard deviation, least and greatest value, and
        the means of its parts.
    scores : tuple of float
        Of each target, for the whole input and, where they were asked for, a plain one and noise.
    best : tuple of float
        The greatest outputs for the whole input, where they are classes or confidences.

    Examples
    --------
    >>> then, now = Identity(scores=(0.98, 0.01)), Identity(scores=(0.31, 0.02))
    >>> then.check_same(now, "fox.onnx")
    Traceback (most recent call last):
        ...
    unmask.errors.SettingError: fox.onnx is not the model of these scores, or what it is shown is \
another: it says 0.31 of the whole input, and 0.98 when they were made
    """

    digest: str = ""
    given: tuple[float, ...] = ()
    scores: tuple[float, ...] = ()
    best: tuple[float, ...] = ()

    def check_same(self, now: Identity, model: str) -> None:
        """Refuse scores that another model made, or the same of another input.

        What one of the two lacks is not compared.

        Parameters
        ----------
        now : Identity
        model : str
            Name of the model at hand.

        Raises
        ------
        SettingError
        """
        if self.digest and now.digest and self.digest != now.digest:
            raise SettingError(
                f"the file of {model} is another than the one these scores were made with (SHA-256 "
                f"{now.digest[:12]}… and {self.digest[:12]}…): give that one, or begin anew"
            )
        if _differ(self.given, now.given, 0.0, INPUT) is not None:
            raise SettingError(
                f"{model} is shown something else than when these scores were made (mean "
                f"{now.given[0]:.4g} and {self.given[0]:.4g} in its own space): the picture, "
                "preprocess= or size= is another"
            )
        pairs = ((self.scores, now.scores, SCORE), (self.best, now.best, OUTPUT))
        for then, here, close in pairs:
            place = _differ(then, here, close, LEAST)
            if place is not None:
                raise SettingError(
                    f"{model} is not the model of these scores, or what it is shown is another: it "
                    f"says {here[place]:.4g} of the whole input, and {then[place]:.4g} when they "
                    "were made"
                )

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return asdict(self)

    @staticmethod
    def of_json(values: Mapping[str, Any] | None) -> Identity | None:
        """Return what `as_json` gave; None of None, as files of older versions have it."""
        if values is None:
            return None
        numbers = {name: tuple(map(float, values[name])) for name in ("given", "scores", "best")}
        return Identity(str(values["digest"]), **numbers)


UNKNOWN = Identity()  # of an unknown model


def identity(
    digest: str, given: NDArray[np.float32], scores: Iterable[float], outputs: Any
) -> Identity:
    """Take a model's identity.

    Parameters
    ----------
    digest : str
    given : ndarray of float32
        The input in the model's space.
    scores : iterable of float
        Of the targets.
    outputs
        Of the whole input.
    """
    flat = np.nan_to_num(given.reshape(-1).astype(np.float64))  # a table may have gaps
    parts = [part.mean() for part in np.array_split(flat, PARTS) if part.size]
    facts = (flat.mean(), flat.std(), flat.min(), flat.max(), *parts)
    best: NDArray[Any] = np.empty(0)
    if isinstance(outputs, np.ndarray) and outputs.ndim == 2:
        best = np.sort(outputs[0].astype(np.float64))[::-1][:BEST]
    return Identity(
        digest, tuple(map(float, facts)), tuple(map(float, scores)), tuple(map(float, best))
    )


def _differ(
    then: tuple[float, ...], now: tuple[float, ...], relative: float, least: float
) -> int | None:
    """Return the place where numbers differ most beyond the tolerance; None if nowhere."""
    size = min(len(then), len(now))
    if not size:
        return None
    one, other = np.array(then[:size]), np.array(now[:size])
    scale = max(float(np.abs(one).max()), float(np.abs(other).max()))
    allowed = relative * np.maximum(np.abs(one), np.abs(other)) + least * scale
    if scale > LEVELS and (one == np.rint(one)).all() and (other == np.rint(other)).all():
        allowed += STEPS
    excess = np.abs(one - other) - allowed
    return int(excess.argmax()) if excess.max() > 0 else None
