"""Answers as targets: what is asked for, found, scored, and asked for again."""

import itertools

import numpy as np
import pytest

import unmask
from helpers.answer_models import SHARP, WORDS, copier, reader, stripes
from unmask.errors import FileError, ModelError, TargetError
from unmask.targets.answer_specs import Answer, Rather, parse_answers, written

pytest.importorskip("tokenizers")


@pytest.fixture(scope="module")
def lines(tmp_path_factory):
    return unmask.load(reader(tmp_path_factory.mktemp("reader") / "reader.onnx"))


@pytest.fixture(scope="module")
def copies(tmp_path_factory):
    return unmask.load(copier(tmp_path_factory.mktemp("copier")))


@pytest.fixture(scope="module")
def fills(tmp_path_factory):
    return unmask.load(copier(tmp_path_factory.mktemp("fills"), fills=True))


def direct(prompt, answer, special=3):
    """Log-probabilities of the copying model's answer, token by token."""
    said, found = prompt.split(), []
    for word in answer.split():
        counts = np.array([0.0] * special + [SHARP * said.count(one) for one in WORDS])
        found.append(counts[special + WORDS.index(word)] - np.log(np.exp(counts).sum()))
        said.append(word)
    return found


# --- what is asked for


@pytest.mark.parametrize(
    "spec",
    [
        unmask.answer("a cat", of="whole"),
        unmask.answer('two\nlines "quoted"', 'What: "is" it?', of="tokens"),
        unmask.answer("answer:x", of=12),
        Rather(
            unmask.answer("yes", "Is it?", of="whole"), unmask.answer("n=o", "Is it?", of="whole")
        ),
    ],
)
def test_what_is_written_is_read_back(spec):
    assert parse_answers(written(spec), "net") == (spec,)


def test_a_string_is_an_answer_and_a_contrast_is_of_two():
    assert parse_answers("3", "net") == (Answer("3"),)
    (found,) = parse_answers(unmask.contrast("yes", "no"), "net")
    assert (found.first.text, found.second.text) == ("yes", "no")


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ([], "the list of targets is empty"),
        (3, "of which unmask.answer"),
        ([unmask.answer("a", "p"), unmask.answer("b")], "one is given to net"),
        (unmask.contrast(["a", "b"], "c"), "contrast takes two answers"),
        ('rather:["yes"]', 'as in rather:["yes", "no"]'),
        ("answer:", "text that is not empty"),
    ],
)
def test_what_cannot_be_asked_for_is_refused(asked, said):
    with pytest.raises(TargetError, match=said.replace("[", r"\[")):
        parse_answers(asked, "net")


@pytest.mark.parametrize(
    "wrong", [{"text": " "}, {"text": 3}, {"prompt": ""}, {"of": 0}, {"of": "x"}]
)
def test_an_answer_is_checked_when_it_is_made(wrong):
    with pytest.raises(TargetError, match="expected"):
        unmask.answer(**wrong)


# --- reading


def test_a_reader_reads_and_each_letters_map_is_on_its_stripe(lines):
    picture = stripes("rgbr")
    assert [one.label for one in unmask.predict(lines, picture)] == ["rgbr"]
    made = unmask.explain(lines, picture, masks=512, grid=(1, 16))
    assert [target.label for target in made.targets] == ["rgbr", "r", "g", "b", "r"]
    assert made.targets[0].quantity == "log-probability"
    width = picture.shape[1] / 4
    peaks = made.maps[1:].mean(axis=1).argmax(axis=1)
    middles = (np.arange(4) + 0.375) * width
    assert (np.abs(peaks - middles) <= width / 2).all()


def test_scores_of_letters_are_those_of_their_own_frames(lines):
    made = unmask.prepare(lines, stripes("gb"), masks=64)
    scores = [target.score for target in made.targets.targets]
    p = np.exp(6.0) / (np.exp(6.0) + np.exp(4.0) + 2 * np.exp(-6.0))
    # Pooled over a stripe: the other two channels are at -1.
    logits = np.array([4.0, -6.0, 6.0, -6.0])
    p = np.exp(logits[2]) / np.exp(logits).sum()
    np.testing.assert_allclose(scores[1:], [np.log(p)] * 2, atol=1e-5)


