"""Boxes lie where they belong, with captions that can be read, and sheets hold every picture."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.figures import three_panels
from unmask.draw.boxes import boxes, sheet, tile
from unmask.draw.canvas import pixels
from unmask.draw.colormap import CATEGORIES
from unmask.draw.figures import GAP, MARGIN, PANEL
from unmask.errors import SettingError

corners = st.floats(-1e300, 1e300) | st.floats(-100, 200) | st.just(np.nan) | st.just(np.inf)


def size(figure):
    return tuple((figure.get_size_inches() * figure.dpi).round())


@pytest.mark.slow
@settings(max_examples=25)
@given(st.tuples(corners, corners, corners, corners))
def test_any_box_can_be_drawn(box):
    picture = np.zeros((60, 90, 3), np.uint8)
    assert pixels(sheet([tile("", picture, box)])).shape == (280 + 32 + 80, 420 + 80, 3)
    figure = boxes(picture, [("0 dog 0.93", box), ("word " * 99, box)])
    assert pixels(figure).shape == (800, 1200, 3)


def test_a_box_changes_only_pixels_near_its_edge():
    picture = np.full((360, 480, 3), 90, np.uint8)
    values = np.zeros((360, 480))
    left, top, right, bottom = box = (100, 60, 300, 250)
    plain = pixels(three_panels(picture, values, title=""))
    boxed = pixels(three_panels(picture, values, title="", box=box))
    y, x = np.nonzero((plain != boxed).any(axis=2))
    panel = (x - MARGIN) // (PANEL + GAP)
    assert set(panel.tolist()) == {0, 2}
    x, y = x - MARGIN - panel * (PANEL + GAP), y - (y.min() - (top - 3))
    near_x = np.minimum(abs(x - left), abs(x - right)) <= 3
    near_y = np.minimum(abs(y - top), abs(y - bottom)) <= 3
    assert (near_x | near_y).all()
    assert x.min() >= left - 3
    assert x.max() <= right + 3


@pytest.mark.parametrize("box", [(0, 0, 90, 60), (-50, -50, 200, 200), (20, 10, 70, 50)])
def test_an_edge_on_the_border_is_seen_and_one_outside_is_not(box):
    shown = pixels(sheet([tile("", np.full((60, 90, 3), 90, np.uint8), box)]))[72:352, 40:460]
    line = (shown == 255).all(axis=2)
    rows, columns = line.sum(axis=1), line.sum(axis=0)
    seen = all(edge >= 0 for edge in box[:2])
    assert (rows > 100).sum() == (6 if seen else 0)  # two lines, 3 px wide
    assert (columns > 100).sum() == (6 if seen else 0)


@pytest.mark.slow
def test_boxes_have_colors_that_are_told_apart_and_captions_that_do_not_overlap():
    picture = np.zeros((300, 400, 3), np.uint8)
    items = [(f"{i} dog", (100 + i, 80 + i, 300, 250)) for i in range(5)]
    shown = pixels(boxes(picture, items))
    for color in CATEGORIES[:5]:
        rgb = [int(color[i : i + 2], 16) for i in (1, 3, 5)]
        assert (shown == rgb).all(axis=2).sum() > 1000  # its caption at the least
    labels = [
        artist
        for artist in boxes(picture, items).artists
        if hasattr(artist, "get_width") and artist.get_fill()
    ]
    extents = [one.get_window_extent() for one in labels]
    assert len(extents) == 5
    for number, one in enumerate(extents):
        assert not any(one.overlaps(other) for other in extents[:number])


@pytest.mark.slow
@pytest.mark.parametrize("count", range(1, 10))
def test_a_sheet_holds_every_panel(count):
    tiles = [tile(f"{i}", np.full((20, 30, 3), 10 + i, np.uint8)) for i in range(count)]
    drawn = pixels(sheet(tiles))
    for i in range(count):
        assert (drawn == 10 + i).all(axis=2).sum() >= 420 * 280


@pytest.mark.parametrize("shape", [(1, 1), (1, 300000), (300000, 1), (601, 333)])
def test_any_picture_has_its_place_on_a_sheet(shape):
    picture = np.zeros((*shape, 3), np.uint8)
    shown = pixels(sheet([tile("one", picture, (0, 0, shape[1], shape[0]))]))
    assert shown.min() == 0
    assert (pixels(boxes(picture, [("one", (0, 0, 1, 1))])) == 0).any()


def test_a_sheet_needs_a_panel_and_a_column():
    with pytest.raises(SettingError, match="no panels"):
        sheet([])
    with pytest.raises(SettingError, match="columns=0"):
        sheet([tile("one", np.zeros((3, 4, 3), np.uint8))], columns=0)


def captions(figure):
    """Return captions and where they are: left, top, right, bottom in pixels."""
    backgrounds = [one for one in figure.artists if getattr(one, "get_facecolor", None)]
    found = [one.get_window_extent() for one in backgrounds if one.get_fill()]
    height = figure.get_size_inches()[1] * figure.dpi
    areas = [(one.x0, height - one.y1, one.x1, height - one.y0) for one in found]
    return [text.get_text() for text in figure.texts], areas


def inside(area, box):
    wide = min(area[2], box[2]) - max(area[0], box[0])
    high = min(area[3], box[3]) - max(area[1], box[1])
    return max(wide, 0) * max(high, 0)


@pytest.mark.parametrize("shape", [(360, 480), (900, 300), (150, 900)])
def test_a_caption_stands_beside_its_box_where_there_is_room(shape):
    height, width = shape
    box = (0.3 * width, 0.4 * height, 0.6 * width, 0.8 * height)
    (text,), (area,) = captions(boxes(np.zeros((*shape, 3), np.uint8), [("7 dog 0.93", box)]))
    assert text == "7 dog 0.93"
    shown = [edge * 1200 / max(shape) for edge in box]
    assert inside(area, shown) == 0
    grown = shown[0] - 4, shown[1] - 4, shown[2] + 4, shown[3] + 4
    assert inside(area, grown) > 0  # it touches the line, so that it is seen which box is meant


def test_in_a_crowd_heads_are_left_free_and_every_box_has_its_number():
    across = [(10 + 60 * i, 30, 90 + 60 * i, 280) for i in range(6)]
    behind = [(40 + 60 * i, 10, 110 + 60 * i, 120) for i in range(5)]
    items = [(f"{i} person 0.9", box) for i, box in enumerate([*across, *behind])]
    texts, areas = captions(boxes(np.zeros((300, 400, 3), np.uint8), items))
    assert [text.split()[0] for text in texts] == [str(i) for i in range(11)]
    for number, area in enumerate(areas):
        assert not any(inside(area, other) for other in areas[:number])
        for _, (left, top, right, bottom) in items:
            head = [3 * edge for edge in (left, top, right, top + (bottom - top) / 3)]
            size = (head[2] - head[0]) * (head[3] - head[1])
            assert inside(area, head) < 0.35 * size
    whole = 0, 0, 1200, 900
    assert all(inside(area, whole) >= 0.99 * inside(area, area) for area in areas)


def test_where_a_caption_would_hide_the_box_its_number_does():
    """A picture full of boxes: no room beside any of them."""
    grid = [(15 * x, 10 * y, 15 * x + 15, 10 * y + 10) for y in range(4) for x in range(8)]
    items = [(f"{i} a very long name indeed", box) for i, box in enumerate(grid)]
    texts, _ = captions(boxes(np.zeros((40, 120, 3), np.uint8), items))
    assert texts == [str(i) for i in range(32)]
