"""What is explained, in the model's space; and what hides it."""

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

import unmask
from helpers.reading import prepare
from unmask.errors import ImageError, ModelError, SettingError
from unmask.inputs import describe, fills
from unmask.models.loading import load
from unmask.models.model import build

H, W = 12, 20


class Watched:
    """A model that keeps what it was shown. Its score is a weighted sum of the input."""

    def __init__(self, shape, seed=0):
        weights = np.random.default_rng(seed).uniform(0, 1, shape)
        self.weights = weights / weights.sum()
        self.batches = []

    def __call__(self, batch):
        self.batches.append(batch.copy())
        return np.tensordot(batch.astype(np.float64), self.weights, axes=self.weights.ndim)


def color_model(**declared):
    return load(lambda batch: batch.mean(axis=(1, 2)), **declared)


# --- pictures ---


def test_a_path_a_pillow_picture_and_an_array_are_the_same(tmp_path, picture):
    image = Image.fromarray(picture)
    image.save(tmp_path / "p.png")
    model = Watched((H, W, 3))
    settings = {"masks": 48, "grid": 3, "seed": 4}
    maps = [
        unmask.explain(model, source, **settings).map
        for source in (picture, tmp_path / "p.png", str(tmp_path / "p.png"), image)
    ]
    for one in maps[1:]:
        np.testing.assert_array_equal(one, maps[0])


@pytest.mark.parametrize("layout", ["NHWC", "NCHW"])
@pytest.mark.parametrize("size", [None, (6, 8), (30, 17)])
@pytest.mark.parametrize("name", ["tf", "raw", "caffe"])
def test_an_array_in_the_models_space_is_what_the_picture_becomes(picture, layout, size, name):
    model = load(lambda b: b.reshape(len(b), -1).mean(1), layout=layout, size=size, preprocess=name)
    prepared = prepare(model, picture)
    again = prepare(model, prepared.array, preprocess="raw")
    np.testing.assert_array_equal(again.array, prepared.array)
    assert again.shape == prepared.shape == (size or (H, W))
    assert again.spatial == prepared.spatial
    assert again.original is None
    np.testing.assert_array_equal(prepared.original.picture, picture)


def test_the_map_of_an_array_is_that_of_its_picture(picture):
    model = load(Watched((H, W, 3)), preprocess="tf", activation="logits")
    from_picture = unmask.explain(model, picture, masks=48, grid=3)
    from_array = unmask.explain(
        model, prepare(model, picture).array, masks=48, grid=3, preprocess="raw"
    )
    np.testing.assert_allclose(from_array.map, from_picture.map, atol=1e-6)
    assert from_array.picture is None
    with pytest.raises(SettingError, match="no picture and cannot be drawn"):
        from_array.plot()


def test_a_uint8_array_taken_raw_is_not_scaled(picture):
    model = color_model(preprocess="tf")
    np.testing.assert_array_equal(
        prepare(model, picture, preprocess="raw").array, picture.astype(np.float32)
    )


@pytest.mark.slow
@given(
    hnp.arrays(
        np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9)) | st.just((3, 4)), fill=None
    )
)
def test_gray_arrays_are_pictures(gray):
    color = np.repeat(gray[:, :, None], 3, axis=2)
    model = color_model()
    np.testing.assert_array_equal(prepare(model, gray).array, prepare(model, color).array)


def test_the_users_array_is_left_alone(picture):
    before = picture.copy()
    floats = picture.astype(np.float32)
    unmask.explain(Watched((H, W, 3)), picture, masks=48, grid=3)
    unmask.explain(Watched((H, W, 3)), floats, masks=48, grid=3, preprocess="raw")
    np.testing.assert_array_equal(picture, before)
    np.testing.assert_array_equal(floats, before)


@pytest.mark.parametrize(
    ("image", "preprocess", "says"),
    [
        (np.zeros((H, W, 3)), None, r"float64 and shape \(12, 20, 3\).*preprocess='raw'"),
        (np.zeros((H, W, 3), np.int32), None, "preprocess='raw'"),
        (np.zeros((H, W, 2), np.uint8), None, r"\(12, 20, 2\)"),
        (np.zeros((1, H, W, 3), np.uint8), None, r"\(1, 12, 20, 3\)"),
        (np.zeros((0, W, 3), np.uint8), None, r"\(0, 20, 3\)"),
        (np.zeros((H, W)), "raw", "3 axes, HWC"),
        (np.zeros((2, H, W, 3)), "raw", "3 axes, HWC"),
        (np.zeros((H, 0, 3)), "raw", "3 axes, HWC"),
        (np.full((H, W, 3), np.nan), "raw", "not finite"),
        (np.full((H, W, 3), np.inf), "raw", "not finite"),
        (np.zeros((H, W, 3), complex), "raw", "complex128"),
        (np.zeros((H, W, 3), object), "raw", "object"),
        (np.full((H, W, 3), "a"), "raw", "expected numbers"),
        (3, None, "int"),
        (None, None, "NoneType"),
    ],
)
def test_what_is_no_input(image, preprocess, says):
    model = color_model(preprocess="unit")
    with pytest.raises(ImageError, match=says):
        prepare(model, image, preprocess)


