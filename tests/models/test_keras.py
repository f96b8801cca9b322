"""Keras: real networks on TensorFlow, one on JAX and PyTorch too, and what goes wrong in words."""

import importlib.util
import json
import os
import subprocess
import sys
import textwrap
import warnings
import zipfile

import numpy as np
import pytest

import unmask
from unmask.errors import MissingExtra, ModelError, SettingError, TargetError, UnmaskWarning
from unmask.models import registry

# Found without importing them, which takes seconds.
for name in ("keras", "tensorflow"):
    if importlib.util.find_spec(name) is None:
        pytest.skip(f"{name} is not installed", allow_module_level=True)

# Keras 3.15 on NumPy 2.4 says this of its own variables, when it saves and loads them.
# Importing TensorFlow takes seconds, whichever test comes first.
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]

SIZE = (32, 48)
PICTURE = unmask.demo.pictures()["street"]


@pytest.fixture(scope="module")
def keras():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the framework, about itself
        import keras

        if keras.config.backend() != "tensorflow":
            pytest.skip(f"Keras runs on {keras.config.backend()} here; these are for tensorflow")
        return keras


@pytest.fixture(scope="module")
def small(keras):
    """A network of random weights, five classes, whose scores are far apart."""
    keras.utils.set_random_seed(3)
    return keras.Sequential(
        [
            keras.Input((*SIZE, 3)),
            keras.layers.Conv2D(6, 5, strides=4, activation="relu"),
            keras.layers.Flatten(),
            keras.layers.Dense(5, kernel_initializer="random_normal", activation="softmax"),
        ],
        name="small",
    )


@pytest.fixture
def photo():
    rng = np.random.default_rng(2)
    return rng.integers(0, 256, (*SIZE, 3), dtype=np.uint8)


def awake(keras, network, seed=0):
    """Give an untrained network statistics and weights under which it tells pictures apart."""
    rng = np.random.default_rng(seed)
    for layer in network.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.0
    size = network.input_shape[1:]
    pictures = rng.uniform(-1, 1, (4, 1, 1, 3)) + 0.3 * rng.uniform(-1, 1, (4, *size))
    network(pictures.astype(np.float32), training=True)
    last = next(layer for layer in reversed(network.layers) if layer.get_weights())
    kernel, bias = last.get_weights()
    last.set_weights([rng.normal(0, 0.1, kernel.shape), bias])
    return network


def run_alone(code, **environment):
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        capture_output=True,
        encoding="utf-8",
        timeout=120,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", **environment},
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


# --- what a model says of itself ---


def test_a_live_model_is_told_by_its_class_and_describes_itself(small):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = unmask.load(small)
    assert (model.name, model.input.layout, model.input.size) == ("small", "NHWC", SIZE)
    assert (model.input.channels, model.classes, model.activation) == (3, 5, "probabilities")
    assert model.input.preprocess.name == "unit"
    assert model.labels is None
    assert len(model.notes) == 1
    assert "does not say how pixels are scaled: assumed preprocess='unit'" in model.notes[0]
    assert set(model.versions) == {"keras", "tensorflow"}


def test_declared_pixels_are_not_assumed(small):
    assert unmask.load(small, preprocess="tf").notes == ()
    model = unmask.load(small, mean=0.5, std=0.5, labels=list("abcde"), name="mine")
    assert model.notes == ()
    assert (model.input.preprocess.mean, model.labels, model.name) == (
        (0.5,),
        tuple("abcde"),
        "mine",
    )


def test_a_model_that_scales_pixels_itself_gets_them_as_they_are(keras):
    model = keras.Sequential(
        [
            keras.Input((8, 12, 3)),
            keras.layers.Rescaling(1 / 255),
            keras.layers.GlobalAveragePooling2D(),
        ]
    )
    loaded = unmask.load(model)
    assert (loaded.input.preprocess.name, loaded.notes, loaded.activation) == ("raw", (), None)
    np.testing.assert_allclose(loaded(np.full((1, 8, 12, 3), 51, np.float32)), 0.2, rtol=1e-5)


