"""Language models: prompts and answers as tokens, whoever computes the probabilities.

An answer's tokens are fixed by the whole prompt; under every masked one the same tokens are scored,
each given those before it (teacher forcing).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from unmask.errors import TargetError
from unmask.models.answering import Given, Scored, joined_answer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    Array = NDArray[np.float64]
    Asked = Sequence[tuple[int, int]]

__all__ = ["MOST_TOKENS", "PLACE", "Language", "Network", "Rows", "chunks", "framed", "rows_of"]

OTHERS = ("\n", ".", ":")  # what an answer may stand behind instead of the prompt
PLACE = "{}"  # in a prompt: where the text belongs
MOST_TOKENS = 32  # of an answer that a model writes itself
NUMBERS = 2**26  # logits at once, 256 MiB as float32


class Network(Protocol):
    """A network of tokens.

    Attributes
    ----------
    name : str
    limit : int or None
        Most tokens of prompt and answer together, where it is known.
    ends : frozenset of int
        Tokens after which nothing follows.
    continues : bool
        Whether an answer continues the prompt, as a causal model's does, or is a text of its own.
    """

    @property
    def name(self) -> str:
        """Of the model."""

    @property
    def limit(self) -> int | None:
        """Most tokens."""

    @property
    def ends(self) -> frozenset[int]:
        """Tokens that end an answer."""

    @property
    def continues(self) -> bool:
        """Whether an answer continues the prompt."""

    def encode(self, text: str) -> list[int]:
        """Return the tokens of a prompt, with those that are added at its beginning."""

    def encode_answer(self, text: str) -> list[int]:
        """Return the tokens of a text alone."""

    def decode(self, ids: Sequence[int]) -> str:
        """Return tokens as text."""

    def length(self, contexts: Any) -> int:
        """Return the tokens of the first context."""

    def scores(self, contexts: Any, answer: Sequence[int], asked: Asked) -> Array:
        """Return log-probabilities of tokens after contexts and a part of an answer.

        Parameters
        ----------
        contexts : sequence of list of int, or whatever else `Language.contexts` makes of a batch
        answer : sequence of int
            Follows each context.
        asked : sequence of (int, int)
            After so many tokens of `answer`, which token.

        Returns
        -------
        ndarray of float64, shape (n, len(asked))
        """

    def best(self, context: Any, answer: Sequence[int]) -> int:
        """Return the likeliest token after one context and an answer so far."""


@dataclass(frozen=True)
class Rows:
    """What a network is asked for several answers: each is read beside another where it can be.

    Attributes
    ----------
    inputs : tuple of int
        Tokens that follow the context.
    asked : tuple of (int, int)
        After so many of them, which token.
    columns : tuple of (int, int)
        Of which answer, and which of its tokens.
    """

    inputs: tuple[int, ...]
    asked: tuple[tuple[int, int], ...]
    columns: tuple[tuple[int, int], ...]


def rows_of(answers: Sequence[Sequence[int]]) -> list[Rows]:
    """Return what is asked for answers: those that begin alike share a call.

    Examples
    --------
    >>> [(one.inputs, one.columns) for one in rows_of([[5, 7], [5, 8], [9]])]
    [((5,), ((0, 0), (0, 1), (1, 0), (1, 1), (2, 0)))]
    """
    heads = sorted({tuple(ids[:-1]) for ids in answers}, key=lambda head: (-len(head), head))
    longest: list[tuple[int, ...]] = []
    for head in heads:
        if not any(other[: len(head)] == head for other in longest):
            longest.append(head)
    found: dict[tuple[int, ...], list[tuple[tuple[int, int], tuple[int, int]]]] = {}
    for number, ids in enumerate(answers):
        head = tuple(ids[:-1])
        row = next(one for one in longest if one[: len(head)] == head)
        pairs = [((place, token), (number, place)) for place, token in enumerate(ids)]
        found.setdefault(row, []).extend(pairs)
    return [
        Rows(row, tuple(asked for asked, _ in pairs), tuple(column for _, column in pairs))
        for row, pairs in found.items()
    ]


def framed(text: str, prompt: str | None) -> str:
    r"""Return what a model is given: a text with what stands around it.

    Examples
    --------
    >>> framed("A dull film.", "Review: {} Sentiment:"), framed("A dull film.", "Good or bad?")
    ('Review: A dull film. Sentiment:', 'A dull film.\nGood or bad?')
    """
    if prompt is None:
        return text
    return prompt.replace(PLACE, text, 1) if PLACE in prompt else f"{text}\n{prompt}"


def chunks(count: int, each: int) -> range:
    """Return where parts of a batch begin, of so many numbers each that they fit in memory.

    Examples
    --------
    >>> list(chunks(5, 2**25))
    [0, 2, 4]
    """
    return range(0, count, max(1, NUMBERS // max(each, 1)))


@dataclass(frozen=True, eq=False)
class Language:
    """A network that writes text; see `unmask.models.answering.Answering`.

    Attributes
    ----------
    network : Network
    contexts : callable
        ``(batch, prompt) -> contexts``, a sequence as the network's `scores` takes it.
    prompt_of : callable
        ``(batch, prompt) -> str``: the whole prompt as text, which an answer continues.
    most : int
        Tokens of an answer that it writes itself, at most.
    """

    network: Network
    contexts: Callable[[Any, str | None], Any]
    prompt_of: Callable[[Any, str | None], str]
    most: int = MOST_TOKENS
    takes_prompt = True

    def greedy(self, whole: Any, prompt: str | None) -> Given:
        """Return what taking the likeliest token each time writes."""
        net, ids, ended = self.network, list[int](), False
        context = self.contexts(whole, prompt)
        self._check_length(context, 1, "the text")
        room = self.most if net.limit is None else min(self.most, net.limit - net.length(context))
        while not ended and len(ids) < room:
            token = net.best(context, ids)
            ended = token in net.ends
            ids += [] if ended else [token]
        text = net.decode(ids)
        if not text.strip():
            raise TargetError(
                f"{net.name} writes nothing of its own: give an answer, as unmask.answer('...') or "
                "--answer"
            )
        cut = "" if ended else f", cut after {len(ids)} tokens"
        note = f"the answer explained is what {net.name} writes itself{cut}: {text.strip()!r}"
        return Given(text, len(ids) + ended, (note,))

    def scored(self, answers: tuple[str, ...], prompt: str | None, whole: Any) -> Scored:
        """Return what scores answers by their tokens."""
        net, text = self.network, self.prompt_of(whole, prompt)
        every = [self._ids(text, answer) for answer in answers]
        for answer, ids in zip(answers, every, strict=True):
            self._check_length(self.contexts(whole, prompt), len(ids), repr(answer))
        rows, sizes = rows_of(every), [len(ids) for ids in every]

        def run(batch: Any) -> Array:
            contexts = self.contexts(batch, prompt)
            found = [np.empty((len(batch), size)) for size in sizes]
            for row in rows:
                scores = net.scores(contexts, row.inputs, row.asked)
                for place, (number, token) in enumerate(row.columns):
                    found[number][:, token] = scores[:, place]
            return np.concatenate(
                [part for one in found for part in (one.sum(axis=1, keepdims=True), one)], axis=1
            )

        tokens = tuple(self._texts(ids) for ids in every)
        return Scored(answers, tokens, {"run": run})

    def continued(self, answer: str, prompt: str | None, whole: Any) -> str:
        """Return an answer as it continues the prompt."""
        return joined_answer(self.prompt_of(whole, prompt), answer, self.network.continues)

    def _ids(self, prompt: str, answer: str) -> list[int]:
        """Return an answer's tokens as they follow the prompt."""
        net = self.network
        # A tokenizer may join an answer to the word before it, or put a blank of its own first.
        for before in (prompt, *OTHERS) if net.continues else ():
            first, both = net.encode(before), net.encode(before + answer)
            ids = both[len(first) :]
            kept = both[: len(first)] == first and bool(ids)
            if kept and net.decode(both) == net.decode(first) + answer:
                return ids
        ids = net.encode_answer(answer)
        if not ids or _read(net.decode(ids)) != _read(answer):
            raise TargetError(
                f"the answer {answer!r} cannot be written in the tokens of {net.name}: they read "
                f"{net.decode(ids)!r}"
            )
        return ids

    def _texts(self, ids: Sequence[int]) -> tuple[str, ...]:
        """Return each token's part of the text."""
        decode, found, before = self.network.decode, [], ""
        for end in range(1, len(ids) + 1):
            text = decode(ids[:end])
            found.append(text[len(before) :] if text.startswith(before) else decode([ids[end - 1]]))
            before = text
        return tuple(found)

    def _check_length(self, context: Any, more: int, what: str) -> None:
        limit, length = self.network.limit, self.network.length(context)
        # The last token of an answer is only asked about.
        taken = length + more - 1
        if limit is not None and taken > limit:
            raise TargetError(
                f"{what} with its prompt takes {length + more:,} tokens, and {self.network.name} "
                f"reads {limit:,}: give a shorter text, or a shorter answer"
            )


def _length(context: Any) -> int:
    """Return the tokens of one context."""
    first = context[0]
    return len(first) if isinstance(first, list) else int(getattr(first, "length", 0))


def _read(text: str) -> list[str]:
    """Return what people read: some tokenizers keep neither blanks nor capitals."""
    return text.casefold().split()
