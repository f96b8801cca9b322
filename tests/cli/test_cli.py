"""The command line: what it prints, what it writes, and how it ends."""

import os
import re
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from PIL import Image

import unmask
from helpers.command_line import ANSI, running, words
from helpers.places import SHARED
from unmask import demo
from unmask.draw.canvas import pixels

pytest.importorskip("typer")
pytest.importorskip("rich")
pytest.importorskip("onnxruntime")

from typer.testing import CliRunner

from unmask import cli

LABELS = ("red fox, Vulpes vulpes", "gray wolf", "hare [brown]")
# A class for each third of the width: its brightness, in [0, 1] with preprocess "unit".
SIZE = (6, 9)
QUICK = ("--masks", "48", "--grid", "3")  # two blocks of 24


def thirds():
    weights = np.zeros((3, *SIZE, 3), np.float32)
    for k in range(3):
        weights[:, :, 3 * k : 3 * k + 3, k] = 1 / (3 * 6 * 3)
    return weights.reshape(-1, 3)


@pytest.fixture
def files(tmp_path, onnx_models, picture):
    """A folder with a picture, a model and its labels."""
    metadata = {"unmask.preprocess": "unit", "unmask.labels": "\n".join(LABELS)}
    onnx_models.linear(tmp_path / "model.onnx", thirds(), size=SIZE, metadata=metadata)
    bright = picture // 2
    bright[:, 14:] = 240
    Image.fromarray(bright).save(tmp_path / "p.png")
    return tmp_path


@pytest.fixture
def run(files):
    """Run the command in this process; `PICTURE`, `MODEL`, `OUT` stand for the paths."""

    def run(command, picture="p.png", *options, model="model.onnx", output="out"):
        arguments = [command, str(files / picture), *options, "--model", str(files / model)]
        if command == "explain":
            arguments += ["--output", str(files / output)]
        return CliRunner().invoke(cli.app, arguments)

    return run


def assert_refused(result, says):
    assert "Traceback" not in result.output
    assert result.exit_code == 2, result.output
    assert not isinstance(result.exception, Exception), result.exception
    assert re.search(says, words(result)), words(result)


def command(*arguments, **options):
    return subprocess.run(
        [sys.executable, "-m", "unmask", *map(str, arguments)],
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        **options,
    )


# --- what it writes ---


@pytest.mark.slow
def test_explain_writes_a_figure_and_the_maps_and_says_where(run, files):
    result = run("explain", "p.png", *QUICK)
    assert result.exit_code == 0, result.output
    written = sorted(path.name for path in (files / "out").iterdir())
    assert written == ["p-hare-brown.png", "p.npz"]
    for name in written:
        assert str(files / "out" / name) in result.output
    e = unmask.Explanation.load(files / "out" / "p.npz")
    assert e.complete
    assert e.masks == 48
    assert e.map.shape == (12, 20)
    assert [target.label for target in e.targets] == [LABELS[2]]
    assert e.image == "p.png"
    with Image.open(files / "out" / "p-hare-brown.png") as figure:
        assert figure.width > 3 * 20
        np.testing.assert_array_equal(np.asarray(figure), pixels(e.plot()))
    row = re.search(r"hare \[brown\] (\d\.\d+) (\d\.\d+) Reliability is", words(result))
    assert float(row[1]) == pytest.approx(e.targets[0].score, abs=1e-4)
    assert float(row[2]) == pytest.approx(e.reliability, abs=0.01)
    assert "48/48" in words(result)


def test_predictions_are_best_first_and_brackets_are_no_markup(run):
    text = words(run("predict"))
    assert text.startswith("model.onnx says 2 hare [brown]")
    scores = [float(score) for score in re.findall(r"\d\.\d{4}", text)]
    assert len(scores) == 3
    assert scores == sorted(scores, reverse=True)
    assert scores[0] == pytest.approx(240 / 255, abs=0.1)
    for index, label in enumerate(LABELS):
        assert f"{index} {label.split(',')[0]}" in text


def test_top_limits_the_predictions(run):
    text = words(run("predict", "p.png", "--top", "1"))
    assert LABELS[2] in text
    assert "red fox" not in text
    assert_refused(run("predict", "p.png", "--top", "0"), "--top")


