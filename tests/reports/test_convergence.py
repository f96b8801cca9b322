"""The figure of how a map settles, and the command that draws it."""

import re

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

import unmask
from helpers.toy_models import two_patches
from unmask.draw.canvas import pixels
from unmask.draw.scale import Look
from unmask.errors import SettingError, TargetError, UnmaskWarning
from unmask.reports import convergence
from unmask.run import snapshots


@pytest.fixture
def model():
    return unmask.load(
        two_patches, labels=["one", "two"], name="patches", activation="probabilities"
    )


@pytest.mark.slow
def test_the_figure_shows_each_snapshot_in_the_same_colors(model, picture):
    run = unmask.explain(model, picture, masks=400, grid=(3, 5))
    figure = convergence.convergence(run, [96, 200, 400])
    shown = [ax.images[0].get_array() for ax in figure.axes if ax.images]
    np.testing.assert_array_equal(shown[0], picture)
    last = run.map - run.levels[0]
    scale = Look().scale(last, 0.0)
    assert abs(shown[3].astype(int) - scale.colors(last)).mean() < 1
    first, _ = snapshots.snapshots(run, [96, 400])
    wanted = scale.colors(first.values - first.level)
    assert abs(shown[1].astype(int) - wanted).mean() < 1
    # Each is drawn, in squares, as the picture is small.
    drawn = pixels(figure)
    colors = {tuple(one) for one in shown[3].reshape(-1, 3).tolist()}
    assert colors <= {tuple(one) for one in np.unique(drawn.reshape(-1, 3), axis=0).tolist()}


def test_the_errors_are_drawn_into_axes_that_are_given(model, picture):
    run = unmask.explain(model, picture, masks=400, grid=(3, 5))
    taken = snapshots.snapshots(run, [96, 200, 400])
    ax = Figure().add_subplot()
    assert convergence.convergence(run, [96, 200, 400], ax=ax) is ax.figure
    guide, expected, measured = ax.lines
    np.testing.assert_allclose(expected.get_ydata(), [one.expected_error for one in taken])
    np.testing.assert_allclose(measured.get_ydata(), [one.measured_error for one in taken[:2]])
    np.testing.assert_allclose(guide.get_ydata()[-1], taken[-1].expected_error)


def test_captions_say_what_is_known(model, picture):
    run = unmask.explain(model, picture, masks=400, grid=(3, 5), estimator="centered")
    taken = snapshots.snapshots(run, [10, 400])
    captions = [
        (above, below) for above, _, below in convergence._panels(run, taken, Look(), signed=False)
    ]
    assert captions[1] == ("10 masks", "expected correlation not known")
    assert captions[2][0] == "400 masks"
    assert re.fullmatch(r"expected correlation [01]\.\d{3}", captions[2][1])


def test_a_flat_map_is_drawn_too(picture):
    with pytest.warns(UnmaskWarning, match="flat"):
        run = unmask.explain(lambda batch: np.full((len(batch), 2), 0.5), picture, 0, masks=256)
    assert pixels(convergence.convergence(run, [50, 96])).shape[0] > 600


@pytest.mark.parametrize("at", [[0], [401], [], [10, 2.5], [True], [-1]])
def test_numbers_of_masks_that_are_none(model, picture, at):
    run = unmask.explain(model, picture, masks=400, grid=(3, 5))
    with pytest.raises(SettingError, match="from 1 to the 400"):
        convergence.convergence(run, at)
    with pytest.raises(TargetError):
        convergence.convergence(run, target="three")


# --- the command ---


@pytest.fixture
def converge(picture, tmp_path, monkeypatch):
    pytest.importorskip("typer")
    pytest.importorskip("onnxruntime")
    from typer.testing import CliRunner

    from unmask import cli

    monkeypatch.setenv("COLUMNS", "200")
    Image.fromarray(picture).save(tmp_path / "p.png")

    def run(*arguments, picture="p.png"):
        given = ["converge", str(tmp_path / picture), "-o", str(tmp_path / "out"), *arguments]
        return CliRunner().invoke(cli.app, given)

    return run


@pytest.mark.slow
def test_converge_writes_the_figure_and_says_what_it_shows(converge, tmp_path):
    result = converge("--at", "300,100", "-t", "heart", "--grid", "4x5", "--seed", "2")
    assert result.exit_code == 0, result.output
    assert "300/300" in result.output
    rows = re.findall(r"^ *(100|300) +([\d.]+) +([\d.]+) +([\d.]*)", result.output, re.MULTILINE)
    assert [row[0] for row in rows] == ["100", "300"]
    run = unmask.explain("demo", tmp_path / "p.png", "heart", masks=300, grid=(4, 5), seed=2)
    wanted = snapshots.snapshots(run, [100, 300])
    for row, one in zip(rows, wanted, strict=True):
        assert float(row[2]) == pytest.approx(one.expected_error, abs=6e-4)
    with Image.open(tmp_path / "out" / "p-converge.png") as figure:
        np.testing.assert_array_equal(
            np.asarray(figure), pixels(convergence.convergence(run, [100, 300]))
        )


@pytest.mark.slow
def test_converge_of_a_saved_explanation_asks_no_model(converge, tmp_path):
    run = unmask.explain("demo", tmp_path / "p.png", ["star", "heart"], masks=256, grid=4)
    run.save(tmp_path / "p.npz")
    options = ("--at", "128,256", "-t", "heart", "--model", "gone.onnx")
    result = converge(*options, picture="p.npz")
    assert result.exit_code == 0, result.output
    with Image.open(tmp_path / "out" / "p-converge.png") as figure:
        wanted = convergence.convergence(run, [128, 256], "heart")
        np.testing.assert_array_equal(np.asarray(figure), pixels(wanted))


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--at", "many"), "--at many: expected numbers of masks"),
        (("--at", "0,5"), "at least 1"),
        (("--at", "100,,5"), "expected numbers of masks"),
        (("-t", "zebra"), "no label 'zebra'"),
        (("-t", "top:2"), "one target at a time"),
        (("--model", "x.foo"), "expected an .onnx file"),
    ],
)
def test_converge_refuses_in_one_line(converge, arguments, says):
    result = converge(*arguments)
    assert result.exit_code == 2
    assert "Traceback" not in result.output
    assert says in " ".join(result.output.split())
