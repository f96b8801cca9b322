"""Charts: points land where they belong, and what cannot be drawn is said."""

import numpy as np
import pytest
from unmask.draw.chart import Series, lines

from unmask.draw import chart
from unmask.errors import SettingError

RED, BLUE = (255, 0, 0), (0, 0, 255)
GUIDE = {"x_limits": (1, 1000), "y_limits": (1, 100)}


def centre(picture, colour):
    """Where the pixels of a colour are, on average: x from the left, y from the top."""
    y, x = np.nonzero((picture == colour).all(axis=2))
    return x.mean(), y.mean()


def dot(x, y, **options):
    return lines([Series([x], [y], colour=RED)], size=(640, 480), **options)


@pytest.mark.parametrize(
    ("log", "middle"), [("", (500.5, 50.5)), ("xy", (np.sqrt(1000), 10)), ("x", (1000**0.5, 50.5))]
)
def test_points_are_where_their_values_are(log, middle):
    low, high = (
        centre(dot(1, 1, log=log, **GUIDE), RED),
        centre(dot(1000, 100, log=log, **GUIDE), RED),
    )
    assert low[0] < 100 < 560 < high[0]
    assert high[1] < 100 < 380 < low[1]
    x, y = centre(dot(*middle, log=log, **GUIDE), RED)
    assert x == pytest.approx((low[0] + high[0]) / 2, abs=1)
    assert y == pytest.approx((low[1] + high[1]) / 2, abs=1)


def test_a_power_law_is_a_straight_line_on_log_axes():
    n = np.geomspace(10, 1000, 7)
    picture = lines([Series(n, 5 / np.sqrt(n), colour=BLUE)], log="xy", size=(640, 480))
    y, x = np.nonzero((picture == BLUE).all(axis=2))
    residual = y - np.polyval(np.polyfit(x, y, 1), x)
    assert np.abs(residual).max() < 3.5  # half the line's width, and rounding


def test_missing_values_and_those_without_a_logarithm_are_left_out():
    whole = Series([1, 2, 3, 4], [1, 2, 3, 4], colour=RED)
    holed = Series([1, 2, np.nan, 2.5, 3, 4], [1, 2, 2, np.inf, 3, 4], colour=RED)
    np.testing.assert_array_equal(lines([whole]), lines([holed]))
    negative = Series([1, 2, 0, 3, 4], [1, 2, 2, 3, 4], colour=RED)
    np.testing.assert_array_equal(lines([whole], log="x"), lines([negative], log="x"))


def test_the_legend_covers_no_curve_where_there_is_room():
    t = np.linspace(0, 1, 50)
    down, up = np.exp(-4 * t), 1 - np.exp(-3 * t)
    bare = lines([Series(t, down, colour=RED), Series(t, up, colour=BLUE)])
    named = lines([Series(t, down, "down", colour=RED), Series(t, up, "up", colour=BLUE)])
    for colour in (RED, BLUE):
        curve = (bare == colour).all(axis=2)
        assert (named[curve] == colour).all()
        assert (named == colour).all(axis=2).sum() > curve.sum()


def test_a_dashed_curve_has_gaps():
    x = np.array([0, 1])
    solid, dashed = (
        (lines([Series(x, x, colour=RED, dashed=dashed)]) == RED).all(axis=2).any(axis=0).sum()
        for dashed in (False, True)
    )
    assert 0.3 * solid < dashed < 0.7 * solid


@pytest.mark.parametrize(
    ("log", "limits", "texts"),
    [
        (True, (0.8, 1200), ["1", "10", "100", "1,000"]),
        (True, (90, 8000), ["100", "200", "500", "1,000", "2,000", "5,000"]),
        (True, (0.02, 0.5), ["0.02", "0.05", "0.1", "0.2", "0.5"]),
        (False, (0, 1), ["0", "0.2", "0.4", "0.6", "0.8", "1.0"]),
    ],
)
def test_ticks_are_round_numbers(log, limits, texts):
    assert [text for _, text in chart._Axis(*limits, log).ticks(6)] == texts


def test_an_axis_of_less_than_a_step_still_has_ticks():
    marks = chart._Axis(2.1, 4.8, True).ticks(5)
    assert len(marks) > 1
    assert all(0 <= at <= 1 for at, _ in marks)


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
