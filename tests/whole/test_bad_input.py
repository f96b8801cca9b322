"""Bad settings cost no model call; a model that fails midway says where, and the map is kept."""

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import unmask
from unmask._base.numbers import format_score
from unmask.draw.canvas import pixels
from unmask.errors import (
    FileError,
    ImageError,
    Interrupted,
    ModelError,
    ModelOutputError,
    SettingError,
    TargetError,
    UnmaskError,
    UnmaskWarning,
)

SETTINGS = {"masks": 96, "grid": 3, "batch_size": 10}  # blocks of 24
FAILING = 6  # the whole input alone, it beside others, and masks 0 to 39 in tens


class Scores:
    """Two classes, the brightness of two corners. `spoil` changes what one call returns."""

    def __init__(self, spoil=None, at=FAILING):
        self.calls, self.spoil, self.at = 0, spoil, at

    def __call__(self, batch):
        parts = batch[:, :5, :8], batch[:, 7:, 12:]
        outputs = np.stack([part.mean(axis=(1, 2, 3)) / 255 for part in parts], axis=1)
        self.calls += 1
        if self.spoil is not None and self.calls == self.at + 1:
            return self.spoil(outputs)
        return outputs


def with_value(value, row=3, column=1):
    def spoil(outputs):
        outputs[row, column] = value
        return outputs

    return spoil


def raising(error):
    def spoil(_):
        raise error

    return spoil


def returning(value):
    return lambda _: value


