"""`unmask explain --text`: a text typed or in a file is shown, drawn, saved and reported."""

import json
import shlex
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper, save

import unmask
from unmask.reports.reproduce import reproduction

pytest.importorskip("typer")
pytest.importorskip("onnxruntime")

from typer.testing import CliRunner

from unmask import cli

SAID = "A good film & a Good end"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def model(tmp_path):
    """Counts the words "good" and "bad", in lower case."""
    nodes = [
        helper.make_node("StringSplit", ["texts"], ["words", "counts"], delimiter=" "),
        helper.make_node(
            "TfIdfVectorizer",
            ["words"],
            ["scores"],
            max_gram_length=1,
            max_skip_count=0,
            min_gram_length=1,
            mode="TF",
            ngram_counts=[0],
            ngram_indexes=[0, 1],
            pool_strings=["good", "bad"],
        ),
    ]
    inputs = [helper.make_tensor_value_info("texts", TensorProto.STRING, ("n",))]
    outputs = [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ("n", 2))]
    graph = helper.make_graph(nodes, "words", inputs, outputs)
    opset = [helper.make_opsetid("", 20)]
    path = tmp_path / "words.onnx"
    save(helper.make_model(graph, opset_imports=opset, ir_version=9), path)
    Path("labels.txt").write_text("good\nbad")
    return path.name


def run(*words, code=0):
    result = CliRunner().invoke(cli.app, [str(word) for word in words])
    assert result.exit_code == code, result.output
    return result


def options(model):
    return ["-m", model, "--lower", "--labels", "labels.txt", "--activation", "logits", "-n", "128"]


def test_a_text_is_explained_shown_and_written(model):
    said = run("explain", "--text", SAID, *options(model), "-t", "good").output
    made = unmask.Explanation.load("unmask-output/a-good-film-a-good-end.npz")
    assert made.original.string == SAID
    change = made.map - made.levels[0]
    np.testing.assert_allclose(change, [0, 0.5, 0, 0, 0, 0.5, 0], atol=1e-3)
    assert Path("unmask-output/a-good-film-a-good-end-good.png").stat().st_size > 1000
    table = [line.split() for line in said.splitlines()]
    assert ["good", "+0.5"] in [row[:2] for row in table]
    assert SAID in said


@pytest.mark.parametrize("estimator", ["shapley", "banzhaf"])
def test_words_have_values(model, estimator):
    said = run(
        "explain", "--text", SAID, *options(model), "-t", "good", "--estimator", estimator
    ).output
    made = unmask.Explanation.load("unmask-output/a-good-film-a-good-end.npz")
    assert made.stopped == "all 128 masks, exact"
    np.testing.assert_allclose(made.map, [0, 1, 0, 0, 0, 1, 0], atol=1e-6)
    table = [line.split() for line in said.splitlines()]
    assert ["good", "+1"] in [row[:2] for row in table]
    refused = run(
        *("explain", "--text", SAID, *options(model), "--estimator", "shapley"),
        *("--design", "random"),
        code=2,
    )
    assert "leave the design out" in refused.output


def test_a_file_is_a_text_of_its_name(model):
    Path("review.txt").write_text("\ufeffnot bad\nat all", encoding="utf-8")
    run("explain", "review.txt", *options(model), "-t", "bad", "--units", "sentences", code=2)
    run("explain", "review.txt", *options(model), "-t", "bad", "--certainty")
    made = unmask.Explanation.load("unmask-output/review.npz")
    assert made.original.words == ("not", "bad", "at", "all")
    # Another text of the same name is not written over.
    Path("review.txt").write_text("a bad one")
    refused = run("explain", "review.txt", *options(model), "-t", "bad", code=2)
    assert "explains another text of that name" in refused.output


def test_results_for_scripts_have_the_words(model):
    printed = run("explain", "--text", SAID, *options(model), "-t", "good", "--json", "-q").stdout
    found = json.loads(printed)
    (target,) = found["targets"]
    assert [row["word"] for row in target["words"]] == SAID.split()
    values = [row["value"] - target["level"] for row in target["words"]]
    np.testing.assert_allclose(values, [0, 0.5, 0, 0, 0, 0.5, 0], atol=1e-3)
    assert [row["significant"] for row in target["words"]].count(True) >= 2
    assert found["picture"] == SAID


@pytest.mark.slow
def test_the_report_has_the_text_and_says_how_it_is_made_again(model):
    run("explain", "--text", SAID, *options(model), "-t", "good", "--fill", "[X]")
    made = unmask.Explanation.load("unmask-output/a-good-film-a-good-end.npz")
    run("report", "unmask-output/a-good-film-a-good-end.npz", "-o", "page.html")
    page = Path("page.html").read_text("utf-8")
    assert "&amp;</span>" in page
    assert page.count('class="w0-0-') == len(SAID.split())
    assert ".w0-0-6{" in page
    assert "style=" not in page.split("</style>")[1]
    again = reproduction(made)
    assert "--text 'A good film & a Good end'" in again.command()
    assert "--lower" in again.command()
    assert "--fill '[X]'" in again.command()
    assert "grid" not in again.command() + again.python()
    assert again.unsaid == ()
    scope = {}
    exec(again.python(), scope)
    np.testing.assert_array_equal(scope["explanation"].maps, made.maps)
    assert Path("a-good-film-a-good-end.npz").is_file()
    run(*shlex.split(again.command())[1:], "-o", "again")
    other = unmask.Explanation.load("again/a-good-film-a-good-end.npz")
    np.testing.assert_array_equal(other.maps, made.maps)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([], "Missing argument 'PICTURE'"),
        (["--text", "good", "fox.jpg"], "one of them is explained"),
        (["--text", " "], "the text is empty"),
        (["--text", "good"], "take --units tokens"),
        (["--text", "good one", "--units", "tokens"], "brings no tokenizer"),
        (["--text", "good one", "--fill", "blur"], "--fill blur"),
        (["--text", "good one", "--grid", "2x3"], "--grid"),
        (["--text", "good one", "--preset", "notebook"], "--preset notebook is for pictures"),
        (["fox.jpg", "--units", "words"], "--units words is for texts"),
        (["gone.txt"], "cannot read gone.txt"),
        (["bytes.txt"], "no text in UTF-8"),
    ],
)
def test_what_cannot_be_is_one_line(model, words, says):
    Path("bytes.txt").write_bytes(b"a \xff b")
    result = run("explain", *words, "-m", model, "--no-lower", code=2)
    (line,) = result.output.strip().splitlines()
    assert line.startswith("Error: ")
    assert says in line
    assert "Traceback" not in line


def test_a_model_of_texts_takes_no_picture(model):
    result = run("explain", unmask.demo.pictures()["street"], *options(model), code=2)
    assert "takes texts" in result.output
    assert "--text or a .txt file" in result.output
    result = run("explain", "--text", "a b", code=2)
    assert "takes pictures" in result.output


def test_predict_takes_a_text(model):
    said = run("predict", "--text", SAID, *options(model)[:-2], "--json").stdout
    assert json.loads(said)["predictions"][0]["label"] == "good"
