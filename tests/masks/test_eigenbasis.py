"""The masks' eigenbasis against the dense covariance, and its components against drawn masks."""

from functools import reduce

import numpy as np
import pytest

from unmask.masks.eigenbasis import basis
from unmask.masks.grid import Masks

CASES = [
    Masks((9, 14), (2, 3), 0.5, 1, "balanced"),
    Masks((10, 12), (3, 4), 0.3, 1, "random"),
    Masks((17,), 4, 0.5, 1, "random"),
    Masks((5, 6, 7), (2, 2, 3), 0.4, 1, "random"),
    Masks((9, 14), (2, 3), 0.5, 1, "balanced", shift=False),
    Masks((7,), 7, 0.5, 1, "balanced", units=[0]),
    Masks((3, 14), (3, 4), 0.3, 1, "random", units=[0]),
    Masks((11, 3), (4, 3), 0.5, 1, "balanced", units=[1]),
]


def dense(masks):
    return reduce(np.kron, [masks.covariance(axis) for axis in range(len(masks.shape))])


def vectors(b):
    return reduce(np.kron, [axis.vectors for axis in b.axes])


@pytest.mark.parametrize("masks", CASES)
def test_it_diagonalises_the_dense_covariance(masks):
    b, covariance = basis(masks), dense(masks)
    variance = b.rest.copy()
    variance[b.index] = b.variance
    found = vectors(b) @ np.diag(variance.ravel()) @ vectors(b).T
    factor = masks.keep * (1 - masks.keep)
    covariance = factor * covariance
    assert abs(found - covariance).max() < 2e-3 * abs(covariance).max()
    assert (np.diff(b.variance) <= 1e-12).all()


@pytest.mark.parametrize("masks", CASES)
def test_components_are_projections_of_rendered_masks(masks):
    b, block = basis(masks), masks.block(0)
    drawn = masks.render(block, np.float64).reshape(len(block), -1) - masks.keep
    parts = b.components(block).reshape(len(block), -1)
    np.testing.assert_allclose(parts, drawn @ vectors(b), atol=1e-10)


@pytest.mark.parametrize("masks", CASES)
def test_leading_components_are_white_over_many_masks(masks):
    b, count = basis(masks), 0
    gram = np.zeros((len(b), len(b)))
    number = 0
    while count < 6000:
        x = b.leading(b.components(masks.block(number)))
        gram, count, number = gram + x.T @ x, count + len(x), number + 1
    assert abs(gram / count - np.eye(len(b))).max() < 0.12
