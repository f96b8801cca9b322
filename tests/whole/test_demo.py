"""The embedded model and the scenes it was trained on."""

import dataclasses
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from unmask import demo
from unmask.errors import SettingError

# The kinds in the four pictures.
SHOWN = {
    "garden": {"moon", "star", "square", "triangle"},
    "market": {"heart", "bolt", "moon", "disc"},
    "night": {"cross", "heart", "bolt", "disc"},
    "street": {"bolt", "triangle", "heart", "star"},
}


@pytest.fixture(scope="module")
def session():
    runtime = pytest.importorskip("onnxruntime")
    return runtime.InferenceSession(demo.MODEL, providers=["CPUExecutionProvider"])


def ask(session, pictures):
    [entry] = session.get_inputs()
    height, width = entry.shape[2:]
    stretched = [
        np.asarray(Image.fromarray(p).resize((width, height), Image.Resampling.BILINEAR))
        for p in pictures
    ]
    x = np.stack(stretched).transpose(0, 3, 1, 2).astype(np.float32) / 127.5 - 1
    return session.run(None, {entry.name: x})[0]


def same(a, b):
    return all(
        np.array_equal(getattr(a, f.name), getattr(b, f.name)) for f in dataclasses.fields(a)
    )


def test_a_scene_follows_from_seed_and_place():
    few, many = demo.scenes(3, seed=4), demo.scenes(6, seed=4)
    assert all(same(a, b) for a, b in zip(few, many, strict=False))
    assert same(demo.scene(5, seed=4), many[5])


def test_other_seeds_and_places_give_other_scenes():
    pictures = [s.picture.tobytes() for seed in (0, 1, 2**64 - 1) for s in demo.scenes(3, seed)]
    assert len(set(pictures)) == len(pictures)


def test_numpy_integers_will_do():
    assert same(demo.scene(np.int64(2), np.uint64(3)), demo.scene(2, 3))


@pytest.mark.parametrize("size", [(128, 128), (96, 160), (200, 50), (33, 32)])
def test_shapes_and_types(size):
    for one in demo.scenes(5, size=size):
        k = len(one.kinds)
        assert 1 <= k <= 4
        assert (one.picture.dtype, one.picture.shape) == (np.uint8, (*size, 3))
        assert (one.shapes.dtype, one.shapes.shape) == (np.bool_, (k, *size))
        assert (one.labels.dtype, one.labels.shape) == (np.bool_, (8,))
        assert (one.evidence.dtype, one.evidence.shape) == (np.bool_, (8, *size))


def test_evidence_is_where_the_objects_are():
    for one in demo.scenes(40, seed=9):
        assert np.array_equal(one.evidence.any(axis=(1, 2)), one.labels)
        assert set(np.flatnonzero(one.labels)) == set(one.kinds.tolist())
        assert one.shapes.sum(axis=0).max() == 1, "objects overlap"
        assert np.array_equal(one.shapes.any(axis=0), one.evidence.any(axis=0))


@pytest.mark.slow
def test_objects_differ_from_what_is_around_them():
    for one in demo.scenes(40, seed=10):
        around = one.picture[~one.shapes.any(axis=0)].mean(axis=0)
        for shape in one.shapes:
            apart = np.linalg.norm(one.picture[shape] - around, axis=1)
            assert np.median(apart) > 40


@pytest.mark.slow
def test_every_kind_is_drawn_about_equally_often():
    counts = np.bincount(np.concatenate([s.kinds for s in demo.scenes(300, size=(32, 32))]))
    assert len(counts) == len(demo.LABELS) == 8
    assert counts.min() > counts.max() / 2


@pytest.mark.slow
@pytest.mark.parametrize("objects", [(1, 1), (2, 4), (6, 6)])
def test_as_many_objects_as_asked(objects):
    counts = {len(s.kinds) for s in demo.scenes(30, size=(64, 64), objects=objects)}
    assert counts == set(range(objects[0], objects[1] + 1))


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"n": -1}, "n is -1"),
        ({"n": 1.5}, "n is 1.5"),
        ({"n": True}, "n is True"),
        ({"seed": -1}, "seed is -1"),
        ({"seed": 2**64}, "seed is 18446744073709551616"),
        ({"size": 64}, "size is 64"),
        ({"size": (64,)}, r"size is \(64,\)"),
        ({"size": (31, 64)}, r"size is \(31, 64\); give \(height, width\)"),
        ({"size": (64, 257)}, "four to one"),
        ({"size": (64.0, 64)}, "size is"),
        ({"objects": (0, 2)}, r"objects is \(0, 2\)"),
        ({"objects": (3, 2)}, "objects is"),
        ({"objects": (1, 7)}, "<= 6"),
        ({"objects": 2}, "objects is 2"),
    ],
)
def test_bad_arguments(arguments, says):
    with pytest.raises(SettingError, match=says):
        demo.scenes(**{"n": 1, **arguments})


