"""Metrics that explain again: max-sensitivity, ADCC's coherency, the random logit test."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import unmask
from unmask import demo, evaluation, metrics
from unmask.errors import SettingError
from unmask.evaluation import explainers
from unmask.evaluation.metrics.adcc import adcc_of
from unmask.evaluation.metrics.random_logit import structural_similarity

pytest.importorskip("onnxruntime")

SHAPE = (6, 10)
AGAIN = ["coherency", "adcc", "max_sensitivity", "random_logit"]
MAPS = arrays(np.float64, (9, 14), elements=st.floats(-100, 100, width=16))


@pytest.fixture
def case():
    image = np.random.default_rng(0).random((*SHAPE, 1)).astype(np.float32)
    return metrics.case(
        lambda batch: batch[:, :, :5].mean((1, 2, 3))[:, None] * [1, 0.5, 0.2],
        image,
        0,
        preprocess="raw",
    )


# Max-sensitivity


def test_a_map_that_ignores_the_input_has_no_sensitivity(case):
    bump = np.random.default_rng(1).random(SHAPE)
    assert metrics.max_sensitivity(case, lambda array: bump) == 0
    assert metrics.max_sensitivity(case, lambda array: np.ones(SHAPE)) == 0


def test_the_input_as_its_own_map_changes_by_the_noise(case):
    seen = []

    def explain(array):
        seen.append(array)
        return array[..., 0]

    found = metrics.max_sensitivity(case, explain, runs=5, radius=0.1, offset=0, seed=3)
    own, *nearby = seen
    np.testing.assert_array_equal(own, case.sample.array)
    changes = [np.linalg.norm(one - own) for one in nearby]
    assert found == pytest.approx(max(changes) / np.linalg.norm(own), rel=1e-5)
    assert len(nearby) == 5
    reach = 0.1 * np.ptp(own)
    assert 0.9 * reach < max(abs(one - own).max() for one in nearby) <= reach * (1 + 1e-6)


def test_sensitivity_knows_no_unit_and_no_level(case):
    def found(scale, level):
        return metrics.max_sensitivity(case, lambda array: scale * array[..., 0] ** 2 + level)

    assert found(1, 0) == pytest.approx(found(-7, 3))


def test_where_only_the_inputs_nearby_have_a_map_there_is_no_share(case):
    own = case.sample.array

    def explain(array):
        return np.zeros(SHAPE) if np.array_equal(array, own) else np.eye(*SHAPE)

    assert math.isnan(metrics.max_sensitivity(case, explain))


@pytest.mark.parametrize("wrong", [{"runs": 0}, {"radius": 0}, {"radius": np.inf}, {"runs": 1.5}])
def test_settings_of_max_sensitivity_are_checked(case, wrong):
    with pytest.raises(SettingError, match="expected 1 or more, and above 0"):
        metrics.max_sensitivity(case, lambda array: array[..., 0], **wrong)


# ADCC


def test_coherency_by_hand(case):
    values = np.zeros(SHAPE)
    values[:, :5] = 3
    image = case.sample.array
    seen = []

    def explain(array):
        seen.append(array)
        return array[..., 0]

    found = metrics.coherency(case, values, explain)
    shown = image.copy()
    shown[:, 5:] = 0
    np.testing.assert_array_equal(seen[0], shown)
    r = np.corrcoef(values.ravel(), shown.ravel())[0, 1]
    assert found == pytest.approx((1 + r) / 2)
    assert metrics.coherency(case, values, lambda array: values) == 1
    assert metrics.coherency(case, values, lambda array: -values) == 0
    for flat in (np.ones(SHAPE), np.zeros(SHAPE)):
        assert metrics.coherency(case, values, lambda array, flat=flat: flat) == 0
        assert metrics.coherency(case, flat, lambda array, flat=flat: flat) == 0


@pytest.mark.slow
@given(MAPS, st.floats(0.1, 50), st.floats(-50, 50))
def test_l1_complexity_is_the_share_that_is_marked(values, unit, level):
    found = metrics.l1_complexity(values)
    assert 0 <= found <= 1
    if np.ptp(values) > 1e-3:
        assert metrics.l1_complexity(unit * values + level) == pytest.approx(found, abs=1e-6)
        assert metrics.l1_complexity(-values) == pytest.approx(1 - found, abs=1e-6)
    assert metrics.l1_complexity(values * 0 + level) == 0


@given(*[st.floats(0.01, 0.99)] * 3)
def test_adcc_is_a_harmonic_mean(coherent, complexity, lost):
    parts = [coherent, 1 - complexity, 1 - lost]
    found = adcc_of(coherent, complexity, lost)
    assert found == pytest.approx(3 / sum(1 / part for part in parts))
    assert min(parts) - 1e-9 <= found <= max(parts) + 1e-9


def test_adcc_is_that_of_its_three_parts(case):
    values = np.zeros(SHAPE)
    values[:, :3] = 3

    def explain(array):
        return array[..., 0]

    parts = (
        metrics.coherency(case, values, explain),
        metrics.l1_complexity(values),
        metrics.drop(case, metrics.shown_score(case, values)),
    )
    assert all(0.1 < part < 1 for part in parts)
    assert metrics.adcc(case, values, explain) == adcc_of(*parts)
    assert metrics.adcc(case, np.ones(SHAPE), explain) == 0  # it marks nothing
    assert math.isnan(adcc_of(0.5, 0.5, math.nan))
    assert adcc_of(0, 0.5, 0.5) == adcc_of(0.5, 1, 0.5) == adcc_of(0.5, 0.5, 1) == 0


# Random logit


def test_a_map_that_ignores_the_target_is_the_same(case):
    values = np.random.default_rng(2).random(SHAPE)
    assert metrics.random_logit(case, values, lambda image, target: values) == 1
    assert metrics.random_logit(case, values, lambda image, target: 5 * values - 2) == (
        pytest.approx(1)
    )
    assert metrics.random_logit(case, values, lambda image, target: -values) < 0.5


def test_the_other_class_is_any_but_its_own(case):
    asked = {}
    for index in range(3):
        one = metrics.case(case.model, case.sample.array, index, preprocess="raw")
        for seed in range(40):
            metrics.random_logit(
                one,
                np.eye(*SHAPE),
                lambda image, target, index=index: (
                    asked.setdefault(index, set()).add(target) or np.eye(*SHAPE)
                ),
                seed=seed,
            )
    assert asked == {0: {1, 2}, 1: {0, 2}, 2: {0, 1}}


@pytest.mark.slow
@given(MAPS, MAPS)
def test_structural_similarity_is_that_of_scikit_image(one, other):
    found = pytest.importorskip("skimage.metrics").structural_similarity
    for a, b in ((one, other), (one.ravel(), other.ravel())):
        # Rounded, as a difference of squares leaves its noise where windows are flat.
        a, b = (np.round(_unit(part), 3) for part in (a, b))
        a, b = _unit(a), _unit(b)
        assert structural_similarity(a, b) == pytest.approx(found(a, b, data_range=1), abs=1e-6)
        assert structural_similarity(a, b) == pytest.approx(structural_similarity(b, a))
        assert structural_similarity(a, a) == pytest.approx(1)


def _unit(values):
    spread = np.ptp(values)
    return (values - values.min()) / spread if spread else 0 * values


def test_maps_smaller_than_a_window_have_a_similarity_too():
    rng = np.random.default_rng(4)
    for shape in ((1, 9), (2, 4), (1, 1), (3,), (4, 5, 6)):
        one, other = rng.random((2, *shape))
        assert structural_similarity(one, one) == pytest.approx(1)
        assert -1 <= structural_similarity(one, other) <= 1


@pytest.mark.parametrize(
    ("target", "says"),
    [
        (lambda outputs: outputs[:, 0], "'random_logit' is about classes"),
        (unmask.targets.contrast(0, 1), "'random_logit' is about classes"),
    ],
)
def test_random_logit_is_about_classes(case, target, says):
    one = metrics.case(case.model, case.sample.array, target, preprocess="raw")
    with pytest.raises(SettingError, match=says):
        metrics.random_logit(one, np.eye(*SHAPE), lambda image, target: np.eye(*SHAPE))


def test_a_model_of_one_class_has_no_other(case):
    one = metrics.case(
        lambda batch: batch.mean((1, 2, 3))[:, None], case.sample.array, 0, preprocess="raw"
    )
    with pytest.raises(SettingError, match="another class, and <lambda> has 1"):
        metrics.METRICS["random_logit"].check(one)
    with pytest.raises(SettingError, match="another class, and <lambda> has 1"):
        metrics.random_logit(one, np.eye(*SHAPE), lambda image, target: np.eye(*SHAPE))


# All of them, by the explainers that there are


@pytest.mark.slow
@pytest.mark.parametrize("explainer", ["unmask,masks=32,grid=3", "occlusion,masks=16"])
def test_evaluate_explains_again(explainer):
    one = demo.scene(3, 11, size=(60, 90), objects=(2, 4))
    (row,) = evaluation.evaluate("demo", [one.picture], explainer, wanted=[*AGAIN, "drop"])
    assert not row.error
    case = metrics.case("demo", one.picture)
    explain = explainers.bound(explainer, case)
    values = explain(one.picture)
    lost = metrics.drop(case, metrics.shown_score(case, values))
    coherent = metrics.coherency(case, values, explain)
    assert row.values == {
        "drop": lost,
        "coherency": coherent,
        "adcc": adcc_of(coherent, metrics.l1_complexity(values), lost),
        "max_sensitivity": metrics.max_sensitivity(case, explain),
        "random_logit": metrics.random_logit(case, values, explain),
    }
    assert 0 < row.values["max_sensitivity"] < 1
    assert row.values["random_logit"] < 0.99


@pytest.mark.slow
def test_coherency_is_explained_once_for_all_that_ask():
    calls = []

    def explainer(model, image, target):
        calls.append(image.dtype)
        return np.random.default_rng(0).random((96, 96))

    picture = demo.pictures()["street"]
    list(evaluation.evaluate("demo", [picture], explainer, wanted=["drop", "l1_complexity"]))
    assert calls == [np.uint8]  # who asks for no more pays for no more
    calls.clear()
    (row,) = evaluation.evaluate("demo", [picture], explainer, wanted=["adcc", "coherency"])
    assert not row.error
    assert calls == [np.uint8, np.float32]


@pytest.mark.parametrize("name", AGAIN)
def test_maps_that_are_there_are_not_explained_again(name):
    with pytest.raises(SettingError, match=f"'{name}' needs an explainer, and maps that are"):
        evaluation.evaluate_stored("demo", [], wanted=[name])
    case = metrics.case("demo", demo.pictures()["night"])
    assert evaluation.evaluate_map(case, np.eye(96), [name])[0] == {}


@pytest.mark.parametrize("name", ["max_sensitivity", "coherency", "adcc"])
def test_what_cannot_be_changed_is_said_before_it_is_explained(name):
    def never(model, image, target):
        raise AssertionError

    def score(texts):
        return np.array([0.1 * len(text.split()) for text in texts])

    text = unmask.inputs.text("one two three four")
    (row,) = evaluation.evaluate(score, [text], never, wanted=[name])
    assert f"metric '{name}' explains a changed input of numbers" in row.error


@pytest.mark.parametrize("name", ["road", "irof"])
def test_what_is_no_picture_is_said_before_it_is_explained(name):
    pytest.importorskip("skimage")

    def never(model, image, target):
        raise AssertionError

    model = unmask.load(lambda batch: batch.sum(axis=(1, 2)), layout="NTC", preprocess="raw")
    series = np.ones((6, 1), np.float32)
    (row,) = evaluation.evaluate(model, [series], never, wanted=[name])
    assert f"metric '{name}' is about pictures" in row.error


def test_irof_says_what_to_install_before_the_first_call(monkeypatch):
    from unmask.evaluation import evaluating

    monkeypatch.setattr(evaluating, "can_segment", lambda: False)
    with pytest.raises(SettingError, match=r"'irof' needs scikit-image: pip install 'unmask\["):
        evaluation.evaluate("demo", [], wanted=["irof"])


@pytest.mark.parametrize("name", ["max_sensitivity", "coherency"])
def test_an_explainer_of_pictures_alone_fails_by_the_metrics_name(name):
    def pictures_alone(model, image, target):
        if image.dtype != np.uint8:
            raise TypeError("no picture")
        return image.mean(axis=2)

    picture = demo.pictures()["street"]
    (row,) = evaluation.evaluate("demo", [picture], pictures_alone, wanted=[name])
    assert row.error == (
        f"metric '{name}' lets the explainer explain an array in the model's space, of shape "
        "(3, 96, 96), and that failed: TypeError: no picture"
    )


def test_a_box_is_not_explained_in_another_input():
    from unmask.models import Detections

    def detect(batch):
        boxes = np.array([[2.0, 1, 8, 5]])
        return [Detections(boxes, np.array([[0.9, 0.1]]), np.array([0.9])) for _ in batch]

    image = np.random.default_rng(0).random((*SHAPE, 1)).astype(np.float32)
    case = metrics.case(unmask.load(detect, detector="function"), image, 0, preprocess="raw")
    for name in ("max_sensitivity", "coherency", "adcc"):
        with pytest.raises(SettingError, match=f"'{name}' explains a changed input, in which"):
            metrics.METRICS[name].check(case)
