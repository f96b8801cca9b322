"""A picture goes to the model's size and a map comes back to the same place."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from unmask.errors import SettingError
from unmask.inputs import frame as frames_module
from unmask.inputs.frame import INTERPOLATIONS, MODES, Frame

sides = st.integers(1, 70)
sizes = st.tuples(sides, sides)
frames = st.builds(
    Frame,
    picture=sizes,
    model=sizes,
    mode=st.sampled_from(MODES),
    crop=st.sampled_from([0.875, 1.0]),
)
SHAPES = [((60, 90), (32, 48)), ((90, 60), (40, 40)), ((37, 120), (48, 32)), ((24, 20), (64, 96))]


@given(frames, st.integers(0, 255))
def test_a_plain_picture_stays_plain(frame, gray):
    got = frame.forward(np.full((*frame.picture, 3), gray, np.uint8))
    assert got.shape == (*frame.model, 3)
    assert got.dtype == np.float32
    inside = got[frame_inside(frame)]
    assert (inside == gray).all()
    assert (np.delete(got.reshape(-1, 3), np.flatnonzero(frame_inside(frame)), 0) == 114).all()


def frame_inside(frame):
    """Pixels of the model whose center lies in the picture."""
    (H, W), (h, w) = frame.picture, frame.model
    y, x = np.mgrid[:h, :w] + 0.5
    x, y, _, _ = np.moveaxis(frame.box_back(np.stack([x, y, x, y], -1)), -1, 0)
    return (x > 0) & (x < W) & (y > 0) & (y < H)


@given(frames, st.floats(-1e6, 1e6, width=32))
def test_a_constant_map_stays_constant(frame, value):
    got = frame.back(np.full(frame.model, value), outside=np.nan)
    assert got.shape == frame.picture
    assert got.dtype == np.float32
    seen = np.isfinite(got)
    assert seen.all() or frame.mode in ("crop", "squash")
    assert np.allclose(got[seen], value, rtol=1e-6, atol=0)


@pytest.mark.slow
@given(frames, st.integers(0, 2**32))
def test_back_stays_within_the_values_and_is_linear(frame, seed):
    a, b = np.random.default_rng(seed).normal(size=(2, *frame.model))
    got = frame.back(a, outside=a.mean())
    assert got.min() >= np.float32(a.min()) - 1e-6
    assert got.max() <= np.float32(a.max()) + 1e-6
    assert np.allclose(frame.back(2 * a + b, 0), 2 * frame.back(a, 0) + frame.back(b, 0), atol=1e-5)
    assert np.array_equal(frame.back(np.stack([a, b]), 0)[1], frame.back(b, 0))


@given(frames, st.lists(st.floats(-100, 200), min_size=4, max_size=4))
def test_boxes_come_back(frame, box):
    assert np.allclose(frame.box_back(frame.box_forward(box)), box, atol=1e-6)
    (H, W), (h, w) = frame.picture, frame.model
    left, top, right, bottom = frame.box_back([0, 0, w, h])
    # The middle stays the middle, but for the model's pixel that cannot be halved.
    assert abs(left + right - W) <= 1.001 * (right - left) / w
    assert abs(top + bottom - H) <= 1.001 * (bottom - top) / h
    if frame.mode == "stretch":
        assert np.allclose([left, top, right, bottom], [0, 0, W, H])
    if frame.mode == "crop":
        assert min(left, top) >= -1e-9
        assert right <= W + 1e-9
        assert bottom <= H + 1e-9


@pytest.mark.parametrize(("picture", "model"), SHAPES)
@pytest.mark.parametrize("mode", MODES)
def test_a_ramp_is_reproduced_away_from_the_edges(picture, model, mode):
    frame = Frame(picture, model, mode)
    (H, W), (h, w) = picture, model
    y, x = np.mgrid[:h, :w] + 0.5
    x, y, _, _ = np.moveaxis(frame.box_back(np.stack([x, y, x, y], -1)), -1, 0)
    got = frame.back(3 * x - 2 * y, outside=np.nan)
    Y, X = np.mgrid[:H, :W] + 0.5
    error = np.abs(got - (3 * X - 2 * Y))
    step_y, step_x = np.ceil([max(1, H / h * 2), max(1, W / w * 2)]).astype(int)
    rows, columns = np.isfinite(got).any(1).nonzero()[0], np.isfinite(got).any(0).nonzero()[0]
    inner = error[rows[0] + step_y : rows[-1] - step_y, columns[0] + step_x : columns[-1] - step_x]
    assert inner.size
    # A triangle sampled at its own width is not quite linear; Pillow's is the same.
    assert inner.max() < (1e-3 if np.greater_equal(picture, model).all() else 0.15)


@pytest.mark.parametrize(("picture", "model"), SHAPES)
@pytest.mark.parametrize("mode", MODES)
def test_what_is_drawn_in_the_picture_is_found_there(picture, model, mode):
    frame = Frame(picture, model, mode)
    (H, W), (h, w) = picture, model
    top, bottom, left, right = H * 3 // 8, H * 5 // 8, W * 3 // 8, W * 6 // 8
    scene = np.zeros((H, W, 3), np.uint8)
    scene[top:bottom, left:right] = 255
    seen = frame.forward(scene)[:, :, 0]
    if mode == "letterbox":
        seen[~frame_inside(frame)] = 0
    found = frame.back(seen, outside=0) > 127
    rows, columns = found.any(1).nonzero()[0], found.any(0).nonzero()[0]
    got = rows[0], rows[-1] + 1, columns[0], columns[-1] + 1
    x0, y0, x1, y1 = np.clip(frame.box_back([0, 0, w, h]), 0, [W, H, W, H])
    box = max(top, y0), min(bottom, y1), max(left, x0), min(right, x1)
    cell_y, cell_x = np.abs(np.diff(frame.box_back([0, 0, 1, 1]).reshape(2, 2), axis=0))[0][::-1]
    assert np.abs(np.subtract(got, box))[:2].max() <= max(1, cell_y)
    assert np.abs(np.subtract(got, box))[2:].max() <= max(1, cell_x)


def test_equal_sizes_are_not_resampled():
    scene = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)
    for mode in MODES:
        frame = Frame((20, 30), (20, 30), mode, crop=1)
        assert np.array_equal(frame.forward(scene), scene.astype(np.float32))
        values = scene[:, :, 0] / 7
        assert np.array_equal(frame.back(values, 0), values.astype(np.float32))


@pytest.mark.parametrize(("picture", "model"), [((480, 640), (224, 224)), ((90, 61), (21, 40))])
def test_back_is_opencvs_linear_resize(picture, model):
    cv2 = pytest.importorskip("cv2")
    values = np.random.default_rng(0).normal(size=model).astype(np.float32)
    got = Frame(picture, model).back(values, 0)
    expected = cv2.resize(values, picture[::-1], interpolation=cv2.INTER_LINEAR)
    assert np.allclose(got, expected, atol=1e-5)


@pytest.mark.parametrize(("picture", "model"), [((13, 20), (64, 90)), ((100, 90), (64, 80))])
def test_back_is_pillows_bilinear_resize_either_way(picture, model):
    values = np.random.default_rng(0).normal(size=model).astype(np.float32)
    expected = Image.fromarray(values).resize(picture[::-1], Image.Resampling.BILINEAR)
    assert np.allclose(Frame(picture, model).back(values, 0), np.asarray(expected), atol=1e-5)


@pytest.mark.parametrize(
    ("picture", "scaled"),
    [((480, 640), (256, 341)), ((375, 500), (256, 341)), ((301, 200), (385, 256))],
)
def test_crop_is_torchvisions_resize_and_center_crop(picture, scaled):
    scene = np.random.default_rng(0).integers(0, 256, (*picture, 3), np.uint8)
    whole = np.asarray(Image.fromarray(scene).resize(scaled[::-1], Image.Resampling.BILINEAR))
    top, left = round((scaled[0] - 224) / 2), round((scaled[1] - 224) / 2)
    got = Frame(picture, (224, 224), "crop").forward(scene)
    # One gray level: Pillow keeps the box in single precision.
    assert np.abs(got - whole[top : top + 224, left : left + 224]).max() <= 1


@pytest.mark.parametrize("interpolation", INTERPOLATIONS)
def test_squash_scales_each_axis_and_cuts_the_middle(interpolation):
    scene = np.random.default_rng(0).integers(0, 256, (90, 301, 3), np.uint8)
    how = Image.Resampling[interpolation.upper()]
    whole = np.asarray(Image.fromarray(scene).resize((256, 256), how))
    frame = Frame((90, 301), (224, 224), "squash", interpolation=interpolation)
    assert np.abs(frame.forward(scene) - whole[16:240, 16:240]).max() <= 1
    assert np.allclose(frame.box_back([0, 0, 224, 224]), [301 / 16, 90 / 16, 301 * 15 / 16, 84.375])


def test_crop_leaves_the_borders_outside():
    got = Frame((100, 200), (50, 50), "crop", crop=1).back(np.ones((50, 50)), outside=-1)
    assert (got[:, 50:150] == 1).all()
    assert (got[:, :50] == -1).all()
    assert (got[:, 150:] == -1).all()


def test_letterbox_is_exact_to_the_pixel():
    scene = np.random.default_rng(0).integers(0, 256, (30, 50, 3), np.uint8)
    frame = Frame((30, 50), (61, 50), "letterbox", color=7)
    got = frame.forward(scene)
    # 31 rows are left over; the odd one goes below, as in Ultralytics' LetterBox.
    assert np.array_equal(got[15:45], scene.astype(np.float32))
    assert (got[:15] == 7).all()
    assert (got[45:] == 7).all()
    bars = np.full((61, 50), 1e9)
    bars[15:45] = scene[:, :, 1]
    assert np.array_equal(frame.back(bars, 0), scene[:, :, 1].astype(np.float32))


@pytest.mark.parametrize(
    ("picture", "model", "box"),
    [
        # x, y, x, y of the picture within the model's input, by Ultralytics' arithmetic
        ((480, 640), (640, 640), (0, 80, 640, 560)),
        ((1080, 810), (640, 640), (80, 0, 560, 640)),
        ((427, 640), (640, 640), (0, 106, 640, 533)),
    ],
)
def test_letterbox_is_ultralytics(picture, model, box):
    frame = Frame(picture, model, "letterbox")
    assert np.allclose(frame.box_forward([0, 0, picture[1], picture[0]]), box)


def test_nan_stays_where_it_is():
    values = np.arange(35.0).reshape(5, 7)
    values[2, 3] = np.nan
    got = Frame((50, 70), (5, 7)).back(values, 0)
    gone = np.isnan(got)
    assert gone[20:30, 30:40].all()
    assert not gone[:15].any()
    assert not gone[35:].any()
    clean = Frame((50, 70), (5, 7)).back(np.nan_to_num(values, nan=5.0), 0)
    assert np.allclose(got[~gone], clean[~gone])
    values[0, 0] = np.inf
    assert np.isnan(Frame((50, 70), (5, 7)).back(values, 0)[0, 0])


@pytest.mark.parametrize("picture", [(1, 1), (20, 3000), (3000, 20), (1, 500)])
@pytest.mark.parametrize("mode", MODES)
def test_extreme_pictures(picture, mode):
    frame = Frame(picture, (32, 48), mode)
    assert frame.forward(np.full((*picture, 3), 9, np.uint8)).shape == (32, 48, 3)
    assert frame.back(np.ones((32, 48)), 0).max() == pytest.approx(1)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"picture": (0, 5)}, r"picture is \(0, 5\)"),
        ({"model": (5, 5, 3)}, r"model is \(5, 5, 3\)"),
        ({"mode": "zoom"}, "stretch, crop, squash, letterbox"),
        ({"interpolation": "cubic"}, "nearest, bilinear, bicubic, lanczos"),
        ({"crop": 0}, "crop is 0"),
        ({"crop": 1.5}, r"crop is 1\.5"),
        ({"color": 256}, "color is 256"),
    ],
)
def test_wrong_settings(change, words):
    with pytest.raises(SettingError, match=words):
        Frame(**({"picture": (4, 5), "model": (4, 5)} | change))


def test_wrong_arrays():
    frame = Frame((4, 5), (6, 7))
    with pytest.raises(SettingError, match=r"shape \(5, 4, 3\).*\(4, 5, 3\)"):
        frame.forward(np.zeros((5, 4, 3), np.uint8))
    with pytest.raises(SettingError, match="float64"):
        frame.forward(np.zeros((4, 5, 3)))
    with pytest.raises(SettingError, match=r"\(7, 6\).*\(6, 7\)"):
        frame.back(np.zeros((7, 6)), 0)


@pytest.mark.slow
@pytest.mark.parametrize("mode", MODES)
def test_a_map_comes_back_the_same_in_strips(mode, monkeypatch):
    values = np.random.default_rng(3).normal(size=(9, 14))
    values[2, 3] = np.nan
    frame = Frame((231, 120), values.shape, mode)
    whole = frame.back(values, outside=7.0)
    monkeypatch.setattr(frames_module, "WEIGHTS", 100)
    strips = Frame((231, 120), values.shape, mode).back(values, outside=7.0)
    assert np.allclose(strips, whole, rtol=0, atol=1e-6, equal_nan=True)


@pytest.mark.parametrize("picture", [(300_000, 1), (1, 300_000)])
def test_a_line_of_pixels_takes_memory_with_its_length_not_its_square(picture):
    tracemalloc.start()
    got = Frame(picture, (224, 160)).back(np.ones((224, 160)), outside=0.0)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert got.shape == picture
    assert (got == 1).all()
    assert peak < 300 * 2**20
