"""Models that write text: what they answer, and how probable an answer is, token by token."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Answering", "Cost", "Given", "Meter", "Scored", "joined_answer"]


@dataclass(frozen=True)
class Given:
    """What a model writes by itself for a whole input.

    Attributes
    ----------
    text : str
    calls : int
        Inputs that it was asked about for that.
    notes : tuple of str
        Such as that it was cut.
    """

    text: str
    calls: int = 1
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Scored:
    """Answers whose log-probabilities a model returns, (n, columns).

    Of each answer a column for the whole comes first, then one for each of its tokens.

    Attributes
    ----------
    answers : tuple of str
        As the model was given them.
    tokens : tuple of tuple of str
        Of each answer, as people read them.
    fields : mapping
        What to `replace` in the model so that it returns these.
    calls : int
        Inputs that the model was asked about for that.
    notes : tuple of str
    """

    answers: tuple[str, ...]
    tokens: tuple[tuple[str, ...], ...]
    fields: Mapping[str, Any]
    calls: int = 0
    notes: tuple[str, ...] = field(default=())

    def column(self, number: int) -> int:
        """Return the column of a whole answer.

        Examples
        --------
        >>> Scored(("yes", "no"), (("y", "es"), ("no",)), {}).column(1)
        3
        """
        return sum(1 + len(tokens) for tokens in self.tokens[:number])


class Meter(Protocol):
    """What counts tokens."""

    @property
    def tokens(self) -> int:
        """Used so far."""

    @property
    def budget(self) -> int | None:
        """That may be used in all."""


@dataclass(frozen=True, eq=False)
class Cost:
    """What an input costs on a server that counts.

    Attributes
    ----------
    calls, tokens : int
        For one input, at most: with all of it shown.
    meter : Meter
    """

    calls: int
    tokens: int
    meter: Meter

    @property
    def left(self) -> int | None:
        """Tokens of the budget that are left; None where there is none."""
        budget = self.meter.budget
        return None if budget is None else max(0, budget - self.meter.tokens)


class Answering(Protocol):
    """How a model is asked what it writes; `Model.answers` holds it.

    Attributes
    ----------
    takes_prompt : bool
        Whether something can be said to it beside the input.
    """

    @property
    def takes_prompt(self) -> bool:
        """Whether something can be said to it beside the input."""

    def greedy(self, whole: Any, prompt: str | None) -> Given:
        """Return what the model writes by itself.

        Parameters
        ----------
        whole : batch of one
            The whole input.
        prompt : str or None

        Raises
        ------
        TargetError
            It writes nothing.
        """

    def continued(self, answer: str, prompt: str | None, whole: Any) -> str:
        """Return an answer as the model would write it, with the blank before it that it needs."""

    def scored(self, answers: tuple[str, ...], prompt: str | None, whole: Any) -> Scored:
        """Return what makes the model score answers, by their tokens for the whole input.

        Raises
        ------
        TargetError
            An answer that the model cannot write, or that is too long for it.
        """


def joined_answer(prompt: str, answer: str, continues: bool = True) -> str:
    """Return an answer as it continues a prompt: with a blank where two words would grow together.

    Parameters
    ----------
    prompt, answer : str
    continues : bool, default True
        False for a model whose answer is a text of its own.

    Examples
    --------
    >>> joined_answer("The cat sat on", "the mat"), joined_answer("1 + 1 =", "2")
    (' the mat', '2')
    >>> joined_answer("東京は", "日本")
    '日本'
    """
    words = prompt[-1:].isalnum() and answer[:1].isalnum()
    spaced = all(ord(letter) < 0x2E80 for letter in prompt[-1:] + answer[:1])
    return f" {answer}" if continues and words and spaced else answer
