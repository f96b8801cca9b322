"""The figure holds what it should, whatever the picture, the map and the words."""

import matplotlib as mpl
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure

import unmask
from helpers.figures import three_panels
from helpers.places import SHARED
from unmask.draw import colormap
from unmask.draw.canvas import pixels
from unmask.draw.figures import CERTAINTY, GAP, MARGIN, PANEL, draw_panel, side_by_side
from unmask.draw.panels import PANELS, Evidence
from unmask.draw.scale import Doubt, Look, gray
from unmask.errors import SettingError
from unmask.inputs import images

IMAGES = SHARED / "images"


def bar(values, **options):
    """The numbers under a map's color bar, and what stands below them."""
    figure = three_panels(np.zeros((*values.shape, 3), np.uint8), values, **options)
    (ax,) = [ax for ax in figure.axes if not ax.images]
    caption = next(text.get_text() for text in figure.texts if "importance" in text.get_text())
    pixels(figure)
    low, high = ax.get_xlim()
    texts = [
        text.get_text()
        for text, at in zip(ax.get_xticklabels(), ax.get_xticks(), strict=True)
        if low <= at <= high
    ]
    return texts, caption


@pytest.mark.slow
@pytest.mark.parametrize(
    ("low", "high", "labels", "caption"),
    [
        (0, 1, "0.0 0.2 0.4 0.6 0.8 1.0", "importance"),
        (-0.3, 0.5, "−0.2 0.0 0.2 0.4", "importance"),
        (1e-6, 3e-5, "1 2 3", "importance (1e−5)"),
        (1e7, 1e7 + 2, "0.0 0.5 1.0 1.5 2.0", "importance (+1e7)"),
        (2, 2, "2", "importance"),
        (0, 0, "0", "importance"),
        (3e-7, 3e-7, "3e-07", "importance"),
        (-1e308, 1e308, "-1e+308", "importance"),
    ],
)
def test_the_color_bars_numbers_read_well(low, high, labels, caption):
    share = np.linspace(0, 1, 360 * 480).reshape(360, 480)
    assert bar(low * (1 - share) + high * share) == (labels.split(), caption)


@pytest.mark.slow
@settings(max_examples=20)
@given(
    st.floats(allow_nan=False, allow_infinity=False),
    st.floats(allow_nan=False, allow_infinity=False),
)
def test_the_color_bar_has_few_numbers_that_are_told_apart(a, b):
    values = np.full((30, 40), a)
    values[:10] = b
    texts, _ = bar(values)
    assert 1 <= len(texts) <= 6
    assert len(set(texts)) == len(texts)


def test_the_panels_are_the_picture_the_map_and_the_overlay():
    random = np.random.default_rng(0)
    picture = random.integers(0, 256, (360, 480, 3), np.uint8)
    values = random.normal(size=(360, 480))
    figure = three_panels(picture, values, title="", cmap="viridis", opacity=0.3)
    canvas = pixels(figure)
    expected = (
        picture,
        colormap.colorize(values, "viridis"),
        Look("heat", "viridis", 0.3).scale(values, None).lay(picture, values),
    )
    rows = canvas[:, MARGIN : MARGIN + 480].astype(int)
    top = next(y for y in range(400) if abs(rows[y] - picture[0]).max() <= 1)
    for number, panel in enumerate(expected):
        left = MARGIN + number * (PANEL + GAP)
        shown = canvas[top : top + 360, left : left + 480].astype(int)
        assert abs(shown - panel).max() <= 1  # matplotlib 3.10 rounds so
    # The bar below the map runs through the whole table, evenly.
    left = MARGIN + PANEL + GAP
    row = canvas[top + 360 + 20, left : left + PANEL].astype(int)
    wanted = colormap.colorize(np.linspace(0, 1, PANEL), "viridis")
    assert abs(row - wanted)[2:-2].max() <= 4  # without its outline


@pytest.mark.slow
@pytest.mark.parametrize("shape", [(1, 1), (20, 3000), (3000, 20), (7, 5), (601, 333), (1, 300000)])
def test_any_picture_has_white_margins(shape):
    picture = np.zeros((*shape, 3), np.uint8)
    values = np.linspace(-2e-6, 3.1e-5, picture[:, :, 0].size).reshape(shape)
    canvas = pixels(three_panels(picture, values, title="word " * 99, subtitle="s" * 999))
    assert 600 < canvas.shape[1] <= 3 * PANEL + 2 * GAP + 2 * MARGIN
    inner = canvas[MARGIN - 2 : -MARGIN + 2, MARGIN - 2 : -MARGIN + 2]
    assert inner.min() == 0
    outside = canvas.astype(int).sum() - inner.astype(int).sum()
    assert outside == 255 * (canvas.size - inner.size)


