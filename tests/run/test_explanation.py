"""Shards, merging and extending give the bits of the undivided run."""

import copy
import functools
import itertools
import pickle

import numpy as np
import pytest

import unmask
from helpers.pictures import small
from helpers.toy_models import NOISE, bright_and_squared
from unmask.errors import UnmaskError
from unmask.models.detections import Detections
from unmask.reports.reproduce import reproduction

STREET = np.asarray(small())
pytestmark = pytest.mark.filterwarnings("ignore::unmask.errors.DoubtWarning")


def explained(model=bright_and_squared, picture=NOISE, target=(0, 1), **settings):
    chosen = {"masks": 150, "grid": (3, 4), "batch_size": 16, **settings}
    return unmask.explain(model, picture, list(target), **chosen)


def same(a, b):
    assert a.masks == b.masks
    assert np.array_equal(a.estimate.scores, b.estimate.scores)
    assert np.array_equal(a.maps, b.maps)
    assert np.array_equal(a.stderrs, b.stderrs)


@pytest.mark.parametrize("estimator", ["adaptive", "smooth", "centered"])
def test_shards_merged_in_any_order_are_the_whole(estimator):
    whole = explained(estimator=estimator)
    parts = [explained(shard=(i, 3), estimator=estimator) for i in (1, 2, 3)]
    for order in itertools.permutations(parts):
        merged = order[0].merge(*order[1:])
        same(merged, whole)
        assert merged.complete


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        ({"shard": (1, 2)}, "both|twice|already|overlap"),
        ({"shard": (2, 2), "seed": 1}, "masks differ"),
        ({"shard": (2, 2), "target": (0,)}, "targets differ"),
        ({"shard": (2, 2), "fill": "blur"}, "fill differ"),
        ({"shard": (2, 2), "picture": 255 - NOISE}, "pictures differ"),
        ({"shard": (2, 2), "model": lambda batch: bright_and_squared(batch)}, "model differ"),
    ],
)
def test_what_does_not_fit_is_refused_with_the_reason(other, reason):
    with pytest.raises(UnmaskError, match=reason):
        explained(shard=(1, 2)).merge(explained(**other))


def test_an_empty_shard_is_refused():
    """One block of masks cannot be divided in two."""
    with pytest.raises(UnmaskError, match="empty"):
        explained(masks=10, shard=(1, 2))


def test_extending_is_asking_for_all_at_once():
    same(explained(masks=70).extend(masks=80), explained(masks=150))


def test_extending_what_was_saved(tmp_path):
    explained(masks=70).save(tmp_path / "e.npz")
    loaded = unmask.Explanation.load(tmp_path / "e.npz")
    with pytest.raises(UnmaskError, match=r"unmask\.extend"):
        loaded.extend(masks=80)
    same(unmask.extend(loaded, bright_and_squared, masks=80), explained(masks=150))
    with pytest.raises(UnmaskError, match="another model"):
        unmask.extend(loaded, lambda batch: bright_and_squared(batch) / 2, masks=80)


def test_extending_what_was_saved_within_the_best(tmp_path):
    def three(batch):
        return np.hstack([bright_and_squared(batch), np.full((len(batch), 1), 0.238)])

    wish = [unmask.within_top(1, 2)]
    begun, whole = (explained(three, target=wish, masks=n) for n in (70, 150))
    assert (whole.estimate.scores == 0).any()
    begun.save(tmp_path / "a.npz")
    loaded = unmask.Explanation.load(tmp_path / "a.npz")
    assert loaded.targets[0].top == 2
    same(unmask.extend(loaded, three, masks=80), whole)
    with pytest.raises(unmask.SettingError, match="2 targets are given: expected the 1 of"):
        unmask.extend(loaded, three, masks=80, target=[0, 1])


def test_a_function_is_to_be_given_again(tmp_path):
    def score(outputs):
        return outputs[:, 1]

    begun, whole = (explained(target=[score], masks=n) for n in (70, 150))
    begun.save(tmp_path / "a.npz")
    loaded = unmask.Explanation.load(tmp_path / "a.npz")
    with pytest.raises(unmask.TargetError, match="which no file holds"):
        unmask.extend(loaded, bright_and_squared, masks=80)
    same(unmask.extend(loaded, bright_and_squared, masks=80, target=score), whole)