def test_the_same_as_from_python(run, files):
    options = {
        "masks": 60,
        "grid": (2, 4),
        "keep": 0.25,
        "seed": 9,
        "fill": (10.0, 20.0, 30.0),
        "design": "random",
        "estimator": "coverage",
        "batch_size": 7,
    }
    result = run(
        "explain",
        "p.png",
        *("--masks", "60", "--grid", "2x4", "--keep", "0.25", "--seed", "9"),
        *("--fill", "10,20,30", "--design", "random", "--estimator", "coverage"),
        *("--batch-size", "7", "--target", "gray_WOLF", "--target", "0"),
    )
    assert result.exit_code == 0, result.output
    written = unmask.Explanation.load(files / "out" / "p.npz")
    with pytest.warns(unmask.UnmaskWarning, match="one block"):
        e = unmask.explain(files / "model.onnx", files / "p.png", ["gray wolf", 0], **options)
    np.testing.assert_array_equal(written.maps, e.maps)
    assert written.plan == e.plan
    assert written.targets == e.targets


@pytest.mark.slow
def test_each_target_has_a_figure_of_its_own(run, files):
    result = run("explain", "p.png", *QUICK, "-t", "top:2", "-t", "red fox", "-t", "2")
    assert result.exit_code == 0, result.output
    names = {path.name for path in (files / "out").glob("*.png")}
    assert names == {"p-hare-brown.png", "p-gray-wolf.png", "p-red-fox.png"}
    e = unmask.Explanation.load(files / "out" / "p.npz")
    assert [target.index for target in e.targets] == [2, 1, 0]
    for number, name in enumerate(("p-hare-brown.png", "p-gray-wolf.png", "p-red-fox.png")):
        with Image.open(files / "out" / name) as figure:
            np.testing.assert_array_equal(np.asarray(figure), pixels(e.plot(number)))


@pytest.mark.slow
@pytest.mark.parametrize(
    "labels",
    [
        ("crane", "crane", "heron"),
        ("maillot", "maillot, tank suit", "heron"),
        ("Cardigan, Cardigan Welsh corgi", "cardigan", "heron"),
    ],
)
def test_targets_of_one_name_do_not_overwrite_each_other(run, files, labels):
    (files / "labels.txt").write_text("\n".join(labels))
    options = ("--labels", str(files / "labels.txt"))
    result = run("explain", "p.png", *QUICK, *options, "-t", "0", "-t", "1")
    assert result.exit_code == 0, result.output
    figures = list((files / "out").glob("*.png"))
    assert len(figures) == 2
    assert all(str(figure) in result.output for figure in figures)


@pytest.mark.slow
def test_labels_that_are_no_file_names_still_get_files(run, files):
    (files / "labels.txt").write_text("../../etc/passwd\n???\nÄÖ/ü: 2\n", "utf-8")
    result = run("explain", "p.png", *QUICK, "--labels", str(files / "labels.txt"), "-t", "top:3")
    assert result.exit_code == 0, result.output
    names = {path.name for path in (files / "out").glob("*.png")}
    assert names == {"p-etc-passwd.png", "p-class-1.png", "p-äö-ü-2.png"}


def test_the_output_folder_is_made(run, files):
    assert run("explain", "p.png", *QUICK, output="a/b/c").exit_code == 0
    assert (files / "a" / "b" / "c" / "p.npz").is_file()


@pytest.mark.parametrize(
    "arguments",
    [
        ("explain", "gone.png"),
        ("explain", "p.png", "-t", "no such class"),
        ("compare", "gone.png"),
        ("compare-pictures", "p.png", "gone.png"),
        ("converge", "gone.png"),
        ("detect", "gone.png"),
        ("evaluate", "empty"),
        ("merge", "gone.npz"),
    ],
    ids=" ".join,
)
def test_an_error_before_the_masks_leaves_no_folder(files, monkeypatch, arguments):
    (files / "empty").mkdir()
    monkeypatch.chdir(files)
    before = sorted(path.name for path in files.iterdir())
    options = [] if arguments[0] == "merge" else ["--model", "model.onnx"]
    assert_refused(CliRunner().invoke(cli.app, [*arguments, *options]), "Error")
    assert sorted(path.name for path in files.iterdir()) == before