def test_only_raw_is_possible_here(picture):
    with pytest.raises(SettingError, match=r"only 'raw' is possible.*unmask\.load"):
        unmask.explain(color_model(), picture, preprocess="tf")


def test_sizes_and_channels_of_a_raw_array_must_be_the_models(tmp_path, onnx_models):
    path = onnx_models.linear(tmp_path / "m.onnx", np.eye(3), size=(6, 8))
    model = load(path, preprocess="unit")
    assert prepare(model, np.zeros((3, 6, 8)), "raw").shape == (6, 8)
    with pytest.raises(ImageError, match=r"size \(8, 6\): m.onnx wants \(6, 8\).*never resized"):
        prepare(model, np.zeros((3, 8, 6)), "raw")
    with pytest.raises(ImageError, match=r"has 1 channels: m.onnx wants 3"):
        prepare(model, np.zeros((1, 6, 8)), "raw")


def test_a_model_of_other_channels_takes_no_picture(picture):
    model = build(len, channels=4, name="infrared")
    with pytest.raises(ModelError, match="infrared wants 4 channels"):
        prepare(model, picture)
    assert prepare(model, np.zeros((H, W, 4)), "raw").shape == (H, W)


def test_a_series_takes_no_picture(tmp_path, picture):
    Image.fromarray(picture).save(tmp_path / "p.png")
    model = load(len, layout="NTC")
    with pytest.raises(ModelError, match="layout NTC, which takes no picture"):
        prepare(model, tmp_path / "p.png")
    with pytest.raises(ImageError, match="2 axes, TC"):
        prepare(model, picture)


# --- one axis and three ---


def test_a_series_is_explained_where_it_matters():
    t = np.linspace(0, 9, 50)
    series = np.stack([np.sin(t) + 2, np.cos(t) + 2, t], axis=1)

    def early(batch):
        assert batch.shape[1:] == (50, 3)
        return batch[:, 10:20, 0].mean(axis=1)

    model = load(early, layout="NTC")
    e = unmask.explain(model, series, 0, masks=512, grid=10, fill=np.zeros(3))
    assert e.map.shape == e.stderr.shape == (50,)
    assert 9 <= int(e.map.argmax()) <= 20
    assert e.map[10:20].mean() > e.map[30:].mean() + 3 * e.stderr.mean()
    assert e.targets[0].score == pytest.approx(series[10:20, 0].mean())


def test_a_series_without_channels():
    e = unmask.explain(
        load(lambda batch: batch[:, 4:8].mean(axis=1), layout="NT"),
        np.ones(31),
        masks=256,
        grid=6,
        fill=np.zeros(1),
    )
    assert e.map.shape == (31,)
    assert e.map[4:8].mean() > e.map[15:].mean()


def test_a_volume_is_explained_where_it_matters():
    volume = np.random.default_rng(0).uniform(1, 2, (2, 6, 10, 15))

    def corner(batch):
        assert batch.shape[1:] == (2, 6, 10, 15)
        return batch[:, 0, :3, :5, 10:].mean(axis=(1, 2, 3))

    model = load(corner, layout="NCDHW")
    e = unmask.explain(model, volume, 0, masks=512, grid=(2, 2, 3), fill=np.zeros((2, 1, 1, 1)))
    assert e.map.shape == (6, 10, 15)
    assert e.plan.masks.grid == (2, 2, 3)
    inside = np.zeros(e.map.shape, bool)
    inside[:3, :5, 10:] = True
    assert inside[np.unravel_index(e.map.argmax(), e.map.shape)]
    assert e.map[inside].mean() > e.map[~inside].mean()


