"""Stopping: where it looks, that it keeps its word, and what it refuses."""

import itertools
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import unmask
from helpers.toy_models import NOISE, bright
from unmask.errors import SettingError
from unmask.estimate.uncertainty import Maps, format_reliability, reliability
from unmask.masks.grid import Masks
from unmask.run.stopping import look_points, masks_for


@given(count=st.integers(1, 20_000), design=st.sampled_from(["random", "balanced"]))
@settings(max_examples=40)
def test_looks_ascend_and_end_with_the_last_mask(count, design):
    masks = Masks((18, 27), (3, 4), design=design)
    looks = list(look_points(masks, count))
    size = masks.block_size // (1 if design == "random" else 2)
    assert looks[-1] == count
    assert all(a < b for a, b in itertools.pairwise(looks))
    assert all(look % size == 0 for look in looks[:-1])
    assert len(looks) < 50


def test_the_same_masks_for_every_batch_size():
    counts = {
        unmask.explain(
            bright, NOISE, 0, until=0.9, max_masks=3000, grid=(3, 4), batch_size=size
        ).masks
        for size in (1, 13, 64)
    }
    assert len(counts) == 1


def test_a_reached_reliability_is_said():
    found = unmask.explain(bright, NOISE, 0, until=0.9, max_masks=4000, grid=(3, 4))
    assert found.reliability >= 0.9
    assert found.masks < 4000
    assert found.complete
    assert "0.9 was reached" in found.stopped


def test_it_does_not_stop_before_its_own_error_is_known():
    """Fewer than two balanced blocks hardly tell how sure the mean score is, and are doubted."""
    found = unmask.explain(bright, NOISE, 0, until=0.5, max_masks=4000, grid=(5, 6))
    size = found.plan.masks.block_size
    assert size > 100
    assert found.masks == max(256, 2 * size)
    assert not [note for note in found.notes if "no more than one block" in note]
    assert np.isfinite(found.stderr).all()


def test_a_ceiling_is_said():
    found = unmask.explain(bright, NOISE, 0, until=0.999999, max_masks=300, grid=(3, 4))
    assert found.masks == 300
    assert "not reached" in found.stopped


@pytest.mark.filterwarnings("ignore::unmask.errors.DoubtWarning")
def test_the_time_is_kept_and_said():
    found = unmask.explain(bright, NOISE, 0, masks=500_000, max_seconds=0.2, grid=(3, 4))
    assert found.masks < 500_000
    assert "0.2 s" in found.stopped


def test_masks_with_until_stops_early():
    found = unmask.explain(bright, NOISE, 0, masks=4000, until=0.9, grid=(3, 4))
    assert found.masks < 4000


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"until": 0}, "until"),
        ({"until": 1}, "until"),
        ({"until": True}, "until"),
        ({"masks": 100, "max_masks": 200}, "one of them"),
        ({"max_seconds": 0}, "max_seconds"),
        ({"shard": (1, 2), "until": 0.9}, "shard"),
        ({"shard": (3, 2), "masks": 100}, "shard"),
    ],
)
def test_errors_come_before_the_model(given, message):
    def never(_):
        raise AssertionError

    with pytest.raises(SettingError, match=message):
        unmask.explain(never, NOISE, 0, **given)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::unmask.errors.DoubtWarning")
@pytest.mark.parametrize("estimator", ["adaptive", "centered"])
def test_what_falls_short_says_the_rule_and_about_how_many_masks_are_missing(estimator):
    """The table may say more than what was asked for: it is the confidence that is missing."""
    wanted = {"until": 0.97, "grid": (3, 4), "estimator": estimator, "seed": 2}

    def mixed(batch):
        seen = batch.mean(axis=(1, 2, 3), dtype=np.float64)
        return bright(batch) + 0.01 * np.modf(np.abs(np.sin(1e4 * seen)))[0][:, None]

    short = unmask.explain(mixed, NOISE, 0, max_masks=512, **wanted)
    said = re.fullmatch(
        r"all 512 masks were used; a reliability of 0\.97 with 95% confidence was not reached: it "
        r"is (0\.\d{3}), and above (0\.\d{3}) with that confidence; about ([\d,]+) masks would "
        r"reach it",
        short.stopped,
    )
    assert said[1] == format_reliability(short.reliability)
    assert 0.5 < float(said[2]) < min(0.97, float(said[1]))
    guess = int(said[3].replace(",", ""))
    reached = unmask.explain(mixed, NOISE, 0, max_masks=20 * guess, **wanted)
    assert "0.97 was reached" in reached.stopped
    assert 0.6 < guess / reached.masks < 1.7


@pytest.mark.parametrize("shrunk", [False, True])
@pytest.mark.parametrize(("n", "wanted"), [(100, 0.9), (1000, 0.5), (50, 0.99)])
def test_how_many_masks_is_the_inverse_of_what_they_give(shrunk, n, wanted):
    """For noise that falls as one over the number of masks, by `reliability` itself."""

    def sure(count):
        truth = np.array([[[0.0, 1.0], [2.0, 3.0]]])
        noise = 7.0 / count
        # The map of an unbiased estimator varies by the noise as well.
        value = truth if shrunk else truth * np.sqrt(1 + noise / truth.var())
        error = np.full((1, 2, 2), noise**0.5)
        return float(reliability(Maps(value, error, error, np.zeros(1), 9, 9, shrunk))[0])

    needed = masks_for(n, sure(n), wanted, "smooth" if shrunk else "centered")
    assert sure(needed) == pytest.approx(wanted)
