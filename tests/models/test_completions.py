"""Language models on a server of completions, on loopback, with the faults that servers have."""

import itertools
import json

import numpy as np
import pytest

import unmask
from helpers.answer_models import SHARP, WORDS
from helpers.completions_server import serving
from helpers.places import SHARED
from unmask.errors import ModelError, ModelOutputError, SettingError, TargetError

TEXT = "the dog saw anna and went home"
# What a run costs is told every time.
pytestmark = pytest.mark.filterwarnings("ignore:.*calls of the server:unmask.errors.UnmaskWarning")


def load(served, **options):
    return unmask.load("openai:copies", base_url=served.url, **{"patience": 5.0, **options})


def direct(prompt, answer):
    said, found = prompt.split(), []
    for word in answer.split():
        logits = SHARP * np.array([float(said.count(one)) for one in WORDS])
        found.append(logits[WORDS.index(word)] - np.log(np.exp(logits).sum()))
        said.append(word)
    return found


def check(made, answer="anna went"):
    """Every score is that of its own masked text."""
    words = TEXT.split()
    grids = np.concatenate([made.plan.masks.block(n).grids for n, _ in made.estimate.parts])
    for row, kept in zip(made.estimate.scores, grids, strict=False):
        found = direct(" ".join(itertools.compress(words, kept)) or "\n", answer)
        np.testing.assert_allclose(row, [sum(found), *found], atol=1e-9)


def explain(model, answer="anna went", **settings):
    asked = unmask.answer(answer)
    return unmask.explain(model, unmask.text(TEXT), asked, **{"masks": 128, **settings})


def test_answers_are_scored_in_one_call_a_mask_and_put_where_they_belong():
    with serving() as served:
        made = explain(load(served))
    check(made)
    assert [one.label for one in made.targets] == ["anna went", "anna", "went"]
    assert made.original.words[made.map.argmax()] in ("anna", "went")
    # The masks, and before them the whole text: for its tokens, alone, twice beside two others.
    assert len(served.prompts) == made.masks + 6


def test_requests_go_at_once_but_not_more_than_allowed():
    with serving(fault=lambda n: "slow" if 2 < n < 12 else None) as served:
        check(explain(load(served, concurrency=3), masks=64))
    assert 2 <= served.together <= 3


@pytest.mark.parametrize("wrong", ["drop", 429, 503, 500, "broken"])
def test_what_fails_is_asked_again_and_nothing_twice(wrong):
    with serving(fault=lambda n: wrong if n % 3 == 2 else None) as served:
        made = explain(load(served))
    check(made)
    answered = served.prompts if wrong != "broken" else []
    assert len(answered) in (0, made.masks + 6)


def test_a_server_that_is_slow_is_given_up_and_asked_again():
    with serving(fault=lambda n: "slow" if n == 3 else None) as served:
        check(explain(load(served, timeout=0.2), masks=64))


def test_a_server_that_stays_away_ends_the_run_with_what_there_is():
    with serving(fault=lambda n: 503 if n > 20 else None) as served:
        with pytest.raises(
            ModelError, match=r"gives no answer .*503.* tried again for 0.3 s"
        ) as told:
            explain(load(served, patience=0.3), masks=512)
        check(told.value.explanation)
        assert not told.value.explanation.complete


def test_a_refusal_is_no_failure_and_the_key_is_shown_to_nobody(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-wrong")
    with (
        serving(key="sk-right") as served,
        pytest.raises(ModelError, match="401: wrong key") as told,
    ):
        explain(load(served))
    assert served.requests == 1
    monkeypatch.setenv("MY_KEY", "sk-right")
    with serving(key="sk-right") as served:
        made = explain(load(served, key_variable="MY_KEY"), masks=64)
    assert "sk-" not in json.dumps(made.origin.options)
    assert made.origin.options["key_variable"] == "MY_KEY"
    assert served.seen[0] == ("/v1/completions", "Bearer sk-right")
    assert "sk-wrong" not in str(told.value)


def changed(change):
    """Change the log-probabilities of every choice, from the first masked text on."""

    def wrong(answer):
        for choice in answer["choices"]:
            change(choice["logprobs"], choice)
        return answer

    return lambda n: wrong if n > 3 else None


def without(said, choice):
    choice["logprobs"] = None


def fewer(said, choice):
    del said["token_logprobs"][-3:]


def holes(said, choice):
    said["token_logprobs"] = [None for _ in said["token_logprobs"]]


def letters(said, choice):
    text = "".join(said["tokens"][:-1])
    said["tokens"] = [text[: len(text) - 9], text[len(text) - 9 :], " x"]
    said["token_logprobs"] = [-1.0, -2.0, -1.0]
    said["text_offset"] = [0, len(text) - 9, len(text)]


def pieces(said, choice):
    """The same answer in other pieces: its two words as one token."""
    first, second = said["tokens"][-3:-1]
    said["tokens"][-3:-1] = [first + second]
    said["token_logprobs"][-3:-1] = [-2.0]
    del said["text_offset"][-2]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (without, "returns no log-probabilities"),
        (fewer, "log-probabilities for .* tokens: one for each"),
        (holes, "fewer are there than were asked for"),
        (letters, "reads a token across the end of the prompt"),
        (pieces, r"cuts the answer ' anna went' into other tokens .*\[' anna', ' went'\]"),
    ],
)
def test_log_probabilities_that_are_not_what_was_asked_for_end_the_run(change, said):
    with serving(fault=changed(change)) as served, pytest.raises(ModelOutputError, match=said):
        explain(load(served))


