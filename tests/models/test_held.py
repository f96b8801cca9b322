"""Models of several inputs: one is masked, the others are held as they are."""

import json
import warnings

import numpy as np
import pytest
from PIL import Image

import unmask
from unmask.errors import ModelError, SettingError
from unmask.models.held import held
from unmask.reports.reproduce import reproduction

PICTURE = np.random.default_rng(3).integers(0, 250, (12, 18, 3), np.uint8)
QUICK = {"masks": 64, "grid": (2, 3), "fill": "black", "batch_size": 16}
# The left half counts by the first weight, the right one by the second.
WEIGHTS = np.array([0.2, 0.7], np.float32)


def expected(weights, bias=0.0):
    """Return the same as a function of the picture alone."""

    def run(batch):
        halves = [batch[:, :, part].mean(axis=(1, 2, 3)) / 255 for part in (np.s_[:9], np.s_[9:])]
        return np.stack(halves, axis=1) @ np.asarray(weights, np.float64)[:, None] + bias

    return unmask.load(run)


def explained(model, given=PICTURE, **settings):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return unmask.explain(model, given, 0, **{**QUICK, **settings})


@pytest.fixture
def path(tmp_path):
    """An ONNX file of a picture (n, 3, 12, 18), weights (n, 2) and a bias of no batch, (1,)."""
    onnx = pytest.importorskip("onnx")
    make, kind = onnx.helper.make_node, onnx.TensorProto.FLOAT
    nodes = [
        make("ReduceMean", ["picture"], ["columns"], axes=[1, 2], keepdims=0),
        make("Split", ["columns", "sizes"], ["left", "right"], axis=1),
        make("ReduceMean", ["left"], ["one"], axes=[1], keepdims=1),
        make("ReduceMean", ["right"], ["two"], axes=[1], keepdims=1),
        make("Concat", ["one", "two"], ["both"], axis=1),
        make("Mul", ["both", "weights"], ["weighted"]),
        make("ReduceSum", ["weighted", "axis"], ["sum"], keepdims=1),
        make("Add", ["sum", "bias"], ["score"]),
    ]
    info = onnx.helper.make_tensor_value_info
    sides = {"picture": ["n", 3, 12, 18], "weights": ["n", 2], "bias": [1]}
    inputs = [info(name, kind, shape) for name, shape in sides.items()]
    constants = [
        onnx.numpy_helper.from_array(np.array([9, 9]), "sizes"),
        onnx.numpy_helper.from_array(np.array([1]), "axis"),
    ]
    graph = onnx.helper.make_graph(nodes, "two", inputs, [info("score", kind, ["n", 1])], constants)
    opset = onnx.helper.make_opsetid("", 13)
    file = tmp_path / "two.onnx"
    onnx.save(onnx.helper.make_model(graph, opset_imports=[opset], ir_version=8), file)
    return file


@pytest.mark.parametrize("size", [1, 5, 64])
def test_an_onnx_file_gets_the_others_with_every_batch(path, size):
    fixed = {"weights": WEIGHTS, "bias": [0.25]}
    model = unmask.load(path, preprocess="unit", fixed=fixed)
    assert model.main_input == "picture"
    made, own = explained(model, batch_size=size), explained(expected(WEIGHTS, 0.25))
    np.testing.assert_allclose(made.estimate.scores, own.estimate.scores, rtol=1e-5)


def test_a_dictionary_says_the_others_of_each_picture(path, tmp_path):
    model = unmask.load(path, preprocess="unit", main_input="picture")
    Image.fromarray(PICTURE).save(tmp_path / "p.png")
    for weights in ([1.0, 0.0], [0.0, 2.0]):
        given = {"picture": tmp_path / "p.png", "weights": weights, "bias": [0.0]}
        made = explained(model, given)
        own = explained(expected(weights))
        np.testing.assert_allclose(made.estimate.scores, own.estimate.scores, rtol=1e-5)
        assert made.picture is not None
        assert [one.score for one in unmask.predict(model, given)] == [
            pytest.approx(made.targets[0].score)
        ]
    with pytest.raises(ModelError, match="only 'picture' is given: hold the others"):
        explained(model)
    with pytest.raises(SettingError, match="'picture', which is masked, is not among"):
        explained(model, {"weights": [1.0, 2.0], "bias": [0.0]})
    with pytest.raises(ModelError, match="has one input, or nobody said"):
        explained(expected([1, 2]), {"picture": PICTURE})


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({}, ModelError, "has 3 inputs .picture, weights, bias.: say which is masked"),
        (
            {"main_input": "image"},
            SettingError,
            "'image' is no input of two.onnx: ",
        ),
        ({"fixed": {"weights": [1, 2]}}, SettingError, "say which is masked"),
        ({"fixed": {"weights": [1, 2]}, "main_input": "picture"}, SettingError, "takes bias too"),
        ({"fixed": {"weights": [1, 2, 3], "bias": [0]}}, SettingError, r"shape \(3,\), and \[2\]"),
        ({"fixed": {"weights": "no.npy", "bias": [0]}}, ModelError, r"no\.npy cannot be read"),
        ({"fixed": {"weights": {}, "bias": [0]}}, SettingError, "expected an array of numbers"),
        ({"main_input": "bias", "fixed": {"bias": [0]}}, SettingError, "cannot be held too"),
    ],
)
def test_what_is_not_said_of_the_others_is_told_when_it_is_loaded(path, options, error, message):
    with pytest.raises(error, match=message):
        unmask.load(path, preprocess="unit", **options)