def test_a_bad_place():
    with pytest.raises(SettingError, match="i is -1"):
        demo.scene(-1)


def test_the_model_file():
    assert demo.MODEL.stat().st_size < 1_000_000
    assert sum(path.stat().st_size for path in demo.pictures().values()) < 1_000_000


def test_the_model_says_what_it_is(session):
    facts = session.get_modelmeta().custom_metadata_map
    assert facts["unmask.labels"].split("\n") == list(demo.LABELS)
    assert facts["unmask.preprocess"] == "tf"
    assert facts["unmask.activation"] == "probabilities"
    assert facts["unmask.name"] == "unmask demo"
    [entry], [answer] = session.get_inputs(), session.get_outputs()
    assert (entry.name, entry.type, entry.shape[1]) == ("image", "tensor(float)", 3)
    assert (answer.name, answer.shape[1]) == ("probabilities", 8)
    assert not isinstance(entry.shape[0], int), "the batch is not dynamic"


@pytest.mark.slow
@pytest.mark.parametrize("size", [(128, 128), (120, 160), (240, 180)])
def test_labels_of_fresh_scenes(session, size):
    drawn = demo.scenes(100, seed=31, size=size)
    right = (ask(session, [s.picture for s in drawn]) > 0.5) == [s.labels for s in drawn]
    assert right.mean() > 0.97


def test_a_hidden_picture_shows_nothing(session):
    assert ask(session, [np.full((32, 32, 3), 127, np.uint8)]).max() < 0.2


def test_the_four_pictures(session):
    assert set(demo.pictures()) == set(SHOWN)
    for name, path in demo.pictures().items():
        with Image.open(path) as image:
            assert (image.mode, image.size) == ("RGB", (480, 360))
            [scores] = ask(session, [np.asarray(image)])
        shown = np.array([label in SHOWN[name] for label in demo.LABELS])
        assert scores[shown].min() > 0.9
        assert scores[~shown].max() < 0.1


@pytest.mark.slow
def test_peaks_of_rise_maps_lie_on_the_evidence(session):
    side = session.get_inputs()[0].shape[2]
    rng = np.random.default_rng(0)
    cell = side // 8
    # Half-pixel linear interpolation from 8 cells to 9 * cell pixels, edges clamped.
    at = ((np.arange(9 * cell) + 0.5) * 8 / (9 * cell) - 0.5).clip(0, 7)
    enlarge = (1 - np.abs(at[:, None] - np.arange(8))).clip(0, 1)
    hits = []
    for one in demo.scenes(6, seed=32, size=(side, side), objects=(2, 3)):
        masks = []
        for _ in range(300):
            y, x = rng.integers(0, cell, 2)
            bits = rng.random((8, 8)) < 0.5
            masks.append(enlarge[y : y + side] @ bits @ enlarge[x : x + side].T)
        kept = np.array(masks, np.float32)
        image = one.picture.transpose(2, 0, 1).astype(np.float32) / 127.5 - 1
        scores = np.concatenate(
            [session.run(None, {"image": part[:, None] * image})[0] for part in np.split(kept, 6)]
        )
        maps = np.tensordot(scores - scores.mean(axis=0), kept, (0, 0))
        peaks = maps.reshape(8, -1).argmax(axis=1)
        hits += [one.evidence[kind].flat[peaks[kind]] for kind in np.flatnonzero(one.labels)]
    assert np.mean(hits) > 0.85


def test_the_demo_loads_nothing_heavy():
    code = "import sys, unmask.demo; print(*{m.split('.')[0] for m in sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"onnxruntime", "torch", "onnx"} & set(done.stdout.split())
