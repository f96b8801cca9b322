"""Charts: points land where they belong, and what cannot be drawn is said."""

import re
from xml.etree import ElementTree

import numpy as np
import pytest
from matplotlib.figure import Figure

from unmask.draw.canvas import pixels
from unmask.draw.curves import Series, draw_lines, lines
from unmask.draw.page_svg import svg
from unmask.errors import SettingError

RED, BLUE = "#ff0000", "#0000ff"
COLORS = {RED: (255, 0, 0), BLUE: (0, 0, 255)}
GUIDE = {"x_limits": (1, 1000), "y_limits": (1, 100)}


def center(picture, color):
    """Where the pixels of a color are, on average: x from the left, y from the top."""
    y, x = np.nonzero((picture == COLORS[color]).all(axis=2))
    return x.mean(), y.mean()


def dot(x, y, **options):
    return pixels(lines([Series([x], [y], color=RED)], size=(640, 480), **options))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("log", "middle"), [("", (500.5, 50.5)), ("xy", (np.sqrt(1000), 10)), ("x", (1000**0.5, 50.5))]
)
def test_points_are_where_their_values_are(log, middle):
    low, high = (
        center(dot(1, 1, log=log, **GUIDE), RED),
        center(dot(1000, 100, log=log, **GUIDE), RED),
    )
    assert low[0] < 100 < 560 < high[0]
    assert high[1] < 100 < 380 < low[1]
    x, y = center(dot(*middle, log=log, **GUIDE), RED)
    assert x == pytest.approx((low[0] + high[0]) / 2, abs=1)
    assert y == pytest.approx((low[1] + high[1]) / 2, abs=1)


def test_a_power_law_is_a_straight_line_on_log_axes():
    n = np.geomspace(10, 1000, 7)
    picture = pixels(lines([Series(n, 5 / np.sqrt(n), color=BLUE)], log="xy", size=(640, 480)))
    y, x = np.nonzero((picture == COLORS[BLUE]).all(axis=2))
    residual = y - np.polyval(np.polyfit(x, y, 1), x)
    assert np.abs(residual).max() < 3.5  # half the line's width, and rounding


def test_missing_values_and_those_without_a_logarithm_are_left_out():
    def drawn(x, y, **options):
        return pixels(lines([Series(x, y, color=RED)], **options))

    holed = [1, 2, np.nan, 2.5, 3, 4], [1, 2, 2, np.inf, 3, 4]
    np.testing.assert_array_equal(drawn([1, 2, 3, 4], [1, 2, 3, 4]), drawn(*holed))
    negative = drawn([1, 2, 0, 3, 4], [1, 2, 2, 3, 4], log="x")
    np.testing.assert_array_equal(drawn([1, 2, 3, 4], [1, 2, 3, 4], log="x"), negative)


def test_what_lies_outside_the_limits_is_not_drawn_over_the_labels():
    x = np.array([1, 1000])
    picture = pixels(lines([Series(x, np.array([-100, 300]), color=RED)], size=(640, 480), **GUIDE))
    y, _ = np.nonzero((picture == COLORS[RED]).all(axis=2))
    ends = [center(dot(1, value, **GUIDE), RED)[1] for value in (100, 1)]
    assert ends[0] - 1 <= y.min()
    assert y.max() <= ends[1] + 1


def test_the_legend_covers_no_curve_where_there_is_room():
    t = np.linspace(0, 1, 50)
    down, up = np.exp(-4 * t), 1 - np.exp(-3 * t)
    bare, named = (
        pixels(lines([Series(t, down, one, color=RED), Series(t, up, other, color=BLUE)]))
        for one, other in (("", ""), ("down", "up"))
    )
    for color in COLORS.values():
        curve = (bare == color).all(axis=2)
        assert (named[curve] == color).all()
        assert (named == color).all(axis=2).sum() > curve.sum()


@pytest.mark.slow
@pytest.mark.parametrize("words", ["_hidden", "$x^2", "犬", "two\nlines", "word " * 999])
def test_any_words_in_a_legend(words):
    series = [Series([0, 1], [0, 1], words), Series([0, 1], [1, 0], "")]
    figure = lines(series, x_label=words[:50], y_label=words[:50], title=words)
    (text,) = figure.axes[0].get_legend().get_texts()
    assert text.get_text()[:1] in ("□", words[:1])
    pixels(figure)


def test_a_dashed_curve_has_gaps():
    x = np.array([0, 1])
    solid, dashed = (
        (pixels(lines([Series(x, x, color=RED, dashed=dashed)])) == COLORS[RED])
        .all(axis=2)
        .any(axis=0)
        .sum()
        for dashed in (False, True)
    )
    assert 0.3 * solid < dashed < 0.7 * solid


