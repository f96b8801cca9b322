"""Masks: what OpenCV and scikit-image compute, with the statistics that theory gives them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.later import later
from unmask._base.random import generator
from unmask.errors import SettingError
from unmask.masks.grid import Masks
from unmask.masks.render import render, upsampling, windows

cv2, transform = later("cv2"), later("skimage.transform")

BLOCKS = 1000
sizes = st.tuples(st.integers(1, 70), st.integers(1, 70))


@given(
    cells=st.tuples(st.integers(1, 12), st.integers(1, 12)), extra=sizes, seed=st.integers(0, 99)
)
@settings(max_examples=40)
def test_upsampling_is_opencvs_and_scikit_images(cells, extra, seed):
    shape = (cells[0] + extra[0], cells[1] + extra[1])
    grid = np.random.default_rng(seed).random(cells)
    ours = upsampling(cells[0], shape[0]) @ grid @ upsampling(cells[1], shape[1]).T
    theirs = cv2.resize(grid, shape[::-1], interpolation=cv2.INTER_LINEAR)
    np.testing.assert_allclose(ours, theirs, atol=1e-6)  # OpenCV's weights are float32
    reference = transform.resize(grid, shape, order=1, mode="symmetric", anti_aliasing=False)
    np.testing.assert_allclose(ours, reference, atol=1e-12)
    # scikit-image's "reflect" mirrors about the outermost cells' centers, so it differs there only.
    mirrored = transform.resize(grid, shape, order=1, mode="reflect", anti_aliasing=False)
    inner = tuple(
        slice(-(-s // (2 * g)), s - -(-s // (2 * g))) for s, g in zip(shape, cells, strict=True)
    )
    np.testing.assert_allclose(ours[inner], mirrored[inner], atol=1e-12)


@given(shape=sizes, seed=st.integers(0, 2**64 - 1), data=st.data())
@settings(max_examples=60)
def test_a_mask_is_a_shifted_window_of_the_enlarged_grid(shape, seed, data):
    grid = (data.draw(st.integers(1, shape[0])), data.draw(st.integers(1, shape[1])))
    masks = Masks(shape, grid, seed=seed, design="random")
    block = masks.block(3)[:4]
    got = masks.render(block)
    cell = [-(-s // g) for s, g in zip(shape, grid, strict=True)]
    for cells, (dy, dx), mask in zip(block.grids, block.shifts, got, strict=True):
        assert 0 <= dy < cell[0]
        assert 0 <= dx < cell[1]
        size = ((grid[1] + 1) * cell[1], (grid[0] + 1) * cell[0])
        large = cv2.resize(cells.astype(np.float32), size, interpolation=cv2.INTER_LINEAR)
        window = large[dy : dy + shape[0], dx : dx + shape[1]]
        np.testing.assert_allclose(mask, window, atol=1e-5)


def test_without_shift_the_grid_fills_the_input_exactly():
    masks = Masks((56, 40), (7, 5), shift=False)
    block = masks.block(0)
    assert not block.shifts.any()
    large = cv2.resize(block.grids[5].astype(np.float32), (40, 56), interpolation=cv2.INTER_LINEAR)
    np.testing.assert_allclose(masks.render(block)[5], large, atol=1e-6)


@pytest.mark.parametrize(
    ("shape", "grid"), [((50,), 6), ((30, 41), (5, 4)), ((12, 9, 14), (3, 2, 4))]
)
def test_one_two_and_three_axes_are_outer_products_of_axes(shape, grid):
    masks = Masks(shape, grid, keep=0.4, design="random", seed=5)
    block = masks.block(1)[:3]
    letters = "abc"[: len(shape)]
    spec = ",".join([letters, *(f"{c.upper()}{c}" for c in letters)]) + "->" + letters.upper()
    for cells, shift, mask in zip(block.grids, block.shifts, masks.render(block), strict=True):
        rows = [m[d : d + s] for m, d, s in zip(masks.matrices, shift, shape, strict=True)]
        np.testing.assert_allclose(mask, np.einsum(spec, cells, *rows), atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("design", ["random", "balanced"])
@pytest.mark.parametrize("keep", [0.5, 0.2, 0.65])
def test_mean_and_covariance_are_the_closed_form(design, keep):
    """E[mask] = p, and Cov = p(1-p) K_h K_w, within what so many draws allow."""
    masks = Masks((7, 10), (2, 3), keep=keep, design=design, seed=11)
    blocks = (masks.render(masks.block(b), np.float64) for b in range(BLOCKS))
    centered = [block.reshape(len(block), -1) - keep for block in blocks]
    count = sum(map(len, centered))
    spread = np.sqrt(keep * (1 - keep))
    # Blocks of one shift are what is independent, so they are what the tolerance counts.
    tolerance = 5 * spread / np.sqrt(BLOCKS)
    assert abs(sum(block.sum(axis=0) for block in centered) / count).max() < tolerance
    expected = keep * (1 - keep) * np.kron(masks.covariance(0), masks.covariance(1))
    products = sum(block.T @ block for block in centered) / count
    assert abs(products - expected).max() < tolerance * spread


@given(shape=sizes, data=st.data())
@settings(max_examples=30)
def test_covariance_is_the_mean_over_the_shifts(shape, data):
    masks = Masks(shape, (data.draw(st.integers(1, shape[0])), 1))
    u, cell, size = masks.matrices[0], masks.cell[0], shape[0]
    expected = np.mean([u[s : s + size] @ u[s : s + size].T for s in range(cell)], axis=0)
    np.testing.assert_allclose(masks.covariance(0), expected, atol=1e-12)


def test_rows_of_every_matrix_sum_to_one():
    for matrix in Masks((31, 17, 8), (4, 17, 1)).matrices:
        np.testing.assert_allclose(matrix.sum(axis=1), 1, atol=1e-15)


@given(seed=st.integers(0, 2**64 - 1), number=st.integers(0, 2**64 - 1))
@settings(max_examples=30)
def test_a_block_is_a_function_of_seed_and_number(seed, number):
    one, other = Masks((30, 20), 4, seed=seed), Masks((30, 20), 4, seed=seed)
    other.block(0)  # drawing another block first changes nothing
    a, b = one.block(number), other.block(number)
    assert (a.grids == b.grids).all()
    assert (a.shifts == b.shifts).all()


def test_blocks_seeds_and_purposes_share_no_random_numbers():
    """A counter that starts at the block's number would make neighbors overlap."""
    drawn = [
        generator(seed, stream, number).integers(0, 2**63, 4000)
        for seed, stream, number in [
            (0, "masks", 0),
            (0, "masks", 1),
            (1, "masks", 0),
            (0, "fill", 0),
        ]
    ]
    assert len(np.unique(np.concatenate(drawn))) == 16000


