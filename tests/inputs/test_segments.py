"""Segments as users give them, brought to the model's space."""

import sys

import numpy as np
import pytest
from PIL import Image

import unmask
from unmask.errors import MissingExtra, SettingError, UnmaskError
from unmask.inputs import InputSpec, read
from unmask.inputs.segments import segmentations
from unmask.masks.segments import Segmentations

SHAPE = (40, 60)
ROWS, COLUMNS = np.mgrid[:40, :60]
QUARTERS = ROWS // 20 * 2 + COLUMNS // 30
PICTURE = np.stack([QUARTERS * 60, 255 - QUARTERS * 60, COLUMNS * 4], axis=-1).astype(np.uint8)


def sample(size=SHAPE, resize="stretch", picture=PICTURE):
    return read(InputSpec("NHWC", size, channels=3, resize=resize), "model", picture)


def labels(given, *arguments, **options):
    return segmentations(given, None, sample(*arguments, **options)).labels


class Counting:
    """A model that must not be asked."""

    calls = 0

    def __call__(self, batch):
        self.calls += 1
        return batch.mean(axis=(1, 2))[:, :2] / 255


def test_a_label_map_is_taken_as_it_is():
    np.testing.assert_array_equal(labels(QUARTERS), QUARTERS[None])
    np.testing.assert_array_equal(labels(QUARTERS.tolist()), QUARTERS[None])
    # Any whole numbers are names, and only those that are there count.
    np.testing.assert_array_equal(labels(QUARTERS.astype(np.int16) * 1000 - 7), QUARTERS[None])
    np.testing.assert_array_equal(labels(QUARTERS == 3), (QUARTERS == 3)[None])


@pytest.mark.parametrize("size", [(40, 60), (20, 30), (80, 30), (33, 47)])
def test_a_label_map_is_brought_to_the_models_size(size):
    rows, columns = np.mgrid[: size[0], : size[1]]
    wanted = (rows + 0.5) * 2 // size[0] * 2 + (columns + 0.5) * 2 // size[1]
    np.testing.assert_array_equal(labels(QUARTERS, size)[0], wanted)


def test_what_the_model_does_not_see_has_no_segments():
    tall = np.repeat([[0], [1], [2], [3], [4], [5]], 60, axis=1)  # 6 x 60: only the middle is seen
    picture = np.zeros((6, 60, 3), np.uint8)
    spec = InputSpec("NHWC", (6, 6), channels=3, resize="crop", crop=1.0)
    given = np.arange(60)[None] // 10 * np.ones((6, 1), int)
    found = segmentations(given, None, read(spec, "model", picture))
    assert tall.shape == given.shape
    np.testing.assert_array_equal(found.labels[0][0], [0, 0, 0, 1, 1, 1])


def test_a_letterboxs_bars_are_of_the_segment_beside_them():
    found = labels(QUARTERS, (60, 60), "letterbox")[0]
    np.testing.assert_array_equal(found[10:50], QUARTERS)
    np.testing.assert_array_equal(found[:10], np.repeat(QUARTERS[:1], 10, axis=0))
    np.testing.assert_array_equal(found[50:], np.repeat(QUARTERS[-1:], 10, axis=0))


def test_a_function_sees_the_picture_itself():
    def function(picture):
        assert picture.shape == PICTURE.shape
        assert picture.dtype == np.uint8
        np.testing.assert_array_equal(picture, PICTURE)
        picture[:] = 0  # a copy
        return QUARTERS

    np.testing.assert_array_equal(labels(function), QUARTERS[None])


def test_masks_as_sam_returns_them():
    """Smaller on top, and the rest is one more."""
    left, middle, dot = COLUMNS < 30, abs(COLUMNS - 30) < 10, (ROWS < 5) & (COLUMNS < 5)
    wanted = np.zeros(SHAPE, int)
    for number, mask in enumerate([left, middle, dot]):
        wanted[mask] = number + 1
    _, wanted = np.unique(wanted, return_inverse=True)
    wanted = wanted.reshape(SHAPE)
    sam = [{"segmentation": mask, "area": int(mask.sum())} for mask in (dot, left, middle)]

    def same(given):
        found = labels(given)[0]
        pairs = {(int(a), int(b)) for a, b in zip(found.ravel(), wanted.ravel(), strict=True)}
        return len(pairs) == 4 == found.max() + 1

    assert same(sam)
    assert same(lambda picture: sam)
    assert same({"masks": [dot, left, middle], "scores": [0.9, 0.8, 0.7]})
    assert segmentations([sam, QUARTERS], None, sample()).counts == (4, 4)