def first_masks(picture, count, **settings):
    """The explanation of a run that was to have as many masks."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UnmaskWarning)
        return unmask.explain(Scores(), picture, 0, **{**SETTINGS, **settings, "masks": count})


def assert_so_far(explanation, picture, count):
    assert explanation.masks == count
    assert not explanation.complete
    assert explanation.plan.count == SETTINGS["masks"]
    assert (
        explanation.model_calls == count + 5
    )  # the input alone, twice beside a plain one and noise
    np.testing.assert_array_equal(explanation.map, first_masks(picture, count).map)


# --- settings ---


@pytest.mark.parametrize(
    ("settings", "error", "says"),
    [
        ({"keep": 0}, SettingError, "between 0 and 1"),
        ({"keep": 1}, SettingError, "between 0 and 1"),
        ({"keep": 1.0}, SettingError, "between 0 and 1"),
        ({"keep": -0.5}, SettingError, "between 0 and 1"),
        ({"keep": 50}, SettingError, "between 0 and 1"),
        ({"keep": float("nan")}, SettingError, "between 0 and 1"),
        ({"keep": "half"}, SettingError, "keep"),
        ({"masks": 0}, SettingError, "masks=0.*at least 1"),
        ({"masks": -7}, SettingError, "masks=-7.*at least 1"),
        ({"masks": 10.5}, SettingError, "masks=10.5.*whole number"),
        ({"masks": "many"}, SettingError, "masks='many'"),
        ({"masks": True}, SettingError, "masks=True"),
        ({"batch_size": 0}, SettingError, "batch_size=0"),
        ({"batch_size": 2.5}, SettingError, "batch_size=2.5"),
        ({"grid": 13}, SettingError, "finer than the input of 12 x 20"),
        ({"grid": (3, 21)}, SettingError, "finer than the input of 12 x 20"),
        ({"grid": 0}, SettingError, "at least 1 cell"),
        ({"grid": -3}, SettingError, "at least 1 cell"),
        ({"grid": (3, 0)}, SettingError, "at least 1 cell"),
        ({"grid": (3,)}, SettingError, "2 axes"),
        ({"grid": (3, 3, 3)}, SettingError, "2 axes"),
        ({"grid": ()}, SettingError, "2 axes"),
        ({"grid": 2.5}, SettingError, "grid"),
        ({"grid": (2.5, 3)}, SettingError, "grid"),
        ({"grid": "8"}, SettingError, "grid"),
        ({"grid": "88"}, SettingError, "grid"),
        ({"seed": -1}, SettingError, "seed=-1"),
        ({"seed": 2**64}, SettingError, "2\\*\\*64"),
        ({"seed": 1.5}, SettingError, "seed"),
        ({"seed": "lucky"}, SettingError, "seed"),
        ({"seed": None}, SettingError, "seed"),
        ({"design": "hexagonal"}, SettingError, "expected one of random, balanced"),
        ({"estimator": "magic"}, SettingError, "centered, paper, coverage|paper, .*coverage"),
        ({"estimator": ["centered"]}, SettingError, "estimator"),
        ({"fill": "nothing"}, SettingError, "mean, black, white"),
        ({"preprocess": "torch"}, SettingError, "only 'raw'"),
        ({"target": "fox"}, TargetError, "the model has none"),
        ({"target": -1}, TargetError, "class index"),
        ({"target": []}, TargetError, "empty"),
    ],
)
def test_a_setting_out_of_range_costs_no_model_call(picture, settings, error, says):
    model = Scores()
    with pytest.raises(error, match=says) as caught:
        unmask.explain(model, picture, **{**SETTINGS, **settings})
    assert isinstance(caught.value, ValueError)
    assert model.calls == 0


@given(st.floats(allow_nan=True).filter(lambda p: not 0 < p < 1))
def test_no_keep_probability_outside_of_0_to_1(keep):
    model = Scores()
    with pytest.raises(SettingError):
        unmask.explain(model, np.zeros((12, 20, 3), np.uint8), **{**SETTINGS, "keep": keep})
    assert model.calls == 0


@given(st.integers(1, 12), st.integers(1, 20), st.integers(1, 25), st.integers(1, 25))
def test_a_grid_fits_if_no_cell_is_smaller_than_a_pixel(height, width, rows, columns):
    picture = np.zeros((height, width, 3), np.uint8)
    settings = {"grid": (rows, columns), "masks": 4}
    if rows <= height and columns <= width:
        assert unmask.prepare(lambda b: b.mean((1, 2)), picture, **settings).plan.masks.grid == (
            rows,
            columns,
        )
    else:
        with pytest.raises(SettingError, match="coarser grid"):
            unmask.prepare(raising(AssertionError), picture, **settings)


def test_a_picture_that_is_none_costs_no_model_call(tmp_path, picture):
    whole = tmp_path / "whole.png"
    Image.fromarray(picture).save(whole)
    (tmp_path / "cut.png").write_bytes(whole.read_bytes()[:-200])
    (tmp_path / "text.png").write_text("a picture of a fox")
    (tmp_path / "empty.png").write_bytes(b"")
    for name in ("gone.png", "cut.png", "text.png", "empty.png", "."):
        model = Scores()
        with pytest.raises(ImageError) as caught:
            unmask.explain(model, tmp_path / name, **SETTINGS)
        assert str(tmp_path / name) in str(caught.value)
        assert model.calls == 0


def test_a_decompression_bomb_costs_no_model_call(tmp_path, picture, monkeypatch):
    Image.fromarray(picture).save(tmp_path / "bomb.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 12 * 20 - 1)
    model = Scores()
    with pytest.raises(ImageError, match=r"240 pixels, and at most 239"):
        unmask.explain(model, tmp_path / "bomb.png", **SETTINGS)
    assert model.calls == 0


def test_errors_are_one_tree():
    for error in (ImageError, SettingError, TargetError, ModelError, FileError):
        assert issubclass(error, UnmaskError)
    assert issubclass(ModelOutputError, ModelError)
    assert issubclass(Interrupted, KeyboardInterrupt)
    assert not issubclass(Interrupted, Exception)


# --- a model that fails on the whole input ---


@pytest.mark.parametrize(
    ("spoil", "error", "says"),
    [
        (lambda out: out * np.nan, ModelOutputError, r"whole input \(shape \(1, 2\)"),
        (lambda out: out - np.inf, ModelOutputError, r"whole input \(shape \(1, 2\)"),
        (returning(np.array([["a", "b"]])), ModelOutputError, "finite numbers"),
        (lambda out: out + 1j, ModelOutputError, "complex64"),
        (lambda out: np.repeat(out, 3, axis=0), ModelOutputError, r"\(3, 2\) for a batch of 1"),
        (lambda out: out[:0], ModelOutputError, r"\(0, 2\) for a batch of 1"),
        (lambda out: out.sum(), ModelOutputError, r"shape \(\) for a batch of 1"),
        (lambda out: out[:, :, None], TargetError, r"\(1, 2, 1\).*give a function"),
        (returning(None), UnmaskError, None),
        (raising(RuntimeError("no memory")), ModelError, "RuntimeError: no memory"),
        (raising(ZeroDivisionError()), ModelError, "ZeroDivisionError"),
    ],
)
def test_a_model_that_fails_on_the_whole_input(picture, spoil, error, says):
    model = Scores(spoil, at=0)
    with pytest.raises(error, match=says) as caught:
        unmask.explain(model, picture, **SETTINGS)
    assert getattr(caught.value, "explanation", None) is None
    assert model.calls == 1


def test_the_shape_and_layout_that_a_model_failed_on_are_named(picture):
    model = unmask.load(raising(RuntimeError("wants NHWC")), layout="NCHW", name="picky")
    with pytest.raises(ModelError, match=r"picky failed .*\(1, 3, 12, 20\), layout NCHW") as caught:
        unmask.predict(model, picture)
    assert isinstance(caught.value.__cause__, RuntimeError)


# --- a model that fails midway ---


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (with_value(np.nan), r"not finite, first for input 3 of a batch of shape \(10, 2\)"),
        (with_value(np.inf), r"not finite, first for input 3 of a batch of shape \(10, 2\)"),
        (with_value(-np.inf, 9, 0), r"not finite, first for input 9 of a batch of shape \(10, 2\)"),
        (lambda out: out[:-1], r"shape \(9, 2\) for a batch of 10: expected \(10, "),
        (lambda out: np.concatenate([out, out]), r"shape \(20, 2\) for a batch of 10"),
        (lambda out: out[:0], r"shape \(0, 2\) for a batch of 10"),
        (lambda out: out[:, :1], r"shape \(10, 1\): expected \(10, 2\)"),
        (lambda out: np.hstack([out, out]), r"shape \(10, 4\): expected \(10, 2\)"),
        (lambda out: out[:, :, None], r"shape \(10, 2, 1\): expected \(10, 2\)"),
        (lambda out: out[:, 0], r"shape \(10, 1\): expected \(10, 2\)"),
        (lambda out: out.T, r"shape \(2, 10\) for a batch of 10"),
        (lambda out: out.sum(), r"shape \(\) for a batch of 10"),
    ],
)
def test_unusable_outputs_midway_name_the_masks_and_the_shape(picture, spoil, says):
    model = Scores(spoil)
    with pytest.raises(ModelOutputError, match=says) as caught:
        unmask.explain(model, picture, 0, **SETTINGS)
    assert "masks 40 to 49" in str(caught.value)
    assert model.calls == FAILING + 1
    assert_so_far(caught.value.explanation, picture, 40)


def test_a_bad_score_of_any_class_is_an_error(picture):
    # A NaN in a class that is not explained says that the model is broken all the same.
    with pytest.raises(ModelOutputError, match="masks 40 to 49"):
        unmask.explain(Scores(with_value(np.nan, 0, 1)), picture, 0, **SETTINGS)


def test_the_last_batch_is_named_by_its_own_masks(picture):
    with pytest.raises(ModelOutputError, match=r"batch of shape \(6, 2\) \(masks 90 to 95\)"):
        unmask.explain(Scores(with_value(np.nan), at=11), picture, 0, **SETTINGS)


def test_a_failure_at_the_first_masks_leaves_no_explanation(picture):
    for spoil, error in (
        (with_value(np.nan), ModelOutputError),
        (raising(OSError("gone")), ModelError),
    ):
        with pytest.raises(error, match="masks 0 to 9") as caught:
            unmask.explain(Scores(spoil, at=2), picture, 0, **SETTINGS)
        assert caught.value.explanation is None


def test_an_exception_of_the_model_is_the_cause(picture):
    original = ConnectionError("the server has left")
    with pytest.raises(ModelError, match="masks 40 to 49: ConnectionError: the server") as caught:
        unmask.explain(Scores(raising(original)), picture, 0, **SETTINGS)
    assert caught.value.__cause__ is original
    assert not isinstance(caught.value, ModelOutputError)
    assert_so_far(caught.value.explanation, picture, 40)


def test_what_came_before_a_failure_is_kept_as_a_file(tmp_path, picture):
    with pytest.raises(ModelError) as caught:
        unmask.explain(Scores(raising(OSError())), picture, 0, **SETTINGS)
    path = caught.value.explanation.save(tmp_path / "part.npz")
    assert_so_far(unmask.Explanation.load(path), picture, 40)


def test_the_scores_of_a_function_are_checked_for_every_batch(picture):
    def sometimes(outputs):
        return outputs[:, 0] if len(outputs) != 6 else outputs[:-1, 0]

    with pytest.raises(ModelOutputError, match=r"shape \(5,\) for a batch of 6.*masks 90 to 95"):
        unmask.explain(Scores(), picture, sometimes, **SETTINGS)


# --- scores that say nothing ---


@pytest.mark.slow
@pytest.mark.parametrize("estimator", ["centered", "paper", "coverage"])
@pytest.mark.parametrize("design", ["balanced", "random"])
@pytest.mark.parametrize("value", [0.0, 0.25, 1.0])
def test_a_constant_score_is_a_flat_map_and_a_warning(tmp_path, picture, estimator, design, value):
    def constant(batch):
        return np.full((len(batch), 2), value)

    says = f"was {format_score(value)} for every mask: the map is flat"
    with pytest.warns(UnmaskWarning, match=says):
        e = unmask.explain(
            constant, picture, [0, 1], masks=480, grid=3, estimator=estimator, design=design
        )
    assert e.reliabilities == (0.0, 0.0)
    for values in (e.maps, e.stderrs, e.model_maps):
        assert np.isfinite(values).all()
    if estimator == "paper":  # equation 6 keeps the noise of the masks' own mean
        np.testing.assert_allclose(e.maps.mean(), value, rtol=0.1)
    else:
        np.testing.assert_allclose(e.maps, value, atol=1e-6)
        np.testing.assert_allclose(e.stderrs, 0, atol=1e-6)
    assert sum("flat" in note for note in e.notes) == 2
    assert pixels(e.plot(1)).std() > 0
    again = unmask.Explanation.load(e.save(tmp_path / "flat.npz"))
    np.testing.assert_array_equal(again.maps, e.maps)


def test_one_flat_target_of_two_is_the_one_named(picture):
    def half(batch):
        bright = batch.mean(axis=(1, 2, 3)) / 255
        return np.stack([bright, np.full_like(bright, 0.5)], axis=1)

    model = unmask.load(half, labels=["alive", "dead"])
    with pytest.warns(UnmaskWarning, match="score of 'dead' was 0.5") as seen:
        unmask.explain(model, picture, [0, 1], **SETTINGS)
    assert sum("was 0.5" in str(one.message) for one in seen) == 1
    assert not any("'alive' was" in str(one.message) for one in seen)


def test_a_picture_of_the_fills_color_has_nothing_to_hide():
    with pytest.warns(UnmaskWarning, match="does the fill hide anything"):
        e = unmask.explain(Scores(), np.zeros((12, 20, 3), np.uint8), 0, fill="black", **SETTINGS)
    assert (e.map == e.map[0, 0]).all()


def test_masks_of_one_block_have_no_standard_error(picture):
    with pytest.warns(UnmaskWarning, match="no more than one block of 48: .*at least 96 masks"):
        e = unmask.explain(Scores(), picture, 0, masks=48, grid=3, estimator="centered")
    assert np.isposinf(e.stderr).all()
    assert e.reliability == 0
    assert np.isfinite(e.map).all()
    e = unmask.explain(Scores(), picture, 0, masks=96, grid=3, estimator="centered")
    assert not any("one block" in note for note in e.notes)


# --- Ctrl-C ---


def test_ctrl_c_keeps_the_map_so_far(tmp_path, picture):
    with pytest.raises(Interrupted) as caught:
        unmask.explain(Scores(raising(KeyboardInterrupt)), picture, 0, **SETTINGS)
    assert_so_far(caught.value.explanation, picture, 40)
    assert "incomplete" in repr(caught.value.explanation)
    path = caught.value.explanation.save(tmp_path / "part.npz")
    assert_so_far(unmask.Explanation.load(path), picture, 40)
    assert pixels(caught.value.explanation.plot()).std() > 0


@pytest.mark.parametrize("at", [0, 1, 2])
def test_ctrl_c_before_the_first_masks_leaves_no_explanation(picture, at):
    with pytest.raises(KeyboardInterrupt) as caught:
        unmask.explain(Scores(raising(KeyboardInterrupt), at=at), picture, 0, **SETTINGS)
    assert getattr(caught.value, "explanation", None) is None


def test_ctrl_c_is_not_lost_where_warnings_are_errors(picture):
    # Ten masks are less than a block, which is worth a warning, but no reason to lose them.
    model = Scores(raising(KeyboardInterrupt), at=3)
    with pytest.raises(KeyboardInterrupt) as caught:
        unmask.explain(model, picture, 0, **SETTINGS)
    assert caught.value.explanation.masks == 10


def test_a_failure_is_not_lost_where_warnings_are_errors(picture):
    with pytest.raises(ModelError, match="masks 10 to 19") as caught:
        unmask.explain(Scores(raising(OSError()), at=3), picture, 0, **SETTINGS)
    assert caught.value.explanation.masks == 10


def test_what_an_interrupted_run_had_can_be_gone_on_from(picture):
    with pytest.raises(Interrupted) as caught:
        unmask.explain(Scores(raising(KeyboardInterrupt)), picture, 0, **SETTINGS)
    model = Scores()
    run = unmask.prepare(model, picture, 0, **SETTINGS)
    *_, last = unmask.stream(run, caught.value.explanation.estimate)
    np.testing.assert_array_equal(
        run.explanation(last).map, unmask.explain(Scores(), picture, 0, **SETTINGS).map
    )
    assert model.calls == 2 + 6  # the whole input, alone and beside others; masks 40 to 95 in tens
