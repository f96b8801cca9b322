"""unmask batch with a Ray of its own: the driver is killed, and a node of a cluster."""

import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from unmask.cluster.driver import batch

pytest.importorskip("pyarrow")
pytest.importorskip("ray")

import ray

from helpers.batches import SETTINGS, rows, same
from helpers.command_line import ran
from helpers.command_line import words as words_of

os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
# Ray itself leaves sockets and processes to the garbage collector.
pytestmark = [
    pytest.mark.slow,
    pytest.mark.usefixtures("one_picture_a_task"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]


# The program, with one picture a task here too.
COMMAND = """
from unmask.__main__ import main
from unmask.cluster import pipeline

pipeline.TASK_MASKS = 1
main()
"""
# Ray asks a node every 3 s whether it lives, and gives it up when it has not answered five times.
NOTICED_SOON = {"health_check_initial_delay_ms": 500, "health_check_period_ms": 500}


def test_three_nodes_one_killed_in_the_middle(pictures, undisturbed, tmp_path):
    """The node may just have done its share, so that nobody misses it: then once more."""
    missed = False
    for attempt in range(3):
        missed = missed or one_of_three_killed(pictures, undisturbed, tmp_path / str(attempt)) >= 1
    assert missed


def one_of_three_killed(pictures, undisturbed, out):
    from ray.cluster_utils import Cluster

    if ray.is_initialized():
        ray.shutdown()
    store = 100 * 2**20
    cluster = Cluster(
        initialize_head=True,
        head_node_args={
            "num_cpus": 1,
            "object_store_memory": store,
            "include_dashboard": False,
            "_system_config": NOTICED_SOON,
        },
    )
    try:
        nodes = [cluster.add_node(num_cpus=1, object_store_memory=store) for _ in range(2)]
        cluster.wait_for_nodes()
        removed = threading.Event()

        def kill(state):
            if state.done >= 4 and not removed.is_set():
                removed.set()
                # All its processes, as when a machine is switched off.
                cluster.remove_node(nodes[0], allow_graceful=False)

        ended = batch(pictures, out, ray=cluster.address, progress=kill, **SETTINGS)
        assert removed.is_set()
        assert (ended.done, ended.failed) == (25, 1)
        same(rows(out), undisturbed)
        return ended.restarts
    finally:
        ray.shutdown()
        cluster.shutdown()


def test_the_driver_killed_and_begun_again(pictures, undisturbed, tmp_path, request):
    words = ["batch", str(pictures), "-o", str(tmp_path / "out"), "-t", SETTINGS["target"]]
    words += ["-n", str(SETTINGS["masks"]), "--seed", str(SETTINGS["seed"]), "--workers", "1"]
    first = subprocess.Popen(
        [sys.executable, "-c", COMMAND, *words],
        env={**os.environ, "UNMASK_FLUSH_SECONDS": "0.2"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    for _ in range(600):
        time.sleep(0.1)
        if first.poll() is not None or len(list((tmp_path / "out").glob("rows/*.parquet"))) > 2:
            break
    first.kill()
    said = first.communicate()[0]
    assert first.returncode == -signal.SIGKILL, said
    part = rows(tmp_path / "out")
    finished = set(part["id"].to_pylist())
    assert 0 < len(finished) < 25
    times = {p: p.stat().st_mtime_ns for p in (tmp_path / "out" / "rows").iterdir()}
    # The same command, on the Ray that the tests after this one use as well.
    request.getfixturevalue("here")
    assert f"{len(finished)} were there before" in words_of(ran(*words))
    same(rows(tmp_path / "out"), undisturbed)
    # What was finished was not touched.
    assert all(path.stat().st_mtime_ns == then for path, then in times.items())
