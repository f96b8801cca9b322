"""The command and the Python of a report make the same map, to the bit: both are run."""

import html
import re
import shlex
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import unmask
from helpers.places import SHARED
from unmask._base import npz
from unmask.models.origin import Origin
from unmask.reports.reproduce import REPEATED, reproduction
from unmask.run import explanation_file
from unmask.run.settings import SETTINGS
from unmask.run.wording import MODEL

pytest.importorskip("typer")
pytest.importorskip("onnxruntime")

from typer.testing import CliRunner

from unmask import cli
from unmask.cli import look_options, media_options, result_options, row_options, target_options

FOX = SHARED / "images" / "imagenet_red_fox.jpg"
STREET = unmask.demo.pictures()["street"]
EIGHT = "\n".join(unmask.demo.LABELS)
pytestmark = pytest.mark.filterwarnings("ignore::unmask.UnmaskWarning")
shared = pytest.mark.skipif(not SHARED.is_dir(), reason="needs the real models of ../shared")


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A folder to work in, with a picture that is not square, and labels."""
    monkeypatch.chdir(tmp_path)
    with Image.open(STREET) as street:
        street.crop((40, 0, 440, 230)).resize((100, 58)).save("my scene.png")
    Path("labels.txt").write_text(EIGHT)
    # Classes called by numbers, in another order than their own.
    Path("numbers.txt").write_text("\n".join(str(7 - i) for i in range(8)))
    return tmp_path


def unmask_command(*words):
    result = CliRunner().invoke(cli.app, [str(word) for word in words])
    assert result.exit_code == 0, result.output
    return result.output


def of_report(path):
    """Return what a report says: command, Python, and the sentences beside them."""
    unmask_command("report", path, "-o", "report.html")
    page = Path("report.html").read_text("utf-8")
    command, python = map(html.unescape, re.findall(r"<pre><code>(.*?)</code>", page, re.DOTALL))
    beside = page.split("</code></pre>")[-1]
    return command, python, [html.unescape(one) for one in re.findall(r"<p>(.*?)</p>", beside)]


def by_shell(command):
    """Run a command as a shell would, with this Python."""
    python = f'"{sys.executable}"'
    functions = f'unmask() {{ {python} -m unmask "$@"; }}; python() {{ {python} "$@"; }}; '
    ran = subprocess.run(
        ["bash", "-c", f"{functions}{command} -o again"],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert ran.returncode == 0, ran.stderr + ran.stdout
    return made_again()


def by_command(command):
    """Run a command in this process: words that a shell would leave as they are."""
    assert "$" not in command
    program, *words = shlex.split(command)
    assert program == "unmask"
    unmask_command(*words, "-o", "again")
    return made_again()


def made_again():
    (made,) = Path("again").glob("*.npz")
    return unmask.Explanation.load(made.rename("again.npz"))


def by_python(code):
    names: dict = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exec(compile(code, "report", "exec"), names)
    return names["explanation"]


def assert_same(again, made):
    assert [(t.label, t.index, t.score) for t in again.targets] == [
        (t.label, t.index, t.score) for t in made.targets
    ]
    assert again.masks == made.masks
    np.testing.assert_array_equal(again.estimate.scores, made.estimate.scores)
    np.testing.assert_array_equal(again.maps, made.maps)
    np.testing.assert_array_equal(again.stderrs, made.stderrs)


def assert_made_again(made, *, run=by_command):
    said, python, beside = of_report(made.save("made.npz"))
    assert_same(by_python(python), made)
    if run is not None:
        assert beside == []
        assert_same(run(said), made)
    return said, python, beside


@pytest.mark.slow
@pytest.mark.parametrize(
    "words",
    [
        ["--until", "0.9"],
        ["-n", "100", "-t", "star", "-t", "heart", "--batch-size", "10", "--seed", "7"],
        ["-n", "60", "--fill", "10,20.5,30", "--keep", "0.3", "--grid", "6x9"],
        ["-n", "60", "--design", "random", "--estimator", "notebook", "--resize", "crop"],
        ["-n", "50", "--labels", "numbers.txt", "-t", "3"],
        ["-n", "50", "--labels", "labels.txt", "--preprocess", "torch", "--mean", "0.4,0.5,0.6"],
        ["-n", "320", "--shard", "2/2", "-t", "0"],
        ["-n", "50", "--preset", "notebook", "--activation", "sigmoid"],
    ],
    ids=lambda words: words[-1],
)
def test_what_the_command_wrote_is_made_again(words):
    unmask_command("explain", "my scene.png", *words)
    made = unmask.Explanation.load("unmask-output/my scene.npz")
    said, *_ = assert_made_again(made)
    assert "'my scene.png'" in said


@pytest.mark.slow
def test_a_run_that_stopped_says_what_it_did_and_not_what_was_planned():
    made = unmask.explain("demo", "my scene.png", until=0.9)
    assert made.masks < made.plan.count
    command, python, _ = of_report(made.save("made.npz"))
    assert f"--masks {made.masks} " in command
    assert f"masks={made.masks}," in python
    assert "4000" not in command + python


@pytest.mark.slow
@pytest.mark.parametrize(
    ("target", "settings", "says", "words"),
    [
        (0, {"shift": False}, "shift=False", "masks without shift"),
    ],
)
def test_python_says_what_the_command_cannot(target, settings, says, words):
    made = unmask.explain("demo", "my scene.png", target, masks=64, **settings)
    command, python, beside = assert_made_again(made, run=None)
    assert says in python
    (sentence,) = beside
    assert sentence.startswith("The command leaves out")
    assert words in sentence
    assert "unmask explain" in command


@pytest.mark.slow
@pytest.mark.parametrize(
    ("target", "python", "command"),
    [
        (unmask.within_top("star", 2), "[unmask.within_top(0, 2)]", "-t top-2:0"),
        (unmask.contrast("heart", "star"), "[unmask.contrast(4, 0)]", "-t contrast:4-0"),
        (
            ["star", unmask.contrast(1, "top:1")],
            "[0, unmask.contrast(1, 7)]",
            "-t 0 -t contrast:1-7",
        ),
    ],
)
def test_differences_and_ranks_are_said(target, python, command):
    made = unmask.explain("demo", "my scene.png", target, masks=64)
    said, code, *_ = assert_made_again(made)
    assert command in said
    assert python in code


@pytest.mark.slow
def test_options_that_only_python_has():
    model = unmask.load("demo", resize="crop", crop=0.7, interpolation="bicubic", name="mine")
    made = unmask.explain(model, "my scene.png", masks=64)
    _, python, beside = assert_made_again(made, run=None)
    assert "interpolation='bicubic'" in python
    assert len(beside) == 3


@pytest.mark.slow
def test_what_no_code_says_is_never_something_else():
    def bright(outputs):
        return outputs[:, 0]

    array = np.asarray(Image.open("my scene.png").convert("RGB"))
    made = unmask.explain("demo", array, bright, masks=64, fill=np.zeros((1, 1, 1)))
    command, python, beside = of_report(made.save("made.npz"))
    assert [one[:4] for one in beside] == ["Add "] * 3
    assert {"array", "fill", "function"} <= set(re.findall(r"\w+", " ".join(beside)))
    Path("picture.png").write_bytes(Path("my scene.png").read_bytes())
    with pytest.raises(unmask.TargetError, match="target is a ellipsis"):
        by_python(python)
    assert "-t TARGET" in command


@pytest.mark.slow
def test_some_shards_merged_are_said_to_be_some():
    parts = [
        unmask.explain("demo", "my scene.png", masks=256, grid=4, shard=(number, 4))
        for number in (1, 2, 3)
    ]
    merged = parts[0].merge(parts[2])
    *_, beside = of_report(merged.save("made.npz"))
    assert any("some parts of a whole were merged" in one for one in beside)
    assert_made_again(parts[0].merge(parts[1]))


@pytest.mark.slow
def test_a_path_that_is_an_option_and_one_that_is_a_command(folder):
    for name in ("-o.png", "$(rm x).png"):
        Path(name).write_bytes(Path("my scene.png").read_bytes())
        made = unmask.explain("demo", f"{folder}/{name}" if name[0] == "-" else name, masks=64)
        assert_made_again(made, run=by_shell if "$" in name else by_command)


@pytest.mark.slow
@shared
@pytest.mark.parametrize(
    ("words", "run"),
    [
        (["-t", "top:2", "--resize", "crop", "-n", "48"], by_shell),
        (["-t", "hare", "--until", "0.5", "--batch-size", "24", "--grid", "5"], by_command),
    ],
)
def test_a_real_classifier(words, run):
    model = SHARED / "real" / "classification" / "mobilenet_v1_025_128_imagenet.onnx"
    labels = SHARED / "models" / "imagenet_labels.txt"
    beside = ["--model", model, "--labels", labels, "--preprocess", "tf"]
    unmask_command("explain", FOX, *beside, *words)
    assert_made_again(unmask.Explanation.load(f"unmask-output/{FOX.stem}.npz"), run=run)


@pytest.mark.slow
@shared
@pytest.mark.parametrize("words", [["-t", "top:2"], ["-t", "person:20,30,300,400"]])
def test_a_real_detector(words):
    picture = SHARED / "images" / "coco_000000000785.jpg"
    model = SHARED / "models" / "yolox_nano_coco.onnx"
    labels = SHARED / "models" / "coco_labels.txt"
    beside = ["--model", model, "--labels", labels, "--detector", "yolox", "--threshold", "0.25"]
    unmask_command("explain", picture, *beside, *words, "-n", "16", "--grid", "4")
    assert_made_again(unmask.Explanation.load(f"unmask-output/{picture.stem}.npz"))


@pytest.mark.slow
@shared
def test_a_box_that_was_found_goes_on_with_its_own_class_scores(tmp_path):
    """By its corners alone it would be scored as one of a single class."""
    model = unmask.load(SHARED / "models" / "yolox_nano_coco.onnx", detector="yolox")
    picture = SHARED / "images" / "coco_000000000785.jpg"
    first = unmask.explain(model, picture, 0, masks=24, grid=4)
    loaded = unmask.Explanation.load(first.save(tmp_path / "first.npz"))
    whole = unmask.explain(model, picture, 0, masks=40, grid=4)
    assert_same(unmask.extend(loaded, model, masks=16), whole)


def test_every_option_of_the_command_is_known_to_reports():
    """What `explain` has an option for, a report's command says; what it says, `explain` has."""
    import typer

    (command,) = (
        one for name, one in typer.main.get_command(cli.app).commands.items() if name == "explain"
    )
    names = {one.name for one in command.params}
    elsewhere = {
        "picture",
        "text",
        "units",
        "series_layout",
        "series_channels",
        "model",
        "target",
        "output",
        "certainty",
        "parts",
        "help",
    }
    elsewhere |= {*look_options.OPTIONS, *result_options.OPTIONS, *row_options.OPTIONS}
    elsewhere |= {*media_options.OPTIONS}
    elsewhere |= {*target_options.OTHERS}
    # How many masks there were is said in place of when they ended.
    ends = {"until", "max_masks", "max_seconds", "checkpoint"}
    # Python's output= is --model-output here, as --output is a folder.
    said = {"model_output" if name == "output" else name for name in MODEL}
    settings = {row.name for row in REPEATED if row.option}
    assert settings | said == names - elsewhere - ends
    assert {name for name, row in SETTINGS.items() if row.option and not row.repeats} == ends


