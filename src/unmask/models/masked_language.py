"""Masked language models: how probable an answer is in the place of a text's mask."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from unmask.errors import ModelError, TargetError
from unmask.models.answering import Given, Scored
from unmask.models.language import framed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Array = NDArray[np.float64]

__all__ = ["FillsMasks"]


@dataclass(frozen=True, eq=False)
class FillsMasks:
    """A network that fills masks; see `unmask.models.answering.Answering`.

    A text holds one mask token. An answer of several tokens has as many masks in its place, all
    filled at once.

    Attributes
    ----------
    name : str
    mask : str
        The mask token.
    network
        With ``encode``, ``encode_answer``, ``decode``, and ``of_masks(rows, places, tokens)``, the
        log-probabilities of tokens at places; ``limit``.
    """

    name: str
    mask: str
    network: Any
    takes_prompt = True

    def greedy(self, whole: Any, prompt: str | None) -> Given:
        """Return the likeliest single token."""
        text = self._checked(framed(whole[0], prompt))
        row, place = self._row(text, 1)
        every = range(self.network.size)
        scores = self.network.of_masks([row], [[place] * len(every)], every)[0]
        said = self.network.decode([int(scores.argmax())]).strip()
        note = f"the answer explained is what {self.name} puts for {self.mask} itself: {said!r}"
        return Given(said, 1, (note,))

    def continued(self, answer: str, prompt: str | None, whole: Any) -> str:  # noqa: ARG002
        """Return it as it is."""
        return answer

    def scored(self, answers: tuple[str, ...], prompt: str | None, whole: Any) -> Scored:
        """Return what scores answers in the place of the mask."""
        text, every = self._checked(framed(whole[0], prompt)), []
        for answer in answers:
            ids = self.network.encode_answer(answer)
            if not ids or self.network.decode(ids).casefold().split() != answer.casefold().split():
                raise TargetError(
                    f"the answer {answer!r} cannot be written in the tokens of {self.name}: they "
                    f"read {self.network.decode(ids)!r}"
                )
            limit, taken = self.network.limit, len(self._row(text, len(ids))[0])
            if limit is not None and taken > limit:
                raise TargetError(
                    f"{answer!r} with its text takes {taken:,} tokens, and {self.name} reads "
                    f"{limit:,}: give a shorter text"
                )
            every.append(ids)

        def run(batch: Any) -> Array:
            texts = [framed(one, prompt) for one in batch]
            return np.concatenate([self._columns(texts, ids) for ids in every], axis=1)

        tokens = tuple(tuple(self.network.decode([one]).strip() for one in ids) for ids in every)
        return Scored(answers, tokens, {"run": run})

    def _columns(self, texts: Sequence[str], ids: Sequence[int]) -> Array:
        # A text without any mask, as a control has it, says nothing of what stands there.
        masked = [text if self.mask in text else f"{text} {self.mask}" for text in texts]
        rows, starts = zip(*(self._row(text, len(ids)) for text in masked), strict=True)
        places = [range(start, start + len(ids)) for start in starts]
        found = self.network.of_masks(rows, places, ids)
        return np.concatenate([found.sum(axis=1, keepdims=True), found], axis=1)

    def _row(self, text: str, count: int) -> tuple[list[int], int]:
        """Return a text's tokens with so many masks, and where these begin."""
        (token,) = self.network.encode_answer(self.mask)[:1]
        ids = self.network.encode(text.replace(self.mask, self.mask * count, 1))
        return ids, ids.index(token)

    def _checked(self, text: str) -> str:
        if not self.mask:
            raise ModelError(f"{self.name} fills masks, and its tokenizer names no mask token")
        if text.count(self.mask) != 1:
            raise TargetError(
                f"{self.name} fills a mask: put {self.mask} once where the answer stands, in the "
                f"text or its prompt (there are {text.count(self.mask)})"
            )
        return text
