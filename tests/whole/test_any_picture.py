"""Tall, wide, tiny, white, dark and gray pictures in every output."""

from itertools import combinations

import numpy as np
import pytest
from PIL import Image

import unmask
from unmask.draw import boxes, canvas
from unmask.draw.colormap import COLORMAPS
from unmask.evaluation.comparing import Panel
from unmask.evaluation.figures import side_by_side
from unmask.evaluation.metrics import Curve
from unmask.reports.convergence import convergence
from unmask.run.jupyter import _Watcher

SHAPES = [(600, 100), (100, 600), (60, 360), (6, 1), (1, 6), (5, 7), (90, 120)]
TONES = {"white": 255, "dark": 2, "gray": 128, "mixed": None}
FLAT = ("white", "dark", "gray")
# Every shape with many tones and with one, and every tone in shapes that differ.
PICTURES = [(shape, "mixed") for shape in SHAPES]
PICTURES += [(shape, FLAT[number % 3]) for number, shape in enumerate(SHAPES)]


def picture(shape, tone):
    if tone is not None:
        return np.full((*shape, 3), tone, np.uint8)
    return np.random.default_rng(3).integers(0, 256, (*shape, 3), np.uint8)


def model(batch):
    """Brightness of the first rows and columns, less that of the last."""
    first = batch[:, : max(1, batch.shape[1] // 2), : max(1, batch.shape[2] // 2)]
    return np.stack([first.mean((1, 2, 3)), 255 - batch.mean((1, 2, 3))], axis=1) / 255


def explained(shape, tone):
    grid = tuple(min(8, side) for side in shape)
    fill = "black" if tone != "dark" else "white"
    loaded = unmask.load(model, labels=["first", "not"], name="brightness")
    target = ["first", "not", unmask.contrast("first", "not")]
    given = picture(shape, TONES[tone])
    return unmask.prepare(loaded, given, target, masks=192, grid=grid, fill=fill)


def check(figure):
    """All words are on the figure and over no others, and every panel is seen."""
    drawn = canvas.pixels(figure)
    height, width = drawn.shape[:2]
    extents = [text.get_window_extent() for text in figure.texts if text.get_text()]
    for extent in extents:
        assert extent.x0 >= 0
        assert extent.y0 >= 0
        assert extent.x1 <= width
        assert extent.y1 <= height
    assert not [pair for pair in combinations(extents, 2) if pair[0].overlaps(pair[1])]
    for ax in figure.axes:
        area = ax.get_window_extent()
        assert min(area.width, area.height) >= 10
        assert area.x0 >= 0
        assert area.x1 <= width + 1


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::unmask.UnmaskWarning")
@pytest.mark.parametrize(("shape", "tone"), PICTURES)
def test_every_output(shape, tone):
    run = explained(shape, tone)
    made = list(unmask.stream(run))[-1]
    explanation = run.explanation(made, 0.1)
    for number in range(3):
        check(explanation.plot(number))
        check(explanation.plot(number, certainty=True, style="heat", cmap=COLORMAPS[number]))
        over = explanation.overlay(number)
        assert over.size == (shape[1], shape[0])
        check(boxes.sheet([boxes.tile("first", np.asarray(over), (0, 0, 1, 1))] * 3))
    check(convergence(explanation, [96, 192]))
    line = Curve(np.array([0.0, 1.0]), np.array([1.0, 0.0]))
    panel = Panel("occlusion", explanation.maps[0], {"deletion": line, "insertion": line})
    check(side_by_side(explanation.picture, [panel, panel], title="first", subtitle="a model"))
    canvas.pixels(boxes.boxes(explanation.picture, [("0 first 0.93", (0.0, 0.0, 1.0, 1.0))]))
    page = unmask.report([explanation])
    assert page.count("<figure") == 1 + 3 * 3
    assert _Watcher(run)._page(made).count("<img") == 3


@pytest.mark.filterwarnings("ignore::unmask.UnmaskWarning")
def test_pixels_without_influence_are_the_photographs_own():
    def left(batch):
        return batch[:, :, :4].mean((1, 2, 3)) / 255

    given = picture((30, 40), None)
    explanation = unmask.explain(
        left, given, 0, masks=1024, grid=(3, 10), shift=False, fill="black"
    )
    over = np.asarray(explanation.overlay(vmin=explanation.levels[0]))
    # Two cells away from what counts there is nothing but the noise of the estimate.
    far = np.abs(over[:, 20:].astype(int) - given[:, 20:]).max()
    near = np.abs(over[:, :4].astype(int) - given[:, :4]).max()
    assert far < near / 8
    cropped = unmask.load(left, size=(20, 20), resize="crop", crop=1.0)
    wide = picture((30, 90), None)
    over = np.asarray(unmask.explain(cropped, wide, 0, masks=64, grid=4, fill="black").overlay())
    np.testing.assert_array_equal(over[:, :20], wide[:, :20])  # never seen by the model
    assert isinstance(Image.fromarray(over), Image.Image)