def test_shapes_with_and_without_a_batch():
    shapes = {"a": ("n", 4), "b": (1, 1, 8), "c": ("n", "t"), "d": ()}
    given = {"a": np.zeros(4), "b": np.ones((1, 1, 8)), "c": np.zeros((1, 5)), "d": 3}
    found = held("m", given, shapes, {"d": np.int64})
    assert {name: one.of(6).shape for name, one in found.items()} == {
        "a": (6, 4), "b": (1, 1, 8), "c": (6, 5), "d": ()
    }  # fmt: skip
    assert found["d"].of(6).dtype == np.int64


def test_a_torch_module_gets_the_others_by_name():
    torch = pytest.importorskip("torch")

    class Two(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.scale = torch.nn.Parameter(torch.ones(1))

        def forward(self, picture, weights, *, shift=None):
            halves = [picture[..., part].mean(dim=(1, 2, 3)) for part in (slice(9), slice(9, 18))]
            found = (torch.stack(halves, 1) * weights).sum(1, keepdim=True) * self.scale
            return found if shift is None else found + shift

    own = explained(expected(WEIGHTS))
    model = unmask.load(Two(), fixed={"weights": WEIGHTS}, main_input="picture", preprocess="unit")
    made = explained(model)
    np.testing.assert_allclose(made.estimate.scores, own.estimate.scores, rtol=1e-5)
    open_ = unmask.load(Two(), main_input="picture", preprocess="unit")
    given = {"picture": PICTURE, "weights": WEIGHTS, "shift": [0.5]}
    np.testing.assert_allclose(
        explained(open_, given).estimate.scores, own.estimate.scores + 0.5, rtol=1e-5
    )
    with pytest.raises(SettingError, match="Two takes weights too"):
        explained(open_, {"picture": PICTURE})
    with pytest.raises(SettingError, match="'age' is no input of Two"):
        explained(open_, {"picture": PICTURE, "weights": WEIGHTS, "age": 3})
    with pytest.raises(ModelError, match="only 'picture' is given"):
        explained(open_)


@pytest.mark.slow
@pytest.mark.parametrize("named", [False, True])
def test_a_keras_model_gets_the_others(named):
    keras = pytest.importorskip("keras")
    picture, weights = keras.Input((12, 18, 3), name="picture"), keras.Input((2,), name="weights")
    halves = [
        keras.layers.GlobalAveragePooling2D()(keras.layers.Cropping2D(((0, 0), sides))(picture))
        for sides in ((0, 9), (9, 0))
    ]
    means = [keras.ops.mean(half, axis=1, keepdims=True) for half in halves]
    score = keras.layers.Dot(axes=1)([keras.layers.Concatenate()(means), weights])
    inputs = {"picture": picture, "weights": weights} if named else [picture, weights]
    network = keras.Model(inputs, score)
    model = unmask.load(network, fixed={"weights": WEIGHTS}, preprocess="unit")
    assert (model.main_input, model.input.size) == ("picture", (12, 18))
    made, own = explained(model), explained(expected(WEIGHTS))
    np.testing.assert_allclose(made.estimate.scores, own.estimate.scores, rtol=1e-4)
    with pytest.raises(ModelError, match="has 2 inputs"):
        unmask.load(network)


def test_on_the_command_line_and_in_a_report(path, tmp_path, monkeypatch):
    pytest.importorskip("typer")
    from typer.testing import CliRunner

    from unmask import cli

    monkeypatch.chdir(tmp_path)
    Image.fromarray(PICTURE).save("p.png")
    np.save("w.npy", WEIGHTS)
    held_ = ("--fixed", "weights=w.npy", "--fixed", "bias=0.25,")

    def ran(*words):
        words = ["explain", "p.png", "-m", "two.onnx", "--preprocess", "unit", *words]
        return CliRunner().invoke(cli.app, [*words, "-n", "64", "--grid", "2x3", "--json"])

    bad = ran(*held_)
    assert (bad.exit_code, "cannot be read as .npy" in " ".join(bad.output.split())) == (2, True)
    got = ran("--fixed", "weights=w.npy", "--fixed", "bias=0.25", "--main-input", "picture")
    own = explained(expected(WEIGHTS, 0.25)).targets[0].score
    assert json.loads(got.stdout)["targets"][0]["score"] == pytest.approx(own, rel=1e-5)
    again = reproduction(unmask.Explanation.load("unmask-output/p.npz"))
    assert "--fixed weights=w.npy --fixed bias=0.25" in again.command()
    assert "fixed={'weights': 'w.npy', 'bias': 0.25}" in again.python()
    plain = ran()
    assert "--main-input NAME" in " ".join(plain.output.split())
    assert "--fixed NAME=FILE.npy" in " ".join(plain.output.split())


def test_what_is_held_is_known_to_batches_and_files(path):
    from unmask.models.origin import origin
    from unmask.models.source import ModelSource

    def said(weights):
        return json.dumps(ModelSource(str(path), {"fixed": {"weights": weights}}).describe())

    assert said(WEIGHTS) == said(WEIGHTS.copy()) != said(WEIGHTS + 1)
    small = origin("m.onnx", {"fixed": {"weights": WEIGHTS, "bias": 2}})
    assert small.options["fixed"]["bias"] == 2
    assert origin("m.onnx", {"fixed": {"mask": np.zeros((99, 99))}}).unsaid == ("fixed",)
