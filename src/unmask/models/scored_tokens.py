"""Tokens with scores, as llama2.c writes SentencePiece's: a JSON file of two lists."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from unmask.errors import ModelError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["scored_tokens"]

BEGIN = 1  # the token that a text begins with


def scored_tokens(path: Path) -> Any:
    """Return a tokenizer of a file ``{"tokens": [...], "scores": [...]}``; None of any other.

    Two neighbors become one where their text is a token, those of the best score first. A text
    begins with token 1 and a blank, and bytes stand for what no token has.

    Parameters
    ----------
    path : Path

    Returns
    -------
    tokenizers.Tokenizer or None

    Raises
    ------
    ModelError
        Another number of scores than of tokens.
    """
    try:
        said = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return None  # whoever reads it otherwise says what is wrong
    if not isinstance(said, dict) or not {"tokens", "scores"} <= said.keys():
        return None
    tokens, scores = said["tokens"], said["scores"]
    if len(tokens) != len(scores):
        raise ModelError(f"{path} has {len(tokens)} tokens and {len(scores)} scores")
    from tokenizers import Tokenizer, decoders, models, normalizers, processors

    places = {token: number for number, token in reversed([*enumerate(tokens)])}
    pairs = [
        (-scores[number], number, (token[:cut], token[cut:]))
        for token, number in places.items()
        for cut in range(1, len(token))
        if token[:cut] in places and token[cut:] in places and not token.startswith("<")
    ]
    merges = [pair for _, _, pair in sorted(pairs)]
    made = Tokenizer(
        models.BPE(places, merges, unk_token=tokens[0], byte_fallback=True, fuse_unk=True)
    )
    made.normalizer = normalizers.Prepend(" ")
    made.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Fuse()])
    made.post_processor = processors.TemplateProcessing(
        single="<s> $A", special_tokens=[("<s>", BEGIN)]
    )
    return made
