"""Colors are anchored where there is no influence, and lie over a picture where there is some."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from unmask.draw import colormap
from unmask.draw.scale import Look, gray
from unmask.errors import SettingError

H, W = 24, 40
WHITE = 255

ordinary = st.floats(-9, 9, allow_subnormal=False)
maps = hnp.arrays(
    np.float64, hnp.array_shapes(min_dims=2, max_dims=2, max_side=6), elements=ordinary
)
levels = ordinary


@given(maps, levels, st.sampled_from(["evidence", "coolwarm"]), st.booleans())
def test_no_influence_has_the_middle_color_and_none_over_a_picture(values, level, cmap, signed):
    values[0, 0] = level
    scale = Look(cmap=cmap).scale(values, level, signed=signed)
    picture = np.arange(3 * values.size, dtype=np.uint8).reshape(*values.shape, 3)
    assert np.array_equal(scale.colors(values)[0, 0], colormap.table(cmap)[128])
    assert np.array_equal(scale.lay(picture, values)[0, 0], picture[0, 0])
    assert scale.low <= level <= scale.high


@given(maps, levels)
def test_evidence_for_and_against_of_one_size_is_as_strong(values, level):
    scale = Look().scale(values, level, signed=True)
    other = Look().scale(2 * level - values, level, signed=True)
    np.testing.assert_allclose(
        scale.strength(values), other.strength(2 * level - values), atol=1e-6
    )
    warm, cold = scale.ink(values)[..., 0].astype(int), scale.ink(values)[..., 2].astype(int)
    strong = scale.strength(values) > 0.01
    assert np.array_equal((warm > cold)[strong], (values > level)[strong])


@pytest.mark.parametrize(
    ("against", "signed"), [(0.0, False), (0.9, False), (1.1, True), (50, True)]
)
def test_evidence_against_is_shown_from_a_tenth_on(against, signed):
    values = np.full((H, W), 0.3)
    values[2, 3], values[4, 5] = 0.3 + 0.1, 0.3 - 0.01 * against
    scale = Look().scale(values, 0.3)
    reach = max(0.1, 0.01 * against)
    assert scale.high == pytest.approx(0.3 + reach if signed else 0.4)
    assert scale.low == pytest.approx(0.3 - reach if signed else 0.3)
    assert Look().scale(values, 0.3, signed=True).low == pytest.approx(0.3 - reach)


def test_given_ends_hold_and_the_level_stays_where_it_is():
    values = np.linspace(0, 1, H * W).reshape(H, W)
    scale = Look(vmin=0.25, vmax=0.5).scale(values, 0.25)
    assert (scale.low, scale.high) == (0.25, 0.5)
    assert np.array_equal(scale.colors([0.5, 7.0])[0], scale.colors([0.5, 7.0])[1])
    assert (scale.colors([0.25, -7.0]) == WHITE).all()
    scale = Look(vmax=2.0).scale(values, 0.0)
    assert scale.strength([1.0])[0] == pytest.approx(0.5)


def test_a_map_of_rounding_alone_is_nothing():
    values = 1e7 * (1 + 1e-12 * np.random.default_rng(0).normal(size=(H, W)))
    scale = Look().scale(values, 1e7)
    assert (scale.low, scale.high) == (1e7, 1e7)
    picture = np.full((H, W, 3), 77, np.uint8)
    assert np.array_equal(scale.lay(picture, np.full((H, W), 1e7)), picture)


@given(
    hnp.arrays(np.float64, (2, 3), elements=st.floats(allow_nan=True, allow_infinity=True)),
    st.floats(allow_nan=False, allow_infinity=False),
    st.booleans(),
    st.sampled_from(["evidence", "inferno"]),
)
def test_any_numbers_can_be_drawn(values, level, signed, cmap):
    scale = Look(cmap=cmap).scale(values, level, signed=signed)
    colors, unknown = scale.colors(values), ~np.isfinite(values)
    assert (colors[unknown] == colormap.UNKNOWN).all()
    strength = scale.strength(values)
    assert ((strength >= 0) & (strength <= 1)).all()
    assert (strength[unknown] == 1).all()


def test_where_nobody_knows_the_level_it_is_the_median():
    values = np.zeros((H, W))
    values[3, 4] = 1.0
    assert Look().scale(values, None).level == 0.0
    assert Look().scale(values + 5, None).low == 5.0


def test_heat_runs_from_the_gray_picture_to_the_map(scene):
    values = np.arange(H * W, dtype=float).reshape(H, W)
    values[3, 4] = np.nan
    look = Look("heat", opacity=0.0)
    assert np.array_equal(look.scale(values, 1.0).lay(scene, values), scene)
    look = Look("heat", opacity=1.0)
    wanted = colormap.colorize(values)
    assert np.array_equal(look.scale(values, 1.0).lay(scene, values), wanted)
    half = Look("heat").scale(values, 1.0).lay(scene, values).astype(int)
    luma = scene.astype(float) @ np.array([0.299, 0.587, 0.114])
    assert abs(half - (luma[..., None] + wanted) / 2).max() <= 1


def test_errors(scene):
    for opacity in (-0.1, 1.1, np.nan):
        with pytest.raises(SettingError, match="opacity"):
            Look(opacity=opacity)
    with pytest.raises(SettingError, match="style='jet': expected one of evidence, heat"):
        Look("jet")
    with pytest.raises(SettingError, match="no color map 'hot'"):
        Look(cmap="hot")
    with pytest.raises(SettingError, match="vmin 2 is above vmax 1"):
        Look(vmin=2, vmax=1)
    with pytest.raises(SettingError, match=r"\(40, 24\) and the picture's \(24, 40, 3\)"):
        Look().scale([0.0, 1.0], 0.0).lay(scene, np.zeros((W, H)))


def test_gray_is_quiet_and_grows():
    shades = gray(np.linspace(0, 1, 99))[:, 0].astype(int)
    assert shades[0] == WHITE
    assert (np.diff(shades) <= 0).all()
    assert shades[-1] > 150
    assert (gray([np.nan, np.inf]) == colormap.UNKNOWN).all()
