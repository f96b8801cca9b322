"""Figures of a row's map: a bar with its error for each column, the largest first."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from unmask.draw import bars
from unmask.draw.canvas import pixels
from unmask.draw.colormap import AGAINST, FOR
from unmask.draw.scale import Look
from unmask.errors import SettingError


def evidence(count=5, error=0.02):
    values = np.full(count, 0.5)
    values[:3] = 0.6, 0.9, 0.3
    return bars.Bars(
        tuple(f"column {place} = ${place}$" for place in range(count)),
        values,
        Look().scale(values, 0.5),
        "score while visible",
        lambda: np.full(count, error),
        lambda: np.abs(values - 0.5) > 0.1 + 1e-9,
    )


def parts(ax):
    return [text.get_text() for text in ax.get_yticklabels()], ax.patches


def test_the_largest_comes_first_in_the_color_of_its_value():
    shown = evidence()
    figure = bars.draw_bars(shown, title="price", subtitle="score 0.9")
    (ax,) = figure.axes
    labels, drawn = parts(ax)
    assert labels[:3] == ["column 1 = $1$", "column 2 = $2$", "column 0 = $0$"]
    np.testing.assert_allclose([bar.get_width() for bar in drawn[:3]], [0.4, -0.2, 0.1])
    colors = shown.scale.colors(shown.values) / 255
    np.testing.assert_allclose(drawn[1].get_facecolor()[:3], colors[2])
    assert ax.get_ylim()[0] > ax.get_ylim()[1]
    image = pixels(figure)
    assert image.shape[1] == 1600


def test_errors_are_lines_and_significant_bars_have_an_edge():
    (ax,) = bars.draw_bars(evidence(), title="price", certainty=True).axes
    spans = ax.collections[0].get_segments()
    np.testing.assert_allclose(spans[0][:, 0], [0.88, 0.92])
    edges = [np.round(np.array(bar.get_edgecolor()[:3]) * 255) for bar in ax.patches[:3]]
    np.testing.assert_array_equal(edges[0], FOR[-1])
    np.testing.assert_array_equal(edges[1], AGAINST[-1])
    assert not np.array_equal(edges[2], FOR[-1])
    assert "outlined: differs from no influence" in ax.get_xlabel()
    (plain,) = bars.draw_bars(evidence(error=np.inf), title="price").axes
    assert not plain.collections
    assert "outlined" not in plain.get_xlabel()


def test_of_many_columns_the_strongest_are_drawn():
    figure = bars.draw_bars(evidence(33), title="price")
    assert len(parts(figure.axes[0])[0]) == 20
    assert "the 20 strongest of 33" in figure.axes[0].get_xlabel()
    assert any("and 13 more" in text.get_text() for text in figure.texts)


@pytest.mark.parametrize("panel", bars.PANELS)
def test_panels_go_into_axes_of_a_user(panel):
    figure = Figure()
    ax = figure.subplots()
    assert bars.draw_panel(ax, panel, evidence(), title="price") is figure
    assert ax.get_title() == "price"
    assert ("outlined" in ax.get_xlabel()) is (panel == "significant")
    with pytest.raises(SettingError, match="expected one of overlay, significant, map"):
        bars.draw_panel(ax, "stderr", evidence(), title="price")
