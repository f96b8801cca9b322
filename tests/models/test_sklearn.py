"""scikit-learn: flattened pixels in, labels and scores out; a digit's map finds its ink."""

import warnings

import numpy as np
import pytest

import unmask
from unmask.errors import ModelError, SettingError, UnmaskWarning

pytest.importorskip("sklearn")
from sklearn.cluster import KMeans
from sklearn.datasets import load_digits
from sklearn.linear_model import LinearRegression, LogisticRegression, RidgeClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC


@pytest.fixture(scope="module")
def digits():
    data = load_digits()
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=500))
    return data, model.fit(data.data[200:], data.target[200:])


def deletion(model, image, order, fill):
    """Mean score as pixels are taken away in an order, from the whole image to none of it."""
    steps = np.repeat(image.reshape(1, -1), len(order) + 1, axis=0)
    for number, pixel in enumerate(order):
        steps[number + 1 :, pixel] = fill
    return model.predict_proba(steps)[:, 0].mean()


@pytest.mark.slow
def test_the_map_of_a_zero_beats_chance_at_deletion(digits):
    data, pipeline = digits
    model = unmask.load(pipeline, preprocess="raw", size=(8, 8))
    assert model.labels == tuple("0123456789")
    rng = np.random.default_rng(0)
    zeros = np.flatnonzero(data.target[:200] == 0)[:6]
    ours, random = [], []
    for number in zeros:
        image = data.images[number]
        why = unmask.explain(model, image, "0", masks=512, grid=4, fill="mean")
        assert why.map.shape == (8, 8)
        assert why.targets[0].score == pytest.approx(
            pipeline.predict_proba(image.reshape(1, -1))[0, 0], abs=1e-5
        )
        fill = image.mean()
        ours.append(deletion(pipeline, image, np.argsort(-why.map, axis=None), fill))
        random += [deletion(pipeline, image, rng.permutation(64), fill) for _ in range(40)]
    # Chance: the same pictures, pixels in random orders; six maps against the mean of their orders.
    assert np.mean(ours) < np.mean(random) - 3 * np.std(random) / np.sqrt(len(ours))


def test_a_grid_finer_than_the_pixels_is_refused(digits):
    data, pipeline = digits
    model = unmask.load(pipeline, preprocess="raw", size=(8, 8))
    with pytest.raises(SettingError, match="finer than the input of 8 x 8"):
        unmask.explain(model, data.images[0], 0, grid=9)


@pytest.mark.parametrize(
    ("size", "layout", "shape"),
    [
        ((3, 5), "NHWC", (3, 5, 3)),
        ((3, 5), "NCHW", (3, 3, 5)),
        ((5, 9), "NHWC", (5, 9, 1)),
        ((5, 9), "NHW", (5, 9)),
        ((45,), "NT", (45,)),
        ((15,), "NTC", (15, 3)),
    ],
)
def test_pixels_are_flattened_in_the_layouts_order(size, layout, shape):
    rng = np.random.default_rng(0)
    rows, kinds = rng.normal(size=(60, 45)), np.arange(60) % 3
    fitted = LogisticRegression().fit(rows, kinds)
    model = unmask.load(fitted, size=size, layout=layout, preprocess="raw")
    image = rng.normal(size=shape)
    why = unmask.explain(model, image, "2", masks=64, grid=2)
    assert why.map.shape == size
    expected = fitted.predict_proba(image.reshape(1, -1).astype(np.float32))[0, 2]
    assert why.targets[0].score == pytest.approx(expected, abs=1e-6)


def test_scores_without_probabilities():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(60, 24))
    several = unmask.load(
        SVC().fit(rows, np.arange(60) % 3), size=(4, 6), preprocess="raw", name="svc"
    )
    image = rng.normal(size=(4, 6))
    assert several.activation == "logits"
    assert len(unmask.predict(several, image)) == 3
    two = unmask.load(
        RidgeClassifier().fit(rows, np.where(rows[:, 3] > 0, "yes", "no")),
        size=(4, 6),
        preprocess="raw",
    )
    assert two.labels == ("yes",)
    why = unmask.explain(two, image, masks=128, grid=(4, 6), design="random")
    assert why.targets[0].label == "yes"
    bright = np.where(np.arange(24) == 3, 3.0, 0.0).reshape(4, 6)
    found = unmask.explain(two, bright, "yes", masks=400, grid=(4, 6), fill=np.zeros((1, 1, 1)))
    assert np.unravel_index(found.map.argmax(), (4, 6)) == (0, 3)


def test_what_is_assumed_is_said(picture):
    rng = np.random.default_rng(0)
    gray = LogisticRegression().fit(rng.normal(size=(20, 49)), np.arange(20) % 2)
    color = LogisticRegression().fit(rng.normal(size=(20, 48)), np.arange(20) % 2)
    for fitted, size, channels in ((gray, (7, 7), 1), (color, (4, 4), 3)):
        model = unmask.load(fitted)
        assert (model.input.size, model.input.channels) == (size, channels)
        with pytest.warns(UnmaskWarning) as said:
            unmask.predict(model, picture)
        texts = [str(one.message) for one in said]
        assert any(f"assumed pictures of {size[0]} x {size[1]}" in text for text in texts)
        assert any("preprocess='raw'" in text for text in texts)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        unmask.predict(unmask.load(color, size=(4, 4), preprocess="unit"), picture)


@pytest.mark.parametrize(
    ("made", "options", "words"),
    [
        (KMeans(), {}, "neither predict_proba nor decision_function, and is no regressor"),
        (LinearRegression(), {}, "not fitted"),
        (LogisticRegression(), {}, "not fitted"),
        ((20, 50), {"preprocess": "unit"}, r"takes rows of a table: .* give size="),
        ((20, 50), {"size": (4, 6)}, "no whole number of channels of 4 x 6"),
        ((20, 50), {"size": (5, 5), "layout": "NHW"}, "no whole number of channels"),
        ((20, 50), {"size": (0, 5)}, "expected whole numbers of at least 1"),
        ((20, 50), {"autocast": "bfloat16"}, r"autocast= does not apply to a scikit-learn"),
    ],
)
def test_what_is_no_model_of_pictures_is_refused(made, options, words):
    if isinstance(made, tuple):
        rows = np.random.default_rng(0).normal(size=made)
        made = LogisticRegression().fit(rows, np.arange(made[0]) % 2)
    with pytest.raises((ModelError, SettingError), match=words):
        unmask.load(made, **options)
