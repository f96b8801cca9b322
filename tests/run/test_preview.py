"""Maps at a small size, for reports, pages and notebooks: the same as at the picture's own."""

import json
import struct
import warnings
from dataclasses import replace

import numpy as np
import pytest

import unmask
from unmask.app import updates
from unmask.draw.scale import Scale
from unmask.estimate.estimators import ESTIMATORS, VALUES
from unmask.reports import convergence
from unmask.run.preview import small

OF_GRIDS = [name for name in ESTIMATORS if name not in VALUES]
H, W = 60, 200  # wider than the model: "crop" leaves its sides unseen


def left(batch):
    return batch[:, 4:16, 4:12, 0].mean(axis=(1, 2)) / 255


@pytest.fixture(scope="module")
def picture():
    return np.random.default_rng(3).integers(0, 255, (H, W, 3), np.uint8)


def explained(picture, estimator, keep=0.3, masks=640):
    model = unmask.load(left, size=(24, 32), resize="crop", name="left")
    settings = {"masks": masks, "grid": (3, 4), "keep": keep, "fill": "black"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", unmask.UnmaskWarning)
        return unmask.explain(model, picture, 0, estimator=estimator, **settings)


@pytest.mark.parametrize("estimator", OF_GRIDS)
@pytest.mark.parametrize("side", [50, 100, 1000])
def test_small_maps_are_the_maps(picture, estimator, side):
    made = explained(picture, estimator)
    maps, stderrs = small(made, side)
    assert maps.shape == stderrs.shape == ((1, H, W) if side == 1000 else (1, side * H // W, side))
    unit = 0.3 if estimator == "notebook" else 1.0
    for values, whole, level in (
        (maps, made.maps, unit * made.estimate.mean),
        (stderrs, made.stderrs, unit * made.estimate.mean_stderr),
    ):
        for corner in ((0, 0), (0, -1), (-1, 0), (-1, -1)):
            assert values[0][corner] == whole[0][corner] == np.float32(level[0])
    if side == 1000:
        np.testing.assert_array_equal(maps, made.maps)
        np.testing.assert_array_equal(stderrs, made.stderrs)


def test_the_page_is_told_the_same_numbers(picture):
    made = explained(picture, "notebook")
    message = updates.update(made)
    length = struct.unpack("<I", message[:4])[0]
    target = json.loads(message[4 : 4 + length])["targets"][0]
    maps = small(made, updates.VIEW).maps
    assert (target["map"]["low"], target["map"]["high"]) == (maps.min(), maps.max())
    assert target["map"]["high"] == pytest.approx(made.maps.max(), rel=0.1)


def test_a_report_shows_the_same_numbers(picture):
    made = explained(picture, "notebook")
    scale, page = made.scaled(0), unmask.report([made])
    assert f"<span>{scale.high:.3g}</span></div>" in page
    assert f"<div class=scale><span>{scale.low:.3g}</span>" in page
    assert f"no influence: {made.levels[0]:.3g}" in page


def test_convergence_shows_what_was_never_seen_as_without_influence(picture, monkeypatch):
    made = explained(picture, "notebook")
    drawn = []
    colors = Scale.colors
    monkeypatch.setattr(
        Scale, "colors", lambda scale, values: drawn.append(values) or colors(scale, values)
    )
    convergence.convergence(made, [128, 640])
    last = made.maps[0] - made.levels[0]
    np.testing.assert_allclose(drawn[-1], last, atol=1e-6)


def test_what_is_not_known_has_no_small_map(picture):
    made = explained(picture, "centered")
    unknown = replace(made, model_stderrs=np.full_like(made.model_stderrs, np.inf))
    assert small(unknown, 50).stderrs is None


@pytest.mark.parametrize("masks", [1, 2, 16, 64, 130])
@pytest.mark.parametrize("estimator", OF_GRIDS)
def test_a_look_at_few_masks_of_a_cropped_picture_can_be_sent(picture, estimator, masks):
    made = explained(picture, estimator, masks=masks)
    message = updates.update(made, certain=True)
    length = struct.unpack("<I", message[:4])[0]
    (target,) = json.loads(message[4 : 4 + length])["targets"]
    assert ("stderr" in target) == np.isfinite(made.stderrs).all()