@pytest.mark.slow
@pytest.mark.parametrize("value", [0.0, 3.7, np.nan, np.inf, -np.inf, 1e308])
def test_maps_without_contrast(value):
    values = np.full((30, 40), value)
    flat = pixels(three_panels(np.zeros((30, 40, 3), np.uint8), values, title="flat"))
    values[:10] = np.nan
    holed = pixels(three_panels(np.zeros((30, 40, 3), np.uint8), values, title="flat"))
    middle = colormap.colorize(0.0) if np.isfinite(value) else 128
    panel = slice(MARGIN + PANEL + GAP, MARGIN + 2 * PANEL + GAP)
    for canvas in (flat, holed):
        assert (canvas[:, panel] == middle).all(axis=2).sum() >= 240 * 480
    assert (holed[:, panel] == 128).all(axis=2).sum() >= 120 * 480


def test_certainty_draws_lines_around_what_is_significant_and_the_error():
    random = np.random.default_rng(0)
    picture = random.integers(0, 256, (360, 480, 3), np.uint8)
    values, stderr = np.zeros((360, 480)), abs(random.normal(size=(360, 480)))
    values[100:200, 50:150], values[250:300, 300:400] = 1.0, -0.5
    evidence = Evidence(
        picture,
        values,
        Look().scale(values, 0.0),
        stderr=lambda: stderr,
        significant=lambda: values != 0,
    )
    figure = side_by_side(CERTAINTY, evidence, title="")
    panels = [ax for ax in figure.axes if ax.images]
    np.testing.assert_array_equal(panels[0].images[0].get_array(), picture)
    np.testing.assert_array_equal(
        panels[3].images[0].get_array(), gray(stderr / max(stderr.max(), 1.5 / 4))
    )
    lines = panels[2].collections
    # One for the target, one against it, each around its own part.
    boxes = [line.get_paths()[0].get_extents().bounds for line in lines]
    np.testing.assert_allclose(boxes, [(50, 100, 100, 100), (300, 250, 100, 50)], atol=1.1)
    inks = [tuple((255 * line.get_edgecolor()[0][:3]).round().astype(int)) for line in lines]
    assert inks == [colormap.FOR[-1], colormap.AGAINST[-1]]
    median = np.median(stderr) / 1.5
    assert any(
        f"median: {100 * median:.2g}% of the map" in text.get_text() for text in figure.texts
    )
    assert pixels(figure).shape[1] == 4 * PANEL + 3 * GAP + 2 * MARGIN


def test_the_level_of_no_influence_is_marked():
    values = np.linspace(0.2, 0.9, 360 * 480).reshape(360, 480)
    figure = three_panels(np.zeros((360, 480, 3), np.uint8), values, style="evidence", level=0.5)
    (ax,) = [ax for ax in figure.axes if not ax.images]
    assert ax.get_xlim() == pytest.approx((0.1, 0.9))
    (mark,) = ax.lines[-1:]
    assert set(mark.get_xdata()) == {0.5}
    assert any(text.get_text() == "no influence: 0.5" for text in figure.texts)


@pytest.mark.parametrize("tone", [0, 128, 255])
@pytest.mark.parametrize("shape", [(60, 10), (10, 60), (1, 1), (200, 300)])
def test_every_panel_has_an_edge(tone, shape):
    picture, values = np.full((*shape, 3), tone, np.uint8), np.zeros(shape)
    canvas = pixels(three_panels(picture, values, style="evidence", level=0.0)).astype(int)
    edge = [int("c4c8ce"[i : i + 2], 16) for i in (0, 2, 4)]
    rows = (abs(canvas - edge).max(axis=2) < 20).sum(axis=1)
    assert rows.max() >= 3 * 24


def test_errors():
    with pytest.raises(SettingError, match=r"\(4, 3\)"):
        three_panels(np.zeros((3, 4, 3), np.uint8), np.zeros((4, 3)))


def test_the_color_maps_are_matplotlibs():
    for name in set(colormap.COLORMAPS) - {"evidence"}:
        wanted = mpl.colormaps[name](np.arange(256), bytes=True)[:, :3]
        assert abs(colormap.table(name).astype(int) - wanted).max() <= 1


# --- in somebody's axes ---


@pytest.fixture(scope="module")
def explanation():
    return unmask.explain("demo", unmask.demo.pictures()["street"], ["heart", "star"], masks=256)