def test_masks_lie_between_0_and_1_and_are_float32():
    masks = Masks((40, 64), 5, keep=0.7)
    drawn = masks.render(masks.block(0))
    assert drawn.dtype == np.float32
    assert drawn.min() >= 0
    assert drawn.max() <= 1


@pytest.mark.slow
@pytest.mark.parametrize("framework", ["torch", "jax"])
def test_the_same_code_runs_on_other_arrays(framework):
    if framework == "torch":
        torch = pytest.importorskip("torch")
        send, index = torch.from_numpy, torch.from_numpy
    else:
        jnp = pytest.importorskip("jax.numpy")
        send = index = jnp.asarray
    masks = Masks((33, 20), (4, 3), design="random")
    block = masks.block(0)
    rows = [
        windows(
            send(m.astype(np.float32)),
            index(block.shifts[:, i].astype(np.int32)),
            index(np.arange(s, dtype=np.int32)),
        )
        for i, (m, s) in enumerate(zip(masks.matrices, masks.shape, strict=True))
    ]
    got = render(send(block.grids.astype(np.float32)), rows)
    assert type(got).__module__.split(".")[0] in ("torch", "jaxlib", "jax")
    np.testing.assert_allclose(np.asarray(got), masks.render(block), atol=1e-6)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"keep": 0.0}, "between 0 and 1"),
        ({"keep": 1.0}, "between 0 and 1"),
        ({"keep": float("nan")}, "between 0 and 1"),
        ({"grid": 0}, "at least 1 cell"),
        ({"grid": (21, 3)}, "finer than the input of 20 x 30"),
        ({"grid": (2, 3, 4)}, "one number or one for each"),
        ({"seed": -1}, "0 to 2"),
        ({"seed": 2**64}, "0 to 2"),
        ({"design": "sobol"}, "random, balanced"),
        ({"shape": (0, 30)}, "at least 1"),
        ({"shape": (2, 2, 2, 2)}, "one, two or three"),
        ({"shape": (200, 300), "grid": 70}, "at most 4096"),
    ],
)
def test_bad_settings_are_refused(arguments, words):
    with pytest.raises(SettingError, match=words):
        Masks(**{"shape": (20, 30), **arguments})
