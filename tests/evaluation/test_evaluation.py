"""Explainers behind one signature, evaluation, results on disk, and the two commands."""

import csv
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import unmask
from helpers.reading import prepare
from unmask import demo, evaluation
from unmask.draw import canvas
from unmask.errors import FileError, ModelError, SettingError
from unmask.evaluation import explainers, figures, metrics
from unmask.evaluation.comparing import Panel
from unmask.evaluation.occlusion import occlude
from unmask.evaluation.table import EvaluationTable
from unmask.inputs import images
from unmask.models import randomize

pytest.importorskip("onnxruntime")

QUICK = "unmask,masks=256,grid=4"


def middle(model, image, target, *, seed=0):
    """An explainer that knows nothing: a bump in the middle, at the picture's size."""
    # An array in the model's space has its channels first.
    height, width = image.shape[:2] if image.dtype == np.uint8 else image.shape[1:]
    y, x = np.indices((height, width))
    noise = np.random.default_rng([seed, target]).random((height, width))
    return noise - np.hypot(y - height / 2, x - width / 2)


@pytest.fixture
def pictures(tmp_path):
    """Two demo scenes that are not square, and a file that is no picture."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number in range(2):
        one = demo.scene(number, 11, size=(80, 120), objects=(1, 1))
        Image.fromarray(one.picture).save(folder / f"{number}.png")
    (folder / "broken.jpg").write_bytes(b"not a picture")
    return folder


@pytest.mark.slow
def test_the_presets_are_what_explain_gives(pictures):
    model = unmask.load("demo")
    picture = images.read(pictures / "0.png")
    ours = explainers.find("unmask,masks=256,grid=4")(model, picture, 2, seed=3)
    made = unmask.explain(model, picture, 2, masks=256, grid=4, seed=3)
    np.testing.assert_array_equal(ours.model_maps, made.model_maps)
    paper = explainers.find("rise")(model, picture, 2, masks=128, seed=3)
    made = unmask.explain(model, picture, 2, masks=128, seed=3, design="random", estimator="paper")
    np.testing.assert_array_equal(paper.model_maps, made.model_maps)


@pytest.mark.parametrize(
    ("wanted", "says"),
    [
        ("rize", r"'rize': expected one of unmask, order, rise, occlusion"),
        ("unmask,grids=8", "no setting 'grids'"),
        ("occlusion,seed=8", "no setting 'seed'"),
        ("unmask,grid", "'grid' is no setting such as grid=16"),
        ("no_such_module:map", "cannot be imported"),
        ("numpy:pi", "no function"),
        (7, "a int: expected a function"),
    ],
)
def test_explainers_that_are_none_are_refused(wanted, says):
    with pytest.raises(SettingError, match=says):
        explainers.find(wanted)


def test_a_function_anywhere_is_an_explainer():
    assert explainers.find("numpy:zeros") is np.zeros
    assert explainers.find(middle) is middle
    assert explainers.takes_seed(middle)


def test_a_function_in_the_folder_of_the_command_is_an_explainer(tmp_path, monkeypatch):
    (tmp_path / "beside_the_command.py").write_text("def flat(model, image, target): ...\n")
    monkeypatch.chdir(tmp_path)
    # As the installed command has it: its own folder comes first, and not the one at hand.
    monkeypatch.setattr(sys, "path", [path for path in sys.path if path not in ("", str(tmp_path))])
    assert explainers.find("beside_the_command:flat").__name__ == "flat"


def test_occlusion_by_hand():
    image = np.ones((6, 9, 2), np.float32)
    weights = np.zeros((6, 9, 2), np.float32)
    weights[1, 7] = 1, 2
    case = metrics.case(
        lambda batch: (batch * weights).sum(axis=(1, 2, 3)), image, preprocess="raw"
    )
    # Squares of one pixel at every place: each pixel's own contribution.
    values = occlude(case, masks=81, side=0.1, fill=np.zeros((1, 1, 1)))
    expected = np.zeros((6, 9))
    expected[1, 7] = 3
    np.testing.assert_allclose(values, expected)
    with pytest.raises(SettingError, match="side=1"):
        occlude(case, side=1)


def test_occlusion_keeps_to_its_budget(pictures):
    model = unmask.load("demo")
    calls = []

    def run(batch):
        calls.append(len(batch))
        return model.run(batch)

    counted = unmask.load(run, layout=model.input.layout, size=model.input.size, preprocess="raw")
    case = metrics.case(counted, images.read(pictures / "0.png"), 1)
    occlude(case, masks=50)
    assert sum(calls) == 1 + 7 * 7


@pytest.mark.slow
def test_a_map_that_knows_beats_one_that_does_not(pictures):
    paths = [pictures / "0.png", pictures / "1.png"]
    ours = evaluation.summarize(evaluation.evaluate("demo", paths, QUICK))
    blind = evaluation.summarize(evaluation.evaluate("demo", paths, middle))
    assert ours["insertion"].value > blind["insertion"].value
    assert ours["deletion"].value < blind["deletion"].value


@pytest.mark.slow
def test_rows_hold_what_the_metrics_give(pictures):
    path = pictures / "1.png"
    scene = demo.scene(1, 11, size=(80, 120), objects=(1, 1))
    kind = int(scene.kinds[0])
    [row] = evaluation.evaluate(
        "demo",
        [path],
        middle,
        target=kind,
        wanted=list(metrics.METRICS),
        evidence={"1.png": scene.evidence[kind]},
        randomized=unmask.load("demo", name="other"),
    )
    picture = images.read(path)
    values = middle(None, picture, kind)
    case = metrics.case("demo", picture, kind)
    assert row.error == ""
    assert (row.index, row.label) == (kind, demo.LABELS[kind])
    assert row.values["deletion"] == metrics.deletion(case, values).area
    assert row.values["insertion"] == metrics.insertion(case, values).area
    assert row.values["energy"] == metrics.energy_inside(values, scene.evidence[kind])
    for name, far in (("pointing", 15), ("pointing_exact", 0)):
        hit = metrics.pointing_game(values, scene.evidence[kind], tolerance=far)
        assert row.values[name] == hit
    small = case.at_model_size(values)
    again = case.at_model_size(middle(None, picture, kind, seed=1))
    assert row.values["stability"] == metrics.stability(small, again)
    assert row.values["sanity"] == pytest.approx(1)  # the map does not depend on the model
    assert row.values["drop"] == metrics.drop(case, metrics.shown_score(case, values))
    assert set(row.values) == set(metrics.METRICS)


@pytest.mark.slow
def test_a_method_that_looks_into_the_network_is_an_explainer(pictures):
    """Gradient times input, as Captum has it: exact for a linear network, up to the base."""
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3 * 20 * 30, 2)).eval()
    model = unmask.load(net, size=(20, 30), activation="logits")

    def gradient(model, image, target):
        given = torch.tensor(prepare(model, image).array[None], requires_grad=True)
        (found,) = torch.autograd.grad(net(given)[0, target], given)
        return (found * given).detach().numpy()[0].sum(axis=0)

    paths = [pictures / "0.png", pictures / "1.png"]
    by_gradient, by_chance = (
        list(evaluation.evaluate(model, paths, one, target=1, wanted=["deletion"]))
        for one in (gradient, middle)
    )
    for found, chance in zip(by_gradient, by_chance, strict=True):
        assert not found.error
        assert found.values["deletion"] < chance.values["deletion"]


@pytest.mark.slow
def test_what_fails_is_a_row_and_stops_nothing(pictures):
    def fails(model, image, target):
        if target == fails.kind:
            raise RuntimeError("no gradient")
        return middle(model, image, target)

    paths = [pictures / name for name in ("broken.jpg", "0.png", "missing.png", "1.png")]
    fails.kind = unmask.predict("demo", paths[1])[0].index
    rows = list(evaluation.evaluate("demo", paths, fails))
    assert [bool(row.error) for row in rows] == [True, True, True, False]
    assert "not a picture" in rows[0].error
    assert rows[1].error == "RuntimeError: no gradient"
    assert "no such file" in rows[2].error
    assert evaluation.summarize(rows)["deletion"].count == 1


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"wanted": ["pointing"]}, "needs evidence"),
        ({"wanted": ["sanity"]}, "randomized copy"),
        ({"wanted": ["stability"], "explainer": "occlusion"}, "takes seed="),
        ({"wanted": ["nonsense"]}, "'nonsense'"),
        ({"explainer": "nonsense"}, "'nonsense'"),
    ],
)
def test_what_is_lacking_is_said_before_the_first_call(options, says):
    def never(batch):
        raise AssertionError

    with pytest.raises(SettingError, match=says):
        evaluation.evaluate(never, ["x.png"], **options)


def test_randomized_weights_are_the_same_numbers_elsewhere(tmp_path):
    onnx = pytest.importorskip("onnx")
    one = randomize("demo", tmp_path / "a.onnx", seed=1)
    same = randomize("demo", tmp_path / "b.onnx", seed=1)
    other = randomize("demo", tmp_path / "c.onnx", seed=2)
    assert one.read_bytes() == same.read_bytes() != other.read_bytes()
    moved = 0
    before, after = (onnx.load(path).graph.initializer for path in (demo.MODEL, one))
    for a, b in zip(before, after, strict=True):
        a, b = onnx.numpy_helper.to_array(a), onnx.numpy_helper.to_array(b)
        np.testing.assert_array_equal(np.sort(a.ravel()), np.sort(b.ravel()))
        moved += a.size > 1 and not np.array_equal(a, b)
    assert moved >= 5
    model = unmask.load(one)
    scores = unmask.predict(model, demo.pictures()["street"], 8)
    assert {p.label for p in scores} == set(demo.LABELS)
    assert np.isfinite([p.score for p in scores]).all()


@pytest.mark.slow
def test_a_map_of_a_trained_model_passes_the_sanity_check(tmp_path):
    pytest.importorskip("onnx")
    wrong = unmask.load(randomize("demo", tmp_path / "random.onnx"))
    [row] = evaluation.evaluate(
        "demo", [demo.pictures()["night"]], QUICK, wanted=["sanity"], randomized=wrong
    )
    assert row.values["sanity"] < 0.9


def test_what_is_no_model_cannot_be_randomized(tmp_path):
    pytest.importorskip("onnx")
    path = tmp_path / "text.onnx"
    path.write_text("nothing")
    with pytest.raises(ModelError, match="can be randomized"):
        randomize(path, tmp_path / "out.onnx")
    with pytest.raises(ModelError, match="cannot read"):
        randomize(tmp_path / "none.onnx", tmp_path / "out.onnx")


def test_a_row_that_a_crash_cut_short_is_done_again(tmp_path):
    path = tmp_path / "results.jsonl"
    first = EvaluationTable(path, {"seed": 1})
    first.append({"picture": "a", "deletion": 0.5})
    first.append({"picture": "b", "deletion": 0.25})
    path.write_bytes(path.read_bytes()[:-5])
    second = EvaluationTable(path, {"seed": 1})
    assert list(second.rows) == ["a"]
    second.append({"picture": "c", "deletion": 1.0})
    assert list(EvaluationTable(path, {"seed": 1}).rows) == ["a", "c"]


def test_results_of_other_settings_or_other_files_are_refused(tmp_path):
    path = tmp_path / "results.jsonl"
    EvaluationTable(path, {"seed": 1, "metrics": ("deletion",)})
    EvaluationTable(path, {"seed": 1, "metrics": ("deletion",)})
    with pytest.raises(SettingError, match=r"seed was 1 and is now 2.*another folder"):
        EvaluationTable(path, {"seed": 2, "metrics": ("deletion",)})
    path.write_text("a note of my own\n")
    with pytest.raises(FileError, match="no evaluation"):
        EvaluationTable(path, {})
    assert path.read_text() == "a note of my own\n"


def test_side_by_side_shows_each_map_and_its_curves():
    rng = np.random.default_rng(1)
    picture = np.full((30, 50, 3), 90, np.uint8)
    curve = metrics.Curve(np.array([0.0, 0.5, 1.0]), np.array([0.9, 0.2, 0.0]))
    one = Panel("one", rng.random((30, 50)), {"deletion": curve})
    other = Panel("other", rng.random((30, 50)), {"deletion": curve})
    figure = figures.side_by_side(picture, [one, other], title="t")
    left, right = (ax.images[0].get_array() for ax in figure.axes if ax.images)
    assert left.shape == right.shape
    assert (left != right).mean() > 0.3
    charts = [ax for ax in figure.axes if ax.lines]
    assert len(charts) == 2
    assert charts[0].get_ylim() == charts[1].get_ylim()
    for chart in charts:
        assert any(np.array_equal(line.get_ydata(), curve.scores) for line in chart.lines)
    drawn = canvas.pixels(figure)
    half = drawn.shape[1] // 2
    ink = (drawn == (213, 94, 0)).all(axis=2)  # the deletion curve's own color
    assert ink[:, :half].sum() > 500
    assert ink[:, half:].sum() > 500
    with pytest.raises(SettingError, match="no explainers"):
        figures.side_by_side(picture, [])
    with pytest.raises(SettingError, match="picture's"):
        figures.side_by_side(picture[:20], [one])


def test_the_mean_curves_area_is_the_mean_of_the_areas():
    pytest.importorskip("typer")
    from unmask.evaluation.study_files import mean_curve

    rng = np.random.default_rng(0)
    rows = [
        {
            "deletion_fractions": np.linspace(0, 1, n).tolist(),
            "deletion_scores": list(rng.random(n)),
        }
        for n in (5, 8)
    ]
    areas = [np.trapezoid(row["deletion_scores"], row["deletion_fractions"]) for row in rows]
    assert mean_curve(rows, "deletion").area == pytest.approx(np.mean(areas), rel=1e-12)
    assert mean_curve([{"error": "broken"}], "deletion") is None


class TestCommands:
    """`unmask evaluate` and `unmask compare`."""

    @pytest.fixture(autouse=True)
    def _needs(self, monkeypatch):
        for name in ("typer", "rich", "pyarrow"):
            pytest.importorskip(name)
        monkeypatch.setenv("COLUMNS", "200")

    @pytest.fixture
    def run(self, tmp_path):
        from typer.testing import CliRunner

        from unmask import cli

        def run(command, *options):
            given = [command, *map(str, options), "--output", str(tmp_path / "out")]
            return CliRunner().invoke(cli.app, given)

        return run

    @pytest.mark.slow
    def test_a_folder_becomes_tables_and_curves(self, run, pictures, tmp_path):
        import pyarrow.parquet as pq

        result = run("evaluate", pictures, "-e", QUICK, "--metric", "deletion", "--metric", "drop")
        assert result.exit_code == 0, result.output
        table = pq.read_table(tmp_path / "out" / "results.parquet")
        assert table.num_rows == 3
        names = [Path(name).name for name in table["picture"].to_pylist()]
        assert names == ["0.png", "1.png", "broken.jpg"]
        areas = table["deletion"].to_pylist()
        assert areas[2] is None
        assert "not a picture" in table["error"].to_pylist()[2]
        scores, fractions = (
            table["deletion_scores"][0].as_py(),
            table["deletion_fractions"][0].as_py(),
        )
        assert np.trapezoid(scores, fractions) == pytest.approx(areas[0])
        with (tmp_path / "out" / "results.csv").open(newline="") as file:
            rows = list(csv.DictReader(file))
        assert [row["deletion"] for row in rows] == [repr(areas[0]), repr(areas[1]), ""]
        with (tmp_path / "out" / "summary.csv").open(newline="") as file:
            summary = {row["metric"]: row for row in csv.DictReader(file)}
        mean = metrics.mean_interval(areas[:2]).within(0, 1)
        assert float(summary["deletion"]["mean"]) == pytest.approx(mean.value)
        assert float(summary["deletion"]["low"]) == pytest.approx(mean.low)
        assert (summary["deletion"]["better"], summary["deletion"]["pictures"]) == ("lower", "2")
        assert images.read(tmp_path / "out" / "curves.png").shape == (600, 960, 3)
        assert "not a picture" in result.output

    @pytest.mark.slow
    def test_it_explains_again_for_metrics_that_ask_for_it(self, run, pictures, tmp_path):
        pytest.importorskip("skimage")
        names = ["infidelity", "road", "irof", "l1_complexity", "coherency", "adcc"]
        names += ["max_sensitivity", "random_logit"]
        wanted = [part for name in names for part in ("--metric", name)]
        result = run("evaluate", pictures / "0.png", "-e", "rise,masks=32,grid=3", *wanted)
        assert result.exit_code == 0, result.output
        with (tmp_path / "out" / "results.csv").open(newline="") as file:
            (row,) = csv.DictReader(file)
        for name in names:
            metric = metrics.METRICS[name]
            assert metric.low <= float(row[name]) <= metric.high
        case = metrics.case("demo", pictures / "0.png")
        values = explainers.bound("rise,masks=32,grid=3", case)(case.given)
        assert float(row["road"]) == pytest.approx(metrics.road(case, values).scores.mean())
        assert float(row["irof"]) == pytest.approx(1 - metrics.irof(case, values).area)

    @pytest.mark.slow
    def test_it_goes_on_where_it_stopped(self, run, pictures, tmp_path):
        options = ("-e", QUICK, "--metric", "deletion")
        first = run("evaluate", pictures / "0.png", *options)
        assert first.exit_code == 0, first.output
        path = tmp_path / "out" / "results.jsonl"
        before = path.read_bytes()
        second = run("evaluate", pictures, *options)
        assert "1 of 3 pictures were done before" in second.output
        assert path.read_bytes().startswith(before)  # the row was not made again
        third = run("evaluate", pictures, *options)
        assert "3 of 3 pictures were done before" in third.output
        assert len(path.read_bytes().splitlines()) == 4
        # Another picture of the same name is another picture.
        Image.new("RGB", (80, 60), "teal").save(pictures / "0.png")
        fourth = run("evaluate", pictures, *options)
        assert "2 of 3 pictures were done before" in fourth.output

    @pytest.mark.slow
    def test_other_settings_are_refused(self, run, pictures):
        run("evaluate", pictures / "0.png", "-e", QUICK, "--metric", "drop")
        result = run("evaluate", pictures / "0.png", "-e", QUICK, "--metric", "increase")
        assert result.exit_code == 2
        assert "Traceback" not in result.output
        assert re.search("metrics was drop and is now increase", result.output)

    @pytest.mark.slow
    def test_evidence_and_sanity(self, run, pictures, tmp_path):
        scene = demo.scene(0, 11, size=(80, 120), objects=(1, 1))
        rows, columns = np.nonzero(scene.shapes[0])
        box = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
        path = tmp_path / "evidence.csv"
        path.write_text("picture,left,top,right,bottom\n0.png," + ",".join(map(str, box)) + "\n")
        options = [f"--metric={name}" for name in ("pointing_exact", "energy", "sanity")]
        result = run("evaluate", pictures, "-e", QUICK, "--evidence", path, *options)
        assert result.exit_code == 0, result.output
        lines = (tmp_path / "out" / "results.jsonl").read_text().splitlines()
        row = json.loads(lines[1])
        assert row["pointing_exact"] == 1
        assert 0 < row["energy"] < 1
        assert 0 <= row["sanity"] < 1
        assert "energy" not in json.loads(lines[2])
        path.write_text("picture,left\n0.png,7\n")
        result = run("evaluate", pictures, "--evidence", path, "--metric=energy")
        assert result.exit_code == 2
        assert "picture,left,top,right,bottom" in result.output

    @pytest.mark.slow
    @pytest.mark.parametrize(
        ("options", "says"),
        [
            (("--metric", "acuracy"), "metric 'acuracy': expected some of"),
            (("--metric", "energy"), "needs --evidence"),
            (("-e", "grad-cam"), "explainer 'grad-cam'"),
            (("--model", "none.onnx"), "none.onnx"),
        ],
    )
    def test_bad_options_are_refused(self, run, pictures, tmp_path, options, says):
        result = run("evaluate", pictures, *options)
        assert result.exit_code == 2, result.output
        assert says in " ".join(result.output.split())
        assert not (tmp_path / "out" / "results.jsonl").exists()

    def test_no_good_picture_at_all_is_a_failure(self, run, pictures):
        assert run("evaluate", pictures / "broken.jpg", "-e", QUICK).exit_code == 1

    @pytest.mark.slow
    def test_ctrl_c_keeps_the_rows_and_the_same_command_goes_on(self, run, pictures, tmp_path):
        for number in range(2, 8):
            one = demo.scene(number, 11, size=(80, 120))
            Image.fromarray(one.picture).save(pictures / f"{number:02d}.png")
        words = ["evaluate", str(pictures), "-e", "unmask,masks=96", "--metric", "deletion"]
        command = [sys.executable, "-m", "unmask", *words, "-o", str(tmp_path / "out")]
        path = tmp_path / "out" / "results.jsonl"
        running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            if path.is_file() and path.read_bytes().count(b"\n") >= 4:
                break
            time.sleep(0.05)
        os.kill(running.pid, signal.SIGINT)
        _, errors = running.communicate(timeout=60)
        assert running.returncode == 130, errors
        assert b"goes on from here" in errors
        assert b"Traceback" not in errors
        done = path.read_bytes()
        assert 4 <= done.count(b"\n") < 10
        again = run(*words)
        assert again.exit_code == 0, again.output
        assert "pictures were done before" in again.output
        assert path.read_bytes().startswith(done)
        assert path.read_bytes().count(b"\n") == 10

    @pytest.mark.slow
    def test_compare_draws_a_column_for_each(self, run, pictures, tmp_path):
        options = ("-e", QUICK, "-e", "occlusion,masks=25", "-e", "rise,masks=64")
        result = run("compare", pictures / "1.png", *options)
        assert result.exit_code == 0, result.output
        drawn = images.read(tmp_path / "out" / "1-comparison.png")
        assert drawn.shape[1] == 3 * 480 + 2 * 32 + 2 * 48
        assert result.output.count("0.") >= 6

    def test_compare_refuses_what_it_cannot_draw(self, run, pictures):
        assert run("compare", pictures / "broken.jpg").exit_code == 2
        assert run("compare", pictures / "0.png", "-e", "nonsense").exit_code == 2
        assert run("compare", pictures / "0.png", "--opacity", "7").exit_code == 2
