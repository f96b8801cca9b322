"""An order of the pixels that the model confirms."""

import numpy as np
import pytest

import unmask
from unmask import metrics
from unmask.estimate.readings import readings
from unmask.evaluation import evaluate, explainers
from unmask.run.order import SHARES

HEIGHT, WIDTH = 48, 80


def counted(score):
    calls = [0]

    def model(batch):
        calls[0] += len(batch)
        return score(batch)

    return model, calls


def corner(batch):
    """Two boxes, of which both must be seen."""
    return batch[:, 6:14, 8:16].mean((1, 2, 3)) * batch[:, 20:26, 50:64].mean((1, 2, 3)) / 255**2


@pytest.fixture(scope="module")
def white():
    return np.full((HEIGHT, WIDTH, 3), 255, np.uint8)


def areas(score, picture, values):
    """Deletion to 0 and insertion from the published blur at the same sizes, by hand."""
    first = np.argsort(-values.ravel(), kind="stable")
    blurred = metrics.rise_blur(picture.astype(np.float32)[None], [1, 2])[0]
    found = []
    for start, end in ((picture, np.zeros_like(blurred)), (blurred, picture)):
        scores = []
        for share in (0, *SHARES, 1):
            changed = np.zeros(values.size, bool)
            changed[first[: round(share * values.size)]] = True
            at = changed.reshape(values.shape)[..., None]
            scores.append(score(np.where(at, end, start)[None].astype(np.float32))[0])
        found.append(np.trapezoid(scores, (0, *SHARES, 1)))
    return found


def test_the_order_is_the_reading_with_the_most_insertion_for_its_deletion(white):
    model, calls = counted(corner)
    made = unmask.explain(model, white, 0, masks=512, fill="black")
    calls[0] = 0
    found = made.order(model, refine=0)
    assert found.calls == 2 + 2 * len(SHARES) * 4 == 82
    assert calls[0] == found.calls + 1  # the whole picture is asked for again
    assert found.values.shape == (HEIGHT, WIDTH)
    each = {name: areas(corner, white, values) for name, values in readings(made.scores).items()}
    best = max(each, key=lambda name: each[name][1] / each[name][0])
    assert found.reading == best
    assert (found.deletion, found.insertion) == pytest.approx(each[best], abs=1e-4)
    # The first pixels are the boxes' own: 176 of 3,840.
    chosen = found.values >= np.sort(found.values.ravel())[-176]
    assert chosen[6:14, 8:16].mean() > 0.5
    assert chosen[20:26, 50:64].mean() > 0.5


def below(batch):
    """A score that goes below 0, of which there is no ratio."""
    return corner(batch) - 0.5


def test_of_scores_below_zero_the_difference_counts(white):
    made = unmask.explain(below, white, 0, masks=512, fill="black")
    found = made.order(below, refine=0)
    each = {name: areas(below, white, values) for name, values in readings(made.scores).items()}
    assert found.reading == max(each, key=lambda name: each[name][1] - each[name][0])


@pytest.mark.parametrize("refine", [8, 120])
def test_finer_masks_are_asked_for_and_kept_where_they_gain(white, refine):
    model, calls = counted(corner)
    made = unmask.explain(model, white, 0, masks=256, fill="black")
    plain = made.order(model, refine=0)
    calls[0] = 0
    found = made.order(model, refine=refine)
    assert found.calls == plain.calls + refine + 2 * len(SHARES)
    assert calls[0] == found.calls + 1
    assert found.insertion / found.deletion >= plain.insertion / plain.deletion
    assert found.reading in (plain.reading, f"{plain.reading}, finer")
    again = made.order(model, refine=refine)
    np.testing.assert_array_equal(again.values, found.values)


