"""Perturbation: polarity, and fills that are what they say."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from unmask.errors import SettingError
from unmask.inputs import fills
from unmask.masks import render

images = arrays(np.float32, (3, 5, 7), elements=st.floats(-300, 300, width=32))


@pytest.mark.slow
@given(
    image=images,
    fill=images,
    mask=arrays(np.float32, (2, 1, 5, 7), elements=st.floats(0, 1, width=32)),
)
@settings(max_examples=60)
def test_one_keeps_zero_hides_and_between_is_between(image, fill, mask):
    keep, hide = np.ones_like(mask), np.zeros_like(mask)
    np.testing.assert_array_equal(render.perturb(image, fill, hide)[0], fill)
    np.testing.assert_allclose(render.perturb(image, fill, keep)[0], image, atol=1e-4)
    masked = render.perturb(image, fill, mask)
    assert masked.shape == (2, 3, 5, 7)
    assert masked.dtype == np.float32
    low, high = np.minimum(image, fill), np.maximum(image, fill)
    assert (masked >= low - 1e-3).all()
    assert (masked <= high + 1e-3).all()
    swapped = render.perturb(fill, image, 1 - mask)
    np.testing.assert_allclose(masked, swapped, atol=1e-3)


def test_values_are_neither_rounded_nor_clipped():
    image = np.full((1, 2, 3), 255, np.float32)
    got = render.perturb(image, np.float32([[[-40]]]), np.full((1, 1, 2, 3), 0.3, np.float32))
    np.testing.assert_allclose(got, 0.3 * 255 - 0.7 * 40, rtol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("framework", ["torch", "jax.numpy"])
def test_the_same_code_runs_on_other_arrays(framework):
    module = pytest.importorskip(framework)
    rng = np.random.default_rng(0)
    parts = [rng.random(s, np.float32) for s in [(3, 5, 7), (3, 1, 1), (4, 1, 5, 7)]]
    got = render.perturb(*(module.asarray(part) for part in parts))
    assert not isinstance(got, np.ndarray)
    np.testing.assert_allclose(np.asarray(got), render.perturb(*parts), atol=1e-6)


def fill(name, image, *, axes=(1, 2), centered=False, seed=0):
    rng = np.random.default_rng(seed)
    return fills.fill_values(name, image, axes, centered=centered, rng=rng)


@given(image=images)
@settings(max_examples=30)
def test_mean_is_the_images_own_or_0_where_the_space_is_centered(image):
    own = fill("mean", image)
    np.testing.assert_allclose(
        own[:, 0, 0], image.mean(axis=(1, 2), dtype=float), rtol=1e-5, atol=1e-4
    )
    assert not fill("mean", image, centered=True).any()


def test_blur_keeps_constants_and_the_mean_far_from_edges_and_is_gaussian():
    flat = np.full((2, 40, 60), 3.25, np.float32)
    np.testing.assert_allclose(fill("blur", flat), flat, rtol=1e-6)
    point = np.zeros((61, 81), np.float32)
    point[30, 40] = 1
    got = fills.blur(point, (0, 1), sigma=4.0)
    assert got.sum() == pytest.approx(1, abs=1e-5)
    y, x = np.mgrid[:61, :81]
    for axis, center in [(y, 30), (x, 40)]:
        assert (got * (axis - center) ** 2).sum() == pytest.approx(16, rel=0.01)
    np.testing.assert_allclose(got, got[::-1, ::-1], atol=1e-9)


def test_blur_takes_channels_first_and_last_alike():
    image = np.random.default_rng(1).random((3, 20, 31), np.float32)
    last = fills.blur(np.moveaxis(image, 0, -1), (0, 1))
    np.testing.assert_allclose(np.moveaxis(last, -1, 0), fills.blur(image, (1, 2)), atol=1e-6)


def test_noise_has_the_images_mean_and_spread_and_follows_the_seed():
    rng = np.random.default_rng(2)
    image = np.stack([rng.normal(m, s, (90, 110)) for m, s in [(5, 1), (-3, 7)]]).astype(np.float32)
    got = fill("noise", image, seed=4)
    np.testing.assert_allclose(got.mean(axis=(1, 2)), image.mean(axis=(1, 2)), atol=0.3)
    np.testing.assert_allclose(got.std(axis=(1, 2)), image.std(axis=(1, 2)), rtol=0.05)
    np.testing.assert_array_equal(got, fill("noise", image, seed=4))
    assert (got != fill("noise", image, seed=5)).any()
    assert abs(np.corrcoef(got[0].ravel(), image[0].ravel())[0, 1]) < 0.05


def test_another_name_is_refused():
    with pytest.raises(SettingError, match="mean, black, white, blur, noise"):
        fill("plaid", np.zeros((1, 2, 3), np.float32))
