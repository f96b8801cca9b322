"""Language models on a server with the completions interface of OpenAI: vLLM, llama.cpp and others.

Where a server repeats what it is sent with log-probabilities (``echo``), an answer is scored in one
call. Where it does not, token by token: each is looked for among the likeliest that it names.
"""

from __future__ import annotations

import itertools
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from unmask._base.checks import is_number, whole
from unmask.errors import ModelError, ModelOutputError, SettingError, TargetError
from unmask.inputs.spec import TextSpec
from unmask.models.answering import Cost, Given, Scored, joined_answer
from unmask.models.language import MOST_TOKENS, framed
from unmask.models.model import Model, build
from unmask.models.server.completions import Refused, Wire, in_parts
from unmask.models.server.logprobs import LOGPROBS, by_tokens, logprobs_of, of_answer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Array = NDArray[np.float64]
    Spans = tuple[tuple[int, int], ...]

__all__ = ["ServerWriter", "from_completions"]

PREFIX = "openai:"
HOSTED = "https://api.openai.com/v1"
KEY = "OPENAI_API_KEY"
NOTHING = "\n"  # what is continued where every word is left out


def from_completions(
    name: str,
    *,
    base_url: str = HOSTED,
    key_variable: str = KEY,
    concurrency: int = 4,
    timeout: float = 60.0,
    patience: float = 120.0,
    budget: int | None = None,
    top: int = 20,
    max_tokens: int | None = None,
) -> Model:
    """Use a language model on a server with the completions interface of OpenAI.

    Parameters
    ----------
    name : str
        "openai:MODEL", as the server calls it.
    base_url : str
        ``http://localhost:8000/v1``, say.
    key_variable : str, default "OPENAI_API_KEY"
        Name of the environment variable that holds the key. The key itself is written nowhere.
    concurrency : int, default 4
        Requests at once, at most.
    timeout : float, default 60
        Seconds without a byte after which a request has failed.
    patience : float, default 120
        Seconds, from its first failure, that a request is tried again.
    budget : int, optional
        Tokens, sent and written, that all calls together may take.
    top : int, default 20
        Of a server that does not repeat what it is sent: among how many of the likeliest tokens
        each token of an answer is looked for.
    max_tokens : int, optional
        Of an answer that the model writes itself, 32 by default.

    Returns
    -------
    Model
        Of the task "answers". Nothing is asked yet.

    Raises
    ------
    SettingError
        An option out of range.
    """
    if not key_variable.replace("_", "a").isalnum() or len(key_variable) > 100:
        raise SettingError(
            "key_variable= is the name of the environment variable that holds the key"
        )
    for option, seconds in (("timeout", timeout), ("patience", patience)):
        if not (is_number(seconds) and 0 < seconds <= threading.TIMEOUT_MAX):
            raise SettingError(f"{option}={seconds!r}: expected a number of seconds above 0")
    wire = Wire(
        base_url,
        key_variable,
        concurrency=whole("concurrency", concurrency, 1, 256),
        timeout=timeout,
        patience=patience,
        budget=None if budget is None else whole("budget", budget, 1),
    )
    model = name.removeprefix(PREFIX)
    if not model:
        raise ModelError(f"{name}: expected openai:MODEL, MODEL being what the server calls it")
    most = MOST_TOKENS if max_tokens is None else whole("max_tokens", max_tokens, 1)

    def run(_: Any) -> Any:
        raise ModelError(f"{model} writes text: an answer is explained, as unmask.answer('...')")

    return build(
        run,
        name=model,
        text=TextSpec(),
        versions={"server": base_url},
        task="answers",
        answers=ServerWriter(model, wire, most, whole("top", top, 1, 10_000)),
    )


