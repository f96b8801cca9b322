"""unmask batch with Ray: nothing lost, nothing twice, whatever is killed."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from unmask import demo
from unmask.cluster import driver, results
from unmask.cluster.driver import batch
from unmask.errors import ModelError

pq = pytest.importorskip("pyarrow.parquet")
ray = pytest.importorskip("ray")

os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
# Ray itself leaves sockets and processes to the garbage collector.
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]

MASKS = 192
SETTINGS = {"masks": MASKS, "seed": 5, "target": "top:2"}


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """Two dozen pictures of different sizes, and one that is none."""
    folder = tmp_path_factory.mktemp("pictures")
    shots = [np.asarray(Image.open(path).convert("RGB")) for path in demo.pictures().values()]
    for number in range(24):
        moved = np.roll(shots[number % 4], (3 * number, 7 * number), (0, 1))
        Image.fromarray(moved[: 100 + number]).save(folder / f"{number:02}.png")
    (folder / "broken.jpg").write_bytes(b"no picture")
    return folder


@pytest.fixture(scope="module")
def here():
    """Ray on this machine, for the tests that kill nothing of it."""
    ray.init(
        num_cpus=2, include_dashboard=False, object_store_memory=200 * 2**20, log_to_driver=False
    )
    yield
    ray.shutdown()


@pytest.fixture(scope="module")
def undisturbed(pictures):
    """Rows of a run without Ray: one worker, one picture after another."""
    from unmask.cluster import sources, worker
    from unmask.models.source import ModelSource

    one = worker.Worker(ModelSource("demo"), SETTINGS, "grid")
    made = []
    for span in sources.find(str(pictures)).spans:
        for name, place in zip(span.ids, span.places, strict=True):
            made += one.rows(name, place)
    from unmask.cluster import records

    return in_order(records.table(made))


def in_order(table):
    return table.drop_columns(["seconds"]).sort_by([("id", "ascending"), ("target", "ascending")])


def same(one, other):
    assert one["id"].to_pylist() == other["id"].to_pylist()
    assert [name for name in one.column_names if not one[name].equals(other[name])] == []


def rows(output):
    return in_order(pq.read_table(Path(output) / "rows"))


@pytest.mark.usefixtures("here")
def test_one_machine_then_nothing_left_to_do(pictures, undisturbed, tmp_path):
    seen = []
    ended = batch(pictures, tmp_path / "out", progress=seen.append, **SETTINGS)
    assert (ended.total, ended.before, ended.done, ended.failed) == (25, 0, 25, 1)
    assert [one.done for one in seen] == sorted(one.done for one in seen)
    same(rows(tmp_path / "out"), undisturbed)
    again = batch(pictures, tmp_path / "out", **SETTINGS)
    assert (again.before, again.done) == (25, 0)
    opened = results.open(tmp_path / "out")
    assert len(opened) == 24
    assert "not a picture" in opened.failures["broken.jpg"]


@pytest.mark.usefixtures("here")
def test_a_model_that_always_fails_stops_the_run(pictures, tmp_path):
    with pytest.raises(ModelError, match=r"all failed in the same way.*no label 'nothing'"):
        batch(pictures, tmp_path / "out", masks=MASKS, target="nothing")
    assert list((tmp_path / "out" / "rows").iterdir()) == []
    few = list(pictures.glob("*.png"))[: driver.HOPELESS - 2]
    (tmp_path / "few.txt").write_text("\n".join(map(str, few)))
    with pytest.raises(ModelError, match=r"cannot be loaded.*no model file"):
        batch(tmp_path / "few.txt", tmp_path / "other", "nowhere.onnx", masks=MASKS)


@pytest.mark.usefixtures("here")
def test_a_worker_killed_again_and_again(pictures, undisturbed, tmp_path):
    killed = []

    def kill(state):
        # Whichever worker of the pool comes first.
        if len(killed) < 2 and state.done >= (4, 12)[len(killed)]:
            victims = workers_here()
            if victims:
                os.kill(victims[0], signal.SIGKILL)
                killed.append(victims[0])

    ended = batch(pictures, tmp_path / "out", progress=kill, **SETTINGS)
    assert len(killed) == 2
    assert ended.restarts >= 1
    same(rows(tmp_path / "out"), undisturbed)


def workers_here():
    """Process numbers of Ray's workers of a pool, by the names Ray gives them."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            line = (entry / "cmdline").read_bytes()
        except OSError:
            continue
        if line.startswith(b"ray::MapWorker") and is_ours(entry):
            found.append(int(entry.name))
    return found


