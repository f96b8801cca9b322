"""A real detector on real photographs. Skipped where ../shared is not there."""

import numpy as np
import pytest

import unmask
from helpers.places import SHARED

pytestmark = [
    pytest.mark.skipif(
        not SHARED.is_dir(), reason="needs the real detector and photographs of ../shared"
    ),
    pytest.mark.filterwarnings("ignore:.* is read as .*detector=:unmask.errors.UnmaskWarning"),
]

PICTURES = ("000000000139", "000000000632", "000000000724", "000000000785", "000000000885")


def photograph(number):
    return SHARED / "images" / f"coco_{number}.jpg"


@pytest.fixture(scope="module")
def model():
    return unmask.load(
        SHARED / "models" / "yolox_nano_coco.onnx",
        preprocess="bgr",  # how its outputs are read, they tell themselves
        labels=SHARED / "models" / "coco_labels.txt",
    )


OF_NANODET = {"mean": (103.53, 116.28, 123.675), "std": (57.375, 57.12, 58.395)}


@pytest.mark.parametrize(
    ("name", "options", "least"),
    [("yolox_nano_nms", {}, 0.85), ("nanodet_m_nms", OF_NANODET, 0.65)],
)
def test_a_bus_is_found_without_saying_how_outputs_are_read(name, options, least):
    model = unmask.load(
        SHARED / "real" / "detection" / f"{name}.onnx",
        labels=SHARED / "models" / "coco_labels.txt",
        preprocess="bgr",
        **options,
    )
    assert model.detector == "nms"
    buses = [
        one
        for one in unmask.detect(model, SHARED / "real" / "detection" / "bus.jpg")
        if one.label == "bus"
    ]
    assert buses[0].confidence > least
    left, top, right, bottom = buses[0].box
    assert (right - left) * (bottom - top) > 0.3 * 810 * 1080


def test_a_bear_is_found_where_it_is(model):
    assert model.detector == "yolox"
    best = unmask.detect(model, photograph("000000000285"))[0]
    assert best.label == "bear"
    assert best.confidence > 0.8
    left, top, right, bottom = best.box
    assert left < 60
    assert top < 120
    assert right > 500
    assert bottom > 560


@pytest.fixture(scope="module")
def explanations(model):
    return {
        number: unmask.explain(model, photograph(number), "all", masks=128) for number in PICTURES
    }


@pytest.mark.slow
def test_maps_peak_inside_their_own_boxes(explanations):
    """At least 90% of boxes larger than 2% of the picture; five pictures, fifteen boxes or more."""
    boxes, inside = 0, 0
    for explanation in explanations.values():
        area = explanation.map.size
        for target, values in zip(explanation.targets, explanation.maps, strict=True):
            boxes += 1
            left, top, right, bottom = target.box
            if (right - left) * (bottom - top) < 0.02 * area:
                continue
            y, x = np.unravel_index(values.argmax(), values.shape)
            inside += 1j + (left <= x < right and top <= y < bottom)
    large, hits = int(inside.imag), inside.real
    assert boxes >= 15
    assert large >= 5
    assert hits / large >= 0.9


@pytest.mark.slow
def test_maps_of_different_classes_differ_more_than_seeds_do(model, explanations):
    number, one = next(
        (n, e) for n, e in explanations.items() if len({t.index for t in e.targets}) > 1
    )
    first = 0
    other = next(i for i, t in enumerate(one.targets) if t.index != one.targets[0].index)
    again = unmask.explain(model, photograph(number), [first, other], masks=128, seed=1)

    def correlation(a, b):
        return np.corrcoef(a.ravel(), b.ravel())[0, 1]

    between = correlation(one.maps[first], one.maps[other])
    assert between < correlation(one.maps[first], again.maps[0])
    assert between < correlation(one.maps[other], again.maps[1])
