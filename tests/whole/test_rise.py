"""The notebook's preset and its four steps, against NumPy and OpenCV by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import unmask
from unmask import rise
from unmask.errors import ImageError, SettingError, TargetError
from unmask.run import settings

SIZES = [(40, 40), (32, 56), (45, 27), (5, 70)]
WEIGHTS = np.random.default_rng(8)


def network(size, classes=6):
    """A linear layer and a softmax: ranks change as parts are hidden."""
    weights = np.random.default_rng(sum(size)).normal(0, 1, (size[0] * size[1] * 3, classes))
    weights *= 4 / np.sqrt(len(weights))

    def scores(batch):
        values = np.asarray(batch, np.float64).reshape(len(batch), -1) @ weights
        values = np.exp(values - values.max(axis=1, keepdims=True))
        return values / values.sum(axis=1, keepdims=True)

    return scores


def by_hand(scores, image, grids, target, top=3):
    cv2 = pytest.importorskip("cv2")
    height, width = image.shape[:2]
    total = np.zeros((height, width))
    for grid in grids:
        mask = cv2.resize(grid.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR)
        row = scores((image * mask[:, :, None])[None])[0]
        if target in row.argsort()[-top:]:
            total += mask * row[target]
    return total / len(grids)


@pytest.mark.slow
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_preset_and_steps_are_the_computation_by_hand(size):
    scores = network(size)
    image = np.random.default_rng(1).normal(0, 1, (*size, 3)).astype(np.float32)
    model = unmask.load(scores, preprocess="raw", activation="probabilities")
    n, seed = 130, 7
    source = unmask.prepare(model, image, 0, preset="notebook", masks=n, seed=seed).plan.masks
    assert source.grid == (max(1, size[0] // 8), max(1, size[1] // 8))
    grids = np.concatenate([source.block(b).grids for b in range(3)])[:n]
    drawn = rise.masks(n, size, seed=seed)
    outputs = scores(rise.perturbed_images(image, drawn))
    shares = []
    for target in range(6):
        wanted = by_hand(scores, image, grids, target)
        why = unmask.explain(model, image, target, preset="notebook", masks=n, seed=seed)
        close = {"rtol": 1e-5, "atol": 1e-6 * max(wanted.max(), 1e-3)}
        np.testing.assert_allclose(why.map, wanted, **close)
        np.testing.assert_allclose(rise.saliency_map(outputs, target, drawn), wanted, **close)
        shares.append((outputs.argsort(axis=1)[:, -3:] == target).any(axis=1).mean())
    assert any(0.1 < share < 0.9 for share in shares)  # the rule of the best three is at work


def test_the_whole_map_is_the_mean_of_local_explanations():
    drawn = rise.masks(20, (16, 24))
    outputs = network((16, 24))(np.random.default_rng(0).normal(0, 1, (20, 16, 24, 3)))
    one_by_one = [rise.local_explanation(*pair) for pair in zip(outputs, [2] * 20, drawn)]  # noqa: B905
    np.testing.assert_allclose(
        rise.saliency_map(outputs, 2, drawn), np.mean(one_by_one, axis=0), rtol=1e-5, atol=1e-8
    )


def test_the_settings_of_the_preset():
    model = unmask.load(lambda batch: batch.mean(axis=(1, 2)), preprocess="unit", size=(224, 224))
    picture = np.random.default_rng(0).integers(0, 256, (30, 40, 3), dtype=np.uint8)
    run = unmask.prepare(model, picture, 0, preset="notebook")
    plan, masks = run.plan, run.plan.masks
    assert (plan.count, masks.grid, masks.keep) == (7000, (28, 28), 0.5)
    assert (masks.design, masks.shift, plan.estimator) == ("random", False, "notebook")
    assert (plan.fill, np.count_nonzero(run.fill)) == ("zero", 0)
    assert run.targets.targets[0].label == "class 0, where among the best 3"


def test_what_is_given_beside_a_preset_goes_first():
    model = unmask.load(lambda batch: batch.mean(axis=(1, 2)), preprocess="unit")
    picture = np.random.default_rng(0).integers(0, 256, (32, 48, 3), dtype=np.uint8)
    run = unmask.prepare(
        model,
        picture,
        [unmask.within_top(0, 1), 1],
        preset="notebook",
        masks=99,
        grid=(2, 5),
        keep=0.25,
        fill="white",
        design="balanced",
        estimator="centered",
        shift=True,
    )
    plan, masks = run.plan, run.plan.masks
    assert (plan.count, masks.grid, masks.keep, masks.design) == (99, (2, 5), 0.25, "balanced")
    assert (masks.shift, plan.estimator, plan.fill) == (True, "centered", "white")
    labels = [target.label for target in run.targets.targets]
    assert labels == ["class 0, where among the best 1", "class 1, where among the best 3"]


def test_without_a_preset_the_defaults_are_as_ever():
    chosen = settings.choose("classes", None, masks=None, grid=None)
    assert chosen == {name: row.default for name, row in settings.SETTINGS.items()}
    assert (chosen["masks"], chosen["within"], chosen["design"]) == (None, None, "balanced")


def test_a_cropped_picture_gets_the_limit_of_the_estimator_where_nothing_was_seen():
    model = unmask.load(
        lambda batch: batch.mean(axis=(1, 2)), preprocess="unit", size=(16, 16), resize="crop"
    )
    picture = np.random.default_rng(0).integers(0, 256, (16, 60, 3), dtype=np.uint8)
    options = {"keep": 0.25, "masks": 256, "grid": 4}
    why = unmask.explain(model, picture, 0, estimator="notebook", **options)
    np.testing.assert_allclose(why.map[8, 1], 0.25 * why.estimate.mean[0], rtol=1e-6)
    paper = unmask.explain(model, picture, 0, estimator="paper", **options)
    np.testing.assert_allclose(why.map, 0.25 * paper.map, rtol=1e-5)
    np.testing.assert_allclose(why.stderr, 0.25 * paper.stderr, rtol=1e-5)
    assert why.reliability == pytest.approx(paper.reliability)


def test_an_explanation_by_preset_survives_a_file(tmp_path):
    model = unmask.load(network((16, 24)), activation="probabilities", preprocess="raw")
    image = np.random.default_rng(1).normal(0, 1, (16, 24, 3)).astype(np.float32)
    why = unmask.explain(model, image, 3, preset="notebook", masks=140)
    again = unmask.Explanation.load(why.save(tmp_path / "x.npz"))
    assert (again.plan, again.targets) == (why.plan, why.targets)
    np.testing.assert_array_equal(again.map, why.map)


# --- a class among the best few ---


@given(
    values=st.lists(
        st.lists(st.floats(0, 1, width=32), min_size=5, max_size=5), min_size=1, max_size=6
    ),
    index=st.integers(0, 4),
    top=st.integers(1, 6),
)
def test_within_top_counts_where_fewer_classes_score_higher(values, index, top):
    from unmask.targets.class_specs import parse
    from unmask.targets.classes import resolve

    outputs = np.array(values)
    targets = resolve(parse(unmask.within_top(index, top), None, 5), outputs[:1])
    got = targets.score(outputs, len(outputs))[:, 0]
    for row, score in zip(outputs, got, strict=True):
        rank = sum(other > row[index] for other in row)
        assert score == (row[index] if rank < top else 0)
    assert targets.targets[0].index == index


def test_within_top_of_the_best_few_and_the_same_once():
    from unmask.targets.class_specs import parse
    from unmask.targets.classes import resolve

    outputs = np.array([[0.1, 0.5, 0.4]])
    wishes = parse([unmask.within_top("top:2"), unmask.within_top(1), 1], ["a", "b", "c"])
    labels = [one.label for one in resolve(wishes, outputs, ["a", "b", "c"]).targets]
    assert labels == ["b, where among the best 3", "c, where among the best 3", "b"]


@pytest.mark.parametrize("target", [unmask.contrast(0, 1), len, unmask.within_top(0)])
def test_only_a_class_has_a_rank(target):
    from unmask.targets.class_specs import parse

    with pytest.raises(TargetError, match="only a class can be held"):
        parse(unmask.within_top(target), None, 4)


@pytest.mark.parametrize("top", [0, -1, 2.5, True, "3"])
def test_within_how_many(top):
    with pytest.raises(TargetError, match="at least 1"):
        unmask.within_top(0, top)


# --- what goes wrong ---


def test_a_preset_that_is_none():
    picture = np.zeros((16, 16, 3), np.uint8)
    with pytest.raises(SettingError, match="preset='paper': expected notebook"):
        unmask.explain(lambda batch: batch.mean(axis=(1, 2)), picture, 0, preset="paper")


def test_a_detector_has_no_such_preset():
    model = unmask.load(list, detector="function", labels=["a"])
    with pytest.raises(SettingError, match="is for classifiers"):
        unmask.prepare(model, np.zeros((16, 16, 3), np.uint8), preset="notebook")


def test_a_contrast_or_a_function_has_no_rank_in_the_preset():
    picture = np.zeros((16, 16, 3), np.uint8)
    for target in (unmask.contrast(0, 1), lambda outputs: outputs[:, 0]):
        with pytest.raises(TargetError, match="only a class"):
            unmask.prepare(
                lambda batch: batch.mean(axis=(1, 2)), picture, target, preset="notebook"
            )


def test_steps_say_what_does_not_fit():
    drawn = rise.masks(3, (16, 24))
    with pytest.raises(SettingError, match="n=0: expected a whole number of at least 1"):
        rise.masks(0, (16, 24))
    with pytest.raises(ImageError, match=r"\(24, 16, 3\)"):
        rise.perturbed_images(np.zeros((24, 16, 3)), drawn)
    with pytest.raises(SettingError, match=r"\(2, 5\) for 3 masks"):
        rise.saliency_map(np.zeros((2, 5)), 0, drawn)
    with pytest.raises(SettingError, match="target 5"):
        rise.local_explanation(np.zeros(5), 5, drawn[0])


# --- the command ---


@pytest.mark.slow
def test_the_command_takes_the_preset(tmp_path, monkeypatch):
    pytest.importorskip("typer")
    pytest.importorskip("onnxruntime")
    from typer.testing import CliRunner

    from unmask import cli

    monkeypatch.setenv("COLUMNS", "200")
    picture = np.random.default_rng(0).integers(0, 256, (30, 40, 3), dtype=np.uint8)
    Image.fromarray(picture).save(tmp_path / "p.png")
    options = ("--preset", "notebook", "-n", "130", "-t", "heart", "-o", str(tmp_path / "out"))
    result = CliRunner().invoke(cli.app, ["explain", str(tmp_path / "p.png"), *options])
    assert result.exit_code == 0, result.output
    written = unmask.Explanation.load(tmp_path / "out" / "p.npz")
    why = unmask.explain("demo", tmp_path / "p.png", "heart", preset="notebook", masks=130)
    assert written.plan == why.plan
    np.testing.assert_array_equal(written.map, why.map)
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"p-heart.png", "p.npz"}
    bad = CliRunner().invoke(cli.app, ["explain", str(tmp_path / "p.png"), "--preset", "rise"])
    assert bad.exit_code == 2
    assert "notebook" in bad.output