@dataclass(frozen=True, eq=False)
class ServerWriter:
    """A model on a server; see `unmask.models.answering.Answering`.

    Attributes
    ----------
    name : str
    wire : Wire
    most : int
        Tokens of an answer that it writes itself, at most.
    top : int
        Of the likeliest tokens that are asked for.
    """

    name: str
    wire: Wire
    most: int
    top: int
    takes_prompt = True

    def greedy(self, whole: Any, prompt: str | None) -> Given:
        """Return what the server writes at temperature 0."""
        (choice,) = self._ask([framed(whole[0], prompt)], max_tokens=self.most)
        text = str(choice.get("text", ""))
        if not text.strip():
            raise TargetError(
                f"{self.name} writes nothing of its own: give an answer, as unmask.answer('...') "
                "or --answer"
            )
        cut = f", cut after {self.most} tokens" if choice.get("finish_reason") == "length" else ""
        return Given(
            text, 1, (f"the answer explained is what {self.name} writes itself{cut}: {text!r}",)
        )

    def continued(self, answer: str, prompt: str | None, whole: Any) -> str:
        """Return an answer as it continues the prompt."""
        return joined_answer(framed(whole[0], prompt), answer)

    def scored(self, answers: tuple[str, ...], prompt: str | None, whole: Any) -> Scored:
        """Return what scores answers: all in one call, or token by token."""
        before, text = (self.wire.calls, self.wire.tokens), framed(whole[0], prompt)
        try:
            echoed = [self._echoed([text], answer, None)[1] for answer in answers]
            spans, by_steps = echoed, False
        except (Refused, _NoEcho) as error:
            if isinstance(error, Refused) and "echo" not in str(error):
                raise
            spans = [self._walked(text, answer) for answer in answers]
            by_steps = True
        calls = sum(map(len, spans)) if by_steps else len(answers)
        asked = self.wire.calls - before[0]
        tokens = (self.wire.tokens - before[1]) / max(asked, 1)

        def run(batch: Any) -> Array:
            texts = [framed(one, prompt) for one in batch]
            found = []
            for answer, own in zip(answers, spans, strict=True):
                scores = self._stepped(texts, answer, own) if by_steps else None
                scores = self._echoed(texts, answer, own)[0] if scores is None else scores
                found += [scores.sum(axis=1, keepdims=True), scores]
            return np.concatenate(found, axis=1)

        words = tuple(
            tuple(answer[first:last] for first, last in own)
            for answer, own in zip(answers, spans, strict=True)
        )
        cost = Cost(calls, round(calls * tokens), self.wire)
        notes = (
            (
                f"{self.name} does not repeat what it is sent, so answers are scored token by "
                f"token, {calls} calls a mask; a token that is not among the {self.top} likeliest "
                "counts as the last of these"
            ),
        )
        return Scored(answers, words, {"run": run, "cost": cost}, asked, notes if by_steps else ())

    def _ask(self, prompts: Sequence[str], **more: Any) -> list[dict[str, Any]]:
        """Return a choice for each prompt."""
        requests = [
            {"model": self.name, "prompt": list(prompts[part]), "temperature": 0, **more}
            for part in in_parts(len(prompts), self.wire.concurrency)
        ]
        found: list[dict[str, Any]] = []
        for request, answer in zip(requests, self.wire.ask(requests), strict=True):
            choices = [one for one in answer["choices"] if isinstance(one, dict)]
            choices.sort(key=lambda one: one.get("index") or 0)
            if len(choices) != len(request["prompt"]):
                raise ModelOutputError(
                    f"{self.name} gave {len(choices)} answers to {len(request['prompt'])} prompts"
                )
            found += choices
        return found

    def _echoed(
        self, texts: Sequence[str], answer: str, spans: Spans | None
    ) -> tuple[Array, Spans]:
        """Return log-probabilities of an answer's tokens after texts, and where these stand.

        Raises
        ------
        _NoEcho
            The server does not repeat what it is sent.
        ModelOutputError
            No log-probabilities, too few, or of other tokens than for the whole text.
        """
        starts = [text or NOTHING for text in texts]
        whole = [start + answer for start in starts]
        rows = []
        for start, sent, choice in zip(
            starts, whole, self._ask(whole, max_tokens=1, logprobs=1, echo=True), strict=True
        ):
            said = logprobs_of(choice, self.name)
            tokens, values = said.get("tokens"), said.get("token_logprobs")
            if not isinstance(tokens, list) or not isinstance(values, list):
                raise _NoEcho
            if not str(choice.get("text", "")).startswith(sent):
                raise _NoEcho
            found = of_answer(said, tokens, values, len(start), len(sent), self.name)
            own = tuple(span for span, _ in found)
            spans = own if spans is None else spans
            rows.append(by_tokens(found, spans, answer, self.name))
        return np.array(rows), spans or ()

    def _walked(self, text: str, answer: str) -> Spans:
        """Return an answer's tokens by walking it: each is the longest of those that fit."""
        spans: list[tuple[int, int]] = []
        done = 0
        while done < len(answer):
            (likely,) = self._likely([text + answer[:done]])
            fits = [token for token in likely if token and answer.startswith(token, done)]
            if not fits:
                raise TargetError(
                    f"{answer[done:]!r} of the answer {answer!r} does not begin with any of the "
                    f"{len(likely)} likeliest tokens that {self.name} names: top= asks for more "
                    f"than {self.top}"
                )
            spans.append((done, done + len(max(fits, key=len))))
            done = spans[-1][1]
        return tuple(spans)

    def _stepped(self, texts: Sequence[str], answer: str, spans: Spans) -> Array:
        """Return log-probabilities of an answer's tokens, asked for one by one."""
        prompts = [(text or NOTHING) + answer[:first] for text in texts for first, _ in spans]
        tokens = itertools.cycle([answer[first:last] for first, last in spans])
        values = [
            likely.get(token, min(likely.values()))
            for likely, token in zip(self._likely(prompts), tokens, strict=False)
        ]
        return np.array(values).reshape(len(texts), len(spans))

    def _likely(self, prompts: Sequence[str]) -> list[dict[str, float]]:
        """Return the likeliest next tokens and their log-probabilities."""
        found = []
        for choice in self._ask(prompts, max_tokens=1, logprobs=self.top):
            said = logprobs_of(choice, self.name)
            first = (said.get("top_logprobs") or [None])[0]
            if isinstance(said.get("content"), list) and said["content"]:  # as llama.cpp says it
                listed = said["content"][0].get("top_logprobs") or []
                first = {one["token"]: one["logprob"] for one in listed}
            if not isinstance(first, dict) or not first:
                raise ModelOutputError(
                    f"{self.name} names no likeliest tokens beside its own: start its server so "
                    f"that it returns {self.top} {LOGPROBS}, or ask for fewer with top="
                )
            found.append({str(token): float(value) for token, value in first.items()})
        return found


class _NoEcho(Exception):  # noqa: N818 - what happened
    """A server does not repeat what it is sent."""
