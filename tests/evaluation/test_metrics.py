"""Metrics: closed forms, laws, and an independent implementation of the paper's protocol."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import unmask
from unmask import evaluation
from unmask.errors import ModelError, ModelOutputError, SettingError
from unmask.evaluation import metrics

SIZE = (9, 14)


def weighted(weights, curved=True):
    """A model whose score is a smooth function of a weighted sum of the pixels."""

    def run(batch):
        total = (batch * weights).sum(axis=(1, 2, 3))
        return np.tanh(total)[:, None] if curved else total[:, None]

    return run


def straight_deletion(run, image, values, step, fill):
    """The protocol, step by step: one image at a time, pixels found by a plain sort."""
    height, width = values.shape
    pixels = [(-values[y, x], y, x) for y in range(height) for x in range(width)]
    pixels.sort()  # equal values: by row, then by column
    current = image.copy()
    scores, fractions, done = [float(run(current[None])[0, 0])], [0.0], 0
    while done < len(pixels):
        for _, y, x in pixels[done : done + step]:
            current[y, x] = fill[y, x]
        done = min(done + step, len(pixels))
        scores.append(float(run(current[None])[0, 0]))
        fractions.append(done / len(pixels))
    area = 0.0
    for i in range(len(scores) - 1):
        area += (fractions[i + 1] - fractions[i]) * (scores[i] + scores[i + 1]) / 2
    return area, scores


# Few different values, so that most pixels tie.
tied = arrays(np.float64, SIZE, elements=st.sampled_from([-1.0, 0.0, 0.25, 7.0]))
free = arrays(np.float64, SIZE, elements=st.floats(-1e6, 1e6))


@pytest.mark.slow
@given(st.one_of(tied, free), st.integers(1, 126), st.integers(1, 40), st.integers(0, 99))
@settings(max_examples=60)
def test_curves_equal_a_straightforward_implementation(values, step, batch_size, seed):
    rng = np.random.default_rng(seed)
    image = rng.normal(size=(*SIZE, 2)).astype(np.float32)
    run = weighted(rng.normal(size=(*SIZE, 2)).astype(np.float32) / 8)
    case = metrics.case(run, image, 0, preprocess="raw", batch_size=batch_size)

    area, scores = straight_deletion(run, image, values, step, np.zeros_like(image))
    curve = metrics.deletion(case, values, step=step)
    assert curve.area == pytest.approx(area, abs=1e-6)
    np.testing.assert_allclose(curve.scores, scores, atol=1e-6)

    blurred = published_blur(image)
    area, scores = straight_deletion(run, blurred, values, step, image)
    curve = metrics.insertion(case, values, step=step)
    assert curve.area == pytest.approx(area, abs=1e-6)
    np.testing.assert_allclose(curve.scores, scores, atol=1e-5)
    pair = metrics.both(case, values, step=step)
    np.testing.assert_array_equal(pair["insertion"].scores, curve.scores)
    gone = metrics.deletion(case, values, step=step)
    np.testing.assert_array_equal(pair["deletion"].scores, gone.scores)


def published_blur(image):
    """As in the code published with RISE: gkern(11, 5), conv2d, zeros beyond the edge."""
    from scipy.ndimage import convolve, gaussian_filter

    kernel = np.zeros((11, 11))
    kernel[5, 5] = 1
    kernel = gaussian_filter(kernel, 5.0)
    planes = [convolve(image[..., c], kernel, mode="constant") for c in range(image.shape[2])]
    return np.stack(planes, axis=2).astype(np.float32)


@pytest.mark.parametrize("layout", ["NHWC", "NCHW"])
def test_the_blur_is_the_published_one(layout):
    image = np.random.default_rng(2).normal(size=(17, 23, 3)).astype(np.float32)
    axes = (0, 1)
    turned = image
    if layout == "NCHW":
        turned, axes = np.ascontiguousarray(image.transpose(2, 0, 1)), (1, 2)
    blurred = metrics.rise_blur(turned, axes)
    if layout == "NCHW":
        blurred = blurred.transpose(1, 2, 0)
    np.testing.assert_allclose(blurred, published_blur(image), atol=2e-6)


def test_the_published_step_is_224_times_8_pixels_of_a_224_image():
    image = np.zeros((224, 224, 1), np.float32)
    case = metrics.case(weighted(np.ones_like(image)), image, 0, preprocess="raw")
    curve = metrics.deletion(case, np.zeros((224, 224)))
    np.testing.assert_array_equal(np.diff(curve.fractions * 224 * 224), 224 * 8)
    # Then the code published with RISE has the same area: a mean with half ends.
    scores = curve.scores + np.random.default_rng(1).random(29)
    published = (scores.sum() - scores[0] / 2 - scores[-1] / 2) / (len(scores) - 1)
    assert metrics.Curve(curve.fractions, scores).area == pytest.approx(published)


def test_curves_run_from_the_whole_input_to_the_fill_and_back(picture):
    model = unmask.load("demo")
    case = metrics.case(model, picture, 3)
    values = np.random.default_rng(3).random(picture.shape[:2])
    gone, come = metrics.deletion(case, values), metrics.insertion(case, values)
    assert gone.scores[0] == pytest.approx(case.target.score, abs=1e-6)
    assert come.scores[-1] == pytest.approx(case.target.score, abs=1e-6)
    empty = case.score(np.zeros_like(case.sample.array)[None])[0]
    assert gone.scores[-1] == pytest.approx(empty, abs=1e-6)
    other = metrics.deletion(case, values, fill="white")
    assert other.scores[-1] != pytest.approx(empty, abs=1e-6)
    assert gone.fractions[0] == 0
    assert gone.fractions[-1] == 1


@pytest.mark.parametrize("layout", ["NHWC", "NCHW"])
def test_the_layout_and_the_batch_size_change_no_curve(layout):
    rng = np.random.default_rng(4)
    image = rng.normal(size=(*SIZE, 3)).astype(np.float32)
    weights = rng.normal(size=(*SIZE, 3)).astype(np.float32) / 9
    values = rng.random(SIZE)
    plain = metrics.case(weighted(weights), image, 0, preprocess="raw")
    expected = metrics.insertion(plain, values, step=0.1).scores
    sizes = []

    def run(batch):
        sizes.append(len(batch))
        return weighted(weights)(batch.transpose(0, 2, 3, 1) if layout == "NCHW" else batch)

    turned = image.transpose(2, 0, 1) if layout == "NCHW" else image
    model = unmask.load(run, layout=layout)
    case = metrics.case(model, turned, 0, preprocess="raw", batch_size=4)
    curve = metrics.insertion(case, values, step=0.1)
    np.testing.assert_allclose(curve.scores, expected, atol=1e-6)
    assert max(sizes) == 4


def test_a_series_has_curves_too():
    series = np.arange(1, 7, dtype=np.float32)[:, None]
    case = metrics.case(
        unmask.load(lambda batch: batch.sum(axis=(1, 2)), layout="NTC"), series, preprocess="raw"
    )
    curve = metrics.deletion(case, np.arange(6), step=2)
    np.testing.assert_allclose(curve.scores, [21, 10, 3, 0])


@given(tied)
@settings(max_examples=30)
def test_ties_are_broken_by_row_then_column(values):
    rows, columns = np.unravel_index(metrics.order(values), SIZE)
    keys = [(-values[y, x], y, x) for y, x in zip(rows, columns, strict=True)]
    assert keys == sorted(keys)


def test_a_map_of_the_pictures_size_is_brought_to_the_models(picture):
    model = unmask.load("demo")
    case = metrics.case(model, picture, 0)
    left = np.zeros(picture.shape[:2])
    left[:, :10] = 1
    small = case.at_model_size(left)
    assert small.shape == case.shape == (96, 96)
    expected = np.zeros((96, 96))
    expected[:, :48] = 1
    away = abs(np.arange(96) - 47.5) > 5  # the edge itself is smoothed over
    np.testing.assert_allclose(small[:, away], expected[:, away], atol=1e-6)


def test_bars_of_a_letterbox_are_the_least_important(picture):
    model = unmask.load("demo", resize="letterbox")
    case = metrics.case(model, picture, 0)
    values = np.linspace(3, 5, picture.shape[0] * picture.shape[1]).reshape(picture.shape[:2])
    small = case.at_model_size(values)
    assert (small[0] == 3).all()
    assert (small[-1] == 3).all()
    assert (small[48] > 3).all()


@pytest.mark.parametrize(
    ("values", "says"),
    [
        (np.zeros((5, 5)), r"shape \(5, 5\).*\(96, 96\), the model's, or \(12, 20\)"),
        (np.full((12, 20), np.nan), "not finite"),
        (np.full((96, 96), "x"), "not finite"),
    ],
)
def test_maps_that_do_not_fit_are_refused(picture, values, says):
    case = metrics.case("demo", picture, 0)
    with pytest.raises(SettingError, match=says):
        metrics.deletion(case, values)


@pytest.mark.parametrize("step", [0, -1, 10**6, 0.0, 1.5, math.nan])
def test_steps_out_of_range_are_refused(picture, step):
    case = metrics.case("demo", picture, 0)
    with pytest.raises(SettingError, match="step="):
        metrics.deletion(case, np.zeros((96, 96)), step=step)


def test_several_targets_and_failing_models_are_refused(picture):
    with pytest.raises(SettingError, match="2 targets"):
        metrics.case("demo", picture, [0, 1])

    def fails(batch):
        if len(batch) > 1:
            raise RuntimeError("out of memory")
        return np.ones((1, 2))

    case = metrics.case(fails, picture, 0)
    with pytest.raises(ModelError, match=r"batch of 28: RuntimeError: out of memory"):
        metrics.deletion(case, np.zeros((12, 20)), step=9)
    holes = metrics.case(
        lambda batch: np.where(np.arange(len(batch)) > 0, np.nan, 1.0), picture, None
    )
    with pytest.raises(ModelOutputError, match="finite"):
        metrics.deletion(holes, np.zeros((12, 20)), step=0.5)


def test_the_pointing_game_by_hand():
    values = np.zeros((30, 50))
    values[10, 40] = 2
    box = (10, 5, 25, 20)  # its rightmost pixel is 24: 16 away
    assert not metrics.pointing_game(values, box)
    assert metrics.pointing_game(values, (10, 5, 26, 20))
    assert metrics.pointing_game(values, (40, 10, 41, 11), tolerance=0)
    pixels = np.zeros((30, 50), bool)
    pixels[10, 41] = True
    assert not metrics.pointing_game(values, pixels, tolerance=0)
    assert metrics.pointing_game(values, pixels, tolerance=1)
    values[29, 0] = 2  # as high, but later in row-major order
    assert metrics.pointing_game(values, (40, 10, 41, 11), tolerance=0)


def test_energy_inside_a_box_is_that_of_its_pixels():
    rng = np.random.default_rng(6)
    values = rng.random((7, 11))
    pixels = np.zeros((7, 11), bool)
    pixels[2:5, 3:9] = True
    energy = values - values.min()
    expected = energy[pixels].sum() / energy.sum()
    assert metrics.energy_inside(values, pixels) == pytest.approx(expected)
    assert metrics.energy_inside(values, (3, 2, 9, 5)) == pytest.approx(expected)
    assert metrics.energy_inside(3 * values - 8, pixels) == pytest.approx(expected)
    assert metrics.energy_inside(np.ones((7, 11)), pixels) == pytest.approx(pixels.mean())


@pytest.mark.parametrize(
    "evidence", [np.zeros((7, 11), bool), (50, 2, 60, 5), (1, 2, 3), np.zeros((7, 11))]
)
def test_evidence_that_is_none_is_refused(evidence):
    with pytest.raises(SettingError, match="evidence"):
        metrics.energy_inside(np.ones((7, 11)), evidence)


def test_drop_and_increase_by_hand():
    image = np.ones((4, 6, 1), np.float32)
    weights = np.zeros((4, 6, 1), np.float32)
    weights[:, :3] = 2 / 12
    weights[:, 3:] = -1 / 12  # hiding the right half raises the score
    case = metrics.case(weighted(weights, curved=False), image, 0, preprocess="raw")
    assert case.target.score == pytest.approx(1)
    left = np.zeros((4, 6))
    left[:, :3] = 5
    shown = metrics.shown_score(case, left)
    assert shown == pytest.approx(2)
    assert (metrics.drop(case, shown), metrics.increase(case, shown)) == (0, True)
    half = left / 2
    half[0, 0] = 5  # the peak alone is shown in full, the rest of the left at half
    shown = metrics.shown_score(case, half)
    assert shown == pytest.approx(2 / 12 * (1 + 11 / 2))
    assert metrics.increase(case, shown)
    shown = metrics.shown_score(case, np.full((4, 6), 7.0))
    assert shown == 0  # a flat map marks nothing
    assert (metrics.drop(case, shown), metrics.increase(case, shown)) == (1, False)


def test_a_picture_is_hidden_by_black(picture):
    seen = []

    def run(batch):
        seen.append(batch.copy())
        return batch.mean(axis=(1, 2, 3))

    case = metrics.case(unmask.load(run, preprocess="tf"), picture)
    metrics.shown_score(case, np.eye(12, 20))
    assert seen[-1][0, 0, 1] == pytest.approx([-1, -1, -1])  # black in that space
    np.testing.assert_allclose(seen[-1][0, 3, 3], seen[0][0, 3, 3], atol=1e-6)


def test_drop_of_no_score_is_no_number():
    image = np.zeros((4, 6, 1), np.float32)
    case = metrics.case(weighted(image + 1), image, 0, preprocess="raw")
    assert math.isnan(metrics.drop(case, 0.0))


@given(free, st.floats(0.1, 100), st.floats(-50, 50))
@settings(max_examples=30)
def test_sparseness_ignores_scale_and_offset(values, scale, offset):
    values = values.round(3)
    one = metrics.sparseness(values)
    assert 0 <= one < 1
    assert metrics.sparseness(values * scale + offset) == pytest.approx(one, abs=1e-3)


def test_sparseness_is_the_gini_index():
    values = np.random.default_rng(7).exponential(size=400)
    # Gini: mean absolute difference of all pairs over twice the mean.
    pairs = abs(values[:, None] - values).mean() / (2 * values.mean())
    assert metrics.sparseness(values, offset=0) == pytest.approx(pairs)


def test_sanity_is_spearmans_correlation():
    from scipy.stats import spearmanr

    rng = np.random.default_rng(8)
    one = rng.integers(0, 9, (7, 11)).astype(float)
    other = one + rng.normal(size=one.shape) * 3
    expected = spearmanr(one.ravel(), other.ravel()).statistic
    assert metrics.sanity(one, other) == pytest.approx(abs(expected))
    assert metrics.sanity(one, -other) == pytest.approx(abs(expected))
    assert metrics.sanity(one, np.exp(one)) == pytest.approx(1)


def test_stability_is_pearsons_correlation():
    rng = np.random.default_rng(9)
    one, other = rng.normal(size=(2, 7, 11))
    expected = np.corrcoef(one.ravel(), other.ravel())[0, 1]
    assert metrics.stability(one, other) == pytest.approx(expected)
    assert metrics.stability(one, one * 0 + 0.1) == 0
    assert metrics.stability(one * 0, one * 0 + 0.1) == 1
    with pytest.raises(SettingError, match="shapes"):
        metrics.stability(one, one.T)


@pytest.mark.parametrize("n", [2, 3, 4, 5, 8, 9, 30, 31, 250])
def test_the_mean_interval_is_students(n):
    from scipy.stats import t

    values = np.random.default_rng(n).normal(size=n)
    found = metrics.mean_interval([*values, math.nan])
    low, high = t.interval(0.95, n - 1, values.mean(), values.std(ddof=1) / math.sqrt(n))
    assert (found.value, found.count) == (pytest.approx(values.mean()), n)
    assert (found.low, found.high) == (pytest.approx(low, abs=1e-9), pytest.approx(high, abs=1e-9))


@pytest.mark.parametrize(("hits", "n"), [(0, 7), (7, 7), (3, 7), (290, 300)])
def test_the_share_interval_is_wilsons(hits, n):
    from scipy.stats import binomtest

    found = metrics.share_interval([1] * hits + [0] * (n - hits))
    expected = binomtest(hits, n).proportion_ci(0.95, method="wilson")
    assert found.value == hits / n
    assert (found.low, found.high) == (pytest.approx(expected.low), pytest.approx(expected.high))


def test_intervals_of_one_picture_or_none():
    assert metrics.mean_interval([0.5]) == metrics.Mean(0.5, -math.inf, math.inf, 1)
    assert metrics.mean_interval([math.nan]).count == 0
    assert math.isnan(metrics.share_interval([]).value)


def test_an_interval_is_cut_off_at_the_ends_of_what_can_be_measured():
    wide = metrics.mean_interval([0.01, 0.02, 0.3])
    assert wide.low < 0
    assert wide.within(0, 1) == metrics.Mean(wide.value, 0, wide.high, 3)
    assert metrics.mean_interval([0.9, 0.99, 1.0]).within(0, 1).high == 1
    alone = metrics.mean_interval([0.5])
    assert alone.within(0, 1) == alone  # nothing is known of it


@pytest.mark.parametrize(("values", "bounded"), [((0.01, 0.02, 0.3), True), ((5.0, -3.0), False)])
def test_scores_that_are_no_probabilities_leave_the_range(values, bounded):
    rows = [evaluation.Row(f"{n}.png", values={"deletion": v}) for n, v in enumerate(values)]
    mean = evaluation.summarize(rows)["deletion"]
    assert mean.value == pytest.approx(sum(values) / len(values))
    assert (mean.low >= 0) == bounded


def test_every_metric_says_which_way_is_better():
    for one in metrics.METRICS.values():
        assert one.better.startswith("more" if one.arrow == "↑" else "less")


def test_every_metric_says_where_it_comes_from():
    for name, one in metrics.METRICS.items():
        assert one.name == name
        assert "arXiv:" in one.paper
        assert one.low < one.high
        assert one.arrow == ("↑" if one.higher_is_better else "↓")
    with pytest.raises(SettingError, match="'acuracy': expected some of deletion, insertion"):
        metrics.known(["acuracy"])
    with pytest.raises(SettingError, match="no metrics"):
        metrics.known([])


@pytest.mark.parametrize("layout", ["NCHW", "NHCW"])
def test_curves_are_the_same_in_every_layout(layout):
    rng = np.random.default_rng(4)
    image, weights = rng.random((6, 9, 3), np.float32), rng.random((6, 9, 3), np.float32)
    values = rng.random((6, 9))

    def curves(layout):
        axes = ["HWC".index(letter) for letter in layout[1:]]

        def model(batch):
            return np.tanh((batch * weights.transpose(axes)).sum(axis=(1, 2, 3)) / 20)[:, None]

        loaded = unmask.load(model, layout=layout, preprocess="raw")
        return metrics.both(metrics.case(loaded, image.transpose(axes), 0), values)

    found = curves(layout)
    for name, curve in curves("NHWC").items():
        np.testing.assert_allclose(found[name].scores, curve.scores, rtol=1e-5)


@pytest.mark.parametrize("levels", [1, 2, 7, 300, 10**9])
def test_the_order_is_a_stable_sort(levels):
    values = np.random.default_rng(levels).integers(0, levels, (31, 47)) / 7
    expected = np.argsort(-values.ravel(), kind="stable")
    np.testing.assert_array_equal(metrics.order(values), expected)
