"""Fills that differ from mask to mask: several that take turns, and computed ones."""

import json
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from typer.testing import CliRunner

import unmask
from unmask import cli, metrics
from unmask.errors import MissingExtra, ModelError, SettingError
from unmask.inputs.filling import Computed, Several, turns
from unmask.inputs.fills import describe_fill, read_fill
from unmask.inputs.inpaint import inpaint
from unmask.masks import Masks
from unmask.run.prepare import prepare

WEIGHTS = np.random.default_rng(0).normal(size=(4, 6, 1)).astype(np.float32)
ARRAY = np.random.default_rng(1).normal(size=(4, 6, 1)).astype(np.float32)
RAW = {"preprocess": "raw", "grid": 2, "batch_size": 7}


def linear(batch):
    return (batch * WEIGHTS).sum(axis=(1, 2, 3))


@settings(max_examples=30)
@given(seed=st.integers(0, 2**64 - 1), number=st.integers(0, 2**40), count=st.integers(2, 90))
def test_pairs_share_a_fill_and_every_fill_comes_as_often(seed, number, count):
    masks = Masks((9, 7), grid=(3, 5), seed=seed)
    found = turns(masks, number, count)
    assert len(found) == masks.block_size
    assert (found[::2] == found[1::2]).all()
    times = np.bincount(found[::2], minlength=count)
    assert times.max() - times.min() <= 1


def test_each_mask_hides_with_the_fill_whose_turn_it_is():
    fills = [np.full((1, 1, 1), value, np.float32) for value in (0.0, 5.0, -2.0)]
    found = unmask.explain(linear, ARRAY, 0, masks=100, fill=fills, **RAW)
    masks, expected = found.plan.masks, []
    for number, scores in found.estimate.parts:
        kept = masks.render(masks.block(number))[: len(scores), :, :, None]
        fill = np.concatenate(fills)[turns(masks, number, 3)[: len(scores)], :, :, None]
        expected.append(linear(fill + kept * (ARRAY - fill)))
    np.testing.assert_allclose(found.estimate.scores[:, 0], np.concatenate(expected), atol=1e-4)


def test_the_map_is_the_mean_of_those_of_its_fills():
    three, own = np.full((1, 1, 1), 3, np.float32), {"estimator": "centered", "batch_size": 512}
    one, other, both = (
        unmask.explain(linear, ARRAY, 0, masks=4096, fill=fill, **RAW | own)
        for fill in ("zero", three, ["zero", three])
    )
    assert (np.abs(both.map - (one.map + other.map) / 2) < 4.5 * both.stderr + 1e-3).all()


def test_batches_and_breaks_change_nothing(tmp_path):
    kwargs = {"fill": ["mean", "noise", "noise"], "preprocess": "raw", "grid": 2}
    whole = unmask.explain(linear, ARRAY, 0, masks=90, batch_size=64, **kwargs)
    few = unmask.explain(linear, ARRAY, 0, masks=90, batch_size=7, **kwargs)
    first = unmask.explain(linear, ARRAY, 0, masks=50, **kwargs)
    more = unmask.extend(first, linear, ARRAY, masks=40)
    for other in (few, more):
        np.testing.assert_allclose(other.estimate.scores, whole.estimate.scores, atol=1e-5)
    assert whole.plan.fill == "mean+noise+noise"


def test_noise_that_takes_turns_is_drawn_anew():
    run = prepare(linear, ARRAY, 0, masks=8, fill=["noise", "noise"], **RAW)
    one, other = run.fill.fills
    assert not np.array_equal(one, other)


def test_a_computed_fill_that_ignores_the_mask_is_that_array():
    plain = np.float32([[[1.5]]])
    array = unmask.explain(linear, ARRAY, 0, masks=64, fill=plain, **RAW)
    computed = unmask.explain(
        linear, ARRAY, 0, masks=64, fill=lambda x, mask: np.full_like(x, 1.5), **RAW
    )
    np.testing.assert_array_equal(computed.map, array.map)
    assert computed.plan.fill == "function <lambda>"


def test_a_computed_fill_sees_the_picture_and_what_is_visible(picture):
    seen = []

    def brighter(pixels, mask):
        seen.append((pixels.copy(), mask.copy()))
        pixels[:] = 0  # its own copy
        return np.full_like(pixels, 255 * mask.mean())

    unmask.explain("demo", picture, 0, masks=32, fill=brighter)
    (_, whole), *rest = seen
    assert (whole == 1).all()
    for pixels, mask in rest:
        assert pixels.shape == (*mask.shape, 3) == (96, 96, 3)
        assert pixels.max() > 100
    assert 0.3 < np.mean([mask.mean() for _, mask in rest]) < 0.7


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda x, mask: x[:2], r"returned an array of shape \(2, 6, 1\): expected .* \(4, 6, 1\)"),
        (lambda x, mask: x * np.nan, "values that are not finite"),
        (lambda x: x, "failed: TypeError"),
    ],
)
def test_a_fill_that_fails_says_so_before_the_first_model_call(function, message):
    calls = []

    def model(batch):
        calls.append(len(batch))
        return linear(batch)

    with pytest.raises(ModelError, match=message):
        unmask.explain(model, ARRAY, 0, masks=64, fill=function, **RAW)
    assert not calls