@pytest.mark.slow
def test_scores_are_those_of_predict(small, photo):
    model = unmask.load(small, preprocess="unit")
    batch = np.random.default_rng(0).random((7, *SIZE, 3)).astype(np.float32)
    np.testing.assert_allclose(model(batch), small.predict(batch, verbose=0), rtol=1e-5)
    assert unmask.predict(model, photo)[0].index == np.argmax(
        small.predict(photo[None] / 255, verbose=0)
    )


def test_on_a_cpu_a_large_batch_goes_in_parts(keras, monkeypatch):
    from unmask.models.keras import model as ours

    if any("cpu" not in str(one).lower() for one in keras.distribution.list_devices()):
        pytest.skip("Keras has a GPU here")
    entry = keras.Input((6, 8, 3))
    pools = [keras.layers.GlobalAveragePooling2D(), keras.layers.GlobalMaxPooling2D()]
    two = keras.Model(entry, [pool(entry) for pool in pools])
    batch = np.random.default_rng(0).random((7, 6, 8, 3)).astype(np.float32)
    whole = unmask.load(two, preprocess="raw")(batch)
    sizes, predict = [], two.predict_on_batch

    def counted(part):
        sizes.append(len(part))
        return predict(part)

    monkeypatch.setattr(two, "predict_on_batch", counted)
    monkeypatch.setattr(ours, "PART", 3 * batch[:1].nbytes)
    for one, other in zip(unmask.load(two, preprocess="raw")(batch), whole, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6)
    monkeypatch.setattr(ours, "PART", 1)  # less than one input
    unmask.load(two, preprocess="raw")(batch[:2])
    assert sizes == [3, 3, 1, 1, 1]


def test_several_outputs_are_a_tuple_and_several_inputs_refused(keras):
    entry = keras.Input((6, 8, 3))
    pooled = keras.layers.GlobalAveragePooling2D()(entry)
    two = keras.Model(entry, [pooled, keras.layers.GlobalMaxPooling2D()(entry)])
    outputs = unmask.load(two, preprocess="raw")(np.ones((2, 6, 8, 3), np.float32))
    assert [part.shape for part in outputs] == [(2, 3), (2, 3)]
    other = keras.Input((3,), name="weights")
    with pytest.raises(ModelError, match="has 2 inputs"):
        unmask.load(keras.Model([entry, other], keras.layers.Multiply()([pooled, other])))


@pytest.mark.parametrize(
    ("shape", "layout", "size"),
    [((9,), "NT", (9,)), ((9, 2), "NTC", (9,)), ((3, 4, 5, 1), "NDHWC", (3, 4, 5))],
)
def test_series_and_volumes(keras, shape, layout, size):
    model = keras.Sequential([keras.Input(shape), keras.layers.Flatten(), keras.layers.Dense(2)])
    loaded = unmask.load(model, activation="logits")
    assert (loaded.input.layout, loaded.input.size, loaded.input.preprocess.name) == (
        layout,
        size,
        "raw",
    )
    assert (
        unmask.explain(loaded, np.indices(shape).sum(0, np.float32), 0, masks=48, grid=2).map.shape
        == size
    )


def test_channels_first_is_read_from_the_layers(keras):
    pool = keras.layers.GlobalAveragePooling2D(data_format="channels_first")
    model = unmask.load(keras.Sequential([keras.Input((3, 6, 8)), pool]))
    assert (model.input.layout, model.input.size, model.input.channels) == ("NCHW", (6, 8), 3)


def test_a_free_size_is_the_pictures_or_the_one_given(keras, small):
    free = keras.Sequential([keras.Input((None, None, 3)), keras.layers.GlobalAveragePooling2D()])
    assert unmask.load(free).input.size is None
    assert unmask.load(free, size=(5, 7)).input.size == (5, 7)
    with pytest.raises(SettingError, match=r"takes \(32, 48\) only"):
        unmask.load(small, size=(5, 7))


# --- keras.applications ---


