"""The figure holds what it should, whatever the picture, the map and the words."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from unmask.draw.figure import GAP, MARGIN, PANEL, three_panels, tick_labels, ticks
from unmask.draw.sheet import boxes, sheet, tile

from helpers.places import SHARED
from unmask.draw import colormap
from unmask.errors import SettingError
from unmask.inputs import images

IMAGES = SHARED / "images"
numbers = st.floats(-1e12, 1e12)


@given(numbers, numbers, st.integers(2, 8))
def test_ticks_are_few_even_and_inside(a, b, most):
    low, high = sorted((a, b))
    got = ticks(low, high, most)
    span = high - low
    assert 1 <= len(got) <= most
    assert low - 1e-8 * span <= got[0]
    assert got[-1] <= high + 1e-8 * span
    if len(got) > 2:
        assert np.ptp(np.diff(got)) <= 1e-6 * span
    labels = tick_labels(got)
    assert len(set(labels)) == len(got)
    for value, label in zip(got, labels, strict=True):
        assert float(label) == pytest.approx(value, rel=1e-3, abs=span / 100)


@given(st.integers(-30, 30), st.floats(0, 1), st.floats(0.1, 1))
def test_five_ticks_or_nearly_so_at_any_scale(power, start, span):
    low = start * 10.0**power
    assert 3 <= len(ticks(low, low + span * 10.0**power)) <= 5


@given(
    st.floats(allow_nan=False, allow_infinity=False),
    st.floats(allow_nan=False, allow_infinity=False),
)
def test_the_far_ends_of_floats(a, b):
    assert tick_labels(ticks(min(a, b), max(a, b)))


@pytest.mark.parametrize(
    ("low", "high", "labels"),
    [
        (0, 1, "0 0.25 0.50 0.75 1.00"),
        (-0.3, 0.5, "-0.2 0 0.2 0.4"),
        (1e-6, 3e-5, "1e-5 2e-5 3e-5"),
        (0.813, 0.8134, "0.8130 0.8131 0.8132 0.8133 0.8134"),
        (2, 2, "2"),
        (0, 0, "0"),
        (3e-7, 3e-7, "3e-7"),
    ],
)
def test_labels_read_well(low, high, labels):
    assert tick_labels(ticks(low, high)) == labels.split()


def test_the_panels_are_the_picture_the_map_and_the_overlay():
    random = np.random.default_rng(0)
    picture = random.integers(0, 256, (360, 480, 3), np.uint8)
    values = random.normal(size=(360, 480))
    canvas = np.asarray(three_panels(picture, values, title="", cmap="viridis", opacity=0.3))
    expected = (
        picture,
        colormap.colorize(values, "viridis"),
        colormap.overlay(picture, values, cmap="viridis", opacity=0.3),
    )
    top = next(
        y for y in range(400) if np.array_equal(canvas[y, MARGIN : MARGIN + 480], picture[0])
    )
    for number, panel in enumerate(expected):
        left = MARGIN + number * (PANEL + GAP)
        assert np.array_equal(canvas[top : top + 360, left : left + 480], panel)
    # The bar below the map runs through the whole table.
    left = MARGIN + PANEL + GAP
    bar = colormap.colorize(np.linspace(0, 1, PANEL), "viridis")
    assert any(np.array_equal(row[left : left + PANEL], bar) for row in canvas[top + 360 :])


@pytest.mark.parametrize("shape", [(1, 1), (20, 3000), (3000, 20), (7, 5), (601, 333)])
def test_any_picture_has_white_margins(shape):
    picture = np.zeros((*shape, 3), np.uint8)
    values = np.linspace(-2e-6, 3.1e-5, picture[:, :, 0].size).reshape(shape)
    canvas = np.asarray(three_panels(picture, values, title="word " * 99, subtitle="s" * 999))
    assert 600 < canvas.shape[1] <= 3 * PANEL + 2 * GAP + 2 * MARGIN
    inner = canvas[MARGIN - 2 : -MARGIN + 2, MARGIN - 2 : -MARGIN + 2]
    assert inner.min() == 0
    outside = canvas.astype(int).sum() - inner.astype(int).sum()
    assert outside == 255 * (canvas.size - inner.size)


@pytest.mark.parametrize("value", [0.0, 3.7, np.nan, np.inf, -np.inf, 1e308])
def test_maps_without_contrast(value):
    values = np.full((30, 40), value)
    three_panels(np.zeros((30, 40, 3), np.uint8), values, title="flat")
    values[:10] = np.nan
    three_panels(np.zeros((30, 40, 3), np.uint8), values, title="flat")


@settings(deadline=None, max_examples=30)
@given(st.text(max_size=60), st.text(max_size=60), st.text(max_size=60))
def test_any_words(title, subtitle, label):
    picture = np.zeros((3, 4, 3), np.uint8)
    three_panels(picture, picture[:, :, 0], title=title, subtitle=subtitle, label=label)


def test_words_that_the_font_lacks_are_spelled_with_those_it_has():
    picture = np.zeros((3, 4, 3), np.uint8)

    def draw(title):
        return three_panels(picture, picture[:, :, 0], title=title).tobytes()

    assert draw("naïve café, grid 8×8 − 1") == draw("naive cafe, grid 8x8 - 1")
    assert draw("two\nlines\0") == draw("two lines")
    assert draw("one") != draw("two")


def test_errors():
    picture = np.zeros((3, 4, 3), np.uint8)
    with pytest.raises(SettingError, match=r"\(4, 3\)"):
        three_panels(picture, np.zeros((4, 3)), title="")
    with pytest.raises(SettingError, match="opacity"):
        three_panels(picture, np.zeros((3, 4)), title="", opacity=2)
    with pytest.raises(SettingError, match="colour map"):
        three_panels(picture, np.zeros((3, 4)), title="", cmap="hot")


def test_a_photograph():
    if not IMAGES.is_dir():
        pytest.skip("../shared/images is not here")
    picture = images.read(IMAGES / "coco_000000000285.jpg")
    canvas = three_panels(picture, picture.mean(axis=2), title="bear", subtitle="4,000 masks")
    assert canvas.size[0] > canvas.size[1]


def test_a_box_changes_only_pixels_near_its_edge():
    picture = np.full((360, 480, 3), 90, np.uint8)
    values = np.zeros((360, 480))
    left, top, right, bottom = box = (100, 60, 300, 250)
    plain = np.asarray(three_panels(picture, values, title=""))
    boxed = np.asarray(three_panels(picture, values, title="", box=box))
    y, x = np.nonzero((plain != boxed).any(axis=2))
    panel = (x - MARGIN) // (PANEL + GAP)
    assert set(panel.tolist()) == {0, 2}
    x, y = x - MARGIN - panel * (PANEL + GAP), y - (y.min() - (top - 2))
    near_x = np.minimum(abs(x - left), abs(x - right)) <= 3
    near_y = np.minimum(abs(y - top), abs(y - bottom)) <= 3
    assert (near_x | near_y).all()
    assert x.min() >= left - 3
    assert x.max() <= right + 3


corners = st.floats(-1e300, 1e300) | st.floats(-100, 200) | st.just(np.nan) | st.just(np.inf)


@settings(deadline=None, max_examples=60)
@given(st.tuples(corners, corners, corners, corners))
def test_any_box_can_be_drawn(box):
    picture = np.zeros((60, 90, 3), np.uint8)
    assert tile(picture, box).size == (420, 280)
    assert boxes(picture, [("0 dog 0.93", box), ("word " * 99, box)]).size == (1200, 800)


@pytest.mark.parametrize("count", range(1, 10))
def test_a_sheet_holds_every_panel(count):
    panels = [(f"{i}", tile(np.full((20, 30, 3), 10 + i, np.uint8))) for i in range(count)]
    drawn = np.asarray(sheet(panels))
    for i in range(count):
        assert (drawn == 10 + i).all(axis=2).sum() >= 420 * 280


def test_a_sheet_needs_a_panel_and_a_column():
    with pytest.raises(SettingError, match="no panels"):
        sheet([])
    with pytest.raises(SettingError, match="columns=0"):
        sheet([("one", tile(np.zeros((3, 4, 3), np.uint8)))], columns=0)