@pytest.mark.parametrize(
    ("layout", "shape", "grid"),
    [
        ("NT", (23,), 4),
        ("NTC", (23, 2), 4),
        ("NCT", (2, 23), (4,)),
        ("NHW", (9, 14), (3, 4)),
        ("NHCW", (9, 2, 14), (3, 4)),
        ("NCDHW", (2, 4, 6, 9), (2, 2, 3)),
        ("NDHWC", (4, 6, 9, 2), 2),
    ],
)
def test_every_layout_gets_the_same_mask_on_all_channels(layout, shape, grid):
    watched = Watched(shape)
    e = unmask.explain(
        load(watched, layout=layout), np.ones(shape), masks=64, grid=grid, fill=np.zeros(1)
    )
    spatial = tuple(n for n, letter in zip(shape, layout[1:], strict=True) if letter != "C")
    assert e.map.shape == spatial
    masks = np.concatenate(watched.batches[2:])
    assert masks.shape == (64, *shape)
    if "C" in layout:
        axis = layout.index("C")
        np.testing.assert_array_equal(np.ptp(masks, axis=axis), 0)
        masks = masks.take(0, axis=axis)
    block = e.plan.masks.block(0)
    np.testing.assert_allclose(masks[: len(block)], e.plan.masks.render(block)[:64], atol=1e-6)


# --- fills ---


def test_the_mean_is_zero_in_a_centered_space_and_the_images_own_elsewhere(picture):
    own = picture.reshape(-1, 3).mean(axis=0)
    for name in ("tf", "torch", "caffe"):
        model = color_model(preprocess=name)
        assert not prepare(model, picture).fill("mean", 0).any()
    for name, divisor in (("unit", 255), ("raw", 1)):
        for layout in ("NHWC", "NCHW"):
            model = color_model(preprocess=name, layout=layout)
            fill = prepare(model, picture).fill("mean", 0)
            np.testing.assert_allclose(fill.ravel(), own / divisor, rtol=1e-5)


@pytest.mark.parametrize("layout", ["NHWC", "NCHW"])
@pytest.mark.parametrize("name", ["tf", "torch", "caffe", "unit", "raw"])
@pytest.mark.parametrize(
    ("fill", "color"),
    [
        ("black", (0, 0, 0)),
        ("white", (255, 255, 255)),
        ("teal", (0, 128, 128)),
        ("#ff8000", (255, 128, 0)),
        ("rgb(1, 2, 3)", (1, 2, 3)),
        ((10, 200, 30), (10, 200, 30)),
        ([10, 200.5, 30], (10, 200.5, 30)),
        (np.array([[[9, 8, 7]]], np.uint8).repeat(H, 0).repeat(W, 1), (9, 8, 7)),
    ],
)
def test_a_color_is_brought_to_the_models_space(picture, layout, name, fill, color):
    model = color_model(preprocess=name, layout=layout)
    values = prepare(model, picture).fill(fill, 0)
    plain = model.input.preprocess(np.array([[color]], np.float32)).ravel()
    channel = 0 if layout == "NCHW" else 2
    values = np.moveaxis(np.broadcast_to(values, prepare(model, picture).array.shape), channel, 2)
    np.testing.assert_allclose(values, np.broadcast_to(plain, (H, W, 3)), atol=1e-5)


def test_a_color_for_a_grayscale_model(picture):
    model = build(len, channels=1)
    fill = prepare(model, picture).fill((10, 200, 30), 0)
    assert fill.ravel() == pytest.approx([0.299 * 10 + 0.587 * 200 + 0.114 * 30])


def test_blur_and_noise_follow_from_the_image(picture):
    model = color_model(preprocess="unit", layout="NCHW")
    given_input = prepare(model, picture)
    blurred = given_input.fill("blur", 0)
    np.testing.assert_array_equal(blurred, fills.blur(given_input.array, (1, 2)))
    assert blurred.std() < given_input.array.std()
    noise = given_input.fill("noise", 3)
    assert noise.shape == given_input.array.shape
    np.testing.assert_array_equal(noise, given_input.fill("noise", 3))
    assert (noise != given_input.fill("noise", 4)).mean() > 0.9
    means = given_input.array.mean(axis=(1, 2))
    np.testing.assert_allclose(noise.mean(axis=(1, 2)), means, atol=0.1)


def test_a_picture_as_fill_is_framed_like_the_image(picture):
    other = picture[::-1, ::-1].copy()
    for resize in ("stretch", "crop", "letterbox"):
        model = color_model(preprocess="tf", size=(9, 7), resize=resize, layout="NCHW")
        fill = prepare(model, picture).fill(other, 0)
        np.testing.assert_array_equal(fill, prepare(model, other).array)


@pytest.mark.parametrize("shape", [(H, W, 3), (1, 1, 3), (3,), (1,), (), (H, 1, 1)])
def test_a_float_fill_is_in_the_models_space(picture, shape):
    model = color_model(preprocess="tf")
    values = np.random.default_rng(0).uniform(-1, 1, shape)
    fill = prepare(model, picture).fill(values, 0)
    assert fill.dtype == np.float32
    np.testing.assert_array_equal(fill, values.astype(np.float32))


