"""Figures of a series' map: lines on their colors, the influence and its band."""

import numpy as np
import pytest
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from unmask.draw import series
from unmask.draw.canvas import pixels
from unmask.draw.scale import Look
from unmask.errors import SettingError

STEPS = 30


def evidence(channels=3, *, apart=False, error=0.05, names=True):
    lines = np.random.default_rng(0).normal(size=(channels, STEPS)).cumsum(axis=1)
    values = np.full((channels, STEPS), 0.5)
    values[-1, 10:20], values[0, :5] = 0.9, 0.3
    values = values if apart else values[-1]
    return series.Traces(
        lines,
        tuple(f"axis {i}" for i in range(channels)) if names else (),
        values,
        Look().scale(values, 0.5),
        "score while visible",
        lambda: np.full(values.shape, error),
        lambda: np.abs(values - 0.5) > 0.1,
    )


def lines_of(ax):
    return [one for one in ax.collections if isinstance(one, LineCollection)]


@pytest.mark.parametrize(
    ("channels", "apart", "axes"), [(1, False, 2), (3, False, 4), (3, True, 6)]
)
def test_a_line_for_each_channel_and_the_influence_under_it(channels, apart, axes):
    shown = evidence(channels, apart=apart)
    figure = series.draw_series(shown, title="walk", subtitle="score 0.9")
    assert len(figure.axes) == axes
    traced = [ax for ax in figure.axes if lines_of(ax)]
    for ax, line in zip(traced, shown.lines, strict=True):
        np.testing.assert_array_equal(ax.lines[0].get_ydata(), line)
    image = pixels(figure)
    assert image.shape[1] == 1600
    assert (image != 255).any(axis=(1, 2)).mean() > 0.3


def test_a_step_has_the_color_of_its_value():
    shown = evidence(1)
    (colored,) = lines_of(series.draw_series(shown, title="walk").axes[0])
    colors = colored.get_colors()
    inks, strength = shown.scale.ink(shown.values) / 255, shown.scale.strength(shown.values)
    # Each inner step has two halves.
    for step in (8, 12, 25):
        for half in (2 * step - 1, 2 * step):
            np.testing.assert_allclose(colors[half, :3], inks[step])
            np.testing.assert_allclose(colors[half, 3], strength[step])
    assert colors[2 * 8, 3] == 0
    assert colors[2 * 12, 3] == 1


def test_the_band_is_the_standard_error():
    figure = series.draw_series(evidence(1), title="walk")
    (band,) = figure.axes[1].collections
    points = band.get_paths()[0].vertices
    at = points[points[:, 0] == 15, 1]
    np.testing.assert_allclose([at.min(), at.max()], [0.35, 0.45])
    low, high = figure.axes[1].get_ylim()
    assert low < -0.05
    assert high > 0.45


def test_bars_stand_where_the_influence_is_significant():
    figure = series.draw_series(evidence(2, apart=True), title="walk", certainty=True)
    bars = [ax.collections[-1].get_paths() for ax in figure.axes[1::2]]
    spans = [[path.get_extents().intervalx.tolist() for path in paths] for paths in bars]
    assert spans[0][-1] == [-0.5, 4.5]
    assert spans[1][-1:] == [] or spans[1][0] == [9.5, 19.5]


def test_no_error_is_known():
    assert len(series.draw_series(evidence(1, error=np.inf), title="walk").axes) == 2


def test_many_channels_are_the_strongest():
    shown = evidence(40, apart=True, names=False)
    figure = series.draw_series(shown, title="walk")
    assert len(figure.axes) == 32
    words = [text.get_text() for ax in figure.axes for text in ax.texts]
    assert "channel 0" in words
    assert "channel 39" in words
    assert any("16 of 40 channels" in text.get_text() for text in figure.texts)


@pytest.mark.parametrize("panel", series.PANELS)
@pytest.mark.parametrize(("channels", "apart"), [(1, False), (3, False), (3, True)])
def test_panels_go_into_axes_of_a_user(panel, channels, apart):
    figure = Figure()
    ax = figure.subplots()
    assert series.draw_panel(ax, panel, evidence(channels, apart=apart), title="walk") is figure
    assert ax.get_title() == "walk"
    assert bool(lines_of(ax)) is (panel != "map")
    assert bool(ax.images) is (panel == "map" and apart)


def test_another_panel_is_refused():
    with pytest.raises(SettingError, match="expected one of overlay, significant, map"):
        series.draw_panel(Figure().subplots(), "stderr", evidence(), title="walk")
