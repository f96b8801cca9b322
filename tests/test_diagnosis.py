"""Doubts in words: each where it belongs, with the remedy, and none where all is well."""

import warnings

import numpy as np
import pytest

import unmask
from unmask.errors import DoubtWarning

PICTURE = np.full((18, 27, 3), 255, np.uint8)


def part(batch):
    """How much of the upper left is seen, 0 to 1."""
    return batch[:, 2:8, 3:12].mean(axis=(1, 2, 3)) / 255


def explained(score, **settings):
    def model(batch):
        return score(batch)[:, None]

    chosen = {"masks": 480, "grid": (3, 4), "fill": "black", **settings}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        explanation = unmask.explain(model, PICTURE, chosen.pop("target", 0), **chosen)
    said = [str(one.message) for one in caught if one.category is DoubtWarning]
    assert set(said) <= set(explanation.notes)
    return explanation, said


def test_nothing_is_said_where_all_is_well():
    explanation, said = explained(part)
    assert explanation.reliability > 0.9
    assert said == []


@pytest.mark.parametrize(
    ("score", "says", "remedy"),
    [
        (lambda b: 0.5 + 0.01 * part(b), "hardly vary", "coarser grid"),
        (lambda b: part(b) > 0.999, "of the masks leave less than 5%", "keep=0.7"),
        (lambda b: np.full(len(b), 0.25), "the map is flat", "right target"),
    ],
)
def test_a_doubt_and_its_remedy(score, says, remedy):
    _, said = explained(lambda b: np.asarray(score(b), float))
    (note,) = [note for note in said if says in note]
    assert remedy in note


def test_a_map_of_chance_says_how_many_masks_would_do():
    def noise(batch):
        seen = part(batch)
        return 0.05 * seen + np.modf(np.abs(np.sin(1e4 * batch.mean(axis=(1, 2, 3)))))[0]

    explanation, said = explained(noise, masks=96)
    assert explanation.reliability < 0.8
    (note,) = [note for note in said if "reliability of" in note]
    assert "masks" in note


def test_one_block_of_masks_is_said():
    _, said = explained(part, masks=40)
    (note,) = [note for note in said if "no more than one block" in note]
    assert "design='random'" in note


def test_a_class_that_is_not_the_best_is_said():
    def model(batch):
        return np.stack([part(batch), 0.2 * part(batch)], axis=1)

    with pytest.warns(DoubtWarning, match="not the model's best class"):
        unmask.explain(model, PICTURE, 1, masks=96, grid=(3, 4), fill="black")
    with warnings.catch_warnings():
        warnings.simplefilter("error", DoubtWarning)
        unmask.explain(model, PICTURE, 0, masks=96, grid=(3, 4), fill="black")


def test_a_warning_is_at_the_line_that_asked():
    def model(batch):
        return np.stack([part(batch), 0.2 * part(batch)], axis=1) * 9 - 1

    settings = {"masks": 40, "grid": (3, 4), "fill": "black"}
    calls = [
        lambda: unmask.explain(model, PICTURE, 1, **settings),
        lambda: list(unmask.stream(unmask.prepare(model, PICTURE, 1, **settings))),
        lambda: unmask.explain(model, PICTURE, 1, **settings).extend(8),
        lambda: unmask.predict(model, PICTURE),
    ]
    for call in calls:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            call()
        assert {one.filename for one in caught} == {__file__}


def test_doubts_travel_in_the_file(tmp_path):
    explanation, said = explained(lambda b: 0.5 + 0.01 * part(b))
    again = unmask.Explanation.load(explanation.save(tmp_path / "e.npz"))
    assert set(said) <= set(again.notes)