def test_keras_itself_says_how_its_applications_scale_pixels(keras):
    from unmask.models.keras.applications import application, builder, scaling

    wanted = {
        "resnet50v2": "tf",
        "mobilenetv2_1.00_224": "tf",
        "mobilenet_0.25_160": "tf",
        "resnet50": "caffe",
        "vgg16": "caffe",
        "densenet121": "torch",
        "nasnet_mobile": "tf",
        "efficientnetb0": "raw",
        "efficientnetv2-b0": "raw",
        "MobileNetV3Small": "raw",
        "convnext_tiny": "raw",
    }
    for name, pixels in wanted.items():
        module = application(keras, name)
        assert module is not None, name
        assert scaling(module) == pixels, name
    for other in ("functional_3", "vgg16_mine", "resnet", "mobilenetv2_copy"):
        assert application(keras, other) is None, other
    assert builder(keras, "resnet50V2") is keras.applications.ResNet50V2
    with pytest.raises(ModelError, match=r"no 'ResNet50V3'. The nearest: .*ResNet50V2"):
        builder(keras, "ResNet50V3")


def test_every_application_is_known_by_the_name_that_keras_gives_it(keras):
    import inspect

    from unmask.models.keras.applications import _builders, application

    builders = _builders(keras)
    assert len(builders) > 30
    for name, build in builders.items():
        default = inspect.signature(build).parameters["name"].default
        module = application(keras, default or f"{name.lower()}_1.00_224")
        assert module.__name__ == build.__module__, name


@pytest.mark.slow
def test_an_application_at_full_size(keras, photo):
    keras.utils.set_random_seed(1)
    network = awake(keras, keras.applications.MobileNet(alpha=0.5, weights=None))
    model = unmask.load(network)
    assert (model.input.size, model.input.layout, model.input.preprocess.name) == (
        (224, 224),
        "NHWC",
        "tf",
    )
    assert (len(model.labels), model.labels[386]) == (1000, "African elephant, Loxodonta africana")
    assert (model.notes, model.activation) == ((), "probabilities")
    explanation = unmask.explain(model, photo, masks=16, grid=4, design="balanced")
    assert explanation.map.shape == SIZE
    assert np.ptp(explanation.map) > 0
    assert explanation.model_calls == 21


@pytest.mark.slow
def test_weights_from_a_file_and_from_nowhere(keras, tmp_path):
    source = keras.applications.MobileNet(weights=None, input_shape=(96, 64, 3))
    good = tmp_path / "good.weights.h5"
    source.save_weights(good)
    model = unmask.load("keras:mobilenet", weights=good, size=(96, 64))
    assert (model.input.size, model.input.preprocess.name, len(model.labels)) == (
        (96, 64),
        "tf",
        1000,
    )
    batch = np.random.default_rng(0).uniform(-1, 1, (2, 96, 64, 3)).astype(np.float32)
    np.testing.assert_allclose(model(batch), source.predict(batch, verbose=0), rtol=1e-4)

    wrong = tmp_path / "wrong.weights.h5"
    keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)]).save_weights(wrong)
    with pytest.raises(ModelError, match="do not fit keras:MobileNet"):
        unmask.load("keras:MobileNet", weights=wrong)
    (tmp_path / "text.weights.h5").write_text("no weights")
    with pytest.raises(ModelError, match="do not fit"):
        unmask.load("keras:MobileNet", weights=tmp_path / "text.weights.h5")
    with pytest.raises(ModelError, match="no file of weights at"):
        unmask.load("keras:MobileNet", weights=tmp_path / "gone.h5")


@pytest.mark.slow
def test_weights_that_cannot_be_downloaded_end_the_command_with_one_line(
    keras, tmp_path, monkeypatch
):
    pytest.importorskip("typer")
    from keras.src.backend import config
    from typer.testing import CliRunner

    from unmask.cli import app

    # Nothing is there, and nobody listens on port 9: whatever is asked for is refused at once.
    monkeypatch.setattr(config, "_KERAS_DIR", str(tmp_path))
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("COLUMNS", "300")
    done = CliRunner().invoke(app, ["predict", str(PICTURE), "--model", "keras:MobileNet"])
    assert done.exit_code == 2
    said = [line for line in done.stderr.splitlines() if line.startswith("Error: ")]
    assert len(said) == 1
    assert "keras:MobileNet could not be downloaded" in said[0]
    assert "--weights FILE" in said[0]


# --- files ---


