"""ROAD, IROF and infidelity: closed forms and laws; test_quantus.py has Quantus's."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import unmask
from unmask import metrics
from unmask.errors import SettingError
from unmask.evaluation.metrics.infidelity import infidelity_of
from unmask.evaluation.metrics.road import imputed

SHAPE = (6, 10)


def linear_case(image=None, channels=1):
    """A linear model; its weights, and what each pixel is worth over black."""
    rng = np.random.default_rng(1)
    weights = rng.normal(size=(*SHAPE, channels)).astype(np.float32)
    image = np.ones((*SHAPE, channels), np.float32) if image is None else image

    def score(batch):
        return (batch * weights).sum((1, 2, 3))

    case = metrics.case(score, image, 0, preprocess="raw")
    return case, weights, (weights * image).sum(axis=2)


def spotted(peak=1.0):
    """A picture whose bright spot is all that the model sees, and the map that says so."""
    rows, columns = np.indices((12, 18))
    spot = ((rows - 4) ** 2 + (columns - 11) ** 2 < 8).astype(np.float32)

    def score(batch):
        return np.clip((batch[..., 0] * spot).sum((1, 2)) / spot.sum(), 0, 1)

    return metrics.case(score, peak * spot[..., None], 0, preprocess="raw"), spot


# ROAD


@pytest.mark.slow
@given(st.integers(1, 59), st.integers(0, 99))
@settings(max_examples=25)
def test_what_is_imputed_is_the_mean_of_its_neighbors(count, seed):
    rng = np.random.default_rng(seed)
    image = rng.normal(size=(*SHAPE, 2)).astype(np.float32)
    pixels = rng.permutation(60)[:count]
    found = imputed(image, (0, 1), pixels, np.zeros(image.shape))
    weights = np.array([[1, 2, 1], [2, 0, 2], [1, 2, 1]]) / 12
    inside = np.pad(np.ones(SHAPE), 1)
    around = np.pad(found, ((1, 1), (1, 1), (0, 0)))
    gone = np.zeros(60, bool)
    gone[pixels] = True
    np.testing.assert_array_equal(found.reshape(60, 2)[~gone], image.reshape(60, 2)[~gone])
    for y, x in zip(*np.divmod(pixels, 10), strict=True):
        near = weights * inside[y : y + 3, x : x + 3]
        mean = (near[..., None] * around[y : y + 3, x : x + 3]).sum((0, 1)) / near.sum()
        np.testing.assert_allclose(found[y, x], mean, atol=1e-5)


def test_a_plane_picture_stays_as_it_is_but_for_the_noise():
    image = np.full((*SHAPE, 3), 0.7, np.float32)
    pixels, noise = np.arange(59), np.random.default_rng(0).normal(size=image.shape)
    np.testing.assert_allclose(imputed(image, (0, 1), pixels, 0 * noise), image, atol=1e-5)
    noisy = imputed(image, (0, 1), pixels, noise).reshape(60, 3)
    np.testing.assert_allclose(noisy[pixels], 0.7 + noise.reshape(60, 3)[pixels], atol=1e-5)
    assert (noisy[59] == np.float32(0.7)).all()


@pytest.mark.parametrize("layout", ["NHWC", "NCHW", "NHCW"])
def test_road_is_the_same_in_every_layout(layout):
    rng = np.random.default_rng(4)
    image, weights = rng.random((6, 9, 3), np.float32), rng.random((6, 9, 3), np.float32)
    values = rng.random((6, 9))
    axes = ["HWC".index(letter) for letter in layout[1:]]

    def model(batch):
        return np.tanh((batch * weights.transpose(axes)).sum(axis=(1, 2, 3)) / 20)[:, None]

    loaded = unmask.load(model, layout=layout, preprocess="raw")
    case = metrics.case(loaded, image.transpose(axes), 0, batch_size=4)
    curve = metrics.road(case, values, noise=0)
    expected = [
        np.tanh((imputed(image, (0, 1), metrics.order(values)[:n], 0 * image) * weights).sum() / 20)
        for n in (54 * np.arange(10, 100, 10) / 100).astype(int)
    ]
    np.testing.assert_allclose(curve.scores, expected, rtol=1e-5)


def test_road_falls_faster_by_a_map_that_knows_than_by_its_reverse():
    case, spot = spotted()
    rng = np.random.default_rng(3)
    knows = metrics.road(case, spot).scores.mean()
    chance = metrics.road(case, rng.random(spot.shape)).scores.mean()
    reverse = metrics.road(case, -spot).scores.mean()
    assert knows < 0.1 < chance < reverse
    assert metrics.road(case, -spot, percentages=[80]).scores[0] == pytest.approx(1)


def test_road_draws_its_noise_by_the_seed():
    case, spot = spotted()
    one, same, other = (metrics.road(case, spot, noise=0.1, seed=s).scores for s in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert (one != other).any()


@pytest.mark.parametrize(
    "wrong",
    [
        {"percentages": []},
        {"percentages": [0, 50]},
        {"percentages": [100]},
        {"percentages": ["ten"]},
        {"noise": -1},
        {"noise": np.nan},
    ],
)
def test_settings_of_road_are_checked(wrong):
    case, spot = spotted()
    with pytest.raises(SettingError, match="expected"):
        metrics.road(case, spot, **wrong)


# IROF

COLUMNS = np.tile(np.arange(10) // 2, (6, 1))


def test_irof_by_hand():
    rng = np.random.default_rng(0)
    worth = rng.normal(size=SHAPE) + 0.3
    case = metrics.case(
        lambda batch: (batch[..., 0] * worth).sum((1, 2)),
        np.ones((*SHAPE, 1), np.float32),
        preprocess="raw",
    )
    each = [COLUMNS == segment for segment in range(5)]  # noqa: SIM300 - it is an array
    gone = np.array([worth[segment].sum() for segment in each])
    for values in (worth, -worth, rng.normal(size=SHAPE)):
        means = [values[segment].mean() for segment in each]
        falls = np.cumsum(gone[np.argsort(means)[::-1]])
        curve = metrics.irof(case, values, segments=COLUMNS, fill="zero")
        np.testing.assert_allclose(curve.scores, 1 - np.append(0, falls) / worth.sum(), atol=1e-5)
        np.testing.assert_allclose(curve.fractions, np.arange(6) / 5)


@given(st.integers(0, 999))
@settings(max_examples=20)
def test_irof_is_at_most_one_and_best_by_what_segments_are_worth(seed):
    rng = np.random.default_rng(seed)
    parts = rng.random(5).astype(np.float32)

    def score(batch):
        return (batch[..., 0] * parts[COLUMNS]).sum((1, 2)) / 12

    case = metrics.case(score, np.ones((*SHAPE, 1), np.float32), 0, preprocess="raw")

    def found(values):
        return 1 - metrics.irof(case, values, segments=COLUMNS, fill="zero").area

    best, worst = found(parts[COLUMNS]), found(-parts[COLUMNS])
    assert 0 <= worst <= found(rng.random(SHAPE)) + 1e-6
    assert found(rng.random(SHAPE)) <= best + 1e-6
    assert best <= 1
    # A curve and that of the reverse order lie around the diagonal.
    assert best + worst == pytest.approx(1, abs=1e-5)


def test_irof_of_no_score_is_no_number():
    case = metrics.case(
        lambda batch: batch.sum((1, 2, 3)), np.zeros((*SHAPE, 1), np.float32), preprocess="raw"
    )
    assert np.isnan(metrics.irof(case, COLUMNS, segments=COLUMNS).area)


@pytest.mark.slow
def test_irof_takes_the_segments_of_a_picture():
    pytest.importorskip("skimage")
    pytest.importorskip("onnxruntime")
    picture = unmask.demo.pictures()["street"]
    case = metrics.case("demo", picture, "heart")
    values = unmask.explain("demo", picture, "heart", masks=512).model_maps[0]
    curve = metrics.irof(case, values)
    assert 50 < len(curve.scores) < 200
    assert curve.scores[0] == 1
    assert curve.area < metrics.irof(case, -values).area - 0.3
    with pytest.raises(SettingError, match=r"8 segmentations that take turns: give one"):
        metrics.irof(case, values, segments="slic")


# Infidelity


@pytest.mark.slow
@given(st.floats(0.02, 1), st.integers(0, 50), st.floats(0.01, 100))
@settings(max_examples=30)
def test_the_worth_of_a_linear_models_pixels_is_wholly_faithful(side, seed, unit):
    image = np.random.default_rng(seed).normal(size=(*SHAPE, 3)).astype(np.float32)
    case, _, worth = linear_case(image, channels=3)

    def found(values, **more):
        return metrics.infidelity(case, values, runs=20, side=side, offset=0, seed=seed, **more)

    assert found(worth, scaled=False) == pytest.approx(0, abs=1e-6)
    assert found(unit * worth) == pytest.approx(0, abs=1e-6)
    assert found(-worth) == pytest.approx(0, abs=1e-6)
    assert found(worth[::-1]) > 1e-3


def test_the_weights_of_a_linear_model_are_its_slopes():
    image = np.random.default_rng(2).random((*SHAPE, 1)).astype(np.float32)
    case, weights, _ = linear_case(image)
    for fill in ("zero", "mean"):
        settings = {"offset": 0, "slopes": True, "scaled": False, "fill": fill}
        found = metrics.infidelity(case, weights[..., 0], **settings)
        assert found == pytest.approx(0, abs=1e-6)
        settings["slopes"] = False
        assert metrics.infidelity(case, weights[..., 0], **settings) > 1e-3


def test_the_factor_is_the_one_with_the_least_error():
    case, _, worth = linear_case()
    rng = np.random.default_rng(5)
    values, hidden = worth + rng.normal(size=SHAPE), rng.random((30, *SHAPE)) < 0.3
    best = infidelity_of(case, values, hidden)
    factors = np.linspace(-2, 2, 401)
    errors = [infidelity_of(case, factor * values, hidden, scaled=False) for factor in factors]
    assert best <= min(errors)
    assert best == pytest.approx(min(errors), rel=1e-2)
    nothing = infidelity_of(case, 0 * values, hidden)
    assert nothing == pytest.approx(
        np.mean((hidden.reshape(30, -1) @ worth.ravel()) ** 2), rel=1e-3
    )


def test_infidelity_asks_once_a_part_and_checks_its_settings():
    asked = []

    def score(batch):
        asked.append(len(batch))
        return batch.mean((1, 2, 3))

    case = metrics.case(score, np.ones((*SHAPE, 1), np.float32), preprocess="raw")
    asked.clear()
    metrics.infidelity(case, np.eye(*SHAPE), runs=37)
    assert sum(asked) == 37
    for wrong in ({"runs": 0}, {"runs": 2.5}, {"side": 0}, {"side": 1.1}, {"side": np.nan}):
        with pytest.raises(SettingError, match="expected 1 or more parts"):
            metrics.infidelity(case, np.eye(*SHAPE), **wrong)


def test_infidelity_is_for_every_kind_of_input():
    series = np.arange(1, 13, dtype=np.float32)[:, None]
    model = unmask.load(lambda batch: batch.sum(axis=(1, 2)), layout="NTC")
    case = metrics.case(model, series, preprocess="raw")
    assert metrics.infidelity(case, series[:, 0], offset=0) == pytest.approx(0, abs=1e-6)
    words = metrics.case(
        lambda texts: np.array([0.1 * len(text.split()) for text in texts]),
        unmask.inputs.text("one two three four five six"),
    )
    # Every word is worth the same; which are hidden is all that counts.
    assert metrics.infidelity(words, np.ones(6), offset=0) == pytest.approx(0, abs=1e-9)
    with pytest.raises(SettingError, match="slopes=True is for inputs of numbers"):
        metrics.infidelity(words, np.ones(6), slopes=True)


@pytest.mark.parametrize("name", ["road", "irof"])
def test_metrics_of_pictures_say_so_of_other_inputs(name):
    series = np.arange(1, 7, dtype=np.float32)[:, None]
    model = unmask.load(lambda batch: batch.sum(axis=(1, 2)), layout="NTC")
    case = metrics.case(model, series, preprocess="raw")
    says = rf"metric '{name}' is about pictures.* masked by shape \(6,\)"
    with pytest.raises(SettingError, match=says):
        getattr(metrics, name)(case, np.ones(6))