@pytest.mark.parametrize("refine", [-2, 7, 2.5, "many"])
def test_too_few_finer_masks_are_refused_before_a_call(white, refine):
    model, calls = counted(corner)
    made = unmask.explain(model, white, 0, masks=64, fill="black")
    calls[0] = 0
    with pytest.raises(unmask.UnmaskError, match="8 or more, or 0 for none"):
        made.order(model, refine=refine)
    assert calls[0] == 0
    with pytest.raises(unmask.UnmaskError, match="8 or more, or 0 for none"):
        explainers.order(unmask.load(model), white, 0, refine=refine)
    assert calls[0] == 0


@pytest.mark.parametrize("scene", ["street", "night"])
def test_the_areas_are_near_those_of_the_metrics_and_no_worse_than_the_maps(scene):
    picture = unmask.demo.pictures()[scene]
    made = unmask.explain("demo", picture, "heart", masks=512)
    (case,) = made.cases("demo", "heart")
    found = made.order("demo", "heart")
    ours, maps = (metrics.both(case, each) for each in (found.model_values, made.model_maps[0]))
    assert found.deletion == pytest.approx(ours["deletion"].area, abs=0.05)
    assert found.insertion == pytest.approx(ours["insertion"].area, abs=0.05)
    gain = [each["insertion"].area - each["deletion"].area for each in (ours, maps)]
    assert gain[0] > gain[1] - 0.01
    assert str(found).startswith(f"order of the pixels ({found.reading}): the score's mean is")


def test_each_target_has_its_own_and_a_file_keeps_it(tmp_path):
    picture = unmask.demo.pictures()["street"]
    made = unmask.explain("demo", picture, ["heart", "star"], masks=512)
    made.save(tmp_path / "street.npz")
    again = unmask.Explanation.load(tmp_path / "street.npz")
    for label in ("heart", "star"):
        one, other = made.order("demo", label), again.order("demo", label)
        np.testing.assert_array_equal(one.values, other.values)
        assert (one.reading, one.deletion, one.insertion) == (
            other.reading,
            other.deletion,
            other.insertion,
        )
    assert not np.array_equal(made.order("demo", 0).values, made.order("demo", 1).values)


def test_values_of_units_keep_their_own_order():
    def score(texts):
        return [float("good" in text) + 0.5 * ("film" in text) for text in texts]

    text = unmask.text("a good film with many more words than one can take in all ways")
    made = unmask.explain(score, text, 0, masks=256, estimator="shapley")
    found = made.order(score)
    assert (found.reading, found.calls) == ("map", 2 + 2 * len(SHARES))
    np.testing.assert_array_equal(np.argsort(found.model_values), np.argsort(made.model_maps[0]))


def test_words_and_series_have_an_order():
    def score(texts):
        return [float("good" in text and "not" not in text) for text in texts]

    words = unmask.explain(score, unmask.text("a film that is good, and is long"), 0, masks=128)
    assert np.argmax(words.order(score).model_values) == np.argmax(words.model_maps[0])

    def late(batch):
        return batch[:, 30:36].mean((1, 2))

    series = unmask.series(np.linspace(1, 2, 50, dtype=np.float32)[:, None], layout="TC")
    made = unmask.explain(late, series, 0, masks=256, fill="zero")
    values = made.order(late).model_values
    assert values.shape == made.model_maps[0].shape
    assert 29 <= np.argmax(values) <= 36


def test_another_model_is_refused(white):
    made = unmask.explain(corner, white, 0, masks=64, fill="black")
    with pytest.raises(unmask.UnmaskError, match="explained"):
        made.order("demo")


def test_it_is_an_explainer_with_settings_and_a_seed():
    picture = unmask.demo.pictures()["street"]
    explainer = "order,masks=256,grid=6,refine=40"
    (row,) = evaluate("demo", [picture], explainer, target="heart", wanted=["deletion"], seed=3)
    made = unmask.explain("demo", picture, "heart", masks=256, grid=6, seed=3)
    (case,) = made.cases("demo", 0)
    expected = metrics.deletion(case, made.order("demo", refine=40).values).area
    assert row.values["deletion"] == pytest.approx(expected, abs=1e-6)