def test_a_list_takes_turns():
    found = segmentations([QUARTERS, lambda picture: COLUMNS // 20], None, sample())
    assert found.counts == (4, 3)
    assert found.edges == "hard"


@pytest.mark.parametrize("ending", ["npy", "png", "tif"])
def test_a_file_of_a_label_map(tmp_path, ending):
    path = tmp_path / f"labels.{ending}"
    if ending == "npy":
        np.save(path, QUARTERS)
    else:
        Image.fromarray(QUARTERS.astype(np.uint8)).save(path)
    for given in (path, str(path)):
        found = segmentations(given, None, sample())
        np.testing.assert_array_equal(found.labels, QUARTERS[None])
        assert found.name == str(path)


def test_a_colored_file_has_a_segment_for_each_color(tmp_path):
    path = tmp_path / "colors.png"
    colors = np.array([[9, 0, 0], [0, 9, 0], [0, 0, 9], [9, 9, 9]], np.uint8)
    Image.fromarray(colors[QUARTERS]).save(path)
    assert segmentations(path, None, sample()).counts == (4,)


def test_slic_gives_several_of_about_so_many():
    found = segmentations("slic:24", None, sample((120, 160)))
    assert found.edges == "soft"
    assert len(found.counts) == 8
    assert all(12 <= count <= 36 for count in found.counts)
    assert len({labels.tobytes() for labels in found.labels}) == 8
    again = segmentations("slic:24", None, sample((120, 160)))
    assert found == again
    one = segmentations("slic:24:fixed", "hard", sample((120, 160)))
    assert one.labels.shape == (1, 120, 160)
    assert one.edges == "hard"
    # Segments keep to the picture's four colors.
    rows, columns = np.mgrid[:120, :160]
    quarters = rows // 60 * 2 + columns // 80
    share = [np.bincount(quarters[one.labels[0] == n]).max() for n in range(one.counts[0])]
    assert sum(share) > 0.9 * quarters.size


def test_slic_segments_only_the_picture_of_a_letterbox():
    found = segmentations("slic:24:fixed", "hard", sample((120, 120), "letterbox")).labels[0]
    np.testing.assert_array_equal(found[:20], np.repeat(found[20:21], 20, axis=0))


def test_edges_may_be_asked_for():
    assert segmentations(QUARTERS, "soft", sample((120, 160))).edges == "soft"
    assert segmentations("slic:24", "hard", sample((120, 160))).edges == "hard"
    with pytest.raises(SettingError, match="edges='blurred'"):
        segmentations(QUARTERS, "blurred", sample())


def fails(picture):
    raise RuntimeError("out of order")


BAD = [
    (QUARTERS[:, :-1], r"shape \(40, 59\): expected the picture's, \(40, 60\)"),
    (QUARTERS[None], r"shape \(1, 40, 60\)"),
    (QUARTERS / 4, "float64 of shape"),
    (QUARTERS * 0, "one segment only"),
    (ROWS * 60 + COLUMNS, "2,400 segments.*at most 1,024.*merge"),
    ([QUARTERS] * 65, "65 segmentations"),
    ([ROWS // 2 * 30 + COLUMNS // 2] * 4, "2,400 segments together"),
    ([], r"segments=\[\]"),
    ([1, 2, 3], r"shape \(3,\)"),
    (7, r"shape \(\)"),
    ({"area": 3}, "without masks"),
    ([{"segmentation": QUARTERS == 1}, {"area": 3}], "mask 1 is object"),
    ([{"segmentation": {"size": [40, 60], "counts": "x"}}], "output_mode='binary_mask'"),
    ([{"segmentation": np.ones((3, 3), bool)}], r"of shape \(3, 3\)"),
    (fails, "the function failed: RuntimeError: out of order"),
    (lambda picture: "nonsense", "str"),
    (lambda picture: picture, r"shape \(40, 60, 3\)"),
    (lambda picture: None, "NoneType"),
    ("slic:1", "at least 2"),
    ("slic:0", "at least 2"),
    ("slic:many", "slic:64"),
    ("slic:64:soft", "slic:64"),
    ("slic:5000", "at most 1,024"),
    ("quickshift", "expected 'slic'"),
    ("missing.png", "no such file"),
    ("missing.npy", "no such file"),
]


@pytest.mark.parametrize(("given", "says"), BAD)
def test_bad_segments_cost_no_model_call(given, says):
    model = Counting()
    with pytest.raises(SettingError, match=says):
        unmask.explain(model, PICTURE, 0, masks=8, segments=given)
    assert model.calls == 0


@pytest.mark.parametrize("name", ["labels.png", "labels.npy"])
def test_a_file_that_is_none(tmp_path, name):
    path = tmp_path / name
    for content in (b"", b"nothing of the kind", b"\x93NUMPY\x01\x00v\x00{'descr': '|O'"):
        path.write_bytes(content)
        with pytest.raises(SettingError, match=name):
            unmask.explain(Counting(), PICTURE, 0, masks=8, segments=path)


@pytest.mark.parametrize(
    ("beside", "says"),
    [
        ({"grid": 4}, "segments= and grid=: give one"),
        ({"shift": False}, "segments= and shift=: give one"),
        ({"preset": "notebook"}, "segments= and preset=: give one"),
        ({"keep": 1.5}, "keep=1.5"),
        ({"seed": -1}, "seed=-1"),
        ({"design": "hexagonal"}, "expected one of"),
    ],
)
def test_what_does_not_go_with_segments(beside, says):
    model = Counting()
    with pytest.raises(SettingError, match=says):
        unmask.explain(model, PICTURE, 0, masks=8, segments=fails, **beside)
    assert model.calls == 0


def test_edges_without_segments():
    with pytest.raises(SettingError, match=r"edges='soft'.*not given"):
        unmask.explain(Counting(), PICTURE, 0, masks=8, edges="soft")


def test_units_have_no_segments():
    with pytest.raises(SettingError, match="for pictures"):
        unmask.explain(
            lambda texts: np.ones((len(texts), 2)), unmask.text("a b c"), 0, segments="slic"
        )
    lines = unmask.series(np.random.default_rng(0).normal(size=(2, 40)), "CT")
    with pytest.raises(UnmaskError, match="for pictures"):
        unmask.explain(
            unmask.load(lambda batch: batch.mean(axis=(1, 2))[:, None] * [1, -1], layout="NCT"),
            lines,
            0,
            segments="slic",
        )


def test_an_array_in_the_models_space_takes_a_label_map_alone():
    array = np.zeros((40, 60, 3), np.float32)
    raw = {"masks": 8, "preprocess": "raw"}
    found = unmask.explain(Counting(), array, 0, segments=QUARTERS, **raw)
    assert found.map.shape == SHAPE
    for given in ("slic", lambda picture: QUARTERS):
        with pytest.raises(SettingError, match="give a label map"):
            unmask.explain(Counting(), array, 0, segments=given, **raw)


def test_without_scikit_image_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "skimage.segmentation", None)
    with pytest.raises(MissingExtra, match=r"pip install 'unmask\[segments\]'"):
        unmask.explain(Counting(), PICTURE, 0, masks=8, segments="slic")


def test_a_picture_of_one_color_is_segmented_too():
    plain = np.full((40, 60, 3), 80, np.uint8)
    assert min(segmentations("slic:24", None, sample((120, 160), picture=plain)).counts) > 4


def test_noise_is_segmented_too():
    noise = np.random.default_rng(0).integers(0, 256, (40, 60, 3), np.uint8)
    assert min(segmentations("slic:24", None, sample(picture=noise)).counts) >= 8


def test_stored_segmentations_are_taken_as_they_are():
    stored = Segmentations(QUARTERS[None], SHAPE)
    assert segmentations(stored, None, sample()) is stored
    with pytest.raises(SettingError, match="and the input is"):
        segmentations(stored, None, sample((20, 20)))
