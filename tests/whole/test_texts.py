"""Words: explained, kept, gone on with and measured like pictures."""

import itertools
import json
import re

import numpy as np
import pytest

import unmask
from helpers.later import later
from helpers.places import SHARED
from unmask import evaluation

WORTH = {"good": 2.0, "awful": -1.5, "film": 0.25}
REVIEW = unmask.text("what a good and awful film")
stats = later("scipy.stats")
REAL = SHARED / "real" / "text"


def liked(texts):
    """How much a review likes its film: what its words are worth, together."""
    assert isinstance(texts, list)
    return [sum((WORTH.get(word, 0.0) for word in text.split()), 0.0) for text in texts]


def negated(texts):
    """Two classes, and no linear function of the words."""
    liking = np.array([("good" in t) - 2.0 * ("good" in t and "not" in t) for t in texts])
    share = 1 / (1 + np.exp(-2 * liking))
    return np.stack([1 - share, share], axis=1)


def explained(**settings):
    return unmask.explain(liked, REVIEW, 0, **{"masks": 128, **settings})


def test_words_have_their_exact_values():
    made = explained(estimator="centered")
    words = REVIEW.string.split()
    every = np.array(list(itertools.product([0, 1], repeat=6)))
    scores = np.array(liked([" ".join(itertools.compress(words, row)) for row in every.tolist()]))
    np.testing.assert_allclose(made.map, every.T @ scores / every.sum(axis=0), atol=1e-6)
    close = explained().map
    np.testing.assert_allclose(close, made.map, atol=1e-4)


def test_errors_hold_what_words_do_together():
    text = unmask.text("this is not a good one")
    model = unmask.load(negated, labels=["negative", "positive"])
    made = unmask.explain(model, text, "positive", masks=512, design="balanced")
    words = text.string.split()
    every = np.array(list(itertools.product([0, 1], repeat=6)))
    rows = [" ".join(itertools.compress(words, row)) for row in every.tolist()]
    scores = negated(rows)[:, 1]
    truth = every.T @ scores / every.sum(axis=0)
    assert (abs(made.map - truth) < 4 * made.stderr).all()
    # What "good" does alone, it undoes beside "not".
    assert made.map[2] < made.levels[0]
    assert made.significant().tolist() == [False, False, True, False, False, False]


def test_they_are_saved_read_and_gone_on_with(tmp_path):
    made = explained(design="balanced")
    first = unmask.Explanation.load(made.save(tmp_path / "review.npz"))
    assert first.original.given == REVIEW
    assert first.image == REVIEW.string
    np.testing.assert_array_equal(first.maps, made.maps)
    more = unmask.extend(first, liked, masks=64)
    np.testing.assert_array_equal(more.maps, explained(masks=192, design="balanced").maps)
    with pytest.raises(unmask.SettingError, match="another"):
        unmask.extend(first, liked, unmask.text("what a good and awful movie"), masks=64)


def test_shards_are_merged_and_those_of_other_texts_are_not():
    parts = [explained(masks=1024, shard=(number, 2)) for number in (1, 2)]
    np.testing.assert_array_equal(
        parts[0].merge(parts[1]).maps, explained(masks=1024, design="balanced").maps
    )
    text = unmask.text("what a good but awful film")
    other = unmask.explain(liked, text, 0, masks=1024, shard=(2, 2))
    with pytest.raises(unmask.SettingError, match="cannot merge"):
        parts[0].merge(other)


def test_a_checkpoint_is_gone_on_with(tmp_path):
    path = tmp_path / "scores"
    explained(masks=64, checkpoint=path)
    np.testing.assert_array_equal(explained(checkpoint=path).maps, explained().maps)
    with pytest.raises(unmask.FileError, match="another run"):
        explained(checkpoint=path, fill="...")


@pytest.mark.parametrize("size", [1, 7, 128])
def test_the_batch_size_changes_nothing(size):
    np.testing.assert_array_equal(explained(batch_size=size).maps, explained().maps)