@pytest.mark.parametrize(
    "fill",
    [
        "mean",
        "black",
        "blur",
        "noise",
        (250, 0, 99),
        np.float32([0.5, 0.1, 0.2]),
        np.zeros((H, W, 3), "u1"),
    ],
    ids=str,
)
def test_hidden_parts_show_the_fill(picture, fill):
    watched = Watched((H, W, 3))
    e = unmask.explain(watched, picture, masks=48, grid=3, fill=fill, seed=6)
    model = load(watched)
    given_input = prepare(model, picture)
    values = given_input.fill(fill, 6)
    masks = np.concatenate([e.plan.masks.render(e.plan.masks.block(b)) for b in (0, 1)])[:48]
    expected = values + masks[..., None] * (given_input.array - values)
    np.testing.assert_allclose(np.concatenate(watched.batches[2:]), expected, atol=1e-3)
    np.testing.assert_array_equal(watched.batches[0][0], given_input.array)
    assert masks.min() == 0
    assert masks.max() == 1


@pytest.mark.parametrize("fill", ["mean", "blur", "noise"])
def test_a_raw_array_has_the_fills_that_follow_from_it(fill):
    watched = Watched((7, 11, 2))
    image = np.random.default_rng(0).uniform(0, 1, (7, 11, 2))
    e = unmask.explain(watched, image, masks=48, grid=3, fill=fill)
    assert np.ptp(e.map) > 0
    assert e.plan.fill == fill


@pytest.mark.parametrize(
    ("fill", "says"),
    [
        ("nothing", "mean, black, white, blur, noise"),
        ("#12", "a color such as"),
        ("", "a color such as"),
        ((1, 2), "a color such as"),
        ((1, 2, 256), "0 to 255"),
        ((1, -2, 3), "0 to 255"),
        ((1, float("nan"), 3), "0 to 255"),
        (("a", "b", "c"), "0 to 255"),
        (np.zeros((W, H, 3), np.uint8), "the image's own shape"),
        (np.zeros((H, W), np.uint8), "the image's own shape"),
        (np.zeros((H, W)), "does not broadcast"),
        (np.zeros((2, H, W, 3)), "does not broadcast"),
        (np.full(3, np.nan), "not finite"),
        (0.5, "fill"),
        (7, "fill"),
        ({}, "fill"),
    ],
)
def test_a_fill_that_is_none(picture, fill, says):
    watched = Watched((H, W, 3))
    with pytest.raises(SettingError, match=says):
        unmask.explain(watched, picture, fill=fill, masks=48, grid=3)
    assert not watched.batches


@pytest.mark.parametrize("fill", ["black", "white", "teal", (1, 2, 3)])
def test_a_color_for_what_is_no_picture(fill):
    model = load(Watched((9, 2)), layout="NTC")
    with pytest.raises(SettingError, match="is a color, but the input is an array"):
        unmask.explain(model, np.ones((9, 2)), fill=fill, masks=48, grid=3)


# --- names ---


def test_images_are_named_for_people(tmp_path, picture):
    Image.fromarray(picture).save(tmp_path / "red fox.png")
    e = unmask.explain(Watched((H, W, 3)), tmp_path / "red fox.png", masks=48, grid=3)
    assert e.image == "red fox.png"
    assert describe(picture) == "array of shape (12, 20, 3)"
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "PNG")
    assert describe(Image.open(buffer)) == "picture"
    assert unmask.explain(
        Watched((H, W, 3)), picture, masks=48, grid=3, fill=(1, 2, 3)
    ).plan.fill == str((1, 2, 3))


def test_how_a_picture_is_cut_and_resampled_is_the_models_to_say(picture):
    model = build(len, size=(5, 9), resize="squash", crop=0.6, interpolation="nearest", name="m")
    frame = prepare(model, picture).original.frame
    assert (frame.mode, frame.crop, frame.interpolation) == ("squash", 0.6, "nearest")


@pytest.mark.parametrize(("layout", "shape"), [("NHWC", (4, 6, 1)), ("NCHW", (1, 4, 6))])
def test_a_single_channel_may_be_left_out(layout, shape):
    values = np.arange(24.0).reshape(4, 6)
    model = build(len, layout=layout, channels=1)
    given_input = prepare(model, values)
    assert given_input.array.shape == shape
    assert np.array_equal(given_input.array.squeeze(), values)
    with pytest.raises(ImageError, match="takes 3 axes"):
        prepare(build(len, layout=layout, channels=3), values)