def is_ours(entry):
    """Whether a worker belongs to this process's Ray: other sessions may run on this machine."""
    session = ray._private.worker._global_node.get_session_dir_path()
    return session.encode() in (entry / "environ").read_bytes() or any(
        session in str(one.readlink()) for one in (entry / "fd").iterdir()
    )


@pytest.mark.usefixtures("here")
def test_the_command_says_what_it_did(pictures, tmp_path):
    from unmask.cli import app

    (tmp_path / "two.txt").write_text(f"{pictures / '00.png'}\n{pictures / 'broken.jpg'}\n")
    command = ["batch", str(tmp_path / "two.txt"), "-o", str(tmp_path / "out"), "-n", "64"]
    ran = CliRunner().invoke(app, command)
    assert ran.exit_code == 0, ran.output
    assert "2 pictures in" in ran.output
    assert "1 pictures failed" in ran.output.replace("\n", " ")
    ran = CliRunner().invoke(app, [*command, "--seed", "9"])
    assert ran.exit_code == 2
    assert "seed was 0 and is 9" in ran.output.replace("\n", " ")


def test_the_driver_killed_and_begun_again(pictures, undisturbed, tmp_path):
    command = [sys.executable, "-m", "unmask", "batch", str(pictures), "-o", str(tmp_path / "out")]
    command += ["-n", str(MASKS), "--seed", "5", "-t", "top:2", "--workers", "1"]
    environment = {**os.environ, "UNMASK_FLUSH_SECONDS": "0.2"}
    first = subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
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
    second = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    assert second.returncode == 0, second.stdout + second.stderr
    assert f"{len(finished)} were there before" in " ".join(second.stdout.split())
    same(rows(tmp_path / "out"), undisturbed)
    # What was finished was not touched.
    assert all(path.stat().st_mtime_ns == then for path, then in times.items())


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
        head_node_args={"num_cpus": 1, "object_store_memory": store, "include_dashboard": False},
    )
    try:
        nodes = [cluster.add_node(num_cpus=1, object_store_memory=store) for _ in range(2)]
        cluster.wait_for_nodes()
        removed = threading.Event()

        def kill(state):
            if state.done >= 8 and not removed.is_set():
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


@pytest.mark.usefixtures("here")
def test_a_picture_that_kills_its_worker_is_a_row(tmp_path, monkeypatch):
    monkeypatch.setattr(driver, "PATIENCE", 1)  # each more is one more pool to begin
    folder = tmp_path / "pictures"
    folder.mkdir()
    rng = np.random.default_rng(5)
    for number in range(5):
        pixels = rng.integers(0, 256, (20, 30, 3), np.uint8)
        # A crash in native code; all it takes is a picture of one color.
        Image.fromarray(pixels if number != 2 else pixels * 0 + 7).save(folder / f"{number}.png")

    def model(batch):
        if np.ptp(batch[0]) == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return batch.mean(axis=(1, 2))

    ended = batch(folder, tmp_path / "out", model, 0, masks=64, grid=3)
    assert (ended.done, ended.failed) == (5, 1)
    opened = results.open(tmp_path / "out")
    assert sorted(opened.ids) == ["0.png", "1.png", "3.png", "4.png"]
    assert "its worker died whenever it was tried, at last alone" in opened.failures["2.png"]