def test_they_are_measured():
    made = explained()
    case = unmask.metrics.case(liked, REVIEW, 0)
    curves = unmask.metrics.both(case, made.map, step=1)
    np.testing.assert_allclose(curves["deletion"].scores[:3], [0.75, -1.25, -1.5])
    np.testing.assert_allclose(curves["insertion"].scores[[0, 1, -1]], [0.0, 2.0, 0.75])
    (row,) = evaluation.evaluate_stored(liked, [made], wanted=["deletion", "sparseness"], step=1)
    assert not row.error
    assert row.values["deletion"] == pytest.approx(curves["deletion"].area)


def test_words_may_be_replaced():
    seen = []

    def spied(texts):
        seen.extend(texts)
        return liked(texts)

    unmask.explain(spied, REVIEW, 0, masks=64, fill="[MASK]")
    assert {len(text.split()) for text in seen[5:]} == {6}
    assert any("[MASK]" in text for text in seen)


def test_settings_of_pictures_are_refused():
    with pytest.raises(unmask.SettingError, match="6 units"):
        explained(grid=3)
    with pytest.raises(unmask.SettingError, match="preset='notebook' is for pictures"):
        explained(preset="notebook")
    with pytest.raises(unmask.ModelError, match="takes pictures"):
        unmask.explain("demo", REVIEW)


def test_a_model_that_fails_names_the_masks_and_keeps_what_was_computed():
    def fails_empty(texts):
        return [1.0 / len(text.split()) for text in texts]

    with pytest.raises(unmask.ModelError, match="ZeroDivisionError") as caught:
        unmask.explain(fails_empty, unmask.text("a b"), 0, masks=640, batch_size=1)
    assert caught.value.explanation is None or caught.value.explanation.masks > 0


# --- real models ---


@pytest.fixture(scope="module")
def sentences():
    if not REAL.is_dir():
        pytest.skip(f"needs {REAL}")
    return [row["text"] for row in json.loads((REAL / "rt_samples.json").read_text())]


@pytest.mark.slow
def test_words_rank_as_the_coefficients_of_a_linear_model(sentences):
    worth = json.loads((REAL / "rt_sentiment_coefficients.json").read_text())
    model = unmask.load(REAL / "rt_sentiment_tfidf_lr.onnx", lower=True, output="probabilities")
    found = []
    for sentence in sentences:
        made = unmask.explain(model, unmask.text(sentence), 1)
        known = [re.findall(r"\b\w\w+\b", word) for word in made.original.words]
        truth = [sum(worth.get(part, 0.0) for part in parts) for parts in known]
        found.append(stats.spearmanr(made.map, truth)[0])
    assert np.mean(found) > 0.9
    assert np.median(found) > 0.92


@pytest.mark.slow
def test_a_network_reads_a_negation(sentences):
    model = unmask.load(
        REAL / "minilm_rt_sentiment_w8.onnx",
        tokenizer=REAL / "minilm_tokenizer.json",
        labels=["negative", "positive"],
        activation="softmax",
    )
    made = unmask.explain(model, unmask.text("not a bad movie at all"), "positive", masks=96)
    change = dict(zip(made.original.words, made.map - made.levels[0], strict=True))
    assert made.targets[0].score > 0.5
    assert change["not"] == max(change.values())
    linear = unmask.load(REAL / "rt_sentiment_tfidf_lr.onnx", lower=True, output="probabilities")
    plain = unmask.explain(linear, unmask.text("not a bad movie at all"), 1, masks=96)
    assert plain.map[2] == plain.map.min()


@pytest.mark.slow
def test_other_processes_score_the_same(sentences):
    from unmask.cluster import ProcessExecutor

    path = str(REAL / "rt_sentiment_tfidf_lr.onnx")
    options = {"lower": True, "output": "probabilities"}
    text, model = unmask.text(sentences[0]), unmask.load(path, **options)
    here = unmask.explain(model, text, 1, masks=256)
    with ProcessExecutor(path, options, workers=2) as executor:
        there = unmask.explain(model, text, 1, masks=256, executor=executor)
    np.testing.assert_array_equal(there.maps, here.maps)
