"""Answers as targets: what a model reads from a picture, says of it, or writes after a text."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from unmask._base.magnitude import LARGEST
from unmask.errors import ModelOutputError, TargetError
from unmask.models.outputs import described
from unmask.targets import classes
from unmask.targets.answer_specs import Answer, Rather, asks, parse_answers, written
from unmask.targets.classes import Prediction
from unmask.targets.target import Target

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from unmask.inputs.sample import Sample
    from unmask.models.answering import Scored
    from unmask.models.model import Model
    from unmask.targets.task import Targets

    Array = NDArray[np.float64]
    Column = tuple[Target, int, int | None]


__all__ = ["MEASURE", "AnswerTargets", "Answers", "Written", "shortened"]


MEASURE, DIFFERENCE = "log-probability", "difference of log-probabilities"


@dataclass(frozen=True)
class Written(Prediction):
    """A text that a model writes.

    Attributes
    ----------
    index : int
    label : str
        The text.
    score : float
        Its log-probability.
    tokens : tuple of (str, float)
        Each token, and its log-probability given those before.
    """

    tokens: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, eq=False)
class AnswerTargets:
    """Answers, their tokens, and differences of answers; see `Targets`.

    Attributes
    ----------
    targets : tuple of Target
    first : ndarray of int, shape (k,)
        Column of the model's log-probabilities that is the score.
    less : ndarray of int, shape (k,)
        Column that is taken from it; -1 is none.
    calls : int
        Inputs that the model was asked about to fix them.
    """

    targets: tuple[Target, ...]
    first: NDArray[np.intp]
    less: NDArray[np.intp]
    calls: int = 0

    def __len__(self) -> int:
        return len(self.targets)

    @property
    def content(self) -> tuple[str, ...]:
        """What a fingerprint has to know beside labels: prompts, and which token."""
        return tuple(target.request or "" for target in self.targets)

    @property
    def leading(self) -> tuple[int, ...]:
        """Which decide how long a run goes on: whole answers, where there are any.

        A token that follows from those before it has a map of chance alone, which no number of
        masks makes reliable.
        """
        whole = tuple(n for n, target in enumerate(self.targets) if target.number is None)
        return whole or tuple(range(len(self.targets)))

    def score(self, outputs: Any, n: int) -> Array:
        """Score a batch; see `Targets.score`.

        Raises
        ------
        ModelOutputError
            Other outputs than log-probabilities of the answers' tokens.
        """
        if not isinstance(outputs, np.ndarray) or outputs.ndim != 2 or len(outputs) != n:
            raise ModelOutputError(
                f"the model returned {described(outputs)}: expected log-probabilities of the "
                f"answers, ({n}, columns)"
            )
        every = outputs.astype(np.float64)
        scores = every[:, self.first] - np.where(self.less < 0, 0.0, every[:, self.less])
        if not (np.abs(scores) <= LARGEST).all():
            raise ModelOutputError("the log-probabilities of the answers are not all finite")
        return np.asarray(scores)


class Answers:
    """What a model writes as a task."""

    name = "answers"
    single = Answer(of="whole")

    def accepts(self, model: Model) -> bool:
        """Whether a model writes text."""
        return model.answers is not None

    def claims(self, model: Model, asked: Any) -> bool:
        """Whether an answer is asked for; of a model that writes text anything is one."""
        return model.answers is not None or (model.texts is None and asks(asked))

    def parse(self, model: Model, asked: Any, top: int | None = None) -> tuple[Model, Any]:
        """Read answers, or a function of the outputs; see `parse_answers`."""
        if model.answers is None:
            raise TargetError(f"{model.name} writes no text, and an answer is asked for")
        if callable(asked):
            return model, (asked,)
        if top is not None:
            raise TargetError(f"{model.name} writes text: an answer has no rank among classes")
        specs = parse_answers(asked, model.name)
        if specs[0].prompt is not None and not model.answers.takes_prompt:
            raise TargetError(
                f"prompt={specs[0].prompt!r}: {model.name} reads what is there, and nothing can be "
                "said to it"
            )
        return model, specs

    def settle(
        self, specs: Any, model: Model, sample: Sample
    ) -> tuple[Model, Any, tuple[str, ...]]:
        """Return the model as it scores the answers, and these with the text that they have.

        The model is asked for its own answer, if that is explained, before anything is masked.

        Raises
        ------
        TargetError
            An answer that it cannot write.
        """
        assert model.answers is not None
        specs = (Answer(),) if specs is None else specs
        if model.answered is not None or callable(specs[0]):
            return model, specs, ()
        asked, prompt, notes = model.answers, specs[0].prompt, list[str]()
        own = None
        if any(one.text is None for spec in specs for one in _answers(spec)):
            own = asked.greedy(model.sent(sample.whole()), prompt)
            notes += own.notes

        def settled(one: Answer) -> Answer:
            if one.text is None and own is not None:
                return replace(one, text=own.text, exact=True)
            given, whole = one.text or "", model.sent(sample.whole())
            text = given if one.exact else asked.continued(given, prompt, whole)
            return replace(one, text=text, exact=True)

        specs = tuple(_mapped(spec, settled) for spec in specs)
        texts = dict.fromkeys(one.text or "" for spec in specs for one in _answers(spec))
        found = asked.scored(tuple(texts), prompt, model.sent(sample.whole()))
        if own is not None:
            found = replace(found, calls=found.calls + own.calls)
        model = replace(model, **found.fields, answered=found)
        return model, specs, (*notes, *found.notes)

    def resolve(self, specs: Any, outputs: Any, model: Model, sample: Sample) -> Targets:  # noqa: ARG002
        """Fix them: each by its column of the outputs.

        Raises
        ------
        TargetError
            A token that the answer does not have.
        """
        if callable(specs[0]):
            return classes.resolve(specs, outputs, model.labels)
        assert model.answered is not None
        columns = [one for spec in specs for one in _columns(spec, model.answered)]
        targets, first, less = zip(*{one[0].request: one for one in columns}.values(), strict=True)
        found = AnswerTargets(
            targets,
            np.array(first),
            np.array([-1 if one is None else one for one in less]),
            model.answered.calls,
        )
        rows = zip(targets, found.score(outputs, 1)[0].tolist(), strict=True)
        return replace(found, targets=tuple(replace(one, score=score) for one, score in rows))

    def found(
        self,
        outputs: Any,
        model: Model,
        sample: Sample,  # noqa: ARG002
        top: int | None = None,
    ) -> list[Written]:
        """Return the answers with their log-probabilities, the likeliest first."""
        known = model.answered
        if known is None or not isinstance(outputs, np.ndarray):
            return []
        row, made = outputs[0].tolist(), []
        for number, (text, tokens) in enumerate(zip(known.answers, known.tokens, strict=True)):
            at = known.column(number)
            pairs = tuple(zip(tokens, row[at + 1 : at + 1 + len(tokens)], strict=True))
            made.append(Written(number, text.strip(), row[at], pairs))
        return sorted(made, key=lambda one: -one.score)[:top]


def shortened(targets: Sequence[Target]) -> list[Target]:
    """Return targets with all tokens of an answer as one, which is asked for in a word.

    Examples
    --------
    >>> one, *rest = [Target(f"{n} cat", None, 0.0, number=n, request=f"token-{n}:a cat")
    ...               for n in (1, 2)]
    >>> whole = Target("a cat", None, 0.0, request="answer:a cat", measure=MEASURE)
    >>> [each.request for each in shortened([whole, replace(one, label="a"),
    ...                                      replace(rest[0], label="cat")])]
    ['answer:a cat', 'tokens:a cat']
    """
    found: list[Target] = []
    place = 0
    while place < len(targets):
        first = targets[place]
        run = _run_of_tokens(targets[place:])
        text = "".join(one.label for one in run)
        if run and _letters(text) == _letters(_text(first)):
            request = (first.request or "").replace("token-1", "tokens", 1)
            found.append(replace(first, request=request))
            place += len(run)
        else:
            found.append(first)
            place += 1
    return found


def _run_of_tokens(targets: Sequence[Target]) -> list[Target]:
    """Return the tokens 1, 2, ... of one answer that targets begin with."""
    run: list[Target] = []
    for one in targets:
        if not one.is_token or one.number != len(run) + 1 or (run and _text(one) != _text(run[0])):
            break
        run.append(one)
    return run


def _text(target: Target) -> str:
    """Return the answer that a token is of."""
    (spec,) = parse_answers(target.request, "")
    return (spec.text or "") if isinstance(spec, Answer) else ""


def _letters(text: str) -> str:
    return "".join(text.replace("' '", "").split())


def _answers(spec: Answer | Rather) -> tuple[Answer, ...]:
    return (spec.first, spec.second) if isinstance(spec, Rather) else (spec,)


def _mapped(spec: Answer | Rather, change: Callable[[Answer], Answer]) -> Answer | Rather:
    if isinstance(spec, Rather):
        return Rather(change(spec.first), change(spec.second))
    return change(spec)


def _columns(spec: Answer | Rather, known: Scored) -> Iterator[Column]:
    """Yield targets without their scores, each with its column, and the one it is less."""
    places = {text: number for number, text in enumerate(known.answers)}
    if isinstance(spec, Rather):
        one, other = (known.column(places[part.text or ""]) for part in _answers(spec))
        label = " − ".join((part.text or "").strip() for part in _answers(spec))
        yield _target(label, spec, DIFFERENCE), one, other
        return
    number = places[spec.text or ""]
    at, tokens = known.column(number), known.tokens[number]
    if spec.of in ("all", "whole"):
        yield _target((spec.text or "").strip(), replace(spec, of="whole"), MEASURE), at, None
    if isinstance(spec.of, int) and spec.of > len(tokens):
        raise TargetError(
            f"token {spec.of} of the answer {spec.text!r}: it has {len(tokens)}, counted from 1"
        )
    wanted = [spec.of] if isinstance(spec.of, int) else range(1, len(tokens) + 1)
    for place in wanted if spec.of != "whole" else ():
        label = tokens[place - 1].strip() or repr(tokens[place - 1])
        made = replace(_target(label, replace(spec, of=place), MEASURE), number=place)
        yield made, at + place, None


def _target(label: str, spec: Answer | Rather, measure: str) -> Target:
    return Target(label, None, 0.0, request=written(spec), measure=measure)
