"""Cooperative games whose values can be summed up over all coalitions."""

import functools
import math

import numpy as np

from unmask.estimate.scores import Scores
from unmask.masks import Masks


def coalitions(players):
    """Return every coalition, as rows of bits; row i has the bits of i."""
    return ((np.arange(2**players)[:, None] >> np.arange(players)) & 1).astype(float)


@functools.cache
def random_game(players, seed, order=4):
    """Return v of every coalition: what players are worth alone, and groups up to `order`."""
    rng = np.random.default_rng(seed)
    every = coalitions(players)
    worth = every @ rng.normal(size=players)
    for _ in range(6 * players):
        size = min(players, rng.integers(2, order + 1))
        group = rng.choice(players, size, replace=False)
        worth += rng.normal() / 2 * every[:, group].all(axis=1)
    worth.setflags(write=False)  # it is everybody's
    return worth


def shapley_values(worth):
    """Sum contributions over all coalitions, as Shapley defined it."""
    players = int(math.log2(len(worth)))
    size = coalitions(players).sum(axis=1).astype(int)
    without = [
        math.factorial(s) * math.factorial(players - s - 1) / math.factorial(players)
        for s in range(players)
    ]
    found = np.empty(players)
    for i in range(players):
        rest = np.flatnonzero((np.arange(len(worth)) >> i) & 1 == 0)
        found[i] = np.array(without)[size[rest]] @ (worth[rest | 1 << i] - worth[rest])
    return found


def banzhaf_values(worth):
    """Mean contribution over all coalitions alike."""
    every = coalitions(int(math.log2(len(worth)))).astype(bool)
    return np.array([worth[with_it].mean() - worth[~with_it].mean() for with_it in every.T])


def played(worth, count, seed=0, design="shapley", cuts=()):
    """Return the scores of a run of so many masks; blocks are cut into batches at `cuts`."""
    players = int(math.log2(worth.shape[0]))
    masks = Masks((players,), players, seed=seed, design=design, units=[0])
    estimate, number = Scores.empty(masks, worth[0].size), 0
    while estimate.count < count:
        block = masks.block(number)[: count - estimate.count]
        code = block.grids.reshape(len(block), -1).astype(int) @ (1 << np.arange(players))
        for part in np.split(
            worth.reshape(len(worth), -1)[code], [c for c in cuts if c < len(code)]
        ):
            estimate = estimate.update(number, part)
        number += 1
    return estimate
