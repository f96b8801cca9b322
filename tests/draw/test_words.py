"""Figures of a text's map: words on their colors, bars with their errors."""

from itertools import pairwise

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

import unmask
from unmask.draw import words
from unmask.draw.canvas import pixels
from unmask.draw.scale import Look
from unmask.errors import SettingError

VALUES = np.array([0.5, 0.9, 0.2, 0.5, 0.55])


def evidence(said=("not", "bad", "at", "all", "犬"), values=VALUES, gaps=None):
    values = np.asarray(values)
    return words.Words(
        tuple(said),
        gaps or ("", *[" "] * (len(said) - 1), ""),
        values,
        Look().scale(values, 0.5),
        "score while visible",
        lambda: np.full(len(said), 0.05),
        lambda: np.abs(values - 0.5) > 0.1,
    )


def drawn(shown, **options):
    figure = words.draw_words(shown, title="positive", subtitle="score 0.9", **options)
    return figure, *figure.axes


def boxes(ax):
    return [patch for patch in ax.patches if isinstance(patch, Rectangle)]


def test_a_words_box_has_its_color_and_its_own_place():
    shown = evidence()
    _, text, _ = drawn(shown)
    assert [t.get_text() for t in text.texts] == ["not", "bad", "at", "all", "□"]
    colors = shown.scale.colors(VALUES) / 255
    for box, color in zip(boxes(text), colors, strict=True):
        np.testing.assert_allclose(box.get_facecolor()[:3], color, atol=1e-6)
    edges = [(box.get_x(), box.get_x() + box.get_width()) for box in boxes(text)]
    assert all(right <= left for (_, right), (left, _) in pairwise(edges))
    # White letters on the strongest color alone.
    assert [to_rgb(t.get_color()) == (1, 1, 1) for t in text.texts] == [False, True] + 3 * [False]


def test_bars_begin_where_there_is_no_influence_and_have_their_errors():
    _, _, bars = drawn(evidence())
    for bar, value in zip(bars.patches, VALUES, strict=True):
        assert sorted((bar.get_x(), bar.get_x() + bar.get_width())) == sorted((0.5, value))
    (error,) = [c for c in bars.collections if len(c.get_segments()) == 5]
    spans = [segment[:, 0] for segment in error.get_segments()]
    np.testing.assert_allclose(spans, np.stack([VALUES - 0.05, VALUES + 0.05], axis=1))
    assert "± standard error" in bars.get_xlabel()
    assert "no influence: 0.5" in bars.get_xlabel()


def test_long_texts_are_broken_and_show_their_strongest_words():
    rng, said = np.random.default_rng(0), [f"word{number}" for number in range(300)]
    values = 0.5 + rng.normal(size=300) / 10
    values[77] = 1.2
    _, text, bars = drawn(evidence(said, values))
    assert len(text.texts) == 300
    assert max(box.get_x() + box.get_width() for box in boxes(text)) <= text.get_xlim()[1]
    assert len({box.get_y() for box in boxes(text)}) > 10
    assert len(bars.patches) == words.MOST
    assert "word77" in [label.get_text() for label in bars.get_yticklabels()]
    assert "the 40 strongest of 300" in bars.get_xlabel()


def test_a_text_breaks_where_it_breaks_and_tokens_touch():
    _, text, _ = drawn(evidence(("mo", "vie", "end"), [0.5, 0.6, 0.7], ("", "", "\n", "")))
    first, second, third = boxes(text)
    assert second.get_x() == pytest.approx(first.get_x() + first.get_width())
    assert second.get_y() == first.get_y() < third.get_y()


def test_a_word_longer_than_the_figure_is_cut():
    _, text, _ = drawn(evidence(("a" * 900, "b"), [0.1, 0.9]))
    assert text.texts[0].get_text().endswith("…")
    assert boxes(text)[0].get_width() <= text.get_xlim()[1]


def test_certainty_draws_lines_around_what_is_significant():
    _, text, _ = drawn(evidence(), certainty=True)
    edges = [box.get_edgecolor()[3] > 0 for box in boxes(text)]
    assert edges == [False, True, True, False, False]
    above, below = (to_rgb(boxes(text)[number].get_edgecolor()) for number in (1, 2))
    assert above[0] > above[2]
    assert below[0] < below[2]
    _, text, _ = drawn(evidence())
    assert not any(box.get_edgecolor()[3] for box in boxes(text))


def test_unknown_errors_and_values_are_left_out():
    shown = evidence(values=[0.5, np.nan, 0.2, 0.5, 0.6])
    object.__setattr__(shown, "stderr", lambda: np.full(5, np.inf))
    figure, _, bars = drawn(shown)
    assert "± standard error" not in bars.get_xlabel()
    assert pixels(figure).shape[1] == words.WIDTH


def explained():
    def liked(texts):
        return [1.0 * ("good" in text) for text in texts]

    return unmask.explain(liked, unmask.text("a good film"), 0, masks=64)


def test_an_explanation_draws_its_words():
    made = explained()
    text, bars = made.plot().axes
    assert [t.get_text() for t in text.texts] == ["a", "good", "film"]
    assert len(bars.patches) == 3
    assert made._repr_png_()[:4] == b"\x89PNG"


@pytest.mark.parametrize("panel", words.PANELS)
def test_a_panel_goes_into_a_users_axes(panel):
    ax = Figure(figsize=(3, 2), dpi=90).subplots()
    assert explained().plot(ax=ax, panel=panel) is ax.figure
    assert len(ax.patches) == 3
    pixels(ax.figure)


def test_small_axes_get_small_letters():
    long = unmask.text("good " * 60)
    made = unmask.explain(lambda texts: [float(len(t)) for t in texts], long, 0, masks=256)
    ax = Figure(figsize=(2, 1.5), dpi=90).subplots()
    made.plot(ax=ax)
    last = boxes(ax)[-1]
    assert last.get_y() + last.get_height() <= ax.get_ylim()[0] * 1.05


def test_what_is_for_pictures_is_refused():
    ax = Figure().subplots()
    with pytest.raises(SettingError, match="panel='stderr': expected one of overlay, significant"):
        explained().plot(ax=ax, panel="stderr")
    with pytest.raises(SettingError, match="give panel='significant' instead"):
        explained().plot(ax=ax, certainty=True)
    with pytest.raises(SettingError, match="no picture"):
        explained().overlay()
