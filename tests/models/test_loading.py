"""Models: what an ONNX file says, what is declared, and what is never guessed in silence."""

import warnings
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import unmask
from helpers.places import SHARED
from helpers.reading import prepare
from unmask.errors import ModelError, ModelOutputError, SettingError, UnmaskError, UnmaskWarning
from unmask.inputs.preprocess import preprocessing
from unmask.models.labels import imagenet, read_labels
from unmask.models.loading import load
from unmask.models.model import build

RNG = np.random.default_rng(11)
COLOR = RNG.uniform(-1, 1, (3, 4)).astype(np.float32)
BIAS = np.array([0.5, -0.25, 0.125, 0.0], np.float32)


def mean_color(batch, layout):
    axes = (2, 3) if layout == "NCHW" else (1, 2)
    return batch.astype(np.float64).mean(axis=axes) @ COLOR + BIAS


def batch_of(n, layout, size=(5, 9), seed=0):
    rng = np.random.default_rng(seed)
    shape = (n, 3, *size) if layout == "NCHW" else (n, *size, 3)
    return rng.integers(0, 256, shape).astype(np.float32)


# --- ONNX: types, layouts, batches, sizes ---


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
@pytest.mark.parametrize("dtype", ["float32", "float16", "uint8"])
@pytest.mark.parametrize("size", [(5, 9), (None, None)])
@pytest.mark.parametrize("batch", [None, 1, 4])
def test_onnx_inputs_of_every_kind(tmp_path, onnx_models, layout, dtype, size, batch):
    path = onnx_models.linear(
        tmp_path / "m.onnx", COLOR, bias=BIAS, layout=layout, dtype=dtype, size=size, batch=batch
    )
    model = load(path, preprocess="raw")
    assert model.input.layout == layout
    assert model.input.size == (None if size[0] is None else size)
    assert (model.batch, model.input.channels, model.classes) == (batch, 3, 4)
    assert model.name == "m.onnx"
    for n in (1, 3, 4, 7, 9):
        inputs = batch_of(n, layout)
        np.testing.assert_allclose(model(inputs), mean_color(inputs, layout), rtol=2e-4, atol=1e-2)


def test_uint8_inputs_are_rounded_and_clipped(tmp_path, onnx_models):
    path = onnx_models.linear(tmp_path / "m.onnx", np.eye(3), dtype="uint8")
    model = load(path)
    given_values = [0.4, 0.6, 254.5001, 255.4, 300, -20, -0.5]
    for value, pixel in zip(given_values, [0, 1, 255, 255, 255, 0, 0], strict=True):
        np.testing.assert_array_equal(
            model(np.full((1, 3, 2, 5), value, np.float32)), [[pixel] * 3]
        )


def test_an_input_of_another_type_is_refused(tmp_path, onnx_models):
    path = onnx_models.linear(tmp_path / "m.onnx", COLOR, dtype="int64")
    with pytest.raises(ModelError, match=r"picture is tensor\(int64\).*tensor\(float\)"):
        load(path)


@pytest.mark.parametrize("activation", [None, "softmax", "sigmoid", "logits"])
@pytest.mark.parametrize("batch_size", [None, 3, 4, 10])
def test_a_fixed_batch_gives_the_map_of_a_free_one(
    tmp_path, onnx_models, picture, activation, batch_size
):
    weights = RNG.standard_normal((3 * 6 * 10, 3)) / 10
    maps = {}
    for batch in (None, 1, 4):
        path = onnx_models.linear(tmp_path / f"{batch}.onnx", weights, size=(6, 10), batch=batch)
        model = load(path, preprocess="tf", activation=activation)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UnmaskWarning)  # the note on logits
            e = unmask.explain(model, picture, [0, 2], masks=50, grid=3, batch_size=batch_size)
        assert e.masks == 50
        maps[batch] = e.maps
    assert np.ptp(maps[None]) > 0
    np.testing.assert_allclose(maps[1], maps[None], atol=2e-5)
    np.testing.assert_allclose(maps[4], maps[None], atol=2e-5)