def test_declarations_reach_the_model(run, files, onnx_models):
    onnx_models.linear(files / "free.onnx", np.eye(3))
    with Image.open(files / "p.png") as image:
        color = np.asarray(image.convert("RGB"), float).mean(axis=(0, 1))
    options = ("--mean", "0.5,0.25,0", "--std", "0.5", "--activation", "logits")
    text = words(run("predict", "p.png", *options, model="free.onnx"))
    wanted = sorted((color / 255 - [0.5, 0.25, 0]) / 0.5, reverse=True)
    scores = [float(score) for score in re.findall(r"-?\d\.\d{4}", text)]
    np.testing.assert_allclose(scores, wanted, atol=1e-4)
    assert "Note" not in text
    text = words(run("predict", "p.png", "--activation", "softmax", model="free.onnx"))
    assert "Note: free.onnx does not say how pixels are scaled" in text
    assert sum(float(score) for score in re.findall(r"\d\.\d{4}", text)) == pytest.approx(
        1, abs=1e-3
    )
    result = run(
        "explain",
        "p.png",
        *(*QUICK, "--preprocess", "unit", "--size", "8x30", "--resize", "letterbox"),
        model="free.onnx",
    )
    e = unmask.Explanation.load(files / "out" / "p.npz")
    assert result.exit_code == 0, result.output
    assert e.plan.masks.shape == (8, 30)
    assert e.frame.mode == "letterbox"
    assert e.map.shape == (12, 20)


def test_notes_are_printed_once(run, files, onnx_models):
    onnx_models.linear(files / "bare.onnx", thirds() * 3, size=SIZE)
    for command_name, options in (("explain", QUICK), ("predict", ())):
        text = words(run(command_name, "p.png", *options, model="bare.onnx"))
        assert text.count("does not say how pixels are scaled") == 1
        assert text.count("look like logits") == 1


def test_a_flat_map_is_noted_and_drawn(run, files, onnx_models):
    metadata = {"unmask.preprocess": "unit"}
    onnx_models.linear(
        files / "flat.onnx", thirds() * 0, bias=[0.5, 0.2, 0.3], size=SIZE, metadata=metadata
    )
    result = run("explain", "p.png", *QUICK, model="flat.onnx")
    assert result.exit_code == 0, result.output
    assert "the map is flat" in words(result)
    e = unmask.Explanation.load(files / "out" / "p.npz")
    np.testing.assert_allclose(e.map, 0.5, atol=1e-6)
    assert (files / "out" / "p-class-0.png").is_file()


@pytest.mark.slow
def test_the_default_model_explains_a_picture_of_its_own(tmp_path):
    if not demo.MODEL.is_file():
        pytest.skip("the embedded model has not been trained yet")
    picture = next(iter(demo.pictures().values()))
    result = CliRunner().invoke(
        cli.app, ["explain", str(picture), "--masks", "256", "-o", str(tmp_path)]
    )
    assert result.exit_code == 0, result.output
    [best] = unmask.predict("demo", picture, top=1)
    assert best.label in demo.LABELS
    assert words(result).startswith(f"unmask demo says {best.index} {best.label}")
    e = unmask.Explanation.load(tmp_path / f"{picture.stem}.npz")
    with Image.open(picture) as image:
        assert e.map.shape == image.size[::-1]
    assert (tmp_path / f"{picture.stem}-{best.label}.png").is_file()


# --- help ---


def test_help_for_the_app_and_both_commands():
    for arguments, wanted in (
        (["--help"], ["explain", "predict", "Show which parts", "List the model's best"]),
        ([], ["explain", "predict"]),
        (
            ["explain", "--help"],
            ["PICTURE", "--model", "--target", "--masks", "--grid", "--keep", "--fill", "top:3"],
        ),
        (["predict", "--help"], ["PICTURE", "--model", "--labels", "--preprocess", "--top"]),
    ):
        result = CliRunner().invoke(cli.app, arguments)
        assert result.exit_code == (0 if arguments else 2)
        for word in wanted:
            assert word in words(result)