def test_a_line_keeps_its_proportions_and_has_cells_about_a_letter_wide(lines):
    run = unmask.prepare(lines, np.repeat(np.repeat(stripes("rgb"), 2, 0), 2, 1), masks=64)
    assert run.sample.shape == (16, 96)
    assert run.plan.masks.grid == (1, 24)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (unmask.answer("rx"), "'x' of the answer 'rx' is none of the 3 characters"),
        (unmask.answer("r" * 40), "needs 79 frames"),
        (unmask.answer("r", "What?"), "nothing can be said to it"),
        (unmask.answer("rg", of=3), "it has 2, counted from 1"),
    ],
)
def test_a_text_that_cannot_be_read_is_refused_before_anything_is_masked(lines, asked, said):
    with pytest.raises(TargetError, match=said):
        unmask.prepare(lines, stripes("rg"), asked)


def test_where_nothing_is_read_a_text_has_to_be_given(lines):
    black = np.zeros((16, 64, 3), np.uint8)
    with pytest.raises(TargetError, match="reads nothing"):
        unmask.explain(lines, black)
    assert unmask.prepare(lines, black, "r").targets.targets[0].label == "r"


def test_a_file_of_another_number_of_characters_is_refused(tmp_path):
    with pytest.raises(ModelError, match="names 1 characters, and returns scores of 4"):
        unmask.load(reader(tmp_path / "reader.onnx", ("r",), scores=4))


# --- writing


def test_log_probabilities_are_those_of_a_direct_computation(copies):
    prompt, answer = "the dog saw anna and the dog", "anna went anna"
    made = unmask.explain(copies, unmask.text(prompt), unmask.answer(answer), design="exhaustive")
    whole, *tokens = made.targets
    found = direct(prompt, answer)
    np.testing.assert_allclose([one.score for one in tokens], found, atol=1e-5)
    assert whole.score == pytest.approx(sum(found), abs=1e-5)
    words = prompt.split()
    for row, kept in zip(made.estimate.scores, made.plan.masks.block(0).grids, strict=True):
        rest = " ".join(itertools.compress(words, kept))
        np.testing.assert_allclose(row[1:], direct(rest, answer), atol=1e-5)


def test_the_word_that_is_repeated_leads(copies):
    for name in ("anna", "peter"):
        prompt = f"the dog saw {name} and went home with"
        made = unmask.explain(copies, unmask.text(prompt), name, masks=256)
        assert made.original.words[made.map.argmax()] == name


def test_without_an_answer_it_is_the_models_own(copies):
    model = unmask.load(copies.origin.source, max_tokens=3)
    with pytest.warns(unmask.UnmaskWarning, match="writes itself, cut after 3 tokens: 'anna anna"):
        made = unmask.explain(model, unmask.text("anna and anna went"), masks=64)
    assert made.targets[0].request == "answer=anna anna anna"  # continues the text as it is
    more = unmask.prepare(model, unmask.text("anna and anna went"), made.targets[0].request)
    assert more.targets.targets[0].score == made.targets[0].score
    assert [one.number for one in made.targets] == [None, 1, 2, 3]


def test_a_contrast_is_the_difference_and_shares_the_calls(copies):
    asked = [unmask.answer("yes", of="whole"), unmask.answer("no", of="whole")]
    text = unmask.text("yes the dog saw no dog and yes")
    made = unmask.explain(copies, text, [*asked, unmask.contrast("yes", "no")], masks=128)
    yes, no, rather = made.estimate.scores.T
    np.testing.assert_allclose(rather, yes - no)
    assert made.targets[2].request == 'rather:[" yes", " no"]'
    assert made.targets[2].quantity == "difference of log-probabilities"


def test_a_prompt_stands_around_the_text_and_is_not_hidden(copies):
    asked = unmask.answer("anna", "peter saw {} and", of="whole")
    made = unmask.explain(copies, unmask.text("the dog anna"), asked, design="exhaustive")
    rest = " ".join
    for row, kept in zip(made.estimate.scores, made.plan.masks.block(0).grids, strict=True):
        text = rest(itertools.compress(["the", "dog", "anna"], kept))
        assert row[0] == pytest.approx(direct(f"peter saw {text} and", "anna")[0], abs=1e-5)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (unmask.answer("zebra"), "cannot be written in the tokens of"),
        (unmask.answer("the " * 30), "tokens, and .* reads 16"),
        (unmask.region("dog"), "unmask.answer"),
    ],
)
def test_an_answer_that_cannot_be_written_is_refused(tmp_path, asked, said):
    model = unmask.load(copier(tmp_path, limit=16))
    with pytest.raises(TargetError, match=said):
        unmask.prepare(model, unmask.text("the dog saw anna"), asked)