@pytest.mark.parametrize(
    ("log", "limits", "texts"),
    [
        ("x", (0.8, 1200), ["1", "3", "10", "30", "100", "300", "1,000"]),
        (
            "x",
            (0.8, 1.2e7),
            ["1", "10", "100", "1,000", "10,000", "100,000", "1,000,000", "10,000,000"],
        ),
        ("x", (90, 8000), ["100", "200", "500", "1,000", "2,000", "5,000"]),
        ("x", (0.02, 0.5), ["0.02", "0.05", "0.1", "0.2", "0.5"]),
        ("", (0, 1), ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]),
    ],
)
def test_ticks_are_round_numbers(log, limits, texts):
    figure = lines([Series(limits, (0, 1))], log=log, x_limits=limits)
    pixels(figure)
    shown = [
        text.get_text()
        for text in figure.axes[0].get_xticklabels()
        if limits[0] <= text.get_position()[0] <= limits[1]
    ]
    assert shown == texts


def test_an_axis_of_less_than_a_step_still_has_ticks():
    figure = lines([Series([2.1, 4.8], [1, 2])], log="x", x_limits=(2.1, 4.8))
    marks = [mark for mark in figure.axes[0].get_xticks() if 2.1 <= mark <= 4.8]
    assert len(marks) > 1


@pytest.mark.parametrize("size", [(320, 240), (960, 600), (500, 1500)])
def test_nothing_is_written_beyond_the_edge(size):
    series = [Series([1e7, 1e7 + 2], [-1e-6, 3e-5], "one", dots=True)]
    drawn = pixels(lines(series, size=size, title="t" * 99, x_label="masks", y_label="error"))
    edge = np.ones(drawn.shape[:2], bool)
    edge[4:-4, 4:-4] = False
    assert (drawn[edge] == 255).all()


@pytest.mark.parametrize(
    ("series", "options", "says"),
    [
        ([Series([1, 2], [1])], {}, "same length"),
        ([Series([np.nan], [1])], {}, "no points"),
        ([], {}, "no points"),
        ([Series([-1], [1])], {"log": "x"}, "no points"),
        ([Series([1], [1])], {"log": "z"}, "log='z'"),
        ([Series([1], [1])], {"size": (100, 100)}, "at least 320"),
        ([Series([1], [1])], {"x_limits": (2, 1)}, "x_limits"),
        ([Series([1], [1])], {"y_limits": (0, 1), "log": "y"}, "above 0"),
    ],
)
def test_what_cannot_be_drawn_is_said(series, options, says):
    with pytest.raises(SettingError, match=says):
        lines(series, **options)
    if "size" not in options:
        with pytest.raises(SettingError, match=says):
            draw_lines(Figure().add_subplot(), series, **options)


def test_curves_in_somebodys_axes_hold_the_same_points():
    figure = Figure()
    ax = figure.add_subplot()
    series = [Series([1, 10, 100], [3, 2, np.nan], "_a$b", dots=True, color=RED)]
    assert draw_lines(ax, series, log="x", x_label="masks", y_label="error", title="$") is figure
    (line,) = ax.lines
    np.testing.assert_array_equal(line.get_xydata(), [[1, 3], [10, 2]])
    assert ax.get_xscale() == "log"
    assert (ax.get_xlabel(), ax.get_ylabel(), ax.get_title()) == ("masks", "error", "$")
    assert ax.get_legend().get_texts()[0].get_text() == "_a$b"
    pixels(figure)
    with pytest.raises(SettingError, match="expected one matplotlib Axes"):
        draw_lines([ax], series)


def test_svg_is_an_element_for_any_page():
    t = np.linspace(0, 1, 5)
    series = [Series(t, 1 - t, "<b>&$x"), Series(t, t**2, "犬")]
    drawn = svg(series, x_label="share", y_label='"score"')
    root = ElementTree.fromstring(drawn)
    assert root.tag == "svg"
    assert root.get("aria-label") == '"score" over share: <b>&$x, 犬'
    assert not re.search(r"style|http|\bid=|url\(|<defs|xlink|clip|#[0-9a-f]{3}", drawn)
    # Curve by curve, from left to right, and up where the score is high.
    paths = [one.find("path") for one in root.iter("g") if one.get("class") == "curve"]
    assert [one.get("stroke") for one in paths] == ["var(--accent)", "var(--other)"]
    points = [
        np.array(
            [[float(n) for n in pair] for pair in re.findall(r"([\d.]+) ([\d.]+)", one.get("d"))]
        )
        for one in paths
    ]
    first, second = (one[[0, -1]] for one in points)
    np.testing.assert_allclose(first[:, 0], second[:, 0], atol=0.01)
    np.testing.assert_allclose(first[::-1, 1], second[:, 1], atol=0.01)
    assert first[0, 1] < first[1, 1]
    texts = ["".join(one.itertext()).strip() for one in root.iter("text")]
    assert {"share", '"score"', "<b>&$x", "□", "0.0", "1.0"} <= set(texts)
    assert svg(series, x_label="share", y_label='"score"') == drawn