@pytest.mark.slow
def test_each_panel_is_drawn_into_the_axes_that_are_given(explanation, tmp_path):
    number = explanation.find("star")
    wanted = {
        "overlay": np.asarray(explanation.overlay("star", opacity=0.3, cmap="viridis")),
        "significant": np.asarray(explanation.overlay("star", opacity=0.3, cmap="viridis")),
        "map": explanation.scaled(number, Look(cmap="viridis")).colors(explanation.maps[number]),
        "picture": explanation.picture,
        "stderr": gray(
            explanation.influence_stderr(number)
            / Doubt.of(explanation.maps[number], explanation.influence_stderr(number)).high
        ),
    }
    figure = Figure(figsize=(10, 2))
    axes = figure.subplots(1, len(PANELS))
    for ax, panel in zip(axes, PANELS, strict=True):
        same = explanation.plot("star", ax=ax, panel=panel, opacity=0.3, cmap="viridis")
        assert same is figure
        assert ax.get_title() == "star"
        (image,) = ax.images
        if panel in wanted:
            np.testing.assert_array_equal(image.get_array(), wanted[panel])
        assert image.get_extent() == [0, 480, 360, 0]
        assert ax.get_aspect() == 1
    lined = [panel for ax, panel in zip(axes, PANELS, strict=True) if ax.collections]
    assert lined == ["significant"]
    assert len(figure.axes) == len(PANELS)
    colors = figure.colorbar(axes[0].images[0], ax=axes)
    scale = explanation.scaled(number)
    assert (colors.vmin, colors.vmax) == (scale.low, scale.high)
    for form in ("pdf", "svg", "png"):
        figure.savefig(tmp_path / f"paper.{form}")


def test_a_users_style_and_labels_stay(explanation):
    with mpl.rc_context({"font.family": "serif", "axes.titlesize": 21, "axes.titlecolor": "red"}):
        figure = Figure(figsize=(3, 3))
        part = figure.subfigures(1, 2)[1]
        ax = part.subplots()
        assert explanation.plot(ax=ax) is figure
        ax.set_ylabel("mine")
    assert ax.title.get_fontsize() == 21
    assert ax.title.get_color() == "red"
    assert ax.yaxis.label.get_visible()
    assert pixels(figure).min() < 50


def test_a_long_label_ends_where_the_axes_do():
    figure = Figure(figsize=(6, 3))
    axes = figure.subplots(1, 2)
    values = np.eye(30, 40)
    evidence = Evidence(np.zeros((30, 40, 3), np.uint8), values, Look().scale(values, 0.0))
    draw_panel(axes[0], "overlay", evidence, title="w " * 999)
    assert axes[0].get_title().endswith("…")
    pixels(figure)
    room = axes[0].get_position().width * figure.bbox.width
    assert axes[0].title.get_window_extent().width <= 1.2 * room


def test_what_no_axes_can_hold_is_said(explanation):
    axes = Figure().subplots(1, 2)
    for given_axes in (axes, Figure(), 3):
        with pytest.raises(SettingError, match="expected one matplotlib Axes"):
            explanation.plot(ax=given_axes)
    with pytest.raises(SettingError, match="panel='heat': expected one of overlay, map"):
        explanation.plot(ax=axes[0], panel="heat")
    with pytest.raises(SettingError, match="panel='map': give the axes"):
        explanation.plot(panel="map")
    with pytest.raises(SettingError, match="certainty=True draws a whole figure"):
        explanation.plot(ax=axes[0], certainty=True)
    assert not axes[0].images


def test_a_photograph():
    if not IMAGES.is_dir():
        pytest.skip("../shared/images is not here")
    picture = images.read(IMAGES / "coco_000000000285.jpg")
    figure = three_panels(picture, picture.mean(axis=2), title="bear", subtitle="4,000 masks")
    height, width, _ = pixels(figure).shape
    assert width > height


@pytest.mark.slow
def test_a_large_picture_is_made_smaller_before_it_is_drawn():
    picture = np.zeros((2000, 3000, 3), np.uint8)
    values = np.arange(6e6, dtype=np.float32).reshape(2000, 3000)
    figure = three_panels(picture, values, title="")
    assert figure.axes[0].images[0].get_array().shape == (667, 1000, 3)
    ax = Figure().add_subplot()
    draw_panel(ax, "map", Evidence(picture, values, Look().scale(values, 0.0)), title="")
    assert ax.images[0].get_array().shape == (2000, 3000, 3)  # may fill a page
