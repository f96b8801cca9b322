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


def test_sharp_says_that_it_promises_too_much():
    _, said = explained(part, estimator="sharp")
    (note,) = [note for note in said if "promise too much" in note]
    assert "estimator='adaptive'" in note


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


def classes(*scores, activation=None):
    """What is said of each class of a model with these scores for the whole picture."""
    model = unmask.load(
        lambda batch: part(batch)[:, None] * np.array([scores]), activation=activation, name="m"
    )
    said = []
    for target in range(len(scores)):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            unmask.prepare(model, PICTURE, target, fill="black")
        said.append(any("is not the model's best class" in str(one.message) for one in caught))
    return said


@pytest.mark.parametrize(
    ("scores", "activation", "said"),
    [
        # One class is true: the best, and what is as good as it, are not told apart.
        ((0.48, 0.47, 0.05), None, [False, False, True]),
        ((0.6, 0.3, 0.1), "probabilities", [False, True, True]),
        ((5.0, 4.96, 2.0, -3.0), "logits", [False, False, True, True]),
        ((5.0, 4.5, 2.0, -3.0), None, [False, True, True, True]),
        # Several may be true: whatever is there is no worse for another that is there, too.
        ((0.9996, 0.9997, 0.7, 0.2), None, [False, False, False, True]),
        ((3.0, 8.0, -4.0), "sigmoid", [False, False, True]),
        ((-3.0, -2.99, -9.0), "sigmoid", [False, False, True]),
        ((0.7,), None, [False]),
    ],
)
def test_only_what_the_model_does_not_see_is_said_to_be_so(scores, activation, said):
    assert classes(*scores, activation=activation) == said


def test_where_the_best_is_explained_too_nothing_is_said():
    model = unmask.load(lambda b: part(b)[:, None] * np.array([[0.6, 0.3, 0.1]]), name="m")
    with warnings.catch_warnings():
        warnings.filterwarnings("error", ".*is not the model's best class")
        unmask.prepare(model, PICTURE, "top:3", fill="black")
        unmask.prepare(model, PICTURE, [2, 0], fill="black")
    with pytest.warns(DoubtWarning, match="'class 1' is not the model's best class"):
        unmask.prepare(model, PICTURE, [2, 1], fill="black")


@pytest.mark.slow
def test_the_first_example_of_the_readme_raises_no_doubt():
    with warnings.catch_warnings():
        warnings.simplefilter("error", unmask.UnmaskWarning)
        unmask.explain("demo", unmask.demo.pictures()["street"], ["heart", "star"], masks=1000)


def rarely(batch):
    """1 where nearly all is seen, as a log-odds of 2 against -2 elsewhere."""
    return np.where(part(batch) > 0.999, 2.0, -2.0) + 0.3 * part(batch)


@pytest.mark.parametrize(
    ("score", "target"),
    [
        (rarely, 0),  # falls below zero
        (lambda b: np.where(part(b) > 0.999, 9.0, 0.1) + 0.3 * part(b), "logits"),  # of a logit
        (lambda b: np.where(part(b) > 0.999, 9.0, 0.1) - 9.05, 0),  # below zero throughout
    ],
)
def test_no_share_is_spoken_of_where_a_score_has_no_zero(score, target):
    model = unmask.load(
        lambda b: np.stack([score(b), -np.ones(len(b))], axis=1),
        activation="logits" if target == "logits" else None,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = unmask.explain(model, PICTURE, 0, masks=480, grid=(3, 4), fill="black")
    assert not [note for note in made.notes if "of the masks leave less" in note]


def test_how_little_is_hardly_any_depends_on_the_score():
    """An unlikely class varies little in absolute terms, and yet by all there is of it."""
    small, _ = explained(lambda b: 0.04 * part(b))
    assert not [note for note in small.notes if "hardly vary" in note]
    large, _ = explained(lambda b: 40 + 0.5 * part(b))
    (note,) = [note for note in large.notes if "hardly vary" in note]
    assert "another fill" in note
    assert "link=" not in note  # which is for probabilities
    sure, _ = explained(lambda b: 0.9 + 0.005 * part(b))
    assert [note for note in sure.notes if "hardly vary" in note and "link='logit'" in note]
    below, _ = explained(lambda b: -40 + 0.5 * part(b))
    assert not [note for note in below.notes if "hardly vary" in note]
    flat, _ = explained(lambda b: -40 + 0.01 * part(b))
    (note,) = [note for note in flat.notes if "hardly vary" in note]
    assert "logit" not in note


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