def test_extending_what_was_saved_without_shift(tmp_path):
    explained(masks=70, shift=False).save(tmp_path / "e.npz")
    loaded = unmask.Explanation.load(tmp_path / "e.npz")
    same(unmask.extend(loaded, bright_and_squared, masks=80), explained(masks=150, shift=False))


def lamp(batch):
    """Find the one bright_and_squared thing, surer the more of it is seen."""
    return [Detections([[4, 2, 9, 6]], [[part[2:6, 4:9].mean() / 255]]) for part in batch]


@pytest.mark.parametrize("labels", [["lamp"], None])
@pytest.mark.parametrize(
    "wish", [unmask.box((3, 2, 10, 7)), unmask.box((3, 2, 10, 7), label=0), "top:1"]
)
def test_extending_boxes_that_were_saved(labels, wish, tmp_path):
    """Also where the detector has no labels, or the box none."""
    picture = np.full((8, 12, 3), 204, np.uint8)
    model = unmask.load(lamp, detector="function", labels=labels)
    settings = {"grid": (3, 4), "batch_size": 16, "fill": "black"}
    begun, whole = (unmask.explain(model, picture, wish, masks=n, **settings) for n in (70, 150))
    begun.save(tmp_path / "a.npz")
    loaded = unmask.Explanation.load(tmp_path / "a.npz")
    more = unmask.extend(loaded, model, masks=80)
    same(more, whole)
    assert more.targets == whole.targets
    # What a report says is the same box to the command line, and in Python.
    pytest.importorskip("typer")

    (text,) = reproduction(loaded).targets
    assert (text == "0") == (wish == "top:1")  # a box that was found is asked for by its number
    names = {"unmask": unmask}
    code = reproduction(loaded).python().split("[", 1)[1].split("],", 1)[0]
    for again in ([text], [eval(code, names)]):
        assert unmask.prepare(model, picture, again, grid=3).targets.targets == whole.targets


@pytest.mark.slow
@pytest.mark.parametrize("again", [lambda e: pickle.loads(pickle.dumps(e)), copy.deepcopy])
def test_a_pickled_explanation_is_the_same_and_says_that_it_has_no_model(again):
    made = unmask.explain("demo", STREET, ["heart", "star"], masks=256)
    made.maps  # noqa: B018 - what was computed goes along
    there = again(made)
    np.testing.assert_array_equal(there.maps, made.maps)
    np.testing.assert_array_equal(there.estimate.scores, made.estimate.scores)
    assert (there.targets, there.plan, there.frame) == (made.targets, made.plan, made.frame)
    with pytest.raises(unmask.SettingError, match="holds no model: use unmask"):
        there.extend(64)
    more = unmask.extend(there, "demo", masks=64)
    np.testing.assert_array_equal(more.maps, made.extend(64).maps)


@pytest.mark.slow
def test_a_copy_goes_on_by_itself():
    made = unmask.explain("demo", STREET, masks=256)
    assert copy.copy(made).extend(64).masks == 320


def planned(design, seed, estimator):
    return unmask.prepare(
        "demo", STREET, "heart", masks=512, seed=seed, design=design, estimator=estimator
    )


@functools.cache
def scores_of(design, seed):
    """Which every estimator takes."""
    return list(unmask.stream(planned(design, seed, "centered")))[-1]


@pytest.mark.slow
@pytest.mark.parametrize("estimator", ["adaptive", "smooth", "centered"])
@pytest.mark.parametrize("seed", [1, 3])
def test_independent_masks_mark_as_much_as_balanced_ones(estimator, seed):
    """Their imbalance moves the mean score, and with it the level that a map is compared with."""
    random, balanced = (
        planned(design, seed, estimator).explanation(scores_of(design, seed))
        for design in ("random", "balanced")
    )
    assert random.significant().mean() < balanced.significant().mean() + 0.1
    assert (random.levels != random.estimate.mean) == (estimator != "centered")
    assert balanced.levels == balanced.estimate.mean