@pytest.mark.slow
def test_the_command_says_nothing_but_its_own_error(keras, tmp_path):
    path = tmp_path / "code.keras"
    layer = keras.layers.Lambda(lambda x: x * 2)
    keras.Sequential([keras.Input((4, 6, 3)), layer]).save(path)
    done = subprocess.run(
        [sys.executable, "-m", "unmask", "predict", str(PICTURE), "--model", str(path)],
        capture_output=True,
        encoding="utf-8",
        timeout=120,
        env={k: v for k, v in os.environ.items() if k != "TF_CPP_MIN_LOG_LEVEL"},
    )
    assert done.returncode == 2
    (line,) = done.stderr.strip().splitlines()  # nothing of TensorFlow's either
    assert line.startswith("Error: ")
    assert "cannot be loaded as" in line


def test_a_keras_file_gives_the_same_scores(small, tmp_path):
    path = tmp_path / "small.keras"
    small.save(path)
    model = unmask.load(path, preprocess="tf")
    batch = np.random.default_rng(0).random((3, *SIZE, 3)).astype(np.float32)
    np.testing.assert_allclose(model(batch), small.predict(batch, verbose=0), rtol=1e-6)


def test_a_file_that_brings_code_along_is_not_run(keras, tmp_path):
    layer = keras.layers.Lambda(lambda x: x * 2)
    path = tmp_path / "code.keras"
    keras.Sequential([keras.Input((4, 6, 3)), layer]).save(path)
    with pytest.raises(ModelError, match=r"keras\.saving\.load_model and give the model itself"):
        unmask.load(path)


@pytest.mark.parametrize("content", [None, b"", b"no zip"])
def test_a_file_that_is_none(tmp_path, content):
    path = tmp_path / "x.keras"
    if content is not None:
        path.write_bytes(content)
    says = "no model file at" if content is None else "cannot be loaded as a Keras model"
    with pytest.raises(ModelError, match=says):
        unmask.load(path)


# --- the registry ---


def test_options_that_say_nothing_are_refused(small):
    with pytest.raises(SettingError, match=r"weights= does not apply to a Keras model"):
        unmask.load(small, weights="x.h5")
    with pytest.raises(SettingError, match=r"weights= does not apply to an .onnx file"):
        unmask.load("demo", weights="x.h5")
    with pytest.raises(SettingError, match=r"color= does not apply to <lambda>"):
        unmask.load(lambda batch: batch, color=3)
    with pytest.raises(SettingError, match="runtime='tpu': expected 'onnx'"):
        unmask.load(small, runtime="tpu")
    with pytest.raises(SettingError, match="cannot be turned into ONNX"):
        unmask.load("demo", runtime="onnx")


def test_rows_lead_to_loaders_and_need_no_framework(small):
    for row in registry.SOURCES:
        assert callable(row.function)
    code = """
        import sys, unmask
        from unmask.models.registry import SOURCES, find
        print([row.function.__name__ for row in SOURCES])
        print(find("keras:ResNet50V2")[0].what, find("a/b.keras")[0].what)
        print(sorted({"keras", "tensorflow", "torch", "onnxruntime"} & set(sys.modules)))
    """
    said = run_alone(code).splitlines()
    assert said[1:] == ["keras:NAME a .keras file", "[]"]
    assert registry.find(small)[0].loader == "keras.model:from_keras"
    assert registry.find(object()) is None


def test_a_missing_keras_names_its_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "keras", None)
    with pytest.raises(MissingExtra, match=r"pip install 'unmask\[keras\]'"):
        unmask.load("keras:ResNet50V2")


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["nonsense", "tensorflow"])
def test_a_backend_that_is_not_there_is_named(backend):
    code = """
        import sys, unmask
        sys.modules["tensorflow"] = None
        try:
            unmask.load("keras:ResNet50V2")
        except unmask.ModelError as error:
            print(error)
    """
    said = run_alone(code, KERAS_BACKEND=backend)
    assert f"Keras cannot start its backend ({backend})" in said
    assert "set KERAS_BACKEND to tensorflow, jax or torch" in said


# --- two patterns ---