# A value of each setting that is not its default; a new row must be given one here.
OTHER = {
    "masks": 500,
    "shard": (1, 2),
    "grid": (3, 4),
    "preset": "notebook",
    "keep": 0.25,
    "seed": 11,
    "fill": "blur",
    "design": "random",
    "estimator": "paper",
    "batch_size": 7,
    "shift": False,
    "segments": "slic:16",
    "edges": "hard",
    "link": "logit",
}
# What a setting needs beside it.
BESIDE = {"edges": {"segments": "slic:16"}}


@pytest.mark.slow
@pytest.mark.parametrize("row", REPEATED, ids=lambda row: row.name)
def test_every_setting_that_was_given_is_said_and_no_other(row):
    value = OTHER[row.name]
    # Several blocks, for a shard.
    beside = BESIDE.get(row.name, {})
    given = {"masks": 600 if row.name == "shard" else 64, row.name: value, **beside}
    again = reproduction(unmask.explain("demo", "my scene.png", "heart", **given))
    said = {"masks", "grid", row.name, *beside}
    said -= {"grid"} if row.name in ("preset", "segments", "edges") else set()
    assert set(re.findall(r"^    (\w+)=", again.python(), re.MULTILINE)) == said
    assert f"    {row.name}={value!r},\n" in again.python()
    option = f"--{row.name.replace('_', '-')} {row.on_command_line(value)}"
    assert (option in again.command()) == row.option