def test_a_prompt_longer_than_the_context_is_refused(tmp_path):
    model = unmask.load(copier(tmp_path, limit=16))
    long = unmask.text("the dog saw anna " * 5)
    with pytest.raises(TargetError, match="reads 16: give a shorter text"):
        unmask.prepare(model, long)
    with pytest.raises(TargetError, match="reads 16: give a shorter text"):
        unmask.prepare(model, long, "yes")


# --- filling masks


def test_a_model_that_fills_masks_is_told_from_one_that_continues(fills):
    text = unmask.text("the dog [MASK] saw anna")
    made = unmask.explain(fills, text, "anna", masks=64)
    assert made.original.words == ("the", "dog", "saw", "anna")
    assert made.original.words[made.map.argmax()] == "anna"
    found = direct("the dog saw anna", "anna", special=4)[0]
    assert made.targets[0].score == pytest.approx(found, abs=1e-5)


def test_what_is_filled_is_never_hidden(fills):
    text = unmask.text("[MASK] saw anna and")
    run = unmask.prepare(fills, text, "anna", masks=64)
    for shown in ([0, 0, 0], [0, 1, 0], [1, 1, 1]):
        (masked,) = run.sample.masked(np.array([shown]), np.array(""))
        assert masked.startswith("[MASK]")


@pytest.mark.parametrize("text", ["the dog saw anna", "[MASK] saw [MASK]"])
def test_one_mask_is_filled(fills, text):
    with pytest.raises(TargetError, match=r"put \[MASK\] once"):
        unmask.prepare(fills, unmask.text(text + " home"), "anna")


def test_the_prompt_may_hold_the_mask(fills):
    asked = unmask.answer("anna", "{} and [MASK]", of="whole")
    made = unmask.explain(fills, unmask.text("the dog saw anna"), asked, masks=64)
    assert made.original.words[made.map.argmax()] == "anna"


# --- afterwards


def test_it_is_stored_and_gone_on_with(copies, tmp_path):
    text = unmask.text("the dog saw anna and went home with")
    asked = [
        unmask.answer("anna went", "now {} then"),
        unmask.contrast(unmask.answer("yes", "now {} then"), unmask.answer("no", "now {} then")),
    ]
    first = unmask.explain(copies, text, asked, masks=64)
    read = unmask.Explanation.load(first.save(tmp_path / "made.npz"))
    assert [one.request for one in read.targets] == [one.request for one in first.targets]
    more = unmask.extend(read, copies, masks=64)
    at_once = unmask.explain(copies, text, asked, masks=128)
    np.testing.assert_array_equal(more.maps, at_once.maps)


@pytest.mark.slow
def test_workers_score_the_same_answer(tmp_path):
    pytest.importorskip("cloudpickle")
    path = copier(tmp_path)
    text, asked = (
        unmask.text("the dog saw anna and went home with"),
        unmask.answer("anna", "yes {}"),
    )
    with unmask.cluster.ProcessExecutor(path, workers=1) as workers:
        made = unmask.explain(path, text, asked, masks=128, executor=workers)
    here = unmask.explain(path, text, asked, masks=128)
    np.testing.assert_array_equal(made.maps, here.maps)


def test_a_checkpoint_of_another_prompt_is_refused(copies, tmp_path):
    text, place = unmask.text("the dog saw anna and went home with"), tmp_path / "scores"
    unmask.explain(copies, text, unmask.answer("anna", "yes {}"), masks=64, checkpoint=place)
    with pytest.raises(FileError, match="another run"):
        unmask.explain(copies, text, unmask.answer("anna", "no {}"), masks=64, checkpoint=place)


def test_deletion_measures_an_answer(copies):
    text = unmask.text("the dog saw anna and went home with")
    made = unmask.explain(copies, text, unmask.answer("anna", of="whole"), masks=128)
    case = unmask.metrics.case(copies, text, made.targets[0].request)
    curve = unmask.metrics.deletion(case, made.map)
    assert curve.scores[0] == pytest.approx(made.targets[0].score, abs=1e-4)
    assert curve.scores[-1] < curve.scores[0]


def test_a_classifier_writes_nothing():
    street = unmask.demo.pictures()["street"]
    with pytest.raises(TargetError, match="writes no text"):
        unmask.explain("demo", street, unmask.answer("heart"))
