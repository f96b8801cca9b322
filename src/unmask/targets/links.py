"""Links: a function of the score that is explained in its place, such as its log-odds.

A link is applied to every score before anything is estimated, so the map, its standard error and
its reliability are of the linked score. What a target's score is said to be stays the model's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from unmask._base.checks import known
from unmask._base.magnitude import LARGEST
from unmask._base.numbers import format_score
from unmask.errors import ModelOutputError, SettingError
from unmask.inputs.filling import name_of
from unmask.targets.classes import ClassTargets

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from unmask.models.model import Model
    from unmask.targets.target import Target
    from unmask.targets.task import Targets

    Array = NDArray[np.float64]


__all__ = [
    "LEAST",
    "LINKS",
    "Link",
    "LinkName",
    "Linked",
    "check_link",
    "cut",
    "is_unnamed",
    "linked",
    "quantity_of",
    "read_link",
    "score_of",
    "unlinked",
]


LinkName = Literal["identity", "logit", "log"]
LINKS: tuple[LinkName, ...] = get_args(LinkName)
# Scores are cut here, as the log-odds and the logarithm of 0 are infinite: float32 tells 1 from no
# probability nearer to it than 6e-8, and models that are as sure of nothing are sure by rounding.
LEAST = 1e-6
ROUNDING = 1e-4  # what probabilities may be beyond 0 and 1
OF_FUNCTION = "function "
REMEDY = (
    "Of logits, activation='softmax' or activation='sigmoid' makes probabilities; they are "
    "log-odds themselves, and link='identity' explains them as they are"
)


@dataclass(frozen=True)
class Link:
    """A function of scores, elementwise; made by `read_link`.

    Attributes
    ----------
    name : str
        As a plan writes it.
    function : callable
        ``scores -> scores`` of the same shape.
    low, high : float
        What scores may be.

    Examples
    --------
    >>> read_link("logit")(np.array([0.5, 0.9, 0.0])).round(2)
    array([  0.  ,   2.2 , -13.82])
    """

    name: str
    function: Callable[[Array], Any]
    low: float = -np.inf
    high: float = np.inf

    def __call__(self, scores: Array) -> Array:
        """Apply it.

        Raises
        ------
        ModelOutputError
            Scores that it does not take, or it returned something else than as many finite numbers.
        """
        if not self.takes(scores):
            raise ModelOutputError(self.refusal(scores))
        try:
            found = np.asarray(self.function(np.array(scores)), np.float64)
        except Exception as error:
            raise ModelOutputError(
                f"link={self.name} failed on scores of shape {scores.shape}: "
                f"{type(error).__name__}: {error}"
            ) from error
        if found.shape != scores.shape:
            raise ModelOutputError(
                f"link={self.name} returned an array of shape {found.shape} for scores of shape "
                f"{scores.shape}: expected as many numbers, one for each"
            )
        bad = ~(np.abs(found) <= LARGEST)
        if bad.any():
            raise ModelOutputError(
                f"link={self.name} makes {found[bad][0]:g} of the score "
                f"{format_score(float(scores[bad][0]))}: expected finite numbers"
            )
        return found

    def takes(self, scores: Array) -> bool:
        """Whether all scores are within its bounds, but for rounding."""
        return bool(((scores >= self.low - ROUNDING) & (scores <= self.high + ROUNDING)).all())

    def refusal(self, scores: Array) -> str:
        """Say that it does not take such scores, and what does."""
        beyond = np.maximum(self.low - scores, scores - self.high)
        said = " to 1, which probabilities are" if self.high < np.inf else " on"
        return (
            f"link={self.name!r} is for scores from 0{said}, and there is one of "
            f"{format_score(float(scores.flat[int(beyond.argmax())]))}. {REMEDY}"
        )


def _logit(scores: Array) -> Array:
    inside = np.clip(scores, LEAST, 1 - LEAST)
    return np.asarray(np.log(inside) - np.log1p(-inside))


def _log(scores: Array) -> Array:
    return np.asarray(np.log(np.maximum(scores, LEAST)))


def cut(link: str, scores: Array) -> float:
    """Return the share of linked scores that lie where a link is cut, 0 to 1."""
    if link not in NAMED:
        return 0.0
    low, high = NAMED[link](np.array([0.0, 1.0]))
    return float(((scores <= low) | ((link == "logit") & (scores >= high))).mean())


def score_of(link: str, value: float) -> float:
    """Return the score that a link other than a function makes a value of; 0 or 1 where it is cut.

    Examples
    --------
    >>> round(score_of("log", float(np.log(0.2))), 12), score_of("logit", -20.0)
    (0.2, 0.0)
    """
    if link == "identity":
        return value
    if cut(link, np.array([value])):
        return float(value > 0)
    return float(np.exp(value) if link == "log" else 1 / (1 + np.exp(-value)))


NAMED = {"logit": Link("logit", _logit, 0.0, 1.0), "log": Link("log", _log, 0.0)}


def check_link(link: Any) -> str:
    """Return how a plan writes a link.

    Raises
    ------
    SettingError
        It is none.

    Examples
    --------
    >>> check_link("logit"), check_link(np.sqrt)
    ('logit', 'function sqrt')
    """
    if callable(link):
        return OF_FUNCTION + name_of(link)
    return str(known("link", link, LINKS))


def is_unnamed(text: str) -> bool:
    """Whether what a plan writes of a link does not say what it is."""
    return text.startswith(OF_FUNCTION)


def read_link(link: Any) -> Link | None:
    """Return a link as a function; None of "identity".

    Raises
    ------
    SettingError
        It is none.
    """
    name = check_link(link)
    return Link(name, link) if callable(link) else NAMED.get(name)


def quantity_of(quantity: str, link: str) -> str:
    """Say what a linked score is.

    Examples
    --------
    >>> quantity_of("score", "logit"), quantity_of("difference of scores", "log")
    ('log-odds', 'difference of log scores')
    >>> quantity_of("similarity", "function sqrt"), quantity_of("value", "identity")
    ('sqrt(similarity)', 'value')
    """
    if link == "identity":
        return quantity
    if is_unnamed(link):
        return f"{link.removeprefix(OF_FUNCTION)}({quantity})"
    if quantity == "difference of scores":
        return f"difference of {'log-odds' if link == 'logit' else 'log scores'}"
    if link == "log":
        return f"log {quantity}"
    return "log-odds" if quantity == "score" else f"log-odds of the {quantity}"


@dataclass(frozen=True, eq=False)
class Linked:
    """Targets whose scores go through a link; see `Targets`.

    Of a difference of two scores, each of them does: that of log-odds is a difference of log-odds.

    Attributes
    ----------
    inner : Targets
        With the model's own scores.
    link : Link
    """

    inner: Targets
    link: Link

    @property
    def targets(self) -> tuple[Target, ...]:
        """What is explained, with the model's own scores of the whole input."""
        return self.inner.targets

    def __len__(self) -> int:
        return len(self.inner)

    def score(self, outputs: Any, n: int) -> Array:
        """Score a batch, and apply the link."""
        if isinstance(self.inner, ClassTargets):
            return self.inner.score(outputs, n, self.link)
        return self.link(self.inner.score(outputs, n))


