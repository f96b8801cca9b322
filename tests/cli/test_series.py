"""`unmask explain` and `unmask predict` of a series, with its axes said by options."""

import json
import shlex

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper, save

import unmask
from unmask.reports.reproduce import reproduction

pytest.importorskip("typer")
pytest.importorskip("onnxruntime")

from typer.testing import CliRunner

from unmask import cli

AXES = ["--series-layout", "TC", "--series-channels", "apart"]


@pytest.fixture
def model(tmp_path):
    """Mean of steps 20 to 29 of the second channel, of (n, C, T) with free sizes."""
    weights = np.zeros((3 * 40, 2), np.float32)
    weights[60:70, 0] = 0.1
    nodes = [
        helper.make_node("Flatten", ["series"], ["flat"]),
        helper.make_node("MatMul", ["flat", "weights"], ["scores"]),
    ]
    inputs = [helper.make_tensor_value_info("series", TensorProto.FLOAT, ("n", 3, 40))]
    outputs = [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ("n", 2))]
    graph = helper.make_graph(
        nodes, "bump", inputs, outputs, [numpy_helper.from_array(weights, "weights")]
    )
    path = tmp_path / "bump.onnx"
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)
    rng = np.random.default_rng(0)
    np.save(tmp_path / "s.npy", rng.normal(size=(40, 3)) + 1)
    return path


def run(*words, code=0):
    result = CliRunner().invoke(cli.app, [str(word) for word in words])
    assert result.exit_code == code, result.output
    return result


def test_axes_are_said_by_options(model, tmp_path):
    given = ["explain", tmp_path / "s.npy", "-m", model, "--activation", "logits", "-t", "0"]
    said = run(*given, *AXES, "-n", "256", "--fill", "zero", "-o", tmp_path, "--json").stdout
    assert json.loads(said)["settings"]["masks"] == 256
    steps = json.loads(said)["targets"][0]["steps"]
    assert len(steps) == 120
    assert (steps[61]["channel"], steps[61]["step"]) == (1, 21)
    found = unmask.Explanation.load(tmp_path / "s.npz")
    assert found.original.given.channels == "apart"
    assert found.map.shape == (3, 40)
    for name, values in (("value", found.map), ("stderr", found.influence_stderr())):
        np.testing.assert_allclose([one[name] for one in steps], values.ravel(), rtol=1e-6)
    assert found.map[1, 20:30].mean() > found.map[0].max()
    again = reproduction(found)
    assert " ".join(AXES) in again.command()
    assert "unmask.series('s.npy', layout='TC', channels='apart')" in again.python().replace(
        f"{tmp_path}/", ""
    )
    (tmp_path / "again").mkdir()
    run(*shlex.split(again.command())[1:], "-o", tmp_path / "again")
    np.testing.assert_array_equal(unmask.Explanation.load(tmp_path / "again/s.npz").map, found.map)


def test_axes_of_what_is_no_series_are_refused():
    refused = run("explain", "a.png", *AXES, code=2).output
    assert "--series-layout TC and --series-channels apart: for a series" in " ".join(
        refused.split()
    )


def test_predict_takes_a_series(model, tmp_path):
    said = run("predict", tmp_path / "s.npy", *AXES[:2], "-m", model, "--json").stdout
    values = np.load(tmp_path / "s.npy")
    best = json.loads(said)["predictions"][0]
    assert best["score"] == pytest.approx(values[20:30, 1].mean(), rel=1e-5)
