"""Figures of one style, whatever is set around them and whatever words they are given."""

import gc
import pickle
import subprocess
import sys
import threading
import unicodedata

import matplotlib as mpl
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties

from helpers.figures import three_panels
from unmask.draw import canvas
from unmask.draw.canvas import Canvas, fitted, font, length, pixels, plain
from unmask.draw.figures import draw_panel
from unmask.draw.panels import Evidence
from unmask.draw.scale import Look

PICTURE = np.zeros((3, 4, 3), np.uint8)
EVIDENCE = Evidence(PICTURE, np.eye(3, 4), Look().scale(np.eye(3, 4), 0.0))
STRANGE = {  # what a user's own style may hold
    "text.usetex": True,
    "text.color": "red",
    "axes.facecolor": "red",
    "figure.facecolor": "red",
    "savefig.facecolor": "red",
    "font.family": "serif",
    "font.size": 31.0,
    "image.origin": "lower",
    "image.interpolation": "nearest",
    "image.cmap": "gray",
    "axes.grid": True,
    "path.sketch": (1, 100, 2),
    "figure.dpi": 30.0,
    "figure.autolayout": True,
    "xtick.direction": "in",
    "xtick.minor.visible": True,
}


def drawn(**options):
    return pixels(three_panels(PICTURE, np.eye(3, 4), **{"title": "one", **options}))


@pytest.mark.slow
def test_what_a_user_has_set_changes_no_figure_and_stays():
    usual = drawn()
    with mpl.rc_context(STRANGE):
        before = dict(mpl.rcParams)
        np.testing.assert_array_equal(drawn(), usual)
        assert dict(mpl.rcParams) == before
    figure = three_panels(PICTURE, np.eye(3, 4), title="one")
    with mpl.rc_context(STRANGE):  # drawn later, by somebody else's savefig
        np.testing.assert_array_equal(pixels(figure), usual)


@pytest.mark.slow
def test_pyplot_and_the_backend_are_left_alone():
    code = (
        "import sys, numpy as np, unmask\n"
        "unmask.demo, unmask.metrics, unmask.plots, unmask.report, unmask.rise, unmask.explain\n"
        "import unmask.cli, unmask.app.server\n"
        "early = [m for m in sys.modules if m.split('.')[0] in ('matplotlib', 'scipy')]\n"
        "assert not early, early\n"
        "figure = unmask.rise.figure(np.zeros((30, 40, 3), np.uint8), np.eye(30, 40))\n"
        "figure.savefig(sys.argv[1])\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
        "import matplotlib\n"
        "print(matplotlib.rcParams._get('backend') == matplotlib.rcParamsDefault._get('backend'))\n"
        "import matplotlib.pyplot as plt\n"
        "print(plt.get_fignums())\n"
    )
    pytest.importorskip("typer")
    pytest.importorskip("starlette")
    out = subprocess.run(
        [sys.executable, "-c", code, "/dev/null"], check=True, capture_output=True, text=True
    )
    assert out.stdout.split() == ["True", "[]"]


@pytest.mark.slow
def test_a_figure_shows_itself_in_a_notebook_and_can_be_sent():
    figure = three_panels(PICTURE, np.eye(3, 4), title="one")
    assert isinstance(figure, Figure)
    assert figure._repr_png_().startswith(b"\x89PNG")
    np.testing.assert_array_equal(pixels(pickle.loads(pickle.dumps(figure))), drawn())


@pytest.mark.slow
@pytest.mark.parametrize("form", ["png", "pdf", "svg"])
def test_a_figure_is_saved_in_every_form(tmp_path, form):
    three_panels(PICTURE, np.eye(3, 4), title="$x^2 犬").savefig(tmp_path / f"f.{form}")
    start = (tmp_path / f"f.{form}").read_bytes()[:5]
    assert start in (b"\x89PNG\r", b"%PDF-", b"<?xml")


