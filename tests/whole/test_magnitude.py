"""Numbers of any size: maps follow their scores, and say how sure they are of what they show."""

import json
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import unmask
from unmask import rise
from unmask._base import magnitude
from unmask.cluster.packed_map import pack, unpack
from unmask.errors import ModelOutputError, SettingError
from unmask.estimate.estimators import ESTIMATORS, VALUES, finalize
from unmask.estimate.finish import finished
from unmask.estimate.scores import Scores
from unmask.estimate.uncertainty import Maps, half_width, reliability
from unmask.evaluation import metrics
from unmask.evaluation.occlusion import occlude
from unmask.inputs.frame import Frame
from unmask.masks.grid import Masks

OF_GRIDS = [name for name in ESTIMATORS if name not in VALUES]
MASKS = Masks((12, 20), grid=(3, 5), seed=4)
WEIGHTS = np.random.default_rng(0).normal(size=MASKS.shape)
NOISE = np.random.default_rng(1).normal(size=10 * MASKS.block_size)
# Powers of two and ten, from the least to the largest that scores may have.
SCALES = st.one_of(
    st.integers(-990, 495).map(lambda power: 2.0**power),
    st.integers(-300, 149).map(lambda power: 10.0**power),
)


def scored(scale=1.0, level=0.0, blocks=3):
    """Scores that are linear in the mask but for some noise."""
    estimate = Scores.empty(MASKS, 1)
    for number in range(blocks):
        masks = MASKS.render(MASKS.block(number), np.float64)
        noise = NOISE[number * len(masks) :][: len(masks)]
        linear = np.tensordot(masks, WEIGHTS, 2) / 10 + noise / 5
        estimate = estimate.update(number, (linear * scale + level)[:, None])
    return estimate


@pytest.mark.slow
@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("estimator", OF_GRIDS)
@settings(max_examples=40)
@given(scale=SCALES)
def test_maps_and_errors_go_with_the_scores_at_every_size(estimator, scale):
    plain, _, sure = finished(estimator, scored())
    maps, stderrs, surely = finished(estimator, scored(scale))
    tolerance = 2e-6 * np.ptp(plain)
    np.testing.assert_allclose(maps / scale, plain, rtol=0, atol=tolerance)
    np.testing.assert_allclose(stderrs / scale, finished(estimator, scored())[1], rtol=2e-6, atol=0)
    np.testing.assert_allclose(surely, sure, atol=1e-6)


@pytest.mark.slow
@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("estimator", ["adaptive", "smooth", "centered", "coverage"])
@settings(max_examples=20)
@given(level=st.integers(-9, 9).map(lambda power: 10.0**power), sign=st.sampled_from([-1, 1]))
def test_a_level_is_added_to_the_map_and_changes_nothing_else(estimator, level, sign):
    plain, _, sure = finished(estimator, scored())
    maps, _, surely = finished(estimator, scored(level=sign * level))
    np.testing.assert_allclose(
        maps - np.float64(sign * level), plain, rtol=0, atol=1e-3 * np.ptp(plain)
    )
    # The reliability that is stated is that of the map that is handed out.
    assert np.corrcoef(maps.ravel(), plain.ravel())[0, 1] > 1 - 1e-6
    np.testing.assert_allclose(surely, sure, atol=1e-4)


def test_powers_of_two_change_no_bit():
    for estimator in OF_GRIDS:
        plain = finalize(estimator, scored())
        for power in (-900, -200, -167, 3, 166, 167, 480):
            found = finalize(estimator, scored(2.0**power))
            np.testing.assert_array_equal(np.ldexp(found.value, -power), plain.value)
            np.testing.assert_array_equal(np.ldexp(found.stderr, -power), plain.stderr)
            assert reliability(found) == reliability(plain)
            width = half_width(found, 0.9)
            np.testing.assert_array_equal(np.ldexp(width, -power), half_width(plain, 0.9))


def test_targets_of_different_sizes_do_not_disturb_each_other():
    one, other = scored().scores, scored(1e-200, blocks=3).scores
    both = Scores.empty(MASKS, 3)
    size = MASKS.block_size
    for number in range(3):
        part = slice(number * size, (number + 1) * size)
        both = both.update(number, np.hstack([one[part], other[part], 1e120 * one[part]]))
    maps, stderrs, sure = finished("adaptive", both)
    plain, plain_stderrs, plainly = finished("adaptive", scored())
    for number, scale in enumerate((1, 1e-200, 1e120)):
        np.testing.assert_allclose(maps[number] / scale, plain[0], rtol=0, atol=1e-6)
        np.testing.assert_allclose(stderrs[number] / scale, plain_stderrs[0], rtol=1e-6)
        assert sure[number] == pytest.approx(plainly[0], abs=1e-9)
    # In few targets at a time as in all at once.
    few = [maps for _, maps in unmask.estimate.estimators.finalize_groups("adaptive", both)]
    assert sum(len(one.value) for one in few) == 3


