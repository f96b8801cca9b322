"""Which answer of a model that writes text is explained, checked as far as possible without it."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from unmask._base.checks import is_whole
from unmask.errors import TargetError
from unmask.targets.class_specs import Contrast, WithinTop

__all__ = ["Answer", "Of", "Rather", "answer", "asks", "parse_answers", "written"]

Of = Literal["all", "whole", "tokens"] | int
# As people and `Target.request` write it: answer:a cat, tokens:a cat, token-2:a cat, and of two
# answers rather:["yes", "no"]; with a prompt before it, prompt:"What is it?" answer:a cat. After =
# in the place of : comes an answer that no blank is put before.
TEXT = re.compile(
    r'(?:prompt:(?P<prompt>"(?:[^"\\]|\\.)*") )?'
    r"(?P<kind>answer|tokens|token-[1-9][0-9]{0,5}|rather)(?P<exact>[:=])(?P<text>.*)",
    re.DOTALL,
)


@dataclass(frozen=True)
class Answer:
    """A text that a model writes, or could write; made by `answer`.

    Attributes
    ----------
    text : str or None
        None is what the model writes by itself.
    prompt : str or None
    of : {"all", "whole", "tokens"} or int
        The whole and each token, one of both, or one token, counted from 1.
    exact : bool
        It continues the prompt as it is, also where a blank seems to be missing.
    """

    text: str | None = None
    prompt: str | None = None
    of: Of = "all"
    exact: bool = field(default=False, repr=False)


@dataclass(frozen=True)
class Rather:
    """One whole answer rather than another: the difference of their log-probabilities."""

    first: Answer
    second: Answer

    @property
    def prompt(self) -> str | None:
        """What is said to the model beside the input."""
        return self.first.prompt


def answer(text: str | None = None, prompt: str | None = None, *, of: Of = "all") -> Answer:
    """Explain why a model reads, says or writes something.

    The score is a log-probability: of the whole answer, and of each of its tokens given those
    before. All are read from the same model calls.

    Parameters
    ----------
    text : str, optional
        The answer. A blank is put before it where it continues a prompt whose last word it would
        grow together with. Without it, what the model writes by itself for the whole input, by
        taking the likeliest token each time.
    prompt : str, optional
        What is said to the model beside the input, and is not hidden: of a picture the question; of
        a text what stands around it, with ``{}`` where it belongs, or else after it.
    of : {"all", "whole", "tokens"} or int, default "all"
        The whole answer and each of its tokens, one of both, or a single token, counted from 1.

    Returns
    -------
    Answer
        To be given as a target. ``unmask.contrast(unmask.answer("yes"), unmask.answer("no"))`` is
        why the one rather than the other.

    Raises
    ------
    TargetError
        An empty text, or no such part of it.

    Examples
    --------
    >>> answer("a cat", "What is on the table?")
    Answer(text='a cat', prompt='What is on the table?', of='all')
    """
    for name, value in (("text", text), ("prompt", prompt)):
        given: Any = value
        if given is not None and (not isinstance(given, str) or not given.strip()):
            raise TargetError(
                f"{name}={given!r} of an answer: expected text that is not empty, or None for "
                f"{'what the model writes itself' if name == 'text' else 'no prompt'}"
            )
    part: Any = of
    if part not in ("all", "whole", "tokens") and not (is_whole(part) and part >= 1):
        raise TargetError(
            f"of={part!r}: expected 'all', 'whole', 'tokens', or the number of a token from 1 on"
        )
    return Answer(text, prompt, part)


def written(spec: Answer | Rather) -> str:
    """Write it as text, as `Target.request` has it.

    Examples
    --------
    >>> written(answer("a cat", "What is it?", of=2))
    'prompt:"What is it?" token-2:a cat'
    """
    prompt = "" if spec.prompt is None else f"prompt:{json.dumps(spec.prompt)} "
    parts = (spec.first, spec.second) if isinstance(spec, Rather) else (spec,)
    # Where it begins with no letter, nobody would put a blank before it.
    mark = "=" if any(one.exact and (one.text or "")[:1].isalnum() for one in parts) else ":"
    if isinstance(spec, Rather):
        pair = json.dumps([spec.first.text, spec.second.text], ensure_ascii=False)
        return f"{prompt}rather{mark}{pair}"
    kind = {"whole": "answer", "tokens": "tokens"}.get(str(spec.of), f"token-{spec.of}")
    return f"{prompt}{kind}{mark}{spec.text}"


def asks(target: Any) -> bool:
    """Whether an answer is among what is asked for."""
    if isinstance(target, str):
        return TEXT.fullmatch(target) is not None
    if isinstance(target, Contrast):
        return asks(target.first) or asks(target.second)
    if isinstance(target, Sequence):
        return any(map(asks, target))
    return isinstance(target, Answer)


def parse_answers(target: Any, name: str) -> tuple[Answer | Rather, ...]:
    """Read which answers are asked for.

    Parameters
    ----------
    target : None, str, Answer, Contrast of two, or a list of these
        None is the model's own; a string is an answer, or how `written` writes one.
    name : str
        Of the model, for errors.

    Raises
    ------
    TargetError
        None of these; an empty answer; several prompts.

    Examples
    --------
    >>> parse_answers(["yes", "token-1:no"], "net")
    (Answer(text='yes', prompt=None, of='all'), Answer(text='no', prompt=None, of=1))
    """
    specs = _parsed(target, name)
    prompts = {spec.prompt for spec in specs}
    if len(prompts) > 1:
        said = " and ".join(map(repr, sorted(map(str, prompts))))
        raise TargetError(f"the prompts {said}: one is given to {name}, with all answers")
    return specs


def _parsed(target: Any, name: str) -> tuple[Answer | Rather, ...]:
    match target:
        case None:
            return (answer(),)
        case Answer():
            return (target,)
        case Contrast(first, second):
            return (Rather(_whole(first, name), _whole(second, name)),)
        case str():
            return (_of_text(target),)
        case Sequence() if not isinstance(target, WithinTop):
            if not target:
                raise TargetError("the list of targets is empty: give at least one, or None")
            return tuple(spec for wanted in target for spec in _parsed(wanted, name))
    raise TargetError(
        f"target {target!r}: {name} writes text, of which unmask.answer('...') is explained, or "
        "contrast() of two answers"
    )


def _whole(target: Any, name: str) -> Answer:
    specs = _parsed(target, name)
    if len(specs) != 1 or not isinstance(specs[0], Answer):
        raise TargetError(f"contrast takes two answers, not {target!r}")
    return replace(specs[0], of="whole")


def _of_text(text: str) -> Answer | Rather:
    found = TEXT.fullmatch(text)
    if found is None:
        return answer(text)
    prompt = None if found["prompt"] is None else json.loads(found["prompt"])
    kind, said, exact = found["kind"], found["text"], found["exact"] == "="
    if kind == "rather":
        first, second = _pair(said, prompt)
        return Rather(replace(first, exact=exact), replace(second, exact=exact))
    of: Of = {"answer": "whole", "tokens": "tokens"}.get(kind) or int(kind.split("-")[1])  # type: ignore[assignment]
    return replace(answer(said or "", prompt, of=of), exact=exact)


def _pair(said: str, prompt: str | None) -> tuple[Answer, Answer]:
    try:
        first, second = json.loads(said)
        return answer(first, prompt, of="whole"), answer(second, prompt, of="whole")
    except (ValueError, TypeError) as error:
        if isinstance(error, TargetError):
            raise
        raise TargetError(
            f'rather:{said}: expected two answers, as in rather:["yes", "no"]'
        ) from error
