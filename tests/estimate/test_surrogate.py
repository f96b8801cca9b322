"""The surrogate of Shapley values: its own values by all coalitions, and its held-out residuals."""

import numpy as np
import pytest

from helpers.games import coalitions, shapley_values
from unmask.estimate import surrogate as s
from unmask.masks.coalitions import strata


def halves(units):
    every = coalitions(units)
    size = every.sum(axis=1)
    small = every[(size > 0) & ((2 * size < units) | ((2 * size == units) & (every[:, 0] == 1)))]
    return small, strata(units).of_size[small.sum(axis=1).astype(int)]


@pytest.mark.parametrize("units", [4, 7, 8])
def test_the_values_around_a_coalition_are_those_of_all_coalitions(units):
    bits, _ = halves(units)
    every = coalitions(units)
    for place in (0, len(bits) // 2, len(bits) - 1):
        # Half the difference of complements is the kernel itself, which is odd.
        game = s._between(every, bits[place][None])[:, 0]
        rest = game - every.mean(axis=1) * (game[-1] - game[0])
        exact = shapley_values(rest)
        np.testing.assert_allclose(s._shares(bits[place][None])[0], exact, atol=1e-9)


def test_residuals_are_those_of_fits_that_have_not_seen_a_pair():
    bits, stratum = halves(7)
    rng = np.random.default_rng(0)
    taken = np.sort(rng.permutation(len(bits))[:40])
    bits, stratum, y = bits[taken], stratum[taken], rng.normal(size=(40, 1))
    weight = np.full(40, 1 / 40)
    found = s.surrogate(bits, y, weight, stratum, np.zeros(40))
    fold = s._folds(stratum)
    kernel = s._between(bits, bits)
    noise = min(
        s.NOISE,
        key=lambda noise: np.abs(
            np.linalg.solve(kernel + noise * np.eye(40), y) - found.weights
        ).max(),
    )

    def predicted(kept, of):
        inner = kernel[np.ix_(kept, kept)] + noise * np.eye(kept.sum())
        return kernel[np.ix_(of, kept)] @ np.linalg.solve(inner, y[kept])

    for place in range(40):
        alone = np.arange(40) == place
        np.testing.assert_allclose(found.residual[alone], y[alone] - predicted(~alone, alone))
        part = fold == fold[place]
        np.testing.assert_allclose(found.unseen[part], y[part] - predicted(~part, part))