def test_every_option_has_help():
    from typer.main import get_command

    for name, one in get_command(cli.app).commands.items():
        for parameter in one.params:
            assert parameter.help, (name, parameter.name)


def test_version():
    result = CliRunner().invoke(cli.app, ["--version"])
    assert result.exit_code == 0
    assert result.output == f"unmask {unmask.__version__}\n"


# --- what it refuses ---


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--target", "reed fox"), "no label 'reed fox'. The nearest: red fox"),
        (("--target", "3"), "from 0 to 2"),
        (("--target", "top:4"), "top:1 to top:3"),
        (("--target", "0", "--target", "x"), "no label 'x'"),
        (("--target", "²"), "²"),
        (("--keep", "0"), "between 0 and 1"),
        (("--keep", "1"), "between 0 and 1"),
        (("--keep", "-0.1"), "between 0 and 1"),
        (("--keep", "nan"), "between 0 and 1"),
        (("--keep", "half"), "--keep"),
        (("--grid", "7"), "finer than the input of 6 x 9"),
        (("--grid", "3x10"), "finer than the input of 6 x 9"),
        (("--grid", "0"), "at least 1 cell"),
        (("--grid", "-3"), "at least 1 cell"),
        (("--grid", "eight"), "--grid eight: expected a whole number"),
        (("--grid", "2.5"), "--grid 2.5"),
        (("--grid", "3x3x3"), "--grid 3x3x3"),
        (("--grid", ""), "--grid"),
        (("--grid", "x"), "--grid x"),
        (("--masks", "0"), "--masks 0: "),
        (("--masks", "-5"), "--masks -5: "),
        (("--masks", "ten"), "--masks"),
        (("--fill", "nothing"), "--fill nothing: "),
        (("--fill", "1,2"), "fill"),
        (("--fill", "1,2,300"), "0 to 255"),
        (("--fill", "a,b,c"), "fill"),
        (("--fill", ""), "fill"),
        (("--seed", "-1"), "--seed -1: "),
        (("--seed", str(2**64)), "--seed 1844"),
        (("--design", "hexagonal"), "--design"),
        (("--estimator", "magic"), "--estimator"),
        (("--batch-size", "0"), "--batch-size 0: "),
        (("--opacity", "2"), "opacity"),
        (("--opacity", "nan"), "opacity"),
        (("--cmap", "rainbow"), "--cmap"),
        (("--preprocess", "imagenet"), "--preprocess"),
        (("--mean", "a"), "--mean a"),
        (("--mean", "1,2"), "one per channel"),
        (("--std", "0"), "positive"),
        (("--size", "9x6"), "takes"),
        (("--size", "big"), "--size big"),
        (("--resize", "zoom"), "--resize"),
        (("--labels", "no/such/file.txt"), "cannot read labels from no/such/file.txt"),
        (("--labels", "imagenet"), "1000 labels for a model of 3 classes"),
        (("--nonsense",), "--nonsense"),
    ],
)
def test_a_bad_option_ends_with_a_clear_error(run, files, options, says):
    assert_refused(run("explain", "p.png", *QUICK, *options), says)
    assert not list(files.rglob("*.npz"))


@pytest.mark.parametrize("size", ["8", "0x8", "-8x8"])
def test_a_bad_size_for_a_model_of_any_size(run, files, onnx_models, size):
    onnx_models.linear(files / "free.onnx", np.eye(3), metadata={"unmask.preprocess": "unit"})
    assert_refused(run("predict", "p.png", "--size", size, model="free.onnx"), "size|height")


