"""Log-probabilities as servers of completions write them: of an answer's tokens, checked."""

from __future__ import annotations

import itertools
from typing import Any

from unmask._base.checks import is_number
from unmask.errors import ModelOutputError

__all__ = ["LOGPROBS", "by_tokens", "logprobs_of", "of_answer"]

LOGPROBS = "log-probabilities"
Spans = tuple[tuple[int, int], ...]


def logprobs_of(choice: dict[str, Any], name: str) -> dict[str, Any]:
    """Return what a choice says of its tokens.

    Raises
    ------
    ModelOutputError
        Nothing.
    """
    said = choice.get("logprobs")
    if not isinstance(said, dict):
        raise ModelOutputError(
            f"{name} returns no {LOGPROBS}, which an answer is scored by: its server has to be "
            "started with them, or be another"
        )
    return said


def of_answer(
    said: dict[str, Any], tokens: list[Any], values: list[Any], start: int, end: int, name: str
) -> list[tuple[tuple[int, int], float]]:
    """Return where an answer's tokens stand in it, each with its log-probability."""
    if len(values) != len(tokens):
        raise ModelOutputError(
            f"{name} returns {len(values)} {LOGPROBS} for {len(tokens)} tokens: one for each is "
            "expected"
        )
    offsets = said.get("text_offset")
    if not isinstance(offsets, list) or len(offsets) != len(tokens):
        offsets = [0, *itertools.accumulate(len(str(token)) for token in tokens)][:-1]
    ends = [*offsets[1:], max(end, offsets[-1] + len(str(tokens[-1])) if tokens else end)]
    found = []
    for first, last, value in zip(offsets, ends, values, strict=True):
        if last <= start or first >= end or first == last:
            continue
        if first < start or last > end:
            raise ModelOutputError(
                f"{name} reads a token across the end of the prompt or of the answer (at {first} "
                f"to {last}, the answer is at {start} to {end}): begin the answer with a blank, or "
                "end the prompt otherwise"
            )
        if not is_number(value):
            raise ModelOutputError(
                f"{name} returns no log-probability of a token of the answer: fewer are there than "
                "were asked for"
            )
        found.append(((first - start, last - start), float(value)))
    if not found or found[0][0][0] != 0 or found[-1][0][1] != end - start:
        raise ModelOutputError(
            f"{name} returns {LOGPROBS} of {len(found)} tokens, which do not cover the answer: "
            "fewer than were asked for"
        )
    return found


def by_tokens(
    found: list[tuple[tuple[int, int], float]], spans: Spans, answer: str, name: str
) -> list[float]:
    """Return log-probabilities by the whole text's tokens, of which these may be parts."""
    starts = {first for (first, _), _ in found}
    if not {first for first, _ in spans} <= starts:
        raise ModelOutputError(
            f"{name} cuts the answer {answer!r} into other tokens after a masked text "
            f"({[answer[first:last] for (first, last), _ in found]}) than after the whole "
            f"({[answer[first:last] for first, last in spans]}): put a prompt around the text, as "
            "in unmask.answer(text, 'Text: {} Answer:')"
        )
    return [sum(value for (first, _), value in found if low <= first < high) for low, high in spans]
