"""CTC: totals and alignments against all ways of spreading a text over the frames."""

import itertools

import numpy as np
import pytest

from unmask.models import ctc


@pytest.mark.parametrize("ids", [[1], [1, 1], [1, 2], [2, 1, 2]])
@pytest.mark.parametrize("probable", [True, False])
def test_the_total_is_the_sum_over_all_alignments(ids, probable):
    rng = np.random.default_rng(3)
    logits = rng.normal(size=(2, 5, 3))
    given = np.exp(logits) / np.exp(logits).sum(axis=2, keepdims=True)
    ways = [way for way in itertools.product(range(3), repeat=5) if ctc.collapsed(way) == ids]
    direct = [sum(np.prod([one[t, k] for t, k in enumerate(way)]) for way in ways) for one in given]
    found = ctc.total(given if probable else logits, ids, probable)
    np.testing.assert_allclose(found, np.log(direct), rtol=1e-9)


def test_the_alignment_is_the_likeliest_of_all():
    rng = np.random.default_rng(4)
    given = rng.dirichlet(np.ones(4), size=(1, 6))
    ids = [3, 1, 1]
    ways = [way for way in itertools.product(range(4), repeat=6) if ctc.collapsed(way) == ids]
    best = max(ways, key=lambda way: np.prod([given[0, t, k] for t, k in enumerate(way)]))
    frames = ctc.aligned(given, ids, True)
    rebuilt = np.zeros(6, int)
    for number, places in zip(ids, frames, strict=True):
        rebuilt[places] = number
    assert rebuilt.tolist() == list(best)


def test_a_text_is_impossible_in_too_few_frames():
    assert ctc.total(np.full((1, 2, 3), 1 / 3), [1, 1], True)[0] == -np.inf


def test_frames_are_the_nearest_characters_own_and_cover_all():
    found = ctc.own_frames([np.array([0]), np.array([2, 3]), np.array([9])], 12)
    assert [part.start for part in found] == [0, 2, 6]
    assert [part.stop for part in found] == [2, 6, 12]
