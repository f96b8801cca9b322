"""Maps in few bytes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import unmask
from unmask.cluster.packed_map import Packed, pack, sampled_shape, unpack


def test_full_size_keeps_pixels_to_half_a_step_of_float16():
    values = np.random.default_rng(1).normal(0.9, 1e-6, (20, 33))
    packed = pack(values, values.shape)
    assert packed.samples.dtype == np.float16
    spread = abs(values - values.mean()).max()
    # The result is float32, whose own step near 0.9 is 6e-8.
    assert abs(unpack(packed, values.shape) - values).max() <= 2**-11 * spread + 6e-8


@given(st.floats(-1e6, 1e6), st.integers(1, 30), st.integers(1, 40))
def test_a_flat_map_comes_back_flat(level, height, width):
    values = np.full((height, width), level)
    packed = pack(values, sampled_shape(values.shape, (2, 3)))
    assert np.allclose(unpack(packed, values.shape), level, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("factor", [1e-9, 1.0, 1e9])
def test_the_unit_of_the_score_does_not_matter(factor):
    values = np.random.default_rng(2).normal(size=(24, 36))
    one, other = pack(values, (12, 16)), pack(values * factor, (12, 16))
    assert np.allclose(other.samples.astype(float), one.samples.astype(float), atol=1e-3)
    assert other.scale == pytest.approx(one.scale * factor)


def test_samples_of_a_sampled_map_are_themselves():
    samples = np.random.default_rng(3).uniform(-1, 1, (8, 10)).astype(np.float16)
    widened = unpack(Packed(samples, 0.25, 2.0), (40, 55))
    again = pack(widened, (8, 10))
    values = again.offset + again.scale * again.samples.astype(float)
    assert np.allclose(values, 0.25 + 2 * samples.astype(float), atol=4e-3)


@pytest.mark.slow
def test_four_samples_a_cell_keep_a_real_map():
    made = unmask.explain("demo", unmask.demo.pictures()["street"], masks=512)
    whole = made.model_maps[0]
    packed = pack(whole, sampled_shape(whole.shape, made.plan.masks.grid))
    assert packed.samples.shape == (32, 32)
    rest = unpack(packed, whole.shape) - whole
    # 0.007 to 0.013 of the map's spread, measured on six pictures; see docs/scale.md.
    assert np.sqrt((rest**2).mean()) < 0.02 * whole.std()
