"""--json: one object on standard output and nothing else; --quiet: nothing but errors."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import unmask
from helpers.pictures import small
from helpers.places import SHARED

pytest.importorskip("typer")
pytest.importorskip("rich")
pytest.importorskip("onnxruntime")

from helpers.command_line import found, ran
from unmask.cli.results import Results

QUICK = ("-n", "128", "--grid", "3")


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    small().save("p.png")


def test_predict():
    one = found("predict", "p.png", "--top", "3")
    wanted = unmask.predict("demo", "p.png", 3)
    assert one["predictions"] == [
        {"index": best.index, "label": best.label, "score": best.score} for best in wanted
    ]
    assert one["picture"] == "p.png"
    assert one["written"] == []


@pytest.mark.slow
def test_explain():
    one = found("explain", "p.png", *QUICK, "-t", "heart", "--contrast", "star", "4")
    made = unmask.Explanation.load("unmask-output/p.npz")
    assert [target["label"] for target in one["targets"]] == ["heart", "star − heart"]
    assert [target["target"] for target in one["targets"]] == ["4", "contrast:0-4"]
    assert [target["reliability"] for target in one["targets"]] == list(made.reliabilities)
    assert [target["score"] for target in one["targets"]] == [t.score for t in made.targets]
    assert one["settings"]["grid"] == [3, 3]
    assert (one["masks"], one["complete"]) == (128, True)
    assert {Path(path).suffix for path in one["written"]} == {".png", ".npz"}


@pytest.mark.slow
def test_merge_converge_and_report():
    for part in ("1/2", "2/2"):
        ran("explain", "p.png", "-n", "96", "--grid", "3", "--shard", part, "-o", part[0], "-q")
    one = found("merge", "1/p.npz", "2/p.npz")
    assert (one["masks"], one["stopped"]) == (96, "merged from 2")
    one = found("converge", "unmask-output/merged.npz", "--at", "24,96")
    assert [row["masks"] for row in one["snapshots"]] == [24, 96]
    assert one["snapshots"][1]["measured_error"] is None  # NaN, which JSON does not have
    assert one["snapshots"][1]["reliability"] > 0
    one = found("report", "unmask-output/merged.npz")
    assert (one["explanations"], one["written"]) == (1, ["report.html"])


@pytest.mark.slow
def test_compare():
    names = ["unmask,masks=128,grid=3", "occlusion,masks=16"]
    one = found("compare", "p.png", "-e", names[0], "-e", names[1], "-t", "heart")
    assert [row["explainer"] for row in one["explainers"]] == names
    assert [row["title"] for row in one["explainers"]] == [
        "unmask (adaptive, 128 masks, grid 3)",
        "occlusion (16 places)",
    ]
    assert one["explainers"][0]["deletion"] < 0.5 < one["explainers"][0]["insertion"]
    assert one["target"]["label"] == "heart"


@pytest.mark.slow
def test_evaluate():
    pytest.importorskip("pyarrow")
    Path("broken.png").write_bytes(b"no")
    metric = ("--metric", "deletion", "-e", "unmask,masks=128,grid=3")
    one = found("evaluate", "p.png", "broken.png", *metric)
    (row,) = one["metrics"]
    assert (row["metric"], row["better"], row["pictures"]) == ("deletion", "less", 1)
    assert 0 <= row["mean"] <= 1
    assert row["low"] is None  # of one picture nothing is known
    assert [failed["picture"] for failed in one["failed"]] == ["broken.png"]
    assert one["pictures"] == 2


@pytest.mark.slow
def test_detect():
    photo = SHARED / "images" / "coco_000000000785.jpg"
    model = SHARED / "models" / "yolox_nano_coco.onnx"
    if not (model.is_file() and photo.is_file()):
        pytest.skip("no ../shared/images and ../shared/models")
    options = ("-m", model, "--detector", "yolox", "--preprocess", "bgr")
    one = found("detect", photo, *options)
    assert [box["number"] for box in one["detections"]] == [0, 1]
    assert all(0.3 <= box["confidence"] <= 1 for box in one["detections"])
    made = found("explain", photo, *options, "-n", "32", "--grid", "4", "-t", "1")
    assert made["detections"] == one["detections"]
    (target,) = made["targets"]
    assert (target["number"], target["target"]) == (1, "1")
    assert target["box"] == one["detections"][1]["box"]
    assert any("-1-" in Path(path).name for path in made["written"])


# --- errors


def test_an_error_is_as_without_and_leaves_standard_output_empty():
    for more in ((), ("--json",), ("--quiet",), ("--json", "--quiet")):
        result = ran("predict", "gone.png", *more, status=2)
        assert result.stdout == ""
        assert "gone.png: no such file" in result.stderr
        assert len(result.stderr.strip().splitlines()) == 1


def test_notes_are_in_the_object_and_go_to_standard_error():
    Image.fromarray(np.zeros((12, 20, 3), np.uint8)).save("dark.png")
    result = ran("predict", "dark.png", "--json")
    note, *_ = notes = json.loads(result.stdout)["notes"]
    assert [f"Note: {one}" for one in notes] == result.stderr.strip().splitlines()
    assert "--model FILE" in note
    assert "unmask.load" not in note


@pytest.mark.slow
def test_what_an_explainer_prints_is_not_among_the_results():
    code = "def flat(model, image, target):\n    print('hello')\n    return image[:, :, 0] * 1.0\n"
    Path("chatty.py").write_text(code)
    result = ran("compare", "p.png", "-e", "chatty:flat", "--json")
    assert json.loads(result.stdout)["explainers"][0]["title"] == "chatty:flat"
    assert "hello" in result.stderr


def test_a_model_that_fails_midway_still_has_results(onnx_models):
    weights = np.full((3 * 6 * 9, 2), 3e38 / (3 * 6 * 9 * 0.4), np.float32)
    onnx_models.linear("huge.onnx", weights, size=(6, 9), metadata={"unmask.preprocess": "unit"})
    Image.fromarray(np.zeros((12, 20, 3), np.uint8)).save("dark.png")
    options = ("-m", "huge.onnx", "-n", "4000", "--grid", "3", "--fill", "white")
    result = ran("explain", "dark.png", *options, "--json", status=2)
    assert result.stdout == ""  # not one mask was scored
    assert "not finite" in result.stderr


def test_quiet_writes_the_files_and_says_nothing():
    result = ran("explain", "p.png", "-n", "9", "--grid", "3", "-q")  # so few masks are noted
    assert result.output == ""
    assert Path("unmask-output/p.npz").is_file()
    assert unmask.Explanation.load("unmask-output/p.npz").notes


def test_numbers_that_are_none_are_null():
    results = Results(json=True)
    results.add(a=np.float32(0.5), b=np.inf, c=(np.nan, 2), d=Path("x"), e={"f": np.int64(3)})
    assert json.loads(results.text(1.0))["b"] is None
    assert json.loads(results.text(1.0))["c"] == [None, 2]
    assert json.loads(results.text(1.0))["e"] == {"f": 3}


def test_labels_are_spelled_in_ascii(tmp_path):
    (tmp_path / "labels.txt").write_text("\n".join(f"狐\x1b[2J{i}" for i in range(8)), "utf-8")
    result = ran("predict", "p.png", "--labels", tmp_path / "labels.txt", "--json")
    assert result.stdout.isascii()
    assert "\x1b" not in result.stdout
    assert json.loads(result.stdout)["predictions"][0]["label"].startswith("狐\x1b[2J")
