"""Shapley and Banzhaf values of words, and all masks at once: explained, kept, merged and drawn."""

import itertools

import numpy as np
import pytest

import unmask
from helpers.games import banzhaf_values, shapley_values

FEW = "this is not a good one"
MANY = "this is not a good film but one that is as bad as any of them"
WORTH = {"good": 1.5, "bad": -2.0, "film": 0.5, "any": -0.25}


def liked(texts):
    """No linear function of the words."""
    said = [text.split() for text in texts]
    worth = [sum(WORTH.get(w, 0.0) for w in words) * (0.25 - ("not" in words)) for words in said]
    return 1 / (1 + np.exp(np.array(worth, float)))


def explained(text=MANY, **settings):
    return unmask.explain(liked, unmask.text(text), 0, **settings)


def of_coalitions(text, hidden=""):
    """Return the score of every coalition; the first word is the lowest bit."""
    words = text.split()
    rows = itertools.product([0, 1], repeat=len(words))
    kept = [row[::-1] for row in rows]
    shown = [[w if bit else hidden for w, bit in zip(words, row, strict=True)] for row in kept]
    return liked([" ".join(word for word in row if word) for row in shown])


@pytest.mark.parametrize("estimator", ["adaptive", "centered", "coverage", "sharp", "smooth"])
def test_few_words_take_all_masks_once(estimator):
    made = explained(FEW, estimator=estimator)
    assert (made.masks, made.plan.masks.design) == (64, "exhaustive")
    assert made.stopped == "all 64 masks, exact"
    assert made.complete
    assert made.reliability == 1
    every = np.array(list(itertools.product([0, 1], repeat=6)))[:, ::-1]
    truth = every.T @ of_coalitions(FEW) / 32
    np.testing.assert_allclose(made.map, truth, atol=1e-6)
    assert (made.stderr == 0).all()
    low, high = made.interval()
    np.testing.assert_array_equal(low, high)
    assert made.significant().tolist() == [False, False, True, False, True, False]
    assert not made.notes


@pytest.mark.parametrize(
    ("estimator", "values"), [("shapley", shapley_values), ("banzhaf", banzhaf_values)]
)
@pytest.mark.parametrize("fill", ["drop", ["drop", "bad"]])
def test_few_words_have_their_exact_values(estimator, values, fill):
    made = explained(FEW, estimator=estimator, fill=fill)
    hidden = ["", "bad"] if isinstance(fill, list) else [""]
    assert made.stopped == f"all {64 * len(hidden)} masks, exact"
    truth = np.mean([values(of_coalitions(FEW, word)) for word in hidden], axis=0)
    np.testing.assert_allclose(made.map, truth, atol=1e-6)
    assert made.levels.tolist() == [0]
    assert made.measure(0) == f"{estimator.title()} value"
    scale = made.scaled(0)
    assert scale.level == 0


@pytest.mark.parametrize("fill", ["drop", ["drop", "bad", "film"]])
def test_many_words_have_theirs_within_their_error(fill):
    text = " ".join(MANY.split()[:12])
    hidden = ["", "bad", "film"] if isinstance(fill, list) else [""]
    tables = [of_coalitions(text, word) for word in hidden]
    for estimator, values in (("shapley", shapley_values), ("banzhaf", banzhaf_values)):
        made = explained(text, estimator=estimator, fill=fill, masks=700)
        truth = np.mean([values(table) for table in tables], axis=0)
        assert (np.abs(made.map - truth) < 4.5 * made.stderr + 1e-9).all()
        assert (0.9 if len(hidden) == 1 else 0.3) < made.reliability < 1
    whole = np.mean([table[-1] - table[0] for table in tables])
    made = explained(text, estimator="shapley", fill=fill, masks=700)
    assert made.map.sum() == pytest.approx(whole, abs=1e-6)


def test_values_are_kept_gone_on_with_and_merged(tmp_path):
    made = explained(estimator="shapley", masks=900, batch_size=7)
    again = unmask.Explanation.load(made.save(tmp_path / "values.npz"))
    np.testing.assert_array_equal(again.map, made.map)
    assert again.plan == made.plan
    more = unmask.extend(again, liked, masks=300)
    whole = explained(estimator="shapley", masks=1200)
    np.testing.assert_array_equal(more.map, whole.map)
    np.testing.assert_array_equal(more.stderr, whole.stderr)
    parts = [explained(estimator="shapley", masks=1200, shard=(i, 3)) for i in (1, 2, 3)]
    for order in ([0, 1, 2], [2, 1, 0]):
        first, *rest = (parts[i] for i in order)
        np.testing.assert_array_equal(first.merge(*rest).map, whole.map)
    path = tmp_path / "scores"
    explained(estimator="shapley", masks=200, checkpoint=path)
    resumed = explained(estimator="shapley", masks=200, checkpoint=path)
    np.testing.assert_array_equal(resumed.map, explained(estimator="shapley", masks=200).map)