def test_a_model_knows_where_it_is_from():
    labels = list(unmask.demo.LABELS)
    model = unmask.load("demo", labels=labels, resize="crop")
    assert model.origin == Origin("demo", {"resize": "crop"}, ("labels",))
    again = unmask.load(model, labels="labels.txt", size=(96, 96))
    assert again.origin == Origin(
        "demo", {"resize": "crop", "labels": "labels.txt", "size": [96, 96]}
    )
    assert unmask.load(unmask.demo.MODEL).origin.source == str(unmask.demo.MODEL)
    assert unmask.load(lambda batch: batch.mean(axis=(1, 2, 3))).origin is None


def content(path):
    """Return header and arrays of a file, the header unchecked."""
    return npz.read(path, "explanation", 1, lambda said: said, explanation_file.known_arrays())


@pytest.mark.slow
@pytest.mark.parametrize(
    "made", [{"source": 3}, {"source": "a", "options": {"x=1); evil(": 1}}, {"source": "a", "b": 1}]
)
def test_a_file_that_says_code_in_place_of_an_option_is_damaged(made):
    path = unmask.explain("demo", "my scene.png", masks=128).save("made.npz")
    header, arrays = npz.read(
        path, "explanation", 1, lambda said: said, explanation_file.known_arrays()
    )
    kept = {name: value for name, value in header.items() if name not in ("kind", "version")}
    npz.write(path, "explanation", 1, {**kept, "origin": made}, arrays)
    with pytest.raises(unmask.FileError, match="damaged"):
        unmask.Explanation.load(path)


@pytest.mark.slow
def test_a_file_of_version_0_1_0_still_loads():
    new = unmask.explain("demo", "my scene.png", ["heart", "star"], masks=64)
    path = new.save("made.npz")
    header, arrays = npz.read(
        path, "explanation", 1, lambda said: said, explanation_file.known_arrays()
    )
    old = {
        name: value
        for name, value in header.items()
        if name not in ("kind", "version", "path", "origin", "texts", "input")
    }
    for target in old["targets"]:
        del target["number"], target["pair"], target["request"]
    npz.write(path, "explanation", 1, old, arrays)
    loaded = unmask.Explanation.load(path)
    assert (loaded.path, loaded.origin, loaded.texts) == ("", None, None)
    np.testing.assert_array_equal(loaded.maps, new.maps)
    np.testing.assert_array_equal(unmask.extend(loaded, "demo", masks=64).maps, new.extend(64).maps)
    assert reproduction(loaded).command() == reproduction(new).command()