def test_computed_fills_take_turns_too():
    fills = ["zero", lambda x, mask: np.full_like(x, mask.mean())]
    run = prepare(linear, ARRAY, 0, masks=64, fill=fills, **RAW)
    assert isinstance(run.fill, Several)
    assert isinstance(run.fill.fills[1], Computed)
    found = unmask.explain(linear, ARRAY, 0, masks=64, fill=fills, **RAW)
    ((number, scores),) = found.estimate.parts[:1]
    masks = found.plan.masks
    kept = masks.render(masks.block(number))[: len(scores), :, :, None]
    fill = kept.mean(axis=(1, 2, 3), keepdims=True)
    fill *= turns(masks, number, 2)[: len(scores), None, None, None]
    np.testing.assert_allclose(scores[:, 0], linear(fill + kept * (ARRAY - fill)), atol=1e-4)


@pytest.mark.parametrize("fill", [["mean"], []])
def test_a_list_holds_two_fills_at_least(fill):
    with pytest.raises(SettingError, match="two fills at least"):
        unmask.explain(linear, ARRAY, 0, masks=64, fill=fill or [None], **RAW)


def test_inpainting_takes_from_what_is_visible_around():
    pytest.importorskip("cv2", exc_type=ImportError)
    picture = np.zeros((90, 150, 3), np.float32)
    picture[:, 75:] = (250, 100, 20)
    mask = np.ones((90, 150), np.float32)
    mask[30:60, 20:50] = 0
    mask[30:60, 100:130] = 0
    painted = inpaint(picture, mask)
    assert painted.shape == picture.shape
    np.testing.assert_allclose(painted[45, 35], 0, atol=3)
    np.testing.assert_allclose(painted[45, 115], (250, 100, 20), atol=3)
    nothing = inpaint(picture, np.zeros_like(mask))
    np.testing.assert_allclose(nothing[0, 0], picture.mean(axis=(0, 1)), rtol=1e-5)


def test_inpainting_explains_a_picture(picture):
    pytest.importorskip("cv2", exc_type=ImportError)
    found = unmask.explain("demo", picture, 0, masks=64, fill="inpaint")
    assert found.plan.fill == "inpaint"
    assert np.isfinite(found.map).all()


def test_without_opencv_inpainting_says_what_to_install(picture, monkeypatch):
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(MissingExtra, match=r"pip install 'unmask\[inpaint\]'"):
        unmask.explain("demo", picture, 0, masks=64, fill="inpaint")


def test_words_take_turns():
    seen = set()

    def model(texts):
        seen.update(texts)
        return [float("good" in text) for text in texts]

    unmask.explain(model, unmask.text("a good film"), 0, masks=64, fill=["...", "drop"])
    assert {"... good film", "good film", "a ... film", "a film"} <= seen


def test_a_series_is_filled_from_a_file_or_by_a_function(tmp_path):
    values, other = np.arange(30.0), np.full(30, 7.0)
    np.save(tmp_path / "other.npy", other)
    weights = np.linspace(-1, 1, 30)

    def model(batch):
        return batch @ weights

    given = unmask.series(values, "T")
    maps = [
        unmask.explain(model, given, 0, masks=64, fill=fill).map
        for fill in (other, str(tmp_path / "other.npy"), lambda x, mask: np.full_like(x, 7))
    ]
    np.testing.assert_array_equal(maps[0], maps[1])
    np.testing.assert_allclose(maps[0], maps[2], rtol=1e-5)
    with pytest.raises(SettingError, match="'line' cannot take turns"):
        unmask.explain(model, given, 0, masks=64, fill=["line", "mean"])


def test_a_metric_is_the_mean_over_the_fills():
    case = metrics.case(linear, ARRAY, 0, preprocess="raw")
    order = np.arange(24.0).reshape(4, 6)
    both = ["zero", np.full((1, 1, 1), 2, np.float32)]
    for metric in (metrics.deletion, metrics.insertion):
        each = [metric(case, order, step=3, fill=fill).scores for fill in both]
        np.testing.assert_allclose(
            metric(case, order, step=3, fill=both).scores, np.mean(each, axis=0), rtol=1e-5
        )
    with pytest.raises(SettingError, match="computed for each mask"):
        metrics.deletion(case, order, fill=lambda x, mask: x)


@pytest.mark.parametrize("fill", ["blur", (255, 0, 12.5), ["mean", "blur"], ["mean", (1, 2, 3)]])
def test_what_a_plan_writes_of_a_fill_is_read_back(fill):
    assert read_fill(describe_fill(fill)) == fill


def test_words_with_a_plus_are_words():
    assert read_fill("C++") == "C++"


def test_the_command_line_takes_several(tmp_path, picture):
    Image.fromarray(picture).save(tmp_path / "street.png")
    given = ["explain", str(tmp_path / "street.png"), "--model", "demo", "--masks", "64"]
    target = ["--fill", "mean+blur", "--output", str(tmp_path), "--json"]
    result = CliRunner().invoke(cli.app, [*given, *target])
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["settings"]["fill"] == "mean+blur"
    kwargs = {"masks": 64, "fill": ["mean", "blur"]}
    assert unmask.explain("demo", picture, **kwargs).plan.fill == "mean+blur"


def test_what_is_not_stored_is_asked_for_again():
    half = lambda x, mask: np.full_like(x, 0.5)  # noqa: E731
    first = unmask.explain(linear, ARRAY, 0, masks=32, fill=half, **RAW)
    with pytest.raises(SettingError, match="fill=function <lambda> is not stored"):
        unmask.extend(first, linear, ARRAY, masks=32)
    assert unmask.extend(first, linear, ARRAY, masks=32, fill=half).masks == 64
