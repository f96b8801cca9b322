"""Real photographs, a real ImageNet classifier. Skipped where ../shared is not there."""

import numpy as np
import pytest

import unmask
from helpers.places import SHARED

ELEPHANT = SHARED / "images" / "imagenet_African_elephant.jpg"

pytestmark = pytest.mark.skipif(
    not SHARED.is_dir(), reason="needs the real model and photographs of ../shared"
)

# The large elephant and those beside it, by hand: top, bottom, left, right in pixels.
ANIMAL = (150, 225, 320, 425)


@pytest.fixture(scope="module")
def model():
    return unmask.load(
        SHARED / "models" / "mobilenet_v2_imagenet.onnx",
        labels=SHARED / "models" / "imagenet_labels.txt",
        preprocess="tf",
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", ["African_elephant", "red_fox", "jay", "puffer", "marmoset"])
def test_the_photograph_is_recognized(model, name):
    best = unmask.predict(model, SHARED / "images" / f"imagenet_{name}.jpg")[0]
    assert best.label.split(",")[0].lower() == name.replace("_", " ").lower()


@pytest.mark.slow
def test_the_map_of_the_elephant_lies_on_the_elephant(model):
    explanation = unmask.explain(model, ELEPHANT, masks=600)
    assert explanation.targets[0].label.startswith("African elephant")
    assert explanation.targets[0].score > 0.95
    assert explanation.map.shape == explanation.stderr.shape == (375, 500)
    assert explanation.map.dtype == np.float32
    assert explanation.model_calls == 605

    top, bottom, left, right = ANIMAL
    y, x = np.unravel_index(explanation.map.argmax(), explanation.map.shape)
    assert top <= y < bottom
    assert left <= x < right
    above = np.maximum(explanation.map - np.median(explanation.map), 0)
    inside = above[top:bottom, left:right].sum() / above.sum()
    area = (bottom - top) * (right - left) / above.size
    assert inside > 5 * area
    assert explanation.reliability > 0.97


@pytest.mark.slow
def test_two_seeds_agree_as_well_as_the_reliability_says(model):
    one, other = (unmask.explain(model, ELEPHANT, masks=256, seed=s) for s in (1, 2))
    reached = np.corrcoef(one.model_maps[0].ravel(), other.model_maps[0].ravel())[0, 1]
    assert reached == pytest.approx(one.reliability * other.reliability, abs=0.03)


@pytest.mark.slow
def test_one_pass_serves_many_targets(model):
    # `adaptive` and `smooth` shrink each map by its own noise; the others are linear in the score.
    targets = ["top:2", unmask.contrast("tusker", 387)]
    many = unmask.explain(model, ELEPHANT, targets, masks=96, estimator="centered")
    assert many.model_calls == 101
    np.testing.assert_allclose(many.maps[2], many.maps[1] - many.maps[0], atol=1e-6)
