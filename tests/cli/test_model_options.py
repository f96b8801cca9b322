"""A model's options on the command line: the same for every command, and in its words."""

import numpy as np
import pytest
import typer
from PIL import Image
from typer.testing import CliRunner

from unmask import cli
from unmask.cli.model_options import DECLARED
from unmask.run.wording import in_options, on_page

COMMANDS = typer.main.get_command(cli.app).commands


def ran(*words):
    result = CliRunner().invoke(cli.app, [str(word) for word in words])
    return result.exit_code, " ".join(result.output.split())


@pytest.fixture
def picture(tmp_path):
    y, x = np.mgrid[:40, :60]
    pixels = np.stack([3 + 4 * y, 6 + 3 * x, 246 - 3 * y], axis=-1).clip(0, 255).astype(np.uint8)
    Image.fromarray(pixels).save(tmp_path / "p.png")
    return tmp_path / "p.png"


def test_every_command_with_a_model_has_all_its_options():
    names = {"model_output" if name == "output" else name for name in DECLARED} | {"model"}
    takers = [one for one in COMMANDS.values() if "model" in {p.name for p in one.params}]
    assert len(takers) == 10
    for command in takers:
        assert names <= {p.name for p in command.params}, command.name


def test_free_axes_are_said_by_options(tmp_path, onnx_models, picture):
    path = onnx_models.mean(tmp_path / "m.onnx", ["N", "C", "H", "W"])
    code, text = ran("predict", picture, "-m", path, "--preprocess", "unit")
    assert code == 2
    assert "--layout" in text
    assert "--channels" in text
    options = ("--layout", "NCHW", "--size", "8x10", "--channels", 1, "--preprocess", "unit")
    code, text = ran("predict", picture, "-m", path, *options)
    assert code == 0, text


def test_one_of_several_outputs_is_chosen_by_an_option(tmp_path, onnx_models, picture):
    path = onnx_models.pooled_with_features(tmp_path / "m.onnx")
    code, text = ran("predict", picture, "-m", path, "--preprocess", "unit")
    assert code == 0, text
    assert "--model-output chooses another, of features" in text
    code, text = ran("predict", picture, "-m", path, "--preprocess", "unit", "--model-output", 0)
    assert code == 0, text
    assert "outputs: the first" not in text
    code, text = ran("predict", picture, "-m", path, "--model-output", "logits")
    assert code == 2
    assert "--model-output logits: the outputs of" in text


@pytest.mark.slow
@pytest.mark.parametrize("command", ["predict", "explain", "detect", "converge", "compare"])
def test_what_is_for_a_detector_says_so(command, picture):
    for option, value in (("--threshold", "0.5"), ("--boxes", "xywh")):
        if command == "detect":
            continue
        code, text = ran(command, picture, option, value)
        assert (code, "is for a detector: give one with --model" in text) == (2, True), text
    code, text = ran(command, picture, "--detector", "yolox")
    assert (code, "--detector needs a detector file" in text) == (2, True), text


def test_detect_without_a_decoder_lists_them(picture):
    code, text = ran("detect", picture)
    assert code == 2
    assert "--detector, one of yolox, yolov5, yolov8," in text


def test_a_number_that_is_none_is_no_traceback_in_any_command(tmp_path, picture):
    for command in COMMANDS.values():
        others = ("app", "report", "detect")  # they ask for something else first
        if "mean" not in {p.name for p in command.params} or command.name in others:
            continue
        more = {"batch": ["-o", tmp_path / "out"], "compare-pictures": [picture]}
        code, text = ran(command.name, picture, "--mean", "gray", *more.get(command.name, []))
        assert (code, "--mean gray: expected a number" in text) == (2, True), (command.name, text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("give batch_size=1.", "give --batch-size 1."),
        ("size=(224, 320) or size=", "--size 224x320 or --size"),
        ("use preprocess='raw' (or 'bgr')", "use --preprocess raw (or 'bgr')"),
        ("mean=(1.0, 2.0) is", "--mean 1.0,2.0 is"),
        ("output=1", "--model-output 1"),
        ("masks= and max_masks=: give one", "--masks and --max-masks: give one"),
        ("at=(100, 500): expected", "--at 100,500: expected"),
        ("use target='a red fox'", "use -t 'a red fox'"),
        ("unmask.contrast(a, b) shows it", "--contrast A B shows it"),
        ("give --model FILE, in Python with unmask.load(FILE)", "give --model FILE"),
        ("ask by unmask.region(label)", "ask by --region LABEL"),
        (
            "by unmask.output(name) or unmask.similar_to(picture)",
            "by --value NAME or --similar-to PICTURE",
        ),
        (
            "main_input=NAME, and fixed={NAME: array}",
            "--main-input NAME, and --fixed NAME=FILE.npy",
        ),
        ("link='logit' is cut", "--link logit is cut"),
        ("give processor= or detector='function'", "give processor= or detector='function'"),
        ("https://a.b/c?size=2&grid=3", "https://a.b/c?size=2&grid=3"),
        ("a == b, keep==1, f(grid=3)", "a == b, keep==1, f(grid=3)"),
    ],
)
def test_arguments_become_options(text, expected):
    assert in_options(text) == expected
    assert in_options(expected) == expected


def test_the_page_names_its_own_fields():
    assert (
        on_page("keep=0.3, max_masks=9, preprocess='tf'")
        == "keep 0.3, max masks 9, --preprocess tf"
    )
