"""Color: exact tables, and every value its color."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from unmask.draw import colormap
from unmask.errors import SettingError

floats = st.floats(-(2.0**99), 2.0**99, width=32, allow_subnormal=False)
shapes = hnp.array_shapes(min_dims=1, max_dims=3, max_side=6)


@pytest.mark.parametrize("name", colormap.COLORMAPS)
def test_the_tables_are_hit_exactly(name):
    table = colormap.colorize(np.arange(256) / 255, name)
    assert table.shape == (256, 3)
    assert len(np.unique(table, axis=0)) > 200


@pytest.mark.parametrize("name", ["inferno", "viridis", "magma", "cividis"])
def test_safe_maps_grow_in_lightness(name):
    light = colormap.colorize(np.arange(256) / 255, name) @ np.array([0.2126, 0.7152, 0.0722])
    assert np.diff(light).min() > -1.0
    assert light[-1] - light[0] > 150


@given(hnp.arrays(np.float32, shapes, elements=floats), st.sampled_from(colormap.COLORMAPS))
def test_equal_values_equal_colors_whatever_the_unit(values, name):
    colors = colormap.colorize(values, name)
    assert colors.shape == (*values.shape, 3)
    assert np.array_equal(colors, colormap.colorize(values.astype(float) * 4, name))
    if (values == values.flat[0]).all():
        assert np.array_equal(colors, np.broadcast_to(colormap.colorize(0, name), colors.shape))


@given(hnp.arrays(np.float64, shapes, elements=st.floats()))
def test_non_finite_values_are_gray_and_the_rest_do_not_notice(values):
    colors = colormap.colorize(values)
    known = np.isfinite(values)
    assert (colors[~known] == 128).all()
    if known.any():
        assert np.array_equal(colors[known], colormap.colorize(values[known]))


def test_limits_and_their_errors():
    assert np.array_equal(
        colormap.colorize([-5, 0, 1, 9], vmin=0, vmax=1), colormap.colorize([0, 0, 1, 1])
    )
    low = colormap.colorize([-3.0, -2.0], vmin=0)
    assert np.array_equal(low, colormap.colorize([0.0, 0.0, 1.0])[:2])
    with pytest.raises(SettingError, match="vmin 2 is above vmax 1"):
        colormap.colorize([0.0], vmin=2, vmax=1)
    with pytest.raises(SettingError, match="finite"):
        colormap.colorize([0.0], vmin=np.nan)
    with pytest.raises(SettingError, match="there are evidence, inferno"):
        colormap.colorize([0.0], "plasma9")
