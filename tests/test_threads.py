"""BLAS is kept to one thread while maps are made, and given back."""

import subprocess
import sys

PROGRAM = """
import numpy as np
from threadpoolctl import threadpool_info, threadpool_limits
import unmask
from unmask.threads import one_blas_thread

def blas():
    return {one["num_threads"] for one in threadpool_info() if one["user_api"] == "blas"}

threadpool_limits(2, user_api="blas")
with one_blas_thread():
    assert blas() == {1}
    with one_blas_thread():
        assert blas() == {1}
    assert blas() == {1}
assert blas() == {2}
try:
    with one_blas_thread():
        raise KeyError
except KeyError:
    assert blas() == {2}

seen = set()
def model(batch):
    seen.update(blas())
    return batch[:, :2, :3].mean(axis=(1, 2, 3))

unmask.explain(model, np.zeros((12, 20, 3), np.uint8), 0, masks=64, grid=3)
assert seen == {2}, seen  # the model's own products keep their threads
assert blas() == {2}
"""


def test_one_thread_inside_and_as_many_as_before_afterwards():
    """In a process of its own: the first thread that asks decides for the whole process."""
    subprocess.run([sys.executable, "-W", "ignore", "-c", PROGRAM], check=True)