def test_ordinary_maps_are_float32_and_the_others_float64():
    for scale, level, dtype in [
        (1, 0, np.float32), (1, 0.5, np.float32), (1e-3, 0.9, np.float32), (100, 1e4, np.float32),
        (1e-16, 0, np.float32), (1, 1e7, np.float64), (1e-9, 1, np.float64), (1e30, 0, np.float64),
        (1e-46, 0, np.float64), (0, 0.7, np.float32), (0, 1e40, np.float64), (0, 0, np.float32),
    ]:  # fmt: skip
        maps, stderrs, _ = finished("adaptive", scored(scale, level))
        assert maps.dtype == dtype, (scale, level)
        assert np.isfinite(maps).all()
        assert np.isfinite(stderrs).all()
        assert scale == 0 or np.ptp(maps) > 0


@settings(max_examples=200)
@given(st.floats(-1e150, 1e150), st.floats(0, 1e150), st.integers(1, 40), st.integers(0, 2**32 - 1))
def test_what_is_handed_out_shows_what_was_computed(level, spread, count, seed):
    values = level + spread * np.random.default_rng(seed).uniform(size=count)
    handed = magnitude.narrowed(values)
    size, flat = np.abs(values).max(), np.ptp(values) <= 2e-14 * np.abs(values).max()
    most = 1e-7 * size if flat else np.ptp(values) / 1000
    assert np.abs(handed - values).max() <= most
    half = magnitude.by_float32(values[None], lambda one: one[:, ::2])
    assert half.shape == values[None, ::2].shape
    assert np.abs(half - values[None, ::2]).max() <= most


@pytest.mark.parametrize(("scale", "level"), [(1, 0), (1, 1e9), (1e39, 0), (1e-46, 0), (1e120, 0)])
def test_maps_are_brought_back_packed_and_kept_at_every_size(scale, level):
    values = scale * np.random.default_rng(0).normal(size=(6, 9)) + level
    frame = Frame((30, 50), (6, 9), "crop")
    plain = frame.back((values - level) / scale, outside=0)
    got = frame.back(values, outside=level)
    np.testing.assert_allclose((got - np.float64(level)) / scale, plain, rtol=0, atol=1e-3)
    onward = frame.map_forward(got, outside=level)
    expected = frame.map_forward(plain, outside=0)
    np.testing.assert_allclose((onward - level) / scale, expected, rtol=0, atol=1e-3)
    for shape in ((6, 9), (3, 5)):
        kept = unpack(pack(values, shape), (6, 9))
        alike = unpack(pack((values - level) / scale, shape), (6, 9))
        np.testing.assert_allclose((kept - np.float64(level)) / scale, alike, rtol=0, atol=3e-3)


def test_bounds_are_said_before_nonsense():
    def huge(batch):
        return 1e160 * batch.mean(axis=(1, 2, 3), dtype=np.float64)

    picture = np.full((12, 20, 3), 200, np.uint8)
    with pytest.raises(ModelOutputError, match=r"scores go up to .*expected at most 1e\+150"):
        unmask.explain(unmask.load(huge, preprocess="unit"), picture, masks=64, grid=2)
    with pytest.raises(SettingError, match=r"at most 1e\+150"):
        Scores.empty(MASKS, 1).update(0, [[1e151]])