def linked(targets: Targets, link: Any, model: Model, outputs: Any) -> Targets:
    """Return targets whose scores go through a link.

    Parameters
    ----------
    targets : Targets
    link : {"identity", "logit", "log"} or callable
    model : Model
    outputs
        What it returned for the whole input.

    Raises
    ------
    SettingError
        The link is not for scores such as the model's.
    """
    found = read_link(link)
    if found is None:
        return targets
    made = Linked(targets, found)
    try:
        made.score(outputs, 1)
    except ModelOutputError as error:
        raise SettingError(f"{model.name}: {error}") from error
    # Of logits one may well be within 0 and 1 while the others tell what they are.
    ofclass = any(target.index is not None and target.box is None for target in targets.targets)
    if ofclass and isinstance(outputs, np.ndarray) and outputs.dtype.kind in "fiub":
        every = outputs.astype(np.float64)
        if not found.takes(every):
            raise SettingError(f"{model.name}: {found.refusal(every)}")
        if model.activation == "logits" and found.low == 0:
            raise SettingError(
                f"{model.name} returns logits, and link={found.name!r} is for probabilities. "
                f"{REMEDY}"
            )
    return made


def unlinked(targets: Targets) -> Targets:
    """Return targets with the model's own scores."""
    return targets.inner if isinstance(targets, Linked) else targets
