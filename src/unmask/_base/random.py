"""Random streams: one generator for each purpose and number, in any order."""

from __future__ import annotations

import numpy as np

__all__ = ["generator"]


# Second word of every generator's key. One purpose, one stream: no two uses share numbers.
STREAMS = {
    "masks": 0,
    "fill": 1,
    "fills": 2,
    "background": 3,
    "segments": 7,
    "faithfulness": 8,
    "infidelity": 9,
    "sensitivity": 10,
    "imputation": 11,
    "other class": 12,
}


def generator(seed: int, stream: str, number: int = 0) -> np.random.Generator:
    """Random generator number `number` of a purpose.

    Philox is a counter-based generator. `number` goes into the highest of the counter's four
    words: the lowest is the one that advances as numbers are drawn, so generators that differ
    there would share all but their first numbers.

    Parameters
    ----------
    seed : int
        0 to 2**64 - 1.
    stream : str
        One of `STREAMS`.
    number : int, default 0
        0 to 2**64 - 1, for masks the block.

    Returns
    -------
    numpy.random.Generator

    References
    ----------
    Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011.

    Examples
    --------
    >>> a, b = generator(0, "masks", 7), generator(0, "masks", 8)
    >>> len(set(a.integers(0, 2**60, 100)) & set(b.integers(0, 2**60, 100)))
    0
    """
    key = np.array([seed, STREAMS[stream]], np.uint64)
    counter = np.array([0, 0, 0, number], np.uint64)
    return np.random.Generator(np.random.Philox(key=key, counter=counter))