def test_smaller_tokens_after_a_masked_text_are_added_up():
    def halves(said, choice):
        *before, last, more = said["tokens"]
        said["tokens"] = [*before, last[:2], last[2:], more]
        value = said["token_logprobs"][-2]
        said["token_logprobs"][-2:-1] = [0.25 * value, 0.75 * value]
        said["text_offset"][-1:-1] = [said["text_offset"][-2] + 2]

    with serving(fault=changed(halves)) as served:
        check(explain(load(served), masks=64))


# --- without echo


def test_where_nothing_is_repeated_tokens_are_scored_one_by_one():
    told = pytest.warns(unmask.UnmaskWarning, match="token by token, 2 calls a mask")
    with serving(echo=False) as served, told:
        made = explain(load(served, top=len(WORDS)))
    check(made)


def test_so_it_is_where_they_are_named_as_llama_cpp_does():
    def named(answer):
        for choice in answer["choices"]:
            best = choice["logprobs"].get("top_logprobs")
            if best:
                listed = [{"token": token, "logprob": value} for token, value in best[0].items()]
                choice["logprobs"] = {"content": [{"top_logprobs": listed}]}
        return answer

    with (
        serving(echo=False, fault=lambda n: named) as served,
        pytest.warns(unmask.UnmaskWarning, match="token by token"),
    ):
        check(explain(load(served, top=len(WORDS)), masks=64))


def test_a_token_that_is_not_among_the_likeliest_counts_as_the_last_of_them():
    with (
        serving(echo=False) as served,
        pytest.warns(unmask.UnmaskWarning, match="among the 8 likeliest"),
    ):
        made = explain(load(served, top=8), "anna", masks=64)
    values = made.estimate.scores[:, 1]
    assert np.isfinite(values).all()
    assert values.min() >= direct(TEXT, "anna")[0] - 40
    with (
        serving(echo=False) as served,
        pytest.raises(TargetError, match="top= asks for more than 3"),
    ):
        explain(load(served, top=3), "yes")


# --- costs


def test_what_a_run_costs_is_told_before_it_begins():
    with serving() as served:
        with pytest.warns(unmask.UnmaskWarning, match="128 masks: 128 calls .* 1,280 tokens"):
            run = unmask.prepare(load(served), unmask.text(TEXT), "anna went", masks=128)
        assert len(served.prompts) == 6
    assert any("calls of the server" in note for note in run.notes)


def test_a_budget_that_is_too_small_for_what_was_asked_is_told_before():
    with (
        serving() as served,
        pytest.raises(SettingError, match="128 masks take 128 calls and about"),
    ):
        explain(load(served, budget=800))
    with serving() as served, pytest.raises(ModelError, match="the budget of 2 tokens is spent"):
        explain(load(served, budget=2))


def test_as_many_masks_are_made_as_the_budget_allows():
    with serving() as served:
        made = explain(load(served, budget=1500), masks=None, until=0.99999, max_masks=4000)
    assert made.plan.count == made.masks == 128
    assert made.complete
    check(made)


def test_a_budget_is_never_overdrawn():
    with serving() as served:
        model = load(served, budget=1600)
        runs = [
            unmask.prepare(model, unmask.text(TEXT), "anna went", masks=128, seed=seed)
            for seed in (1, 2)
        ]
        assert [*unmask.stream(runs[0])][-1].count == 128
        with pytest.raises(ModelError, match="the budget of 1,600 tokens is spent"):
            list(unmask.stream(runs[1]))
        assert 1400 < model.answers.wire.tokens <= 1600


# --- before anything is asked


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"base_url": "localhost:8000"}, "expected the address of a server"),
        ({"key_variable": "sk-abc/def"}, "name of the environment variable"),
        ({"timeout": 0}, "timeout=0"),
        ({"concurrency": 0}, "concurrency=0"),
        ({"budget": 0}, "budget=0"),
    ],
)
def test_options_are_checked(options, said):
    with pytest.raises(SettingError, match=said):
        unmask.load("openai:copies", **{"base_url": "http://127.0.0.1:9/v1", **options})


def test_another_kind_of_server_is_told():
    told = pytest.raises(ModelOutputError, match="answers without choices")
    with serving(fault=lambda n: lambda answer: {"models": []}) as served, told:
        explain(load(served))


def test_no_server_at_all_is_told():
    model = unmask.load("openai:copies", base_url="http://127.0.0.1:9/v1", patience=0.2)
    with pytest.raises(ModelError, match="gives no answer"):
        explain(model)


def test_the_models_own_answer_is_what_the_server_writes():
    with serving() as served:
        model = load(served, max_tokens=2)
        with pytest.warns(unmask.UnmaskWarning, match="writes itself, cut after 2 tokens"):
            made = unmask.explain(model, unmask.text("anna and anna saw"), masks=64)
    assert made.targets[0].label == "anna anna"


def test_a_real_model_on_a_server_says_what_it_says_here():
    folder = SHARED / "real" / "lm"
    if not folder.is_dir():
        pytest.skip("needs ../shared")
    from helpers.completions_server import Tokens

    own = unmask.load(folder / "aidreams260K.onnx", tokenizer=folder / "tok512.json")
    text, asked = unmask.text("As I dream, patterns unfold and"), unmask.answer("I sense data")
    with serving(Tokens(own.answers.network)) as served:
        remote = unmask.explain(load(served), text, asked, masks=64)
    here = unmask.explain(own, text, asked, masks=64)
    assert [one.label for one in remote.targets] == [one.label for one in here.targets]
    # Where every word is left out, a line break is continued there, and <s> here.
    there = here.plan.masks.block(0).grids.any(axis=1)
    pairs = [one.estimate.scores[: len(there)][there] for one in (remote, here)]
    np.testing.assert_allclose(*pairs, atol=1e-4)