PATTERNS = '''
import numpy as np

def planted(count, rng):
    """Noise with a patch of stripes somewhere: upright ones are class 0, lying ones class 1."""
    images = rng.normal(0.5, 0.1, (count, 32, 48, 3))
    kinds = rng.integers(0, 2, count)
    corners = np.stack([rng.integers(0, 32 - 10, count), rng.integers(0, 48 - 10, count)], axis=1)
    stripes = np.tile(np.repeat([0.0, 1.0], 2), 3)[:10]
    for image, kind, (top, left) in zip(images, kinds, corners):
        patch = np.broadcast_to(stripes, (10, 10))
        image[top : top + 10, left : left + 10] = (patch.T if kind else patch)[..., None]
    return np.clip(images, 0, 1).astype(np.float32), kinds, corners

def trained():
    import keras
    keras.utils.set_random_seed(0)
    model = keras.Sequential([
        keras.Input((32, 48, 3)),
        keras.layers.Conv2D(8, 5, activation="relu"),
        keras.layers.GlobalMaxPooling2D(),
        keras.layers.Dense(2, activation="softmax"),
    ], name="stripes")
    model.compile(optimizer=keras.optimizers.Adam(0.02), loss="sparse_categorical_crossentropy")
    images, kinds, _ = planted(384, np.random.default_rng(0))
    model.fit(images, kinds, epochs=6, batch_size=32, verbose=0)
    return model

def found(model):
    """Accuracy on fresh images, and how often the map peaks on the pattern."""
    import unmask
    images, kinds, corners = planted(8, np.random.default_rng(1))
    loaded = unmask.load(model, preprocess="unit", labels=["upright", "lying"])
    right = (loaded(images).argmax(axis=1) == kinds).mean()
    hits = 0
    for image, kind, (top, left) in zip(images, kinds, corners):
        pixels = np.rint(image * 255).astype(np.uint8)
        why = unmask.explain(loaded, pixels, int(kind), masks=300, grid=(6, 9), fill="mean")
        y, x = np.unravel_index(why.map.argmax(), why.map.shape)
        hits += top - 3 <= y < top + 13 and left - 3 <= x < left + 13
    return {"accuracy": float(right), "hits": int(hits), "of": len(images)}
'''


@pytest.fixture(scope="module")
def patterns():
    names: dict[str, object] = {}
    exec(PATTERNS, names)
    return names


@pytest.fixture(scope="module")
def stripes(keras, patterns):
    """A network that was trained on TensorFlow."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return patterns["trained"]()


@pytest.mark.slow
def test_a_trained_network_is_explained_by_the_planted_pattern(stripes, patterns):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        report = patterns["found"](stripes)
    assert report["accuracy"] == 1
    assert report["hits"] >= 7, report


# A file of kilobytes is refused before it takes gigabytes; then the good one is explained.
ALONE = """
import json, os, pathlib, sys, warnings
import keras, unmask
from unmask.models import bounds
warnings.simplefilter('ignore')
def most():
    lines = pathlib.Path('/proc/self/status').read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith('VmHWM:')) / 1024
before = most()
try:
    bounds.check_keras(keras, pathlib.Path('huge.keras'))
except unmask.ModelError as error:
    refused = {'refused': str(error), 'megabytes': most() - before}
model = keras.saving.load_model('stripes.keras')
report = {**found(model), **refused}
own = unmask.load(model, preprocess='unit')
report['versions'] = sorted(own.versions)
if 'torch' in own.versions:  # from JAX it takes a package that is not in the extra
    batch = planted(5, np.random.default_rng(2))[0]
    faster = unmask.load(own, runtime='onnx')
    report['apart'] = float(abs(faster(batch) - own(batch)).max())
