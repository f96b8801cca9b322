"""--contrast A B: why this and not that, wherever a class is explained."""

from pathlib import Path

import numpy as np
import pytest

import unmask
from helpers.command_line import words
from helpers.pictures import small

pytest.importorskip("typer")
pytest.importorskip("rich")
pytest.importorskip("onnxruntime")

from typer.testing import CliRunner

from unmask import cli

QUICK = ("-n", "48", "--grid", "3")


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    small().save("a.png")


def run(*given, status=0):
    result = CliRunner().invoke(cli.app, [str(word) for word in given])
    assert result.exit_code == status, result.output
    assert "Traceback" not in result.output
    return words(result)


@pytest.mark.slow
def test_contrasts_are_explained_beside_classes():
    pairs = ("--contrast", "heart", "star", "--contrast", "5", "heart")
    text = run("explain", "a.png", *QUICK, "-t", "bolt", *pairs)
    made = unmask.Explanation.load("unmask-output/a.npz")
    asked = ["bolt", unmask.contrast("heart", "star"), unmask.contrast(5, "heart")]
    same = unmask.explain("demo", "a.png", asked, masks=48, grid=3)
    np.testing.assert_array_equal(made.maps, same.maps)
    assert [target.pair for target in made.targets] == [None, (4, 0), (5, 4)]
    assert "4-0 heart − star" in text
    assert Path("unmask-output/a-heart-star.png").is_file()


@pytest.mark.slow
def test_every_command_of_classes_takes_one():
    pytest.importorskip("pyarrow")
    pair = ("--contrast", "heart", "star")
    assert "heart − star" in run("converge", "a.png", "--at", "24,48", "--grid", "3", *pair)
    few = ("-e", "unmask,masks=64,grid=3")
    assert "difference of scores" in run("compare", "a.png", *few, *pair)
    assert "deletion" in run("evaluate", "a.png", *few, "--metric", "deletion", *pair)
    (row,) = (Path("unmask-evaluation") / "results.csv").read_text("utf-8").splitlines()[1:]
    assert "heart − star" in row


@pytest.mark.parametrize(
    "given",
    [("--contrast",), ("--contrast", "heart"), ("--contrast", "heart", "-n", "9")],
)
def test_it_takes_two(given):
    assert "--contrast takes two classes" in run("explain", "a.png", *given, status=2)


def test_where_one_thing_is_explained_it_is_that():
    for name in ("compare", "converge"):
        text = run(name, "a.png", "-t", "heart", "--contrast", "4", "5", status=2)
        assert "give one of them" in text
    text = run("compare", "a.png", "--contrast", "4", "5", "--contrast", "5", "4", status=2)
    assert "one thing is explained" in text


def test_unknown_classes_are_refused_as_by_target():
    assert "no label 'heard'" in run("explain", "a.png", "--contrast", "heard", "star", status=2)
    assert "two single targets" in run("explain", "a.png", "--contrast", "top:2", "1", status=2)


def test_a_stored_explanation_has_its_own_targets():
    made = unmask.explain("demo", "a.png", "heart", masks=48, grid=3)
    made.save("e.npz")
    assert "target of the file" in run("converge", "e.npz", "--contrast", "4", "5", status=2)
