"""Designs: every bit fair, every pair uncorrelated, and what balance promises."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unmask.errors import SettingError
from unmask.masks import designs, hadamard


@pytest.mark.slow
@given(st.integers(1, 300))
@settings(max_examples=80)
def test_hadamard_rows_are_orthogonal(least):
    matrix = hadamard.hadamard(least).astype(int)
    order = len(matrix)
    assert order >= least
    assert order - least < 4 or order % 4 == 0
    assert set(np.unique(matrix)) <= {-1, 1}
    assert (matrix @ matrix.T == order * np.eye(order)).all()


def test_hadamard_wastes_little():
    """From a grid of 8 x 8 to 64 x 64, at most 7% more rows than cells."""
    for side in range(8, 65):
        assert hadamard.hadamard_order(side * side) <= 1.07 * side * side


@given(cells=st.integers(1, 40), seed=st.integers(0, 1000))
@settings(max_examples=40)
def test_a_balanced_block_is_orthogonal_and_complementary(cells, seed):
    size = designs.block_size("balanced", cells, 0.5)
    bits = designs.draw(np.random.default_rng(seed), "balanced", size, cells, 0.5).astype(int)
    assert bits.shape == (size, cells)
    signs = 2 * bits - 1
    assert (signs.T @ signs == size * np.eye(cells)).all()
    assert (bits[0::2] + bits[1::2] == 1).all()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("design", "keep"), [("balanced", 0.5), ("balanced", 0.3), ("balanced", 0.37), ("random", 0.3)]
)
@pytest.mark.parametrize("taken", [1, 3, None])
def test_bits_are_fair_and_pairs_uncorrelated_in_every_leading_part(design, keep, taken):
    """Over independent blocks; `taken` masks of each, None for all."""
    cells, blocks = 5, 4000
    size = designs.block_size(design, cells, keep)
    rng = np.random.default_rng(3)
    count = size if taken is None else taken
    total, products = np.zeros(cells), np.zeros((cells, cells))
    for _ in range(blocks):
        centered = designs.draw(rng, design, size, cells, keep)[:count] - keep
        total += centered.mean(axis=0)
        products += centered.T @ centered / count
    assert abs(total / blocks).max() < 4.5 * np.sqrt(keep * (1 - keep) / blocks)
    variance = keep * (1 - keep)
    difference = abs(products / blocks - variance * np.eye(cells))
    assert difference.max() < 4.5 * variance * 2 / np.sqrt(blocks)


@given(cells=st.integers(1, 30), keep=st.floats(0.02, 0.98), seed=st.integers(0, 99))
@settings(max_examples=60)
def test_a_stratified_block_keeps_each_cell_equally_often(cells, keep, seed):
    size = designs.block_size("balanced", cells, 0.4)
    kept = designs.stratified(np.random.default_rng(seed), size, cells, keep).sum(axis=0)
    assert (abs(kept.astype(float) - keep * size) < 1).all()


@pytest.mark.parametrize(("keep", "size"), [(0.3, 260), (0.25, 256), (1 / 3, 258), (0.123456, 256)])
def test_a_stratified_block_fits_the_fraction(keep, size):
    assert designs.block_size("balanced", 64, keep) == size


@given(seed=st.integers(0, 200))
@settings(max_examples=25)
def test_interactions_of_even_order_cancel_in_a_balanced_block(seed):
    """A score of pairs and quadruples of cells moves no map; random masks let it."""
    cells = 12
    rng = np.random.default_rng(seed)
    pairs = rng.normal(size=(cells, cells))

    def first_order(design):
        size = designs.block_size(design, cells, 0.5)
        signs = 2.0 * designs.draw(rng, design, size, cells, 0.5) - 1
        score = np.einsum("ni,ij,nj->n", signs, pairs, signs) + signs[:, :4].prod(axis=1) + 7
        return abs(signs.T @ score / size).max()

    assert first_order("balanced") < 1e-12
    assert first_order("random") > 0.1


def test_hadamard_needs_a_half():
    with pytest.raises(SettingError, match=r"keep=0\.5"):
        designs.balanced(np.random.default_rng(0), 8, 4, 0.3)


def test_too_many_cells_for_a_balanced_design():
    with pytest.raises(SettingError, match="design='random'"):
        designs.block_size("balanced", 5000, 0.5)
