"""What was typed wrong, what a second run finds, and how a bar ends: in the surface's words."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import unmask
from helpers.pictures import small
from unmask import cluster
from unmask.errors import SettingError
from unmask.evaluation import explainers

pytest.importorskip("typer")
pytest.importorskip("onnxruntime")

from typer.testing import CliRunner

from unmask import cli

QUICK = ("-n", "48", "--grid", "3")


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    small("street").save("a.png")
    small("market").save("b.png")
    return tmp_path


def run(*words, status=0):
    result = CliRunner().invoke(cli.app, [str(word) for word in words])
    assert result.exit_code == status, result.output
    assert "Traceback" not in result.output
    return result.output


def refused(*words):
    """Return the one line with which a command ends."""
    lines = run(*words, status=2).strip().splitlines()
    assert len(lines) == 1, lines
    assert not Path("unmask-output").exists() or not list(Path("unmask-output").glob("*.npz"))
    return lines[0]


# --- misspelt


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (("explain", "a.png", "--mask", "64"), "--masks"),
        (("explain", "a.png", "--lables", "x.txt"), "--labels"),
        (("explain", "a.png", "--estimater=paper"), "--estimator"),
        (("predict", "a.png", "--tpo", "3"), "--top"),
        (("batch", ".", "-o", "out", "--retry"), "--retry-failed"),
        (("report", "x.npz", "--curvs"), "--curves"),
        (("app", "--prot", "80"), "--port"),
        (("--verson",), "--version"),
        (("expalin", "a.png"), "explain"),
        (("evalute", "a.png"), "evaluate"),
        (("explain", "a.png", "--estimator", "centerd"), "centered"),
        (("explain", "a.png", "--preprocess", "pytorch"), "torch"),
        (("evaluate", "a.png", "-e", "oclusion"), "occlusion"),
        (("evaluate", "a.png", "-e", "unmask,gird=3"), "grid"),
    ],
    ids=lambda words: words[-1] if isinstance(words, tuple) else words,
)
def test_what_was_meant_is_said(words, meant):
    line = refused(*words)
    assert line.startswith("Error: ")
    assert f"Did you mean {meant}?" in line


def test_what_is_near_to_nothing_says_where_to_look():
    assert "Did you mean" not in refused("explain", "a.png", "--zzzz", "1")
    assert "unmask explain --help lists" in refused("explain", "a.png", "--zzzz", "1")
    assert "unmask --help lists" in refused("xyz")
    assert "Missing argument 'PICTURE'" in refused("explain")
    assert "'--masks' requires an argument" in refused("explain", "a.png", "--masks")


@pytest.mark.parametrize(
    ("source", "option", "meant"),
    [
        ("demo", "lables", "labels"),
        ("demo", "preproces", "preprocess"),
        ("demo", "treshold", "threshold"),
        (lambda batch: batch.mean(axis=(1, 2)), "actvation", "activation"),
        ("demo", "detecter", "detector"),
        (unmask.load("demo"), "interpolatoin", "interpolation"),
    ],
)
def test_a_misspelt_keyword_of_load(source, option, meant):
    with pytest.raises(
        SettingError, match=rf"{option}= does not apply to .*\. Did you mean {meant}\?"
    ):
        unmask.load(source, **{option: "x"})


def test_an_option_of_another_source_is_not_called_misspelt():
    with pytest.raises(SettingError, match=r"weights= does not apply to [^?]*$"):
        unmask.load("demo", weights="w.h5")


def test_a_misspelt_setting_of_batch_is_refused_before_anything_is_done():
    with pytest.raises(SettingError, match=r"msaks= is no setting .* Did you mean masks\?"):
        cluster.batch(".", "out", msaks=100)
    assert not Path("out").exists()


def test_a_misspelt_word_in_python():
    with pytest.raises(SettingError, match=r"Did you mean balanced\?"):
        unmask.explain("demo", "a.png", design="balance")
    with pytest.raises(SettingError, match=r"Did you mean rise\?"):
        explainers.find("rize")


# --- pictures


@pytest.mark.parametrize("name", ["explain", "predict", "compare", "converge"])
def test_several_pictures_point_to_batch(name):
    line = refused(name, "a.png", "b.png")
    assert "one PICTURE is taken" in line
    assert "unmask batch FOLDER -o OUT" in line


def test_words_without_quotes_do_not():
    line = refused("explain", "a.png", "-t", "red", "heart")
    assert "batch" not in line
    assert "quotes" in line


@pytest.mark.parametrize("name", ["explain", "predict", "compare", "converge"])
def test_an_address_is_echoed_as_typed(name):
    line = refused(name, "https://example.org//shots/fox.jpg?size=2")
    assert "https://example.org//shots/fox.jpg?size=2: no such file" in line
    assert "download the picture" in line
    assert "https://example.org/e.npz" in refused("merge", "https://example.org/e.npz")


@pytest.mark.parametrize(
    ("array", "says"),
    [
        (np.full((6, 9, 3), 0.25), r"values from 0\.25 to 0\.25.*\(array \* 255\)\.round\(\)"),
        (np.full((6, 9, 3), 99.5), r"For values from 0 to 255: array\.round\(\)"),
        (np.full((6, 9, 3), 200, np.int64), r"For values from 0 to 255: array\.round\(\)"),
        (np.full((6, 9, 3), -0.5), r"values from -0\.5 to -0\.5: expected a picture as uint8"),
    ],
)
def test_numbers_that_are_no_picture_say_how_to_make_one(array, says):
    with pytest.raises(unmask.ImageError, match=says):
        unmask.explain("demo", array)
    if array.min() >= 0:
        made = (array * 255 if array.max() <= 1 else array).round().astype("uint8")
        assert unmask.predict("demo", made)


# --- once more into one folder


def written(output):
    return re.findall(r"^  (\S+\.(?:png|npz|html))(.*)$", output, re.MULTILINE)


@pytest.mark.slow
def test_a_second_run_says_what_it_replaced():
    first = written(run("explain", "a.png", *QUICK, "-t", "heart"))
    assert {rest for _, rest in first} == {""}
    second = written(run("explain", "a.png", *QUICK, "-t", "heart", "-t", "star", "--seed", "3"))
    assert {name.rsplit("-", 1)[-1]: rest for name, rest in second} == {
        "heart.png": " (in place of an earlier one)",
        "star.png": "",
        "output/a.npz": " (in place of an earlier one)",
    }
    assert unmask.Explanation.load("unmask-output/a.npz").plan.masks.seed == 3
    for command in (
        ("report", "unmask-output/a.npz"),
        ("converge", "unmask-output/a.npz", "--at", "48"),
    ):
        assert {rest for _, rest in written(run(*command))} == {""}
        assert {rest for _, rest in written(run(*command))} == {" (in place of an earlier one)"}


@pytest.mark.slow
def test_another_picture_of_that_name_is_kept():
    run("explain", "a.png", *QUICK)
    kept = Path("unmask-output/a.npz").read_bytes()
    Path("other").mkdir()
    small("market").save("other/a.png")
    output = run("explain", "other/a.png", *QUICK, status=2)
    assert "unmask-output/a.npz explains another picture of that name" in output
    assert "--output" in output
    assert "Masks" not in output
    assert Path("unmask-output/a.npz").read_bytes() == kept
    run("explain", "other/a.png", *QUICK, "-o", "else")


@pytest.mark.slow
def test_another_shard_is_kept_and_the_same_one_done_again():
    shard = ("explain", "a.png", "-n", "96", "--grid", "3", "--shard")
    run(*shard, "1/2")
    assert "holds the shard 1/2" in run(*shard, "2/2", status=2)
    run(*shard, "1/2")
    run(*shard, "2/2", "-o", "two")
    run("merge", "unmask-output/a.npz", "two/a.npz")
    run("merge", "unmask-output/a.npz", "two/a.npz")
    run("explain", "b.png", *QUICK)
    assert "explains another picture" in run(
        "merge", "unmask-output/b.npz", "--name", "a", status=2
    )


def test_a_file_that_is_none_of_ours_is_kept():
    Path("unmask-output").mkdir()
    np.savez("unmask-output/a.npz", mine=np.arange(3))
    kept = Path("unmask-output/a.npz").read_bytes()
    assert "is no explanation of unmask's" in run("explain", "a.png", *QUICK, status=2)
    assert Path("unmask-output/a.npz").read_bytes() == kept


@pytest.mark.slow
def test_a_file_is_not_merged_with_itself():
    run("explain", "a.png", *QUICK)
    Path("copy.npz").write_bytes(Path("unmask-output/a.npz").read_bytes())
    Path("link.npz").symlink_to("copy.npz")
    for other, says in (
        ("link.npz", "link.npz is given twice"),
        ("unmask-output/a.npz", "given twice"),
    ):
        assert says in run("merge", "copy.npz", other, status=2)
    made = unmask.explain("demo", "a.png", masks=48, grid=3)
    with pytest.raises(SettingError, match="block 0 is in both, with the same scores"):
        made.merge(made)


# --- the bar


@pytest.mark.slow
def test_the_bar_ends_where_the_run_does():
    output = run("explain", "a.png", "--until", "0.8", "--grid", "3")
    done = unmask.Explanation.load("unmask-output/a.npz")
    assert done.masks < done.plan.count
    assert f"{done.masks}/{done.masks}" in output
    assert "/4000" not in output
    assert re.search(r"\d masks/s", output)


@pytest.mark.slow
def test_what_was_not_all_is_said_to_be_so(picture):
    Image.fromarray(picture).save("small.png")
    output = run("explain", "small.png", "-n", "400000", "--max-seconds", "0.3", "--grid", "3")
    assert "0.3 s were over" in output


# --- what is not installed


@pytest.mark.slow
@pytest.mark.parametrize(
    ("package", "says"),
    [
        ("starlette", "starlette is not installed: pip install 'unmask[app]'"),
        ("uvicorn", "uvicorn is not installed: pip install 'unmask[app]'"),
        ("websockets", "websockets is not installed: pip install 'unmask[app]'"),
        ("typer", "The command line needs typer: pip install 'unmask[cli]'"),
    ],
)
def test_the_page_without_its_extra(package, says):
    """In a process of its own, which cannot import the package."""
    code = (
        f"import sys; sys.modules[{package!r}] = None; sys.argv = ['unmask', 'app', '--port', '0'];"
        "from unmask.__main__ import main; main()"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert ran.returncode == 2
    assert says in ran.stderr
    assert len(ran.stderr.strip().splitlines()) == 1