@pytest.mark.slow
def test_many_figures_leave_nothing_behind(more_memory):
    picture = np.zeros((400, 600, 3), np.uint8)

    def draw(times):
        for _ in range(times):
            pixels(three_panels(picture, picture[:, :, 0], title="one"))
        gc.collect()
        return sum(type(thing) is Figure for thing in gc.get_objects())

    before = draw(3)
    more = more_memory()
    assert draw(6) == before
    assert more_memory() - more < 60  # MB; each figure holds 20


@pytest.mark.slow
def test_figures_are_drawn_from_many_threads_at_once():
    usual, found = drawn(), []
    before = dict(mpl.rcParams)

    def draw():
        found.extend(drawn() for _ in range(3))

    threads = [threading.Thread(target=draw) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert len(found) == 12
    assert all(np.array_equal(one, usual) for one in found)
    assert dict(mpl.rcParams) == before


@pytest.mark.slow
@settings(max_examples=20)
@given(st.text(max_size=60), st.text(max_size=60))
def test_any_words(title, subtitle):
    drawn(title=title, subtitle=subtitle)
    figure = Figure()
    draw_panel(figure.add_subplot(), "overlay", EVIDENCE, title=title)
    pixels(figure)


@pytest.mark.slow
@pytest.mark.parametrize("words", ["$x", "$x^2$", r"\frac{", "a_b", "100 %", r"$\frac$", "_one"])
@pytest.mark.parametrize("tex", [False, True])
def test_no_word_is_a_formula(words, tex):
    assert canvas.plain(words, font(20)) == words
    assert (drawn(title=words) != drawn(title="")).any()
    with mpl.rc_context({"text.usetex": tex}):
        figure = Figure()
        ax = figure.add_subplot()
        draw_panel(ax, "overlay", EVIDENCE, title=words)
        assert ax.get_title() == words
        ax.set_axis_off()  # what else has words, tick labels, is the user's to typeset
        pixels(figure)


@given(st.text())
def test_what_is_plain_stays_and_is_in_the_font(text):
    face = font(20)
    shown = plain(text, face)
    assert plain(shown, face) == shown
    assert shown.isprintable()
    assert shown == shown.strip()
    assert {ord(one) for one in shown} <= canvas._letters(("DejaVu Sans",))


@pytest.mark.slow
def test_words_that_the_font_lacks_are_spelled_with_those_it_has():
    face = font(20)
    assert plain("naïve café, grid 8×8 − 1", face) == "naïve café, grid 8×8 − 1"
    assert plain(unicodedata.normalize("NFD", "naïve"), face) == "naïve"
    assert plain("two\nlines\0", face) == "two lines"
    assert plain("Ａ１", face) == "A1"
    assert plain("犬🦊", face) == "□□"
    assert np.array_equal(drawn(title="two\nlines\0"), drawn(title="two lines"))
    assert not np.array_equal(drawn(title="one"), drawn(title="two"))


def test_the_letters_are_those_of_the_users_own_font():
    assert plain("é□", FontProperties(family=["no such font", "DejaVu Sans Mono"])) == "é□"
    assert plain("犬", FontProperties(family="STIXGeneral")) in ("犬", "□", "?")


@given(st.text("abc defg", min_size=1, max_size=300), st.integers(20, 900))
def test_a_long_line_is_cut_where_there_is_room_no_more(text, width):
    face = font(20)
    whole, shown = plain(text, face), fitted(text, face, width)
    if shown != whole:
        assert shown.endswith("…")
        assert whole.startswith(shown[:-1])
        assert length(shown, face) <= width or len(shown) <= 2
        longer = whole[: len(shown)] + "…"
        assert length(longer, face) > width - 20


def test_lengths_are_those_that_are_drawn():
    page = Canvas(600, 100)
    page.write(20, 20, "mmmmmmmm iiiiiiii", 40, "#000000", 560)
    across = np.nonzero((pixels(page.figure) < 128).any(axis=(0, 2)))[0]
    assert np.ptp(across) == pytest.approx(length("mmmmmmmm iiiiiiii", font(40)), rel=0.03)
