"""ONNX language models: ids of tokens in, a score of every token for every place out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from unmask.errors import ModelError
from unmask.inputs.spec import TextSpec
from unmask.models.interruptible import run_session
from unmask.models.language import Language, chunks, framed
from unmask.models.masked_language import FillsMasks
from unmask.models.model import Model, build

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from unmask.models.tokenizing import Tokenizing

    Array = NDArray[np.float64]

__all__ = ["onnx_language", "writes_text"]

IDS = {"tensor(int64)": np.int64, "tensor(int32)": np.int32}
ENDS = ("</s>", "<|endoftext|>", "<|im_end|>", "<eos>", "[SEP]", "\n</s>\n")


def writes_text(inputs: Sequence[Any], output: Any) -> bool:
    """Whether a file takes ids, and has a score of every token for every place."""
    ids = all(entry.type in IDS and len(entry.shape or ()) == 2 for entry in inputs)
    return ids and len(output.shape or ()) == 3


def onnx_language(
    path: Path,
    session: Any,
    output: Any,
    tokenizing: Tokenizing,
    versions: dict[str, str],
    *,
    name: str | None = None,
    max_tokens: int | None = None,
) -> Model:
    """Wrap a session of a language model.

    Whether it is a causal one, which continues a text, or fills masks in it, is found by asking it
    once: of a causal one no later token changes what is said before it.

    Parameters
    ----------
    path : Path
    session : onnxruntime.InferenceSession
    output
        That of the scores.
    tokenizing : Tokenizing
    versions : dict of str to str
    name : str, optional
    max_tokens : int, optional
        Of an answer that it writes itself.

    Returns
    -------
    Model
        Of the task "answers".
    """
    title = name or path.name
    network = _Network(title, session, output.name, tokenizing, _limit(session))
    spec, most = tokenizing.spec, {} if max_tokens is None else {"most": max_tokens}
    answering: Any
    if network.is_causal():
        answering = Language(
            network,
            lambda batch, prompt: [network.encode(framed(text, prompt)) for text in batch],
            lambda batch, prompt: framed(batch[0], prompt),
            **most,
        )
    else:
        answering = FillsMasks(title, spec.mask_token, network)
        # Its mask token stands where the answer does, and for nothing that is hidden.
        spec = TextSpec("", spec.tokens, held=spec.mask_token)

    def run(_: Any) -> Any:
        raise ModelError(f"{title} writes text: an answer is explained, as unmask.answer('...')")

    return build(
        run,
        name=title,
        text=spec,
        versions=versions,
        batch=None,
        task="answers",
        answers=answering,
    )


def _limit(session: Any) -> int | None:
    """Return how many tokens a file takes, where it says."""
    length = (session.get_inputs()[0].shape or [None, None])[1]
    return length if isinstance(length, int) else None


@dataclass(frozen=True, eq=False)
class _Network:
    """A session; see `unmask.models.language.Network` and `masked_language.FillsMasks`."""

    name: str
    session: Any
    output: str
    tokenizing: Tokenizing
    limit: int | None
    continues = True

    @property
    def ends(self) -> frozenset[int]:
        found = map(self.tokenizing.tokenizer.token_to_id, ENDS)
        return frozenset(token for token in found if token is not None)

    def encode(self, text: str) -> list[int]:
        return self.tokenizing.ids(text)

    def encode_answer(self, text: str) -> list[int]:
        return self.tokenizing.ids(text, special=False)

    def decode(self, ids: Sequence[int]) -> str:
        return str(self.tokenizing.tokenizer.decode(list(ids), skip_special_tokens=False))

    def length(self, contexts: Sequence[list[int]]) -> int:
        return len(contexts[0])

    def is_causal(self) -> bool:
        """Whether another last token leaves what is said of the first as it is."""
        ids = [self.encode_answer(text)[:1] or [0] for text in ("a", "the")]
        first, *_ = ids
        rows = [[*first, *first, *first, *first], [*first, *first, *first, *ids[1]]]
        if rows[0] == rows[1]:
            rows[1][-1] = max(0, first[0] - 1)
        one, other = (self.logits([row])[0, :3] for row in rows)
        return bool(np.allclose(one, other, atol=1e-4 * max(1.0, float(np.abs(one).max()))))

    def logits(self, rows: Sequence[Sequence[int]]) -> NDArray[np.float32]:
        """Return scores of every token for every place, rows filled up to the right."""
        length = self.limit or max(map(len, rows))
        ids, there = (np.zeros((len(rows), length), np.int64) for _ in range(2))
        for number, row in enumerate(rows):
            ids[number, : len(row)], there[number, : len(row)] = row, 1
        known = {
            "attention_mask": there,
            "token_type_ids": np.zeros_like(ids),
            "position_ids": np.maximum(there.cumsum(axis=1) - 1, 0),
        }
        feeds = {
            entry.name: known.get(entry.name, ids).astype(IDS[entry.type])
            for entry in self.session.get_inputs()
        }
        found: NDArray[np.float32] = run_session(self.session, [self.output], feeds)[0]
        return found

    def scores(self, contexts: Sequence[list[int]], answer: Sequence[int], asked: Any) -> Array:
        places, tokens = (np.array(side) for side in zip(*asked, strict=True))
        rows = [[*(context or self._start()), *answer] for context in contexts]
        each = max(map(len, rows)) * self.size
        parts, starts = [], chunks(len(rows), each)
        for first in starts:
            few = rows[first : first + starts.step]
            ends = np.array([len(row) - len(answer) - 1 for row in few])
            logits = self.logits(few)[np.arange(len(few))[:, None], ends[:, None] + places]
            parts.append(log_softmax(logits)[:, np.arange(len(places)), tokens])
        return np.concatenate(parts)

    def best(self, context: Sequence[list[int]], answer: Sequence[int]) -> int:
        row = [*(context[0] or self._start()), *answer]
        return int(self.logits([row])[0, len(row) - 1].argmax())

    def of_masks(
        self, rows: Sequence[list[int]], places: Sequence[Sequence[int]], tokens: Sequence[int]
    ) -> Array:
        """Return log-probabilities of tokens at places of rows, (n, tokens)."""
        logits = self.logits(rows)
        at = np.array(places)
        found = log_softmax(logits[np.arange(len(rows))[:, None], at])
        return np.asarray(found[:, np.arange(len(tokens)), list(tokens)])

    @property
    def size(self) -> int:
        """How many tokens it knows."""
        return int(self.tokenizing.tokenizer.get_vocab_size())

    def _start(self) -> list[int]:
        """Return what stands where every word is left out: something has to be continued."""
        return self.encode("") or sorted(self.ends)[:1] or [0]


def log_softmax(logits: NDArray[Any]) -> Array:
    """Return log-probabilities along the last axis."""
    shifted = logits.astype(np.float64)
    shifted -= shifted.max(axis=-1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True)))