@pytest.mark.slow
@pytest.mark.parametrize("command_name", ["explain", "predict"])
def test_a_bad_picture_ends_with_a_clear_error(run, files, command_name):
    whole = (files / "p.png").read_bytes()
    (files / "cut.png").write_bytes(whole[: len(whole) * 2 // 3])
    Image.open(files / "p.png").convert("RGB").resize((200, 120)).save(files / "whole.jpg")
    jpeg = (files / "whole.jpg").read_bytes()
    (files / "cut.jpg").write_bytes(jpeg[: len(jpeg) // 2])
    (files / "text.png").write_text("a fox")
    (files / "empty.png").write_bytes(b"")
    for name, says in (
        ("gone.png", r"gone\.png: no such file"),
        ("P.png", r"did you mean p\.png"),
        ("cut.png", r"cut\.png: broken or cut short"),
        ("cut.jpg", r"cut\.jpg: broken or cut short"),
        ("text.png", r"text\.png: not a picture"),
        ("empty.png", r"empty\.png: the file is empty"),
        (".", "this is a folder"),
    ):
        assert_refused(run(command_name, name), says)
    assert not list(files.rglob("*.npz"))


def test_a_decompression_bomb_is_refused(run, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    for command_name in ("explain", "predict"):
        assert_refused(run(command_name), "240 pixels, and at most 100 are read")


@pytest.mark.parametrize("command_name", ["explain", "predict"])
def test_a_wrong_model_file_ends_with_a_clear_error(run, files, command_name):
    (files / "text.onnx").write_text("not a model\n")
    (files / "weights.pt").write_bytes(b"PK")
    for model, says in (
        ("text.onnx", "not a model that ONNX Runtime can load"),
        ("gone.onnx", "no model file at"),
        (
            "weights.pt",
            r"need their architecture.*unmask\.load\(module, weights='.*weights\.pt'\);.*--weights",
        ),
        (".", "expected an .onnx file.* or .demo."),
    ):
        assert_refused(run(command_name, model=model), says)


def test_a_file_in_the_way_of_the_output_folder(run, files):
    (files / "out").write_text("in the way")
    assert_refused(run("explain", "p.png", *QUICK), "cannot make the folder .*out: File exists")
    (files / "deep").write_text("in the way")
    assert_refused(run("explain", "p.png", *QUICK, output="deep/er"), "cannot make the folder")


def test_a_folder_in_the_way_of_a_file(run, files):
    (files / "out" / "p.npz").mkdir(parents=True)
    assert_refused(run("explain", "p.png", *QUICK), r"cannot write .*p\.npz")
    assert not list((files / "out").glob(".*"))


def test_a_missing_argument_and_an_unknown_command():
    for arguments in (["explain"], ["predict"], ["explode", "p.png"]):
        result = CliRunner().invoke(cli.app, arguments)
        assert result.exit_code == 2
        assert "Traceback" not in result.output


def test_a_model_that_returns_nan_keeps_the_maps_so_far(run, files, onnx_models):
    # 2^127 where the picture is whole, and beyond float32 where a mask lets the fill in.
    metadata = {"unmask.preprocess": "unit"}
    weights = np.full((3 * 6 * 9, 2), 3e38 / (3 * 6 * 9 * 0.4), np.float32)
    onnx_models.linear(files / "huge.onnx", weights, size=SIZE, metadata=metadata)
    Image.fromarray(np.zeros((12, 20, 3), np.uint8)).save(files / "dark.png")
    result = run("explain", "dark.png", *QUICK, "--fill", "white", model="huge.onnx")
    assert_refused(result, r"not finite, first for input \d+ of a batch of shape \(32, 2\)")
    assert "masks 0 to 31" in words(result)


# --- as a program ---


@pytest.mark.slow
def test_the_program_explains_and_predicts(files):
    first = command("predict", "p.png", "-m", "model.onnx", cwd=files)
    assert first.returncode == 0, first.stderr
    assert "hare [brown]" in first.stdout
    result = command("explain", "p.png", "-m", "model.onnx", *QUICK, cwd=files)
    assert result.returncode == 0, result.stderr
    assert result.stderr.count("no more than one block") == 1
    assert "unmask-output/p.npz" in result.stdout
    e = unmask.Explanation.load(files / "unmask-output" / "p.npz")
    np.testing.assert_array_equal(
        e.map, unmask.explain(files / "model.onnx", files / "p.png", masks=48, grid=3).map
    )
    assert (files / "unmask-output" / "p-hare-brown.png").is_file()


@pytest.mark.slow
def test_the_program_ends_with_status_2_and_no_traceback(files):
    result = command("explain", "gone.png", "-m", "model.onnx", cwd=files)
    assert result.returncode == 2
    assert "gone.png: no such file" in " ".join(result.stderr.split())
    assert "Traceback" not in result.stdout + result.stderr
    with running(cwd=files) as run:
        for arguments, says in (
            (("explain", "p.png", "-m", "model.onnx", *QUICK, "-t", "fux"), "no label 'fux'"),
            (("predict", "p.png", "-m", "p.png"), "expected an .onnx file"),
            (("explain", "p.png", "-m", "model.onnx", *QUICK, "--keep", "2"), "between 0 and 1"),
        ):
            status, said = run(*arguments)
            assert status == 2
            assert says in " ".join(said.split())
            assert "Traceback" not in said


@pytest.mark.slow
@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_output_that_knows_few_letters(files, encoding):
    (files / "labels.txt").write_text("żubr\nкот\n狐\n", "utf-8")
    arguments = ("p.png", "-m", "model.onnx", "--labels", "labels.txt")
    with running(cwd=files, env={**os.environ, "PYTHONIOENCODING": encoding}) as run:
        for options in (("predict", *arguments), ("explain", *arguments, *QUICK)):
            status, said = run(*options)
            assert "Traceback" not in said
            assert status == 0, said
            assert re.search(r" #+-?\.* +0\.\d{4}", said)  # bars are seen for what they are
    assert (files / "unmask-output" / "p-狐.png").is_file()


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="no SIGINT to another process")
def test_ctrl_c_saves_the_map_so_far(tmp_path, onnx_models, picture):
    onnx_models.slow(tmp_path / "slow.onnx", (12, 20), rounds=40)
    Image.fromarray(picture).save(tmp_path / "p.png")
    wanted = 10**6
    log = tmp_path / "log.txt"
    started = [sys.executable, "-m", "unmask", "explain", "p.png", "-m", "slow.onnx", "-o", "out"]
    started += ["--masks", str(wanted), "--grid", "3", "--target", "0"]
    with log.open("wb") as file:
        process = subprocess.Popen(started, cwd=tmp_path, stdout=file, stderr=subprocess.STDOUT)
        try:
            # The model's predictions are printed before the first masks.
            until = time.monotonic() + 30
            while b"class 0" not in log.read_bytes() and time.monotonic() < until:
                assert process.poll() is None, log.read_text()
                time.sleep(0.05)
            time.sleep(1)
            process.send_signal(signal.SIGINT)
            status = process.wait(timeout=30)
        finally:
            process.kill()
            process.wait()
    text = " ".join(ANSI.sub("", log.read_text("utf-8")).split())
    assert status == 130, text
    assert "Traceback" not in text
    e = unmask.Explanation.load(tmp_path / "out" / "p.npz")
    assert not e.complete
    assert 0 < e.masks < wanted
    assert e.plan.count == wanted
    assert e.map.shape == (12, 20)
    assert np.isfinite(e.map).all()
    assert f"Incomplete: {e.masks:,} of {wanted:,} masks" in text
    assert "p.npz" in text
    # What is there is what a run of that many masks would have given.
    again = unmask.explain(
        tmp_path / "slow.onnx", tmp_path / "p.png", 0, masks=e.plan.batch_size * 3, grid=3
    )
    np.testing.assert_allclose(e.estimate.scores[: again.masks], again.estimate.scores, atol=1e-6)


def test_ctrl_c_before_the_first_masks(run, monkeypatch, files):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(unmask.models.Model, "__call__", interrupted)
    for command_name, options in (("explain", QUICK), ("predict", ())):
        result = run(command_name, "p.png", *options)
        assert result.exit_code == 130
        assert "Traceback" not in result.output
    assert not list(files.rglob("*.npz"))


def test_shared_photograph_from_the_command_line():
    photo = SHARED / "images" / "imagenet_African_elephant.jpg"
    model = SHARED / "models" / "mobilenet_v2_imagenet.onnx"
    if not (photo.is_file() and model.is_file()):
        pytest.skip("no ../shared/images and ../shared/models")
    options = ["-m", str(model), "--labels", "imagenet", "--preprocess", "tf"]
    result = CliRunner().invoke(cli.app, ["predict", str(photo), *options])
    assert result.exit_code == 0, result.output
    assert words(result).startswith("mobilenet_v2_imagenet.onnx says 387 African elephant")
