"""A picture and a text together: cells and words hidden in the same masks."""

import numpy as np
import pytest

import unmask
from unmask.errors import ModelError, SettingError
from unmask.inputs import TogetherOriginal
from unmask.models.model import build

TEXT = "is the lamp on or off"


@pytest.fixture
def picture():
    made = np.full((24, 36, 3), 40, np.uint8)
    made[6:12, 27:36] = 240  # row 1, column 3 of 4 by 4
    return made


@pytest.fixture
def model():
    """The brightness of the lamp, where the word is there, and twice as much with "on"."""

    def run(batch):
        scores = []
        for pixels, text in batch:
            words = text.split()
            lamp = pixels[6:12, 27:36].mean() / 255
            scores.append([lamp * ("lamp" in words) * (1 + ("on" in words))])
        return np.array(scores)

    return build(run, name="lamp", pairs=lambda text: {"labels": (text,), "classes": 1})


def explain(model, picture, **more):
    given = unmask.together(picture, TEXT, grid=4, **more)
    return unmask.explain(model, given, 0, masks=1024, fill="black")


def test_both_maps_come_from_the_same_calls(model, picture):
    made = explain(model, picture)
    assert made.map.shape == (16 + 6,)
    drawn, words = made.original.split(made.map, float(made.levels[0]))
    assert drawn.shape == (24, 36)
    assert drawn[8, 31] == drawn.max()
    assert {TEXT.split()[place] for place in np.argsort(words)[-2:]} == {"lamp", "on"}
    assert made.model_calls < 1024 + 8


@pytest.mark.parametrize("hide", ["picture", "text"])
def test_one_may_be_held(model, picture, hide):
    made = explain(model, picture, hide=hide)
    drawn, words = made.original.split(made.map, float(made.levels[0]))
    if hide == "picture":
        assert words is None
        assert made.map.shape == (16,)
        assert made.map.argmax() == 4 + 3
    else:
        assert drawn is None
        assert made.map.shape == (6,)
        # All 64 masks: the exact mean of the score with a word, of a lamp as bright as it is.
        assert made.plan.masks.design == "exhaustive"
        bright = 240 / 255
        np.testing.assert_allclose(made.map[[2, 3]], [1.5 * bright, bright], rtol=1e-6)


def test_a_mask_of_all_shows_the_input_itself(model, picture):
    run = unmask.prepare(model, unmask.together(picture, TEXT, grid=4), 0, masks=64)
    ((pixels, text),) = run.sample.masked(np.ones((1, 22)), run.fill)
    np.testing.assert_allclose(pixels, picture, atol=1e-3)
    assert text == TEXT
    mask = np.ones((1, 22))
    mask[0, [7, 18]] = 0
    ((pixels, text),) = run.sample.masked(mask, run.fill)
    assert text == "is the on or off"
    assert pixels[8, 31].mean() < 200
    np.testing.assert_allclose(pixels[20, 4], picture[20, 4], atol=1e-3)


def test_it_is_stored_and_gone_on_with_and_drawn(model, picture, tmp_path):
    made = explain(model, picture)
    read = unmask.Explanation.load(made.save(tmp_path / "both.npz"))
    assert isinstance(read.original, TogetherOriginal)
    assert read.original.same(made.original)
    np.testing.assert_array_equal(read.maps, made.maps)
    more = unmask.extend(read, model, masks=64)
    at_once = unmask.explain(
        model, unmask.together(picture, TEXT, grid=4), 0, masks=1088, fill="black"
    )
    np.testing.assert_array_equal(more.maps, at_once.maps)
    page = unmask.report([made])
    assert "over the picture" in page
    assert page.count("<th scope=row>lamp</th>") == 1
    assert made.plot().axes
    assert made.plot(certainty=True).axes


def test_metrics_turn_unit_by_unit(model, picture):
    made = explain(model, picture)
    case = unmask.metrics.case(model, unmask.together(picture, TEXT, grid=4), 0)
    curve = unmask.metrics.deletion(case, made.map, step=1)
    assert curve.scores[0] == pytest.approx(made.targets[0].score)
    assert curve.scores[3] < 0.2 * curve.scores[0]


def test_a_model_of_one_of_both_says_so(picture):
    with pytest.raises(ModelError, match="does not take a picture and a text together"):
        unmask.explain("demo", unmask.together(picture, TEXT))


@pytest.mark.parametrize(
    ("more", "said"),
    [({"hide": "words"}, "hide='words'"), ({"grid": 99}, "grid"), ({"units": "tokens"}, "tokens")],
)
def test_what_cannot_be_hidden_is_refused(model, picture, more, said):
    with pytest.raises(SettingError, match=said):
        unmask.explain(model, unmask.together(picture, TEXT, **more), 0)


def test_a_fill_is_one_of_names(model, picture):
    with pytest.raises(SettingError, match="hidden words are left out"):
        unmask.explain(model, unmask.together(picture, TEXT), 0, fill=(1, 2, 3))
