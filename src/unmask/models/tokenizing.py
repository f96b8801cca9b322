"""A tokenizer of the tokenizers library, from its tokenizer.json."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from unmask._base.files import expanded
from unmask.errors import MissingExtra, ModelError
from unmask.inputs.spec import TextSpec
from unmask.models.scored_tokens import scored_tokens

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["Tokenizing", "read_tokenizer"]

MASKS = ("[MASK]", "<mask>")
PADS = ("[PAD]", "<pad>")


@dataclass(frozen=True, eq=False)
class Tokenizing:
    """What turns texts into a model's inputs.

    Attributes
    ----------
    tokenizer : tokenizers.Tokenizer
    """

    tokenizer: Any

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Return where the tokens of a text begin and end, without those that are added to it."""
        found = self.tokenizer.encode(text, add_special_tokens=False)
        rows = zip(found.offsets, found.attention_mask, strict=True)
        return [(int(begin), int(end)) for (begin, end), there in rows if there]

    def ids(self, text: str, *, special: bool = True) -> list[int]:
        """Return the tokens of one text, with or without those that are added to it."""
        found = self.tokenizer.encode(text, add_special_tokens=special)
        return [
            int(one) for one, there in zip(found.ids, found.attention_mask, strict=True) if there
        ]

    def arrays(self, texts: Sequence[str]) -> dict[str, NDArray[np.int64]]:
        """Return what models call their inputs: ids, what of them is there, and their types."""
        found = self.tokenizer.encode_batch(list(texts))
        return {
            "input_ids": np.array([one.ids for one in found], np.int64),
            "attention_mask": np.array([one.attention_mask for one in found], np.int64),
            "token_type_ids": np.array([one.type_ids for one in found], np.int64),
        }

    @property
    def spec(self) -> TextSpec:
        """What a model with it declares."""
        return TextSpec(next(filter(self._knows, MASKS), ""), self.spans)

    def _knows(self, token: str) -> bool:
        return self.tokenizer.token_to_id(token) is not None


def read_tokenizer(path: str | Path) -> Tokenizing:
    """Read a tokenizer.json.

    Parameters
    ----------
    path : path-like

    Returns
    -------
    Tokenizing
        Texts of a batch are filled up to the longest.

    Raises
    ------
    MissingExtra
        The package tokenizers is not installed.
    ModelError
        No such file, or another one.
    """
    try:
        import tokenizers
    except ImportError as error:
        raise MissingExtra("tokenizers", "text") from error
    path = expanded(path)
    if not path.is_file():
        raise ModelError(f"no tokenizer at {path}: expected a file tokenizer.json")
    try:
        tokenizer = scored_tokens(path) or tokenizers.Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises bare exceptions
        raise ModelError(
            f"{path} is no tokenizer.json of the library tokenizers: {str(error)[:200]}"
        ) from error
    made = Tokenizing(tokenizer)
    pad = (tokenizer.padding or {}).get("pad_token") or next(filter(made._knows, PADS), None)
    # A length that the file fixes would only be filled with what is masked out again.
    if pad is None:
        tokenizer.enable_padding()
    else:
        tokenizer.enable_padding(pad_id=tokenizer.token_to_id(pad) or 0, pad_token=pad)
    return made
