"""Magnitudes of numbers: which a computation can hold, and which type a map is returned in.

Scores are whatever a model returns: probabilities, but also log-likelihoods of 1e7 that differ by
1, or densities of 1e-46. Squares of float64 overflow beyond 1e154 and vanish below 1e-162, so
scores far from 1 are divided by a power of two first, which changes no digit. And a map is returned
as float32, half the size, where that loses nothing that matters; else as float64.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.floating[Any]]


__all__ = ["LARGEST", "by_float32", "fits", "narrowed", "power"]


# Scores are explained up to here: a million of them, squared, can still be added up.
LARGEST = 1e150
# 1e-50 to 1e50, where fourth powers, of differences a hundredth of a millionth as large, are held.
ORDINARY = 166
# Values of float32 maps: what is done with them may square them.
LEAST, MOST = 1e-18, 1e18
# Steps of float32 that a map's range has at least. The error is then a 3,500th of the range, and a
# map of masks varies by a tenth of its range and more.
STEPS = 1024


def power(values: ArrayLike, axis: Any = None) -> NDArray[np.int64]:
    """Power of two that divides values to about 1; 0 where they are of an ordinary size.

    Parameters
    ----------
    values : float array
        Those that are not finite are left out.
    axis : int or tuple of int, optional
        Over which the largest counts.

    Returns
    -------
    ndarray of int64

    Examples
    --------
    >>> power([[1e200, 0.5], [-3.0, 2.0]], axis=0)
    array([665,   0])
    """
    sizes = np.abs(np.asarray(values, np.float64))
    largest = np.max(sizes, axis=axis, where=np.isfinite(sizes), initial=0.0)
    exponents = np.frexp(largest)[1]
    return np.where(np.abs(exponents) > ORDINARY, exponents, 0).astype(np.int64)


def fits(values: ArrayLike, *, relative: bool = False) -> bool:
    """Whether float32 holds values with nothing lost that matters.

    Parameters
    ----------
    values : float array
        Those that are not finite do not count.
    relative : bool, default False
        Whether the values themselves are what matters, as of standard errors, and not how they
        differ, as of maps.

    Examples
    --------
    >>> fits([0.1, 0.9]), fits([1e7, 1e7 + 2]), fits([1e-46, 2e-46]), fits([1e39, 2e39])
    (True, False, False, False)
    >>> fits([1e7, 1e7 + 2], relative=True), fits([1 / 3, 1 / 3])
    (True, True)
    """
    array = np.asarray(values)
    if array.dtype.kind != "f":
        array = array.astype(np.float64)
    known = np.isfinite(array)
    low = float(np.min(array, where=known, initial=np.inf))
    high = float(np.max(array, where=known, initial=-np.inf))
    if not low <= high:
        return True
    size = max(abs(low), abs(high))
    spread, single = high - low, np.finfo(np.float32)
    # A map of one value differs from it by float64's rounding.
    if spread <= 64 * np.finfo(np.float64).eps * size:
        held = size <= float(single.max)
        return held and abs(float(np.float32(size)) - size) <= float(single.eps) * size
    if not LEAST <= size <= MOST:
        return False
    return relative or spread >= max(LEAST, STEPS * float(single.eps) * size)


def narrowed(values: ArrayLike, *, relative: bool = False) -> Floats:
    """Return values as float32 where `fits` says so, else as float64.

    Examples
    --------
    >>> narrowed([0.1, 0.9]).dtype, narrowed([1e7, 1e7 + 2]).dtype
    (dtype('float32'), dtype('float64'))
    """
    dtype = np.float32 if fits(values, relative=relative) else np.float64
    return np.asarray(values).astype(dtype)


def by_float32(values: ArrayLike, function: Callable[[NDArray[np.float32]], Any]) -> Floats:
    """Resample a finite map with something that knows float32 alone, as Pillow does.

    Parameters
    ----------
    values : float array
    function : callable
        Linear, and leaving a constant map as it is.
    """
    small = narrowed(values)
    if small.dtype == np.float32:
        return np.asarray(function(small.astype(np.float32, copy=False)))
    low = small.min()
    span = small.max() - low
    share = ((small - low) / (span or 1.0)).astype(np.float32)
    return np.asarray(low + span * np.asarray(function(share), np.float64))
