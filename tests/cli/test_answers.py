"""Answers on the command line: what is said, asked for, written and made again."""

import shlex
from pathlib import Path

import numpy as np
import pytest

import unmask
from helpers.answer_models import copier, reader, stripes
from helpers.command_line import found, ran, words
from helpers.completions_server import serving
from unmask.inputs import encoding
from unmask.reports.reproduce import reproduction

pytest.importorskip("typer")
pytest.importorskip("tokenizers")

TEXT = "the dog saw anna and went home with"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    copier(tmp_path)
    reader(tmp_path / "reader.onnx")
    encoding.write(tmp_path / "line.png", stripes("rgb"))


def explain(*more, status=0):
    return ran("explain", *more, "--masks", 64, status=status)


def stored(name):
    return unmask.Explanation.load(Path("unmask-output", name))


def test_what_a_model_reads_is_predicted_and_explained():
    said = words(ran("predict", "line.png", "-m", "reader.onnx"))
    assert "reader.onnx says rgb" in said
    assert "of 3 tokens" in said
    said = words(explain("line.png", "-m", "reader.onnx"))
    assert "token target log-probability" in said
    assert [one.label for one in stored("line.npz").targets] == ["rgb", "r", "g", "b"]
    names = {path.name for path in Path("unmask-output").iterdir()}
    letters = {f"line-token-{number}-{letter}.png" for number, letter in enumerate("rgb", 1)}
    assert names == {"line.npz", "line-rgb.png", *letters}


def test_an_answer_to_a_text_is_shown_word_by_word_and_token_by_token():
    said = words(explain("--text", TEXT, "-m", "copier.onnx", "--answer", "anna went"))
    assert "word change ± error" in said
    assert "Each token token strongest word change" in said
    assert "1 anna anna +" in said
    assert "2 went went +" in said


def test_a_prompt_alone_is_the_text():
    explain("--prompt", TEXT, "-m", "copier.onnx", "--answer", "anna")
    (name,) = [path.name for path in Path("unmask-output").glob("*.npz")]
    made = stored(name)
    assert made.original.string == TEXT
    assert made.targets[0].request == "answer: anna"


def test_beside_a_text_it_stands_around_it():
    more = ("--prompt", "peter {} and", "--answer", "anna", "--contrast", "yes", "no", "-t", "dog")
    explain("--text", TEXT, "-m", "copier.onnx", *more)
    (path,) = Path("unmask-output").glob("*.npz")
    requests = [one.request for one in stored(path.name).targets]
    assert all(one.startswith('prompt:"peter {} and" ') for one in requests)
    ends = [one.removeprefix('prompt:"peter {} and" ') for one in requests]
    assert ends == [
        "answer: dog", "token-1: dog", 'rather:[" yes", " no"]', "answer: anna", "token-1: anna",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--answer", ""), "text that is not empty"),
        (("--answer", "zebra"), "cannot be written in the tokens of copier.onnx"),
        (("--region", "dog"), "--answer TEXT"),
    ],
)
def test_what_cannot_be_answered_is_one_line(more, said):
    result = explain("--text", TEXT, "-m", "copier.onnx", *more, status=2)
    if more[0] != "--region":
        assert said in words(result)
    assert "Traceback" not in result.output


def test_what_is_made_again_has_the_same_map():
    explain("--text", TEXT, "-m", "copier.onnx", "--answer", "anna went", "--prompt", "yes {} no")
    (path,) = Path("unmask-output").glob("*.npz")
    first = unmask.Explanation.load(path)
    again = reproduction(first)
    command = again.command()
    assert command.count(" -t ") == 2  # the whole and its tokens, however many
    path.unlink()
    ran(*shlex.split(command)[1:])
    np.testing.assert_array_equal(unmask.Explanation.load(path).maps, first.maps)
    space = {}
    exec(again.python(), space)
    np.testing.assert_array_equal(space["explanation"].maps, first.maps)


def test_json_names_answers_and_tokens():
    one = found("predict", "line.png", "-m", "reader.onnx")
    (said,) = one["answers"]
    assert said["text"] == "rgb"
    assert [token["token"] for token in said["tokens"]] == ["r", "g", "b"]


def test_a_server_is_asked_with_its_options():
    with serving() as served:
        where = ("-m", "openai:copies", "--base-url", served.url, "--budget", 100_000)
        said = words(explain("--text", TEXT, *where, "--answer", "anna", "--concurrency", 2))
        assert "64 masks: 64 calls of the server" in said
    with serving() as served:
        where = ("-m", "openai:copies", "--base-url", served.url, "--budget", 500)
        said = words(explain("--text", TEXT, *where, "--answer", "anna", status=2))
        assert "give --budget more" in said