@given(n=st.integers(1, 12), fixed=st.integers(1, 5), activation=st.sampled_from(["softmax", None]))
def test_a_fixed_batch_is_always_full_and_scores_each_input_once(n, fixed, activation):
    sizes = []

    def run(batch):
        sizes.append(len(batch))
        return batch.mean(axis=1)

    inputs = np.random.default_rng(n).uniform(-3, 3, (n, 2, 3)).astype(np.float32)
    bound = build(run, layout="NTC", activation=activation, batch=fixed)
    free = build(lambda batch: batch.mean(axis=1), layout="NTC", activation=activation)
    np.testing.assert_allclose(bound(inputs), free(inputs), rtol=1e-6)
    assert sizes == [fixed] * -(-n // fixed)


@pytest.mark.parametrize("fixed", [2, 5])
@pytest.mark.parametrize("kind", ["list", "tuple", "dict"])
def test_a_fixed_batch_of_other_outputs_gives_them_all_once(kind, fixed):
    def run(batch):
        assert len(batch) == fixed
        means, parts = batch.mean(axis=(1, 2)), batch[:, 0]
        return {"list": list(means), "tuple": (means, parts), "dict": {"a": means, "b": parts}}[
            kind
        ]

    inputs = np.random.default_rng(0).normal(size=(7, 2, 3)).astype(np.float32)
    for n in (1, fixed, 7):
        got = build(run, layout="NTC", batch=fixed)(inputs[:n])
        columns = [got] if kind == "list" else got if kind == "tuple" else list(got.values())
        expected = [inputs[:n].mean(axis=(1, 2)), inputs[:n, 0]]
        for one, other in zip(columns, expected, strict=kind != "list"):
            np.testing.assert_allclose(one, other, rtol=1e-6)


def test_of_several_outputs_the_first_is_read_and_pooled_scores_are_scores(
    tmp_path, onnx_models, picture
):
    path = onnx_models.pooled_with_features(tmp_path / "m.onnx")
    model = load(path, preprocess="unit", labels=["r", "g", "b"])
    assert model.classes == 3
    with pytest.warns(UnmaskWarning, match=r"has 2 outputs: the first, scores, is read"):
        best = unmask.predict(model, picture, top=3)
    np.testing.assert_allclose(
        sorted(one.score for one in best), sorted(picture.mean(axis=(0, 1)) / 255), atol=0.02
    )


def test_a_grayscale_model_gets_the_luma(tmp_path, onnx_models, picture):
    path = onnx_models.linear(tmp_path / "m.onnx", np.eye(1), channels=1, size=(12, 20))
    model = load(path, preprocess="unit")
    assert model.input.channels == 1
    array = prepare(model, picture).array
    assert array.shape == (1, 12, 20)
    gray = np.asarray(Image.fromarray(picture).convert("L"), np.float32) / 255
    np.testing.assert_allclose(array[0], gray, atol=1 / 255)


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
def test_a_grayscale_model_that_declares_nothing_still_runs(tmp_path, onnx_models, picture, layout):
    path = onnx_models.linear(
        tmp_path / "m.onnx", np.eye(1), channels=1, size=(12, 20), layout=layout
    )
    with pytest.warns(UnmaskWarning, match="assumed preprocess="):
        [best] = unmask.predict(path, picture)
    assert np.isfinite(best.score)


@pytest.mark.parametrize("name", ["torch", "caffe"])
def test_color_preprocessing_of_a_grayscale_model_works_or_is_refused(
    tmp_path, onnx_models, picture, name
):
    path = onnx_models.linear(tmp_path / "m.onnx", np.eye(1), channels=1, size=(12, 20))
    try:
        array = prepare(load(path, preprocess=name), picture).array
    except SettingError:
        return
    assert array.shape == (1, 12, 20)


@pytest.mark.parametrize("shape", [["N", 3, 7, 3], ["N", 1, 9, 3], [1, 3, 3, 3]])
def test_an_ambiguous_channel_axis_has_to_be_declared(tmp_path, onnx_models, shape):
    path = onnx_models.mean(tmp_path / "m.onnx", shape)
    with pytest.raises(ModelError, match=r"may be NCHW or NHWC; give layout="):
        load(path)


def test_a_declared_layout_settles_an_ambiguous_shape(tmp_path, onnx_models):
    for layout, size in (("NCHW", (7, 3)), ("NHWC", (3, 7))):
        path = onnx_models.linear(
            tmp_path / "m.onnx", COLOR, bias=BIAS, layout=layout, shape=["N", 3, 7, 3]
        )
        model = load(path, layout=layout, preprocess="raw")
        assert (model.input.layout, model.input.size) == (layout, size)
        inputs = batch_of(2, layout, size)
        np.testing.assert_allclose(model(inputs), mean_color(inputs, layout), rtol=1e-4)


@pytest.mark.parametrize("shape", [["N", 5, 7, 9], ["N", "C", "H", "W"], [None] * 4])
def test_an_absent_channel_axis_is_an_error(tmp_path, onnx_models, shape):
    path = onnx_models.mean(tmp_path / "m.onnx", shape)
    with pytest.raises(ModelError, match="1 or 3 channels neither second"):
        load(path)


def test_layouts_that_no_picture_has(tmp_path, onnx_models):
    path = onnx_models.linear(tmp_path / "m.onnx", COLOR)
    with pytest.raises(SettingError, match="NCHW or NHWC"):
        load(path, layout="NTC")
    flat = onnx_models.mean(tmp_path / "flat.onnx", ["N", 3, 7, 5, 4, 2])
    with pytest.raises(ModelError, match="four axes"):
        load(flat)


@pytest.mark.parametrize(
    ("shape", "layout", "size"),
    [
        (["N", 3, 7, 5, 4], "NCTHW", (7, 5, 4)),
        (["N", 1, 7, 5, 4], "NCDHW", (7, 5, 4)),
        (["N", 7, 5, 4, 1], "NDHWC", (7, 5, 4)),
        (["N", 7, 3, 5, 4], "NTCHW", (7, 5, 4)),
        (["N", 1, "d", 5, 4], "NCDHW", None),
    ],
)
def test_five_axes_are_volumes_or_videos(tmp_path, onnx_models, shape, layout, size):
    path = onnx_models.mean(tmp_path / "five.onnx", shape)
    found = load(path)
    assert (found.input.layout, found.input.size, found.notes) == (layout, size, ())
    assert load(path, preprocess="unit", size=(8, 9, 10)).input.size == (8, 9, 10)
    with pytest.raises(SettingError, match="five axes"):
        load(path, layout="NCHW")
    with pytest.raises(SettingError, match="boxes= does not apply"):
        load(path, boxes="xyxy")


def test_five_axes_of_which_none_is_of_channels_are_noted(tmp_path, onnx_models):
    path = onnx_models.mean(tmp_path / "five.onnx", ["N", 8, 7, 5, 4])
    (note,) = load(path).notes
    assert "layout='NDHWC'" in note
    assert load(path, layout="NDHWC").notes == ()


def test_several_inputs_are_an_error(tmp_path, onnx_models):
    path = onnx_models.two_inputs(tmp_path / "m.onnx")
    with pytest.raises(ModelError, match=r"2 inputs \(left, right\): say which is masked"):
        load(path)


def test_one_free_side_needs_a_size(tmp_path, onnx_models):
    path = onnx_models.linear(tmp_path / "m.onnx", COLOR, size=(6, None))
    with pytest.raises(ModelError, match="only one of height and width"):
        load(path)
    assert load(path, size=(6, 9), preprocess="raw").input.size == (6, 9)


def test_a_size_given_for_a_free_one(tmp_path, onnx_models, picture):
    path = onnx_models.linear(tmp_path / "m.onnx", COLOR)
    assert prepare(load(path, preprocess="raw", size=(6, 9)), picture).array.shape == (3, 6, 9)
    assert prepare(load(path, preprocess="raw"), picture).array.shape == (3, 12, 20)


def test_a_size_other_than_the_fixed_one(tmp_path, onnx_models):
    path = onnx_models.linear(tmp_path / "m.onnx", COLOR, size=(6, 9))
    assert load(path, size=(6, 9)).input.size == (6, 9)
    with pytest.raises(SettingError, match=r"size=\(9, 6\).*takes \(6, 9\) only"):
        load(path, size=(9, 6))


@pytest.mark.parametrize("size", [(6,), (6, 9, 3), (), (0, 9), (-6, 9)])
def test_a_size_that_is_none(tmp_path, onnx_models, picture, size):
    path = onnx_models.linear(tmp_path / "m.onnx", COLOR)
    with pytest.raises(UnmaskError):
        prepare(load(path, size=size), picture)


# --- files that are no model ---


def test_a_text_file_is_no_model(tmp_path):
    path = tmp_path / "m.onnx"
    path.write_text("not a model\n" * 50)
    with pytest.raises(ModelError, match="not a model that ONNX Runtime can load") as caught:
        load(path)
    assert "\n" not in str(caught.value)


def test_an_empty_file_and_a_truncated_one_are_no_model(tmp_path, onnx_models):
    whole = onnx_models.linear(tmp_path / "whole.onnx", COLOR).read_bytes()
    for name, content in (("empty.onnx", b""), ("cut.onnx", whole[: len(whole) // 2])):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ModelError, match=name):
            load(tmp_path / name)


def test_a_missing_model_file(tmp_path):
    with pytest.raises(ModelError, match=r"no model file at .*gone\.onnx"):
        load(tmp_path / "gone.onnx")
    with pytest.raises(ModelError, match="no model file at"):
        load(tmp_path / "folder.onnx")


@pytest.mark.parametrize("name", ["model.pb", "model.h5", "model", "demo2"])
def test_another_suffix_is_refused(tmp_path, name):
    (tmp_path / name).write_bytes(b"")
    with pytest.raises(ModelError, match=r"expected an \.onnx file, .* or 'demo'"):
        load(str(tmp_path / name))


@pytest.mark.parametrize("source", [None, 3, [1, 2], np.zeros(3)])
def test_what_is_no_model_at_all(source):
    with pytest.raises(ModelError, match=f"from a {type(source).__name__}"):
        load(source)


# --- preprocessing ---

FORMULAS = {
    "tf": lambda x: x / 127.5 - 1,
    "torch": lambda x: (x / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225],
    "caffe": lambda x: x[..., ::-1] - [103.939, 116.779, 123.68],
    "unit": lambda x: x / 255,
    "raw": lambda x: x,
}


@pytest.mark.parametrize("name", FORMULAS)
@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
def test_preprocessing_by_name_is_its_formula(tmp_path, onnx_models, picture, name, layout):
    path = onnx_models.linear(tmp_path / "m.onnx", COLOR, layout=layout)
    expected = FORMULAS[name](picture.astype(np.float64))
    for model in (load(path, preprocess=name), load(len, preprocess=name, layout=layout)):
        array = prepare(model, picture).array
        assert array.dtype == np.float32
        assert array.flags.c_contiguous
        values = array.transpose(1, 2, 0) if layout == "NCHW" else array
        np.testing.assert_allclose(values, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", ["tf", "torch", "caffe"])
def test_zero_is_the_average_input_where_declared(name):
    assert preprocessing(name).centered
    assert not preprocessing("unit").centered
    assert not preprocessing("raw").centered
    assert preprocessing("unit", mean=0.5).centered
    assert not preprocessing("unit", std=0.5).centered


@given(
    st.sampled_from([("unit", 255), ("raw", 1), ("torch", 255)]),
    st.lists(st.floats(-2, 2), min_size=3, max_size=3) | st.floats(-2, 2),
    st.lists(st.floats(0.1, 9), min_size=3, max_size=3) | st.floats(0.1, 9),
)
def test_a_mean_and_a_std(name, mean, std):
    name, divisor = name
    x = np.random.default_rng(0).uniform(0, 255, (2, 3, 3)).astype(np.float32)
    expected = (x.astype(np.float64) / divisor - mean) / std
    np.testing.assert_allclose(preprocessing(name, mean, std)(x), expected, rtol=1e-4, atol=1e-4)


def test_a_mean_without_a_name_is_in_units_of_one(tmp_path, onnx_models, picture):
    path = onnx_models.linear(tmp_path / "m.onnx", COLOR, layout="NHWC")
    expected = (picture / 255 - [0.1, 0.2, 0.3]) / [0.5, 0.25, 2]
    declared = {"mean": (0.1, 0.2, 0.3), "std": (0.5, 0.25, 2)}
    for source in (path, len):
        model = load(source, **declared)
        assert not model.notes
        np.testing.assert_allclose(prepare(model, picture).array, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("imagenet",), "expected one of tf, torch, caffe, unit, raw"),
        (("TF",), "expected one of"),
        (("tf", 0.5), "no mean or std of its own"),
        (("tf", None, 0.5), "no mean or std of its own"),
        (("unit", None, 0), "positive"),
        (("unit", None, (1, -1, 1)), "positive"),
        (("unit", (1, 2)), "one per channel"),
        (("unit", ()), "one per channel"),
        (("unit", float("nan")), "finite"),
        (("unit", None, float("inf")), "finite"),
    ],
)
def test_preprocessing_that_is_none(arguments, says):
    with pytest.raises(SettingError, match=says):
        preprocessing(*arguments)


@pytest.mark.parametrize(
    ("layout", "dtype", "assumed"),
    [("NCHW", "float32", "torch"), ("NHWC", "float32", "tf"), ("NHWC", "float16", "tf")],
)
def test_undeclared_preprocessing_is_assumed_aloud(
    tmp_path, onnx_models, picture, layout, dtype, assumed
):
    path = onnx_models.linear(tmp_path / "m.onnx", COLOR * 0, layout=layout, dtype=dtype)
    model = load(path)
    assert model.input.preprocess == preprocessing(assumed)
    with pytest.warns(UnmaskWarning, match=f"m.onnx does not say .*preprocess={assumed!r}") as seen:
        unmask.predict(path, picture)
    assert len(seen) == 1


def test_declared_preprocessing_is_not_remarked_on(tmp_path, onnx_models):
    path = onnx_models.linear(tmp_path / "m.onnx", COLOR)
    pixels = onnx_models.linear(tmp_path / "u.onnx", COLOR, dtype="uint8")
    assert load(path, preprocess="torch").notes == ()
    assert load(path, mean=0.5, std=0.5).notes == ()
    assert load(pixels).notes == ()
    assert load(pixels).input.preprocess == preprocessing("raw")


# --- labels ---


def test_labels_from_a_file_a_list_and_a_tuple(tmp_path, onnx_models):
    path = onnx_models.linear(tmp_path / "m.onnx", COLOR)
    names = ("red fox", "bär", "kit, small fox", "four")
    for ending in ("\n".join(names), "\n".join(names) + "\n", " \n".join(names) + "\n\n\n"):
        (tmp_path / "labels.txt").write_text(ending, "utf-8")
        for source in (tmp_path / "labels.txt", str(tmp_path / "labels.txt")):
            assert load(path, labels=source).labels == names
    (tmp_path / "labels.txt").write_bytes("\r\n".join(names).encode() + b"\r\n")
    assert load(path, labels=tmp_path / "labels.txt").labels == names
    assert load(path, labels=list(names)).labels == names
    assert load(len, labels=names).labels == names


def test_a_byte_order_mark_is_no_part_of_a_label(tmp_path):
    (tmp_path / "labels.txt").write_bytes("fox\nwolf\n".encode("utf-8-sig"))
    assert read_labels(tmp_path / "labels.txt") == ("fox", "wolf")


def test_imagenet_by_name(tmp_path, onnx_models):
    assert len(imagenet()) == 1000
    assert len(set(imagenet())) >= 998
    assert imagenet()[207] == "golden retriever"
    for classes, first in ((1000, imagenet()[0]), (1001, "background")):
        weights = np.zeros((3, classes))
        path = onnx_models.linear(tmp_path / "m.onnx", weights)
        labels = load(path, labels="imagenet").labels
        assert len(labels) == classes
        assert labels[0] == first
        assert labels[-1000:] == imagenet()


def test_imagenet_labels_are_those_that_came_with_the_shared_model():
    path = SHARED / "models" / "imagenet_labels.txt"
    if not path.is_file():
        pytest.skip("no ../shared/models/imagenet_labels.txt")
    assert read_labels(path)[-1000:] == imagenet()


@pytest.mark.parametrize("names", [["a"], ["a", "b", "c"], ["a"] * 5])
def test_labels_must_be_as_many_as_classes(tmp_path, onnx_models, picture, names):
    path = onnx_models.linear(tmp_path / "m.onnx", COLOR)
    with pytest.raises(ModelError, match=f"{len(names)} labels for a model of 4 classes"):
        load(path, labels=names)
    function = load(lambda batch: np.full((len(batch), 4), 0.5), labels=names)
    with pytest.raises(ModelError, match=f"4 classes, but {len(names)} labels"):
        unmask.predict(function, picture)


def test_labels_that_cannot_be_read(tmp_path):
    (tmp_path / "empty.txt").write_text("\n\n")
    (tmp_path / "binary.txt").write_bytes(b"\xff\xfe\x00\x80")
    for source, says in (
        (tmp_path / "gone.txt", "cannot read labels from"),
        (tmp_path, "cannot read labels from"),
        (tmp_path / "empty.txt", "holds no labels"),
        (tmp_path / "binary.txt", "not a text file"),
        ([], "labels is empty"),
    ):
        with pytest.raises(ModelError, match=says):
            load(len, labels=source)


# --- metadata ---


def test_metadata_is_read(tmp_path, onnx_models):
    metadata = {
        "unmask.labels": "red\ngreen\nblue\nnone",
        "unmask.preprocess": "caffe",
        "unmask.activation": "sigmoid",
        "unmask.name": "colors",
        "author": "somebody else",
    }
    path = onnx_models.linear(tmp_path / "m.onnx", COLOR, metadata=metadata)
    model = load(path)
    assert model.labels == ("red", "green", "blue", "none")
    assert model.input.preprocess == preprocessing("caffe")
    assert model.activation == "sigmoid"
    assert model.name == "colors"
    assert model.notes == ()
    assert set(model.versions) == {"onnxruntime"}


def test_what_is_given_goes_before_metadata(tmp_path, onnx_models):
    metadata = {
        "unmask.labels": "red\ngreen\nblue\nnone",
        "unmask.preprocess": "caffe",
        "unmask.activation": "sigmoid",
        "unmask.name": "colors",
    }
    path = onnx_models.linear(tmp_path / "m.onnx", COLOR, metadata=metadata)
    model = load(path, labels=list("abcd"), preprocess="unit", activation="logits", name="mine")
    assert (model.labels, model.activation, model.name) == (tuple("abcd"), "logits", "mine")
    assert model.input.preprocess == preprocessing("unit")


@pytest.mark.parametrize(
    ("key", "value"),
    [("labels", "only\ntwo"), ("preprocess", "nonsense"), ("activation", "relu")],
)
def test_metadata_out_of_range_is_an_error(tmp_path, onnx_models, key, value):
    path = onnx_models.linear(tmp_path / "m.onnx", COLOR, metadata={f"unmask.{key}": value})
    with pytest.raises(UnmaskError):
        load(path)


# --- activation ---


def reference(activation, values):
    values = np.asarray(values, np.float64)
    if activation == "softmax":
        exponent = np.exp(values - values.max(axis=1, keepdims=True))
        return exponent / exponent.sum(axis=1, keepdims=True)
    return np.where(values >= 0, 1 / (1 + np.exp(-abs(values))), 1 - 1 / (1 + np.exp(-abs(values))))


@given(
    st.lists(st.lists(st.floats(-700, 700), min_size=3, max_size=3), min_size=1, max_size=4),
    st.sampled_from(["softmax", "sigmoid"]),
)
def test_activations_are_their_formulas(values, activation):
    model = build(lambda _: np.array(values), activation=activation)
    out = model(np.zeros((len(values), 2, 3, 3), np.float32))
    np.testing.assert_allclose(out, reference(activation, values), atol=1e-12)
    assert (out >= 0).all()
    assert (out <= 1).all()


@pytest.mark.parametrize("activation", ["softmax", "sigmoid"])
@pytest.mark.parametrize("dtype", ["u1", "i1", "i8", "f2", "f4"])
def test_activations_of_any_type_of_outputs(activation, dtype):
    values = np.array([[3, 120, 7], [0, 1, 2]], dtype)
    model = build(lambda _: values, activation=activation)
    out = model(np.zeros((2, 2, 3, 3), np.float32))
    np.testing.assert_allclose(out, reference(activation, values), atol=1e-6)


def test_signed_bytes_far_apart_do_not_overflow():
    values = np.array([[-128, 127, 126]], "i1")
    out = build(lambda _: values, activation="softmax")(np.zeros((1, 2, 3, 3), np.float32))
    np.testing.assert_allclose(out, reference("softmax", values), atol=1e-6)


def test_an_onnx_activation_is_applied_once(tmp_path, onnx_models, picture):
    path = onnx_models.linear(tmp_path / "m.onnx", COLOR, bias=BIAS)
    inputs = batch_of(3, "NCHW") / 255
    logits = load(path, preprocess="unit", activation="logits")(inputs)
    for name in ("softmax", "sigmoid"):
        out = load(path, preprocess="unit", activation=name)(inputs)
        np.testing.assert_allclose(out, reference(name, logits), rtol=1e-5)
    assert sum(
        one.score for one in unmask.predict(load(path, activation="softmax", mean=0), picture)
    ) == pytest.approx(1)


def test_logits_are_noted_once_and_left_alone(picture):
    def run(batch):
        bright = batch.mean(axis=(1, 2, 3))
        return np.stack([bright / 50 - 3, 3 - bright / 50], axis=1)

    with pytest.warns(UnmaskWarning, match="look like logits") as seen:
        noted = unmask.explain(run, picture, 0, masks=96, grid=3)
    assert sum("logits" in str(one.message) for one in seen) == 1
    assert sum("logits" in note for note in noted.notes) == 1
    plain = [
        unmask.explain(load(run, activation=declared), picture, 0, masks=96, grid=3)
        for declared in ("logits", "probabilities")
    ]
    for e in plain:
        assert not any("look like" in note for note in e.notes)
        np.testing.assert_array_equal(e.map, noted.map)
        assert e.targets[0].score == pytest.approx(picture.mean() / 50 - 3, rel=1e-4)


def test_probabilities_and_single_scores_are_not_taken_for_logits(picture):
    halves = np.array([[0.25, 0.75]])
    assert unmask.predict(lambda batch: np.repeat(halves, len(batch), 0), picture)[0].index == 1
    [only] = unmask.predict(lambda batch: batch.mean(axis=(1, 2, 3)) - 300, picture)
    assert only.score < 0


# --- the Model itself, and load() of what is there already ---


@pytest.mark.parametrize(
    ("declared", "error", "says"),
    [
        ({"layout": "HWC"}, SettingError, "N first"),
        ({"layout": "NHHC"}, SettingError, "N first"),
        ({"layout": "N"}, SettingError, "N first"),
        ({"layout": "NC"}, SettingError, "N first"),
        ({"layout": ""}, SettingError, "N first"),
        ({"layout": "NCDHWT"}, SettingError, "N first"),
        ({"size": (3,)}, SettingError, "does not fit layout"),
        ({"size": (3, 4), "layout": "NTC"}, SettingError, "does not fit layout"),
        ({"activation": "relu"}, SettingError, "softmax, sigmoid, probabilities, logits"),
        ({"labels": ("a", "b"), "classes": 3}, ModelError, "2 labels for a model of 3"),
    ],
)
def test_a_model_checks_what_is_declared(declared, error, says):
    with pytest.raises(error, match=says):
        build(run=len, **declared)


@pytest.mark.slow
@given(st.permutations("CDHW"), st.integers(2, 4))
def test_spatial_axes_are_those_that_are_neither_batch_nor_channels(letters, count):
    layout = "N" + "".join(letters[:count])
    spatial = [letter for letter in layout[1:] if letter != "C"]
    if not 1 <= len(spatial) <= 3:
        with pytest.raises(SettingError):
            build(run=len, layout=layout)
        return
    model = build(run=len, layout=layout)
    assert [layout[1:][axis] for axis in model.input.spatial] == spatial
    assert model.input.takes_pictures == (layout in ("NCHW", "NHWC"))


@pytest.mark.parametrize(
    "outputs", [np.zeros((2, 3)), np.zeros(4), np.float32(1), np.zeros((0, 3))]
)
def test_outputs_of_another_batch_size(outputs):
    model = build(lambda _: outputs, name="odd")
    with pytest.raises(ModelOutputError, match=r"odd returned an array of shape .*batch of 3"):
        model(np.zeros((3, 2, 5, 3), np.float32))


def test_a_function_gets_pixels_and_its_own_name(picture):
    seen = []

    def brightness(batch):
        seen.append(batch)
        return batch.mean(axis=(1, 2, 3))

    model = load(brightness)
    assert (model.name, model.input.layout, model.input.size, model.batch) == (
        "brightness",
        "NHWC",
        None,
        None,
    )
    [best] = unmask.predict(model, picture)
    np.testing.assert_array_equal(seen[0], picture[None].astype(np.float32))
    assert seen[0].dtype == np.float32
    assert best.score == pytest.approx(picture.mean(), rel=1e-5)
    assert best.label == "class 0"


def test_a_callable_object_is_a_function():
    class Scores:
        def __call__(self, batch):
            return batch.mean(axis=(1, 2, 3))

    assert load(Scores()).name == "Scores"


def test_loading_a_model_changes_what_is_given_and_nothing_else():
    model = load(
        len, layout="NCHW", size=(5, 9), preprocess="torch", activation="softmax", name="first"
    )
    assert load(model) == model
    changed = load(model, name="second", size=[6, 8], labels=["a", "b"], resize="crop")
    assert (changed.name, changed.input.size, changed.labels, changed.input.resize) == (
        "second",
        (6, 8),
        ("a", "b"),
        "crop",
    )
    assert (changed.input.layout, changed.input.preprocess, changed.activation, changed.run) == (
        "NCHW",
        model.input.preprocess,
        "softmax",
        len,
    )
    assert model.name == "first"
    assert load(model, preprocess="caffe").input.preprocess == preprocessing("caffe")
    assert load(model, mean=0.5).input.preprocess == preprocessing("torch", mean=0.5)


@pytest.mark.parametrize("mode", ["stretch", "crop", "letterbox"])
def test_resize_modes_are_passed_on(tmp_path, onnx_models, picture, mode):
    path = onnx_models.linear(tmp_path / "m.onnx", COLOR, size=(8, 8), layout="NHWC")
    for model in (
        load(path, preprocess="raw", resize=mode),
        load(load(path, preprocess="raw"), resize=mode),
        load(len, size=(8, 8), resize=mode),
    ):
        given_input = prepare(model, picture)
        assert given_input.original.frame.mode == mode
        np.testing.assert_array_equal(
            given_input.array, given_input.original.frame.forward(picture)
        )
    if mode == "letterbox":
        assert (given_input.array[0] == 114).all()


def test_an_unknown_resize_mode_costs_no_model_call(picture):
    calls = []
    with pytest.raises(SettingError, match="stretch, crop, squash, letterbox"):
        unmask.predict(load(calls.append, size=(8, 9), resize="zoom"), picture)
    assert not calls


@pytest.mark.parametrize("top", [0, -1])
def test_the_best_none_are_refused(picture, top):
    with pytest.raises(SettingError, match="top"):
        unmask.predict(lambda batch: np.full((len(batch), 3), 0.5), picture, top)


def test_its_repr_is_three_lines_of_facts():
    def scores(batch):
        return batch.mean((1, 2))

    model = load(scores, labels=["a", "b", "c"], activation="logits", size=(20, 30))
    lines = repr(model).splitlines()
    assert len(lines) == 3
    assert "scores" in lines[0]
    assert "20 x 30" in lines[1]
    assert "3 classes, logits" in lines[2]
    detector = replace(model, detector="boxes", threshold=0.25)
    assert "boxes, read as boxes, from a confidence of 0.25" in repr(detector).splitlines()[2]
