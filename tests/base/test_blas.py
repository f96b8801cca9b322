"""BLAS is kept to one thread while maps are made; a model keeps to the cores it may use."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import numpy as np
from threadpoolctl import threadpool_info, threadpool_limits
import unmask
from unmask._base.blas import one_blas_thread

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


@pytest.mark.slow
def test_one_thread_inside_and_as_many_as_before_afterwards():
    """In a process of its own: the first thread that asks decides for the whole process."""
    subprocess.run([sys.executable, "-W", "ignore", "-c", PROGRAM], check=True)


ONE_CORE = """
import os
core = {min(os.sched_getaffinity(0))}
os.sched_setaffinity(0, core)
import unmask
model = unmask.load("demo")
unmask.predict(model, unmask.demo.pictures()["street"])
for thread in os.listdir("/proc/self/task"):
    assert os.sched_getaffinity(int(thread)) == core
"""


@pytest.mark.slow
@pytest.mark.skipif(
    not Path("/proc/self/task").is_dir() or (os.cpu_count() or 1) < 2,
    reason="needs Linux and two cores",
)
def test_a_model_takes_no_core_that_the_process_may_not_use():
    """ONNX Runtime by itself makes a thread for every core and binds it there."""
    pytest.importorskip("onnxruntime")
    bare = {k: v for k, v in os.environ.items() if k != "OMP_NUM_THREADS"}
    subprocess.run([sys.executable, "-W", "ignore", "-c", ONE_CORE], check=True, env=bare)
