"""Shapley and Banzhaf values: closed forms, the exact sum over coalitions, honest errors."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.games import banzhaf_values, coalitions, played, random_game, shapley_values
from unmask.estimate.estimators import finalize
from unmask.estimate.scores import Scores
from unmask.estimate.uncertainty import half_width, reliability
from unmask.masks import Masks
from unmask.masks.coalitions import strata

SIZES = st.integers(2, 9)
SEEDS = st.integers(0, 2**32)


def shapley(worth, count, **settings):
    return finalize("shapley", played(np.asarray(worth), count, **settings))


@pytest.mark.parametrize("count", [40, 41, 64, 100, 600])
def test_an_additive_game_is_exact_at_any_number_of_masks(count):
    worth = np.random.default_rng(0).normal(size=11)
    maps = shapley(0.3 + coalitions(11) @ worth, count)
    np.testing.assert_allclose(maps.value[0], worth, atol=1e-12)
    np.testing.assert_allclose(maps.stderr, 0, atol=1e-9)


@pytest.mark.parametrize("count", [60, 200])
def test_interactions_of_two_are_shared_exactly(count):
    """Every pair of complements is free of them."""
    rng = np.random.default_rng(1)
    alone, both = rng.normal(size=12), np.triu(rng.normal(size=(12, 12)), 1)
    every = coalitions(12)
    worth = every @ alone + np.einsum("ni,ij,nj->n", every, both, every)
    shares = alone + (both.sum(axis=0) + both.sum(axis=1)) / 2
    np.testing.assert_allclose(shapley(worth, count).value[0], shares, atol=1e-10)


@pytest.mark.parametrize("group", [[2], [0, 3], [1, 4, 5], [0, 1, 2, 3, 4, 5]])
def test_unanimity_is_shared_among_those_it_takes(group):
    """v(S) is 1 where all of a group are in S (Shapley 1953)."""
    worth = coalitions(6)[:, group].all(axis=1).astype(float)
    shares = np.isin(np.arange(6), group) / len(group)
    of_two = np.isin(np.arange(6), group) / 2.0 ** (len(group) - 1)
    scores = played(worth, 64, design="exhaustive")
    np.testing.assert_allclose(finalize("shapley", scores).value[0], shares, atol=1e-12)
    np.testing.assert_allclose(finalize("banzhaf", scores).value[0], of_two, atol=1e-12)


@settings(max_examples=30)
@given(players=SIZES, seed=SEEDS, count=st.integers(2, 300))
def test_values_sum_to_what_all_add(players, seed, count):
    worth = random_game(players, seed)
    for design in ("shapley", "exhaustive"):
        most = 2**players if design == "exhaustive" else count
        maps = finalize("shapley", played(worth, min(count, most), seed=seed, design=design))
        assert maps.value.sum() == pytest.approx(worth[-1] - worth[0], abs=1e-9)


@settings(max_examples=30)
@given(players=st.integers(1, 9), seed=SEEDS)
def test_all_masks_give_the_sum_over_coalitions(players, seed):
    worth = np.random.default_rng(seed).normal(size=2**players)
    scores = played(worth, 2**players, design="exhaustive", seed=seed)
    for name, exact in (("shapley", shapley_values), ("banzhaf", banzhaf_values)):
        maps = finalize(name, scores)
        np.testing.assert_allclose(maps.value[0], exact(worth), atol=1e-9)
        assert (maps.stderr == 0).all()
    whole = finalize("shapley", played(worth, 2**players, seed=seed))
    np.testing.assert_allclose(whole.value[0], shapley_values(worth), atol=1e-8)
    assert (whole.stderr < 1e-6).all()


@settings(max_examples=20)
@given(seed=SEEDS)
def test_players_that_are_alike_or_nothing_have_the_same_or_nothing(seed):
    """Symmetry and the null player, of a game that does not ask which of 0 and 1 is in."""
    rng = np.random.default_rng(seed)
    every, table = coalitions(7), rng.normal(size=(3, 2**4))
    code = every[:, 2:6].astype(int) @ (1 << np.arange(4))
    worth = table[(every[:, 0] + every[:, 1]).astype(int), code]
    value = finalize("shapley", played(worth, 128, design="exhaustive")).value[0]
    assert value[0] == pytest.approx(value[1], abs=1e-12)
    assert value[6] == pytest.approx(0, abs=1e-12)
    maps = shapley(worth, 90, seed=seed)
    assert (np.abs(maps.value[0] - value) < 7 * maps.stderr[0]).all()


@pytest.mark.slow
@pytest.mark.parametrize(("players", "count"), [(8, 90), (10, 120), (10, 400)])
def test_intervals_hold_the_truth(players, count):
    """95% of them, over 320 runs of random games with interactions of four."""
    inside = []
    for seed in range(320):
        worth = random_game(players, seed % 8)
        maps = shapley(worth, count, seed=seed)
        close = np.abs(maps.value[0] - shapley_values(worth)) <= half_width(maps, 0.95)[0]
        inside.append(close.mean())
    assert 0.93 <= np.mean(inside) <= 0.97


@pytest.mark.slow
@pytest.mark.parametrize("count", [250, 600])
def test_banzhaf_intervals_hold_the_truth(count):
    inside = []
    for seed in range(320):
        worth = random_game(10, seed % 8)
        maps = finalize("banzhaf", played(worth, count, seed=seed, design="balanced"))
        close = np.abs(maps.value[0] - banzhaf_values(worth)) <= half_width(maps, 0.95)[0]
        inside.append(close.mean())
    assert 0.93 <= np.mean(inside) <= 0.97


@pytest.mark.slow
def test_the_error_is_that_reached():
    worth = random_game(10, 3)
    maps = [shapley(worth, 300, seed=seed) for seed in range(200)]
    off = np.array([found.value[0] - shapley_values(worth) for found in maps])
    stated = np.mean([np.square(found.stderr[0]) for found in maps], axis=0)
    np.testing.assert_allclose(np.square(off).mean(axis=0) / stated, 1, atol=0.45)
    assert np.square(off).mean() / stated.mean() == pytest.approx(1, abs=0.25)
    assert abs(off.mean(axis=0)).max() < 4 * off.std(axis=0).max() / math.sqrt(200)


@pytest.mark.parametrize(("players", "count"), [(30, 1), (30, 2), (30, 3), (30, 40), (200, 100)])
def test_too_few_masks_tell_no_error(players, count):
    masks = Masks((players,), players, design="shapley", units=[0])
    block = masks.block(0)[:count]
    score = block.grids.sum(axis=1, keepdims=True) ** 2 / players
    maps = finalize("shapley", Scores.empty(masks, 1).update(0, score))
    assert np.isinf(maps.stderr).all()
    assert np.isfinite(maps.value).all()
    assert reliability(maps) == 0


@pytest.mark.slow
@pytest.mark.parametrize("players", [20, 40, 90])
def test_many_players_have_honest_errors(players):
    """In a game with interactions of three that is known in closed form."""
    rng = np.random.default_rng(players)
    alone, groups = rng.normal(size=players), rng.permutation(players)[: players // 3 * 3]
    groups, worth = groups.reshape(-1, 3), rng.normal(size=players // 3) * 3
    truth = alone.copy()
    np.add.at(truth, groups, worth[:, None] / 3)
    inside = []
    for seed in range(30):
        masks = Masks((players,), players, design="shapley", units=[0], seed=seed)
        estimate = Scores.empty(masks, 1)
        for number in range(2):
            bits = masks.block(number).grids.astype(float)
            score = bits @ alone + bits[:, groups].prod(axis=2) @ worth
            estimate = estimate.update(number, score[:, None])
        maps = finalize("shapley", estimate)
        assert maps.value.sum() == pytest.approx(alone.sum() + worth.sum())
        inside.append((np.abs(maps.value[0] - truth) <= half_width(maps, 0.95)[0]).mean())
    assert 0.93 <= np.mean(inside) <= 0.975


@settings(max_examples=20)
@given(cuts=st.lists(st.integers(1, 299), max_size=5, unique=True).map(sorted))
def test_batches_change_no_bit(cuts):
    worth = random_game(8, 0)
    one, other = shapley(worth, 200), shapley(worth, 200, cuts=cuts)
    np.testing.assert_array_equal(one.value, other.value)
    np.testing.assert_array_equal(one.stderr, other.stderr)


def test_merging_in_any_order_changes_no_bit():
    worth = random_game(10, 0)
    whole = played(worth, 1536)
    parts = [type(whole)(whole.masks, 1, (part,)) for part in whole.parts]
    assert len(parts) == 3
    maps = finalize("shapley", whole)
    for order in ([0, 1, 2], [2, 0, 1], [1, 2, 0]):
        a, b, c = (parts[i] for i in order)
        found = finalize("shapley", a.merge(b.merge(c)))
        np.testing.assert_array_equal(found.value, maps.value)
        np.testing.assert_array_equal(found.stderr, maps.stderr)


def test_targets_are_estimated_alone():
    both = np.stack([random_game(8, 0), random_game(8, 1)], axis=1)
    maps = shapley(both, 150)
    for number in range(2):
        one = shapley(both[:, number], 150)
        np.testing.assert_allclose(maps.value[number], one.value[0], atol=1e-12)
        np.testing.assert_allclose(maps.stderr[number], one.stderr[0], atol=1e-12)


@pytest.mark.parametrize("power", [-900, 3, 480])
def test_scores_of_any_size_are_held(power):
    worth = random_game(9, 0)
    plain, scaled = shapley(worth, 100), shapley(np.ldexp(worth, power), 100)
    np.testing.assert_array_equal(np.ldexp(scaled.value, -power), plain.value)
    np.testing.assert_array_equal(np.ldexp(scaled.stderr, -power), plain.stderr)


@pytest.mark.parametrize("units", [2, 3, 9, 12, 33, 200, 1000])
def test_strata_hold_the_kernel(units):
    found = strata(units)
    sizes = np.arange(1, units // 2 + 1)
    kernel = np.where(2 * sizes == units, 0.5, 1) / (sizes * (units - sizes))
    np.testing.assert_allclose(found.share[1:], kernel / kernel.sum())
    np.testing.assert_allclose(np.bincount(found.of_size[1:], found.share[1:]), found.weight)
    np.testing.assert_allclose(np.bincount(found.of_size[1:], found.chance[1:]), 1)
    assert found.drawn.sum() == pytest.approx(1)
    assert len(found.weight) <= 16
