"""What tables and bars say: absolute, in the numbers that other places use."""

import re

import pytest

pytest.importorskip("typer")
pytest.importorskip("rich")

import unmask
from unmask._base.numbers import format_score
from unmask.cli import console, tables
from unmask.evaluation import explainers
from unmask.targets import Prediction, Target

BOX = (276.0, 48.0, 489.5, 390.0)


def bars(capsys, *scores):
    """Return how full the bar of each score is, and what is said beneath."""
    found = [Prediction(n, f"c{n}", score) for n, score in enumerate(scores)]
    tables.show_predictions("model", found)
    text = capsys.readouterr().out
    drawn = re.findall("[━╸─]{20}", text)
    shares = [bar.count("━") / 20 + bar.count("╸") / 40 for bar in drawn]
    assert [format_score(score) in text for score in scores] == [True] * len(scores)
    return shares, text


def test_bars_are_absolute_and_as_long_as_the_score(capsys):
    scores = (0.9997, 0.5, 0.06, 0.001)
    shares, text = bars(capsys, *scores)
    assert shares == pytest.approx(scores, abs=0.025)
    assert "0.9997" in text
    assert "full bar" not in text
    assert bars(capsys, 0.06, 0.05)[0] == pytest.approx([0.06, 0.05], abs=0.025)


def test_scores_that_are_no_probabilities_say_what_a_full_bar_is(capsys):
    shares, text = bars(capsys, 12.0, 6.0, -3.0)
    assert shares == [1.0, 0.5, 0.0]
    assert "a full bar is the highest of them" in text
    assert bars(capsys, -1.0, -2.0)[0] == [0.0, 0.0]  # log-probabilities: none is any way up


def test_targets_are_called_by_what_asks_for_them():
    assert Target("dog", 16, 0.9, BOX, number=3).key == "3"
    by_hand = Target("dog", 16, 0.9, BOX)
    assert by_hand.key == "276,48,489.5,390"
    assert list(map(float, by_hand.key.split(","))) == [*BOX]
    assert Target("dog", 16, 0.9).key == "16"
    assert Target("a − b", None, 0.1, pair=(3, 5)).key == "3-5"
    assert Target("f", None, 0.1).key == ""
    assert by_hand.quantity == "similarity"
    assert Target("a", 1, 0.5).quantity == "score"
    assert Target("a − b", None, 0.0, pair=(1, 2)).quantity == "difference of scores"


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("unmask", "unmask (adaptive)"),
        ("unmask,masks=2000,estimator=centered", "unmask (centered, 2,000 masks)"),
        ("unmask,masks=auto", "unmask (adaptive, masks auto)"),
        ("rise", "RISE as published"),
        ("rise,masks=8000,fill=blur", "RISE as published (8,000 masks, fill blur)"),
        ("occlusion,masks=1000,side=0.2", "occlusion (1,000 places, side 0.2)"),
        ("mine.module:lime,n_samples=9", "mine.module:lime (n samples 9)"),
        (explainers.occlusion, "occlusion"),
    ],
)
def test_explainers_are_called_in_words(typed, words):
    assert explainers.in_words(typed) == words


def test_synonyms_are_left_out_on_both_sides_of_a_contrast():
    label = "red fox, Vulpes vulpes − kit fox, Vulpes macrotis"
    assert console.short(label) == "red fox − kit fox"
    assert console.short("red fox, Vulpes vulpes") == "red fox"


@pytest.mark.slow
def test_one_score_reads_alike_in_terminal_figure_and_report(capsys):
    street = unmask.demo.pictures()["street"]
    made = unmask.explain("demo", street, ["triangle", "cross"], masks=64, grid=3)
    tables.show_result(made, [])
    terminal = capsys.readouterr().out
    page = unmask.report([made])
    for number, target in enumerate(made.targets):
        text = f"score {format_score(target.score)}"
        assert format_score(target.score) in terminal
        assert text in page
        assert any(text in one.get_text() for one in made.plot(number).texts)
    assert format_score(made.targets[0].score) == "0.9997"