print(json.dumps(report))
"""


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_the_same_on_another_backend(tmp_path, backend, stripes):
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")
    (tmp_path / "stripes.py").write_text(PATTERNS + ALONE)
    stripes.save(tmp_path / "stripes.keras")
    with (
        zipfile.ZipFile(tmp_path / "stripes.keras") as good,
        zipfile.ZipFile(tmp_path / "huge.keras", "w") as huge,
    ):
        for name in good.namelist():
            content = good.read(name)
            if name == "config.json":
                said = json.dumps(json.loads(content))
                content = said.replace('"units": 2', '"units": 1000000000')
                assert content != said
            huge.writestr(name, content)
    # A network this small gains nothing from threads, and PyTorch's lose much beside other work.
    done = run_alone(
        f"import os; os.chdir({str(tmp_path)!r}); exec(open('stripes.py').read())",
        KERAS_BACKEND=backend,
        OMP_NUM_THREADS="1",
    )
    report = json.loads(done.splitlines()[-1])
    assert report["accuracy"] == 1
    assert report["hits"] >= 7, report
    assert report["versions"] == sorted([backend, "keras"])
    assert report.get("apart", 0) < 1e-5
    assert "has layers of" in report["refused"]
    assert report["megabytes"] < 200


# --- runtime="onnx" ---


@pytest.fixture(scope="module")
def small_onnx(small):
    pytest.importorskip("tf2onnx")
    return unmask.load(small, preprocess="unit", runtime="onnx")


@pytest.mark.slow
def test_onnx_gives_the_same_map(small, small_onnx, photo):
    own = unmask.load(small, preprocess="unit")
    one = unmask.explain(own, photo, 2, masks=300, batch_size=7)
    two = unmask.explain(small_onnx, photo, 2, masks=300)
    np.testing.assert_allclose(two.map, one.map, atol=1e-5)
    assert np.ptp(one.map) > 1e-3
    assert "onnxruntime" in small_onnx.versions
    assert small_onnx.input.preprocess == own.input.preprocess


def test_an_onnx_that_says_something_else_is_refused(keras, small):
    import dataclasses

    model = unmask.load(small, preprocess="unit")
    other = keras.models.clone_model(small)  # the same layers, other weights
    wrong = dataclasses.replace(model, export=unmask.load(other).export)
    with pytest.raises(ModelError, match="differ from its own by up to"):
        unmask.load(wrong, runtime="onnx")
    entry = keras.Input((*SIZE, 3))
    pooled = unmask.load(keras.Model(entry, keras.layers.GlobalAveragePooling2D()(entry)))
    wrong = dataclasses.replace(model, export=pooled.export)
    with pytest.raises(ModelError, match=r"has outputs of shapes \[\(4, 3\)\]"):
        unmask.load(wrong, runtime="onnx")


def test_a_missing_converter_names_its_extra(small, monkeypatch):
    from keras.src.utils import module_utils

    monkeypatch.setattr(module_utils, "tf2onnx", module_utils.LazyModule("not_tf2onnx"))
    with pytest.raises(MissingExtra, match=r"pip install 'unmask\[convert\]'"):
        unmask.load(small, runtime="onnx")


# --- the notebook's preset, on a real network ---


def by_hand(network, image, grids, target, top=3):
    """The notebook's procedure in NumPy and OpenCV alone."""
    cv2 = pytest.importorskip("cv2")
    height, width = image.shape[:2]
    total = np.zeros((height, width))
    masks = [
        cv2.resize(grid.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR)
        for grid in grids
    ]
    images = np.stack([image * mask[:, :, None] for mask in masks])
    scores = network.predict(images, verbose=0, batch_size=50)
    counted = 0
    for mask, row in zip(masks, scores, strict=True):
        if target in row.argsort()[-top:]:
            total += mask * row[target]
            counted += 1
    return total / len(masks), counted / len(masks)