def test_a_run_stops_when_values_are_reliable():
    made = explained(estimator="shapley", until=0.9)
    assert made.stopped == "a reliability of 0.9 was reached"
    assert made.masks < 1000


def test_all_masks_are_all_there_are():
    made = explained(FEW)
    with pytest.raises(unmask.SettingError, match="no more masks: all 64 were taken"):
        made.extend(10)
    with pytest.raises(unmask.SettingError, match="no more masks"):
        unmask.extend(made, liked, masks=10)
    assert explained(FEW, masks=63).plan.masks.design == "balanced"
    assert explained(FEW, keep=0.4).plan.masks.design == "balanced"
    assert explained(FEW, design="balanced").plan.masks.design == "balanced"


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"estimator": "shapley", "design": "balanced"}, "needs masks of its own"),
        ({"estimator": "shapley", "design": "random"}, "needs masks of its own"),
        ({"design": "shapley"}, "is for estimator='shapley'"),
        ({"estimator": "shapley", "keep": 0.3}, "needs keep=0.5"),
        ({"estimator": "banzhaf", "keep": 0.3}, "needs keep=0.5"),
        ({"design": "exhaustive", "masks": 100}, "takes all 65,536 masks, and 100 are asked for"),
        ({"design": "exhaustive", "keep": 0.3}, "needs keep=0.5"),
    ],
)
def test_what_does_not_go_together_is_refused(settings, said):
    seen = []

    def spied(texts):
        seen.append(texts)
        return liked(texts)

    with pytest.raises(unmask.SettingError, match=said):
        unmask.explain(spied, unmask.text(MANY), 0, **settings)
    assert not seen


@pytest.mark.parametrize("setting", [{"estimator": "shapley"}, {"estimator": "banzhaf"}])
def test_pictures_have_no_units(setting):
    with pytest.raises(unmask.SettingError, match="is for inputs of units"):
        unmask.explain("demo", unmask.demo.pictures()["street"], **setting)
    with pytest.raises(unmask.SettingError, match="is for inputs of units"):
        unmask.explain("demo", unmask.demo.pictures()["street"], design="exhaustive")


def test_few_masks_say_that_the_error_is_not_known():
    with pytest.warns(unmask.DoubtWarning, match="few for 16 units"):
        made = explained(estimator="shapley", masks=20)
    assert np.isinf(made.stderr).all()
    assert made.reliability == 0
    assert made.map.sum() == pytest.approx(
        float(np.ptp(liked([MANY, ""]))) * np.sign(np.subtract(*liked([MANY, ""]))), abs=1e-6
    )


@pytest.mark.slow
def test_figures_and_reports_name_the_value():
    made = explained(estimator="shapley", masks=300)
    texts = {text.get_text() for axes in made.plot().axes for text in axes.findobj(match=_is_text)}
    assert any("Shapley value" in text for text in texts)
    assert "Shapley value" in unmask.report([made])


def _is_text(artist):
    return hasattr(artist, "get_text")


def weighted(rows):
    return (np.asarray(rows, float) @ np.arange(1, np.shape(rows)[1] + 1))[:, None]


def test_columns_beside_a_background_have_their_mean_over_it():
    rng = np.random.default_rng(0)
    rows, values = rng.normal(size=(7, 3)), rng.normal(size=3)
    made = unmask.explain(
        weighted, unmask.row(values, background=rows), 0, estimator="shapley", masks=56
    )
    assert made.stopped == "all 56 masks, exact"
    truth = np.array([1, 2, 3]) * (values - rows.mean(axis=0))
    np.testing.assert_allclose(made.map, truth, atol=1e-5)


def test_the_error_knows_of_the_background():
    rng = np.random.default_rng(1)
    rows, values, weights = rng.normal(size=(40, 11)), rng.normal(size=11), np.arange(1, 12)
    truth, inside = weights * (values - rows.mean(axis=0)), []
    for seed in range(25):
        made = unmask.explain(
            weighted,
            unmask.row(values, background=rows),
            0,
            estimator="shapley",
            masks=400,
            seed=seed,
        )
        low, high = made.interval()
        inside.append(((low[0] <= truth) & (truth <= high[0])).mean())
    assert 0.91 <= np.mean(inside) <= 0.99
