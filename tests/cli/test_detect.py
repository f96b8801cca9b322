"""Detectors on the command line: boxes listed, drawn and explained."""

import json
import re

import numpy as np
import pytest
from PIL import Image

from helpers import onnx_models
from helpers.command_line import words
from helpers.places import SHARED

pytest.importorskip("typer")
pytest.importorskip("rich")
pytest.importorskip("onnxruntime")

from typer.testing import CliRunner

import unmask
from unmask import cli
from unmask.targets.box_specs import Surest, parse_boxes

MODEL = SHARED / "models" / "yolox_nano_coco.onnx"
PHOTO = SHARED / "images" / "coco_000000000139.jpg"
QUICK = ("--masks", "64", "--grid", "4")


@pytest.fixture
def run(tmp_path):
    if not (MODEL.is_file() and PHOTO.is_file()):
        pytest.skip("no ../shared/images and ../shared/models")

    def run(command, *options, model=MODEL):
        labels = SHARED / "models" / "coco_labels.txt"
        given = ["--model", model, "--labels", labels, "-o", tmp_path]
        return CliRunner().invoke(cli.app, [command, str(PHOTO), *map(str, given), *options])

    return run


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.slow
@pytest.mark.parametrize("named", [[], ["--detector", "yolox"]])
def test_detect_lists_and_draws(run, tmp_path, named):
    result = run("detect", *named)
    assert result.exit_code == 0, result.output
    assert ("is read as YOLOX (--detector yolox)" in words(result)) == (not named)
    assert re.search(r"0 \w+ 0\.\d{4} \d+ \d+ \d+ \d+", words(result))
    assert names(tmp_path) == [f"{PHOTO.stem}-detections.png"]
    with Image.open(tmp_path / f"{PHOTO.stem}-detections.png") as drawn:
        assert max(drawn.size) == 1200


def test_nothing_found_is_no_error_and_writes_nothing(run, tmp_path):
    result = run("detect", "--threshold", "0.999")
    assert result.exit_code == 0, result.output
    assert "found nothing above confidence 0.999" in words(result)
    assert names(tmp_path) == []


@pytest.mark.slow
def test_explain_writes_a_figure_per_box_and_a_sheet(run, tmp_path):
    hand = "chair:290,218,352,318"
    result = run("explain", *QUICK, "-t", "top:1", "-t", hand)
    assert result.exit_code == 0, result.output
    written = names(tmp_path)
    assert len(written) == 4
    assert f"{PHOTO.stem}-sheet.png" in written
    assert f"{PHOTO.stem}.npz" in written
    assert any(re.fullmatch(rf"{PHOTO.stem}-0-[\w-]+\.png", name) for name in written)
    assert any(name.endswith("-chair.png") for name in written)


@pytest.mark.parametrize("command", ["detect", "explain"])
def test_a_detector_without_a_file(command):
    result = CliRunner().invoke(cli.app, [command, "p.png", "--detector", "yolox"])
    assert result.exit_code == 2
    assert "needs a detector file" in words(result)


def test_a_threshold_without_a_detector():
    result = CliRunner().invoke(cli.app, ["explain", "p.png", "--threshold", "0.5"])
    assert result.exit_code == 2
    assert "--threshold is for a detector" in words(result)


def test_predict_points_to_detect(run):
    result = CliRunner().invoke(cli.app, ["predict", str(PHOTO), "--model", str(MODEL)])
    assert result.exit_code == 2
    assert "which finds boxes: unmask detect PICTURE lists them" in words(result)


def test_a_box_from_text():
    assert parse_boxes("10,20,200,180.5") == (unmask.box((10, 20, 200, 180.5)),)
    assert parse_boxes("dog: 10,20,200,180", ["cat", "dog"]) == (unmask.box((10, 20, 200, 180), 1),)
    assert parse_boxes("top:3") == (Surest(3),)
    with pytest.raises(unmask.TargetError, match="no label 'a,b,c,d'"):
        parse_boxes("a,b,c,d", ["cat", "dog"])


@pytest.fixture
def segments(tmp_path):
    """A detector of one thing with a mask, the left half of its box, known by its metadata."""
    left = np.where(np.arange(24) < 12, 1.0, -1.0) * np.ones((16, 1))
    bases = np.stack([left, *np.zeros((7, 16, 24))])[None].astype(np.float32)
    columns = np.float32([[48], [32], [32], [32], [0.9], [0.1], [1], *[[0]] * 7])[None]
    metadata = {"names": "{0: 'cat', 1: 'dog'}", "task": "segment", "stride": "32"}
    parts = {"output0": columns, "output1": bases}
    path = onnx_models.constants(tmp_path / "seg.onnx", parts, metadata=metadata)
    picture = np.full((64, 96, 3), 120, np.uint8)
    Image.fromarray(picture).save(tmp_path / "p.png")
    return [str(tmp_path / "p.png"), "--model", str(path), "-o", str(tmp_path / "out")]


def test_masks_are_tinted_and_counted(segments, tmp_path):
    result = CliRunner().invoke(cli.app, ["detect", *segments, "--json"])
    assert result.exit_code == 0, result.output
    (found,) = json.loads(result.stdout)["detections"]
    assert found["label"] == "cat"
    assert 400 < found["pixels"] < 600  # of 1,024 in its box
    with Image.open(tmp_path / "out" / "p-detections.png") as drawn:
        pixels = np.asarray(drawn.convert("RGB")).astype(int)
    height, width = pixels.shape[:2]

    def color(x, y):
        return pixels[round(y / 64 * height), round(x / 96 * width)]

    assert abs(color(42, 40) - 120).max() > 20
    assert abs(color(56, 40) - 120).max() <= 2


def test_what_is_compared_is_an_option(segments, tmp_path):
    for options, overlap in (([], "mask"), (["--overlap", "box"], None)):
        result = CliRunner().invoke(cli.app, ["explain", *segments, *QUICK, *options])
        assert result.exit_code == 0, result.output
        kept = unmask.Explanation.load(tmp_path / "out" / "p.npz")
        assert kept.targets[0].overlap == overlap
        (tmp_path / "out" / "p.npz").unlink()