@pytest.mark.parametrize("scale", [1e39, 1e-46, 1e140, 1e-290])
def test_a_page_a_file_and_a_report_hold_any_size(tmp_path, scale):
    from unmask.app.updates import update

    weights = np.random.default_rng(2).normal(size=(12, 20, 3))

    def model(batch):
        values = batch.astype(np.float64).reshape(len(batch), -1) @ weights.ravel()
        return np.stack([scale * values, 1e7 + values], axis=1)

    picture = np.random.default_rng(3).integers(0, 255, (12, 20, 3), np.uint8)
    loaded = unmask.load(model, preprocess="unit", activation="logits")
    one = unmask.explain(loaded, picture, [0, 1], masks=256, grid=(3, 5))
    assert one.maps.dtype == np.float64
    assert all(0.5 < sure <= 1 for sure in one.reliabilities)
    assert one.significant(0).any()
    low, high = one.interval()
    assert (low < high).all()
    assert np.isfinite(high).all()

    data = update(one, state="done")
    (length,) = struct.unpack("<I", data[:4])
    header = json.loads(data[4 : 4 + length])
    for number, target in enumerate(header["targets"]):
        assert target["map"]["low"] == one.maps[number].min()
        assert target["stderr"]["high"] > 0
    again = unmask.Explanation.load(one.save(tmp_path / "one.npz"))
    np.testing.assert_array_equal(again.maps, one.maps)
    assert "nan" not in unmask.report([one])
    assert np.ptp(np.asarray(one.overlay(1)).astype(int)) > 50


@pytest.mark.slow
@pytest.mark.parametrize(
    "bad", [True, np.True_, 3.5, 3.0, "3", np.float32(3), None, [3], np.nan, 3j]
)
def test_what_is_no_whole_number_is_refused_by_name(bad):
    picture = np.zeros((12, 20, 3), np.uint8)
    names = ["masks", "max_masks", "seed", "grid", "batch_size"]
    for name in names:
        # None is each one's default, and a list a grid's.
        if (bad is None and name != "seed") or (name == "grid" and isinstance(bad, list)):
            continue
        with pytest.raises(SettingError, match=f"{name}="):
            unmask.prepare("demo", picture, **{name: bad})
    for part in ((bad, 4), (1, bad), (1,), bad):
        if part is not None:
            with pytest.raises(SettingError, match="shard="):
                unmask.prepare("demo", picture, masks=512, shard=part)
    with pytest.raises(SettingError, match="top="):
        unmask.predict("demo", picture, top=bad)
    with pytest.raises(SettingError, match="grid="):
        unmask.prepare("demo", picture, grid=(3, bad))
    one = unmask.explain("demo", picture, 0, masks=64, grid=2)
    with pytest.raises(SettingError, match="masks="):
        one.extend(bad)
    with pytest.raises(SettingError, match="n="):
        rise.masks(bad, (12, 20))
    case = metrics.case(unmask.load("demo"), picture, 0)
    with pytest.raises(SettingError, match="masks="):
        occlude(case, masks=bad, side=0.5)
    with pytest.raises(unmask.TargetError, match="within_top"):
        unmask.within_top(0, bad)


@pytest.mark.slow
@pytest.mark.parametrize("bad", [True, np.True_, "0.5", [0.5], np.nan, 0.5j, -0.5, np.inf])
def test_what_is_no_number_is_refused_by_name(bad):
    picture = np.zeros((12, 20, 3), np.uint8)
    for name in ("keep", "until"):
        with pytest.raises(SettingError, match=f"{name}="):
            unmask.prepare("demo", picture, **{name: bad})
    if bad is not np.inf:
        with pytest.raises(SettingError, match="max_seconds="):
            unmask.prepare("demo", picture, max_seconds=bad)
    one = unmask.explain("demo", picture, 0, masks=64, grid=2)
    case = metrics.case(unmask.load("demo"), picture, 0)
    with pytest.raises(SettingError, match="side="):
        occlude(case, masks=64, side=bad)
    with pytest.raises(SettingError, match="step="):
        metrics.deletion(case, np.zeros((12, 20)), step=bad)
    for method in (one.interval, lambda level: one.significant(0, level)):
        with pytest.raises(SettingError, match="level="):
            method(bad)


@pytest.mark.parametrize("bad", ["no", 0, 1, None, np.nan])
def test_what_is_no_truth_value_is_refused_by_name(bad):
    with pytest.raises(SettingError, match="shift="):
        Masks((12, 20), shift=bad)


def test_a_reliability_is_of_the_same_scale_as_its_noise():
    value = np.random.default_rng(0).normal(size=(2, 6, 9))
    error = np.full((2, 6, 9), 0.4)
    plain = Maps(value, error, error / 2, np.array([0.1, 0.2]), 5, 99)
    powers = np.array([-700, 400])
    np.testing.assert_array_equal(reliability(plain.times(powers)), reliability(plain))
    np.testing.assert_array_equal(
        half_width(plain.times(powers), 0.95),
        np.ldexp(half_width(plain, 0.95), powers[:, None, None]),
    )