@pytest.mark.slow
@pytest.mark.parametrize("size", [(96, 64), (50, 83)], ids=str)
def test_the_preset_is_the_notebooks_computation(keras, size):
    keras.utils.set_random_seed(5)
    network = keras.applications.MobileNet(
        weights=None, input_shape=(*size, 3), alpha=0.25, classes=10
    )
    awake(keras, network)
    rng = np.random.default_rng(4)
    image = rng.uniform(-1, 1, (*size, 3)).astype(np.float32)
    model = unmask.load(network)
    # The fourth best for the whole image: it is among the three best of some masked ones only.
    scores = network.predict(image[None], verbose=0)[0]
    target = int(np.argsort(-scores)[3])
    why = unmask.explain(
        model, image, target, preset="notebook", preprocess="raw", masks=150, batch_size=20
    )
    plan = why.plan
    assert (plan.masks.grid, plan.masks.shift) == ((size[0] // 8, size[1] // 8), False)
    grids = np.concatenate([plan.masks.block(b).grids for b in range(3)])[:150]
    wanted, counted = by_hand(network, image, grids, target)
    assert 0 < counted < 1  # or the rule of the best three would not be tested
    np.testing.assert_allclose(why.map, wanted, rtol=1e-5, atol=1e-6 * wanted.max())
    assert why.targets[0].index == target
    with pytest.raises(TargetError, match="only a class"):
        unmask.explain(model, image, unmask.contrast(0, 1), preset="notebook", preprocess="raw")
    with pytest.warns(UnmaskWarning, match="flat"):
        unmask.explain(
            lambda batch: np.tile([0.4, 0.3, 0.2, 0.1], (len(batch), 1)),
            image,
            3,
            preset="notebook",
            masks=128,
        )


# --- layers made for scaling say what they want ---


@pytest.mark.parametrize(
    ("layers", "wants"),
    [
        (lambda layers: [layers.Rescaling(1 / 255)], "raw"),
        (lambda layers: [layers.Rescaling(1 / 127.5, offset=-1)], "raw"),
        (lambda layers: [layers.RandomFlip(), layers.Rescaling(1 / 255)], "raw"),
        (lambda layers: [layers.Normalization(mean=[127.0] * 3, variance=[3600.0] * 3)], "raw"),
        (lambda layers: [layers.Rescaling(2.0, offset=-1)], "unit"),
        (lambda layers: [layers.Rescaling(255.0)], "unit"),
        (lambda layers: [layers.Normalization(mean=[0.45] * 3, variance=[0.05] * 3)], "unit"),
        (
            lambda layers: [
                layers.Rescaling(255.0),
                layers.Normalization(mean=[127.0] * 3, variance=[3600.0] * 3),
            ],
            "unit",
        ),
        (lambda layers: [layers.Rescaling(127.5, offset=127.5)], "tf"),
        (lambda layers: [layers.Rescaling(0.5, offset=0.5)], "tf"),
        (lambda layers: [layers.Conv2D(3, 1), layers.Rescaling(1 / 255)], None),
        (lambda layers: [layers.Rescaling(1.0)], None),
        (lambda _: [], None),
    ],
)
def test_first_layers_say_by_their_numbers_which_pixels_they_want(keras, layers, wants):
    inner = keras.Sequential([keras.Input((8, 12, 3)), *layers(keras.layers)])
    for parts in (layers(keras.layers), [inner]):
        network = keras.Sequential(
            [keras.Input((8, 12, 3)), *parts, keras.layers.GlobalAveragePooling2D()]
        )
        model = unmask.load(network)
        assert model.input.preprocess.name == (wants or "unit")
        assert bool(model.notes) == (wants is None)


def test_one_of_several_outputs_of_keras(keras, photo):
    entry = keras.Input((*SIZE, 3))
    pooled = keras.layers.GlobalAveragePooling2D()(entry)
    network = keras.Model(entry, [pooled, keras.layers.Dense(5, activation="softmax")(pooled)])
    model = unmask.load(network, preprocess="unit", output=1, activation="probabilities")
    assert len(unmask.predict(model, photo)) == 5
    with pytest.raises(unmask.UnmaskError, match=r"a tuple of 2 .*output=, 0 to 1"):
        unmask.predict(unmask.load(network, preprocess="unit"), photo)


def test_a_segmentation_is_recognized(keras):
    keras.utils.set_random_seed(3)
    layers = [
        keras.Input((*SIZE, 3)),
        keras.layers.Conv2D(4, 4, strides=4, kernel_initializer="random_normal"),
        keras.layers.Softmax(),
    ]
    model = unmask.load(keras.Sequential(layers, name="maps"), preprocess="unit")
    assert (model.task, model.classes, model.activation) == ("regions", 4, "probabilities")
    named = unmask.load(model, labels=["background", "sky", "sea", "sand"])
    found = unmask.predict(named, PICTURE)
    assert sum(one.share for one in found) == pytest.approx(1)
    made = unmask.explain(named, PICTURE, "all", masks=64, grid=(2, 3))
    labels = [one.label for one in found if one.label != "background"]
    assert sorted(one.label for one in made.targets) == sorted(labels)
