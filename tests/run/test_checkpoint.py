"""Checkpoints: killed at any moment and started again, the bits are those of a quiet run."""

import subprocess
import sys
import time

import numpy as np
import pytest

import unmask
from helpers.toy_models import NOISE, bright, explained
from unmask.errors import FileError

pytestmark = pytest.mark.filterwarnings("ignore::unmask.errors.DoubtWarning")


@pytest.mark.parametrize("extent", [{}, {"masks": 4000, "until": 0.9}])
def test_a_finished_checkpoint_asks_only_about_the_whole_picture(tmp_path, extent):
    path, sizes = tmp_path / "c", []

    def model(batch):
        sizes.append(len(batch))
        return bright(batch)

    first = explained(path, model, **extent)
    del sizes[:]
    again = explained(path, model, **extent)
    assert sizes == [1, 4]  # alone, and twice beside a plain one and noise
    assert np.array_equal(first.maps, again.maps)
    assert first.stopped == again.stopped


@pytest.mark.parametrize("extent", [{}, {"masks": 4000, "until": 0.9}])
@pytest.mark.parametrize("batches", [1, 3, 5])
def test_a_failed_run_goes_on_where_it_was(tmp_path, batches, extent):
    calls = []

    def failing(batch):
        calls.append(len(batch))
        if len(calls) > 2 + batches:
            raise RuntimeError("the power is gone")
        return bright(batch)

    failing.__name__ = failing.__qualname__ = "model"
    calm = explained(tmp_path / "calm", **extent)
    with pytest.raises(unmask.UnmaskError, match="power"):
        explained(tmp_path / "c", failing, **extent)
    del calls[:]
    batches = 10**6
    resumed = explained(tmp_path / "c", failing, **extent)
    assert np.array_equal(calm.estimate.scores, resumed.estimate.scores)
    assert np.array_equal(calm.maps, resumed.maps)
    assert sum(calls) < 5 + calm.masks


@pytest.mark.parametrize(
    "kind", ["text", "explanation", "damaged", "empty", "seed", "grid", "fill"]
)
def test_another_file_is_refused_and_left_alone(tmp_path, kind):
    path = tmp_path / "c"
    settings = {}
    if kind == "text":
        path.write_text("my thesis")
    elif kind == "empty":
        path.write_bytes(b"")
    elif kind == "explanation":
        path = unmask.explain(bright, NOISE, 0, masks=60, grid=3).save(tmp_path / "e.npz")
    elif kind == "damaged":
        explained(path)
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 255
        path.write_bytes(content)
    else:
        explained(path)
        settings = {kind: {"seed": 1, "grid": 5, "fill": "blur"}[kind]}
    before = path.read_bytes()
    with pytest.raises(FileError, match="left as it is"):
        explained(path, **settings)
    assert path.read_bytes() == before


def test_a_missing_folder_is_refused_before_the_model_is_asked(tmp_path):
    def never(_):
        raise AssertionError

    with pytest.raises(FileError, match="no folder"):
        explained(tmp_path / "none" / "c", never)


PROGRAM = """
import sys, unmask
from unmask.run import checkpoint
checkpoint.recorded.__defaults__ = (0.02,)
picture = unmask.demo.pictures()["street"]
e = unmask.explain("demo", picture, masks=1000, batch_size=8, checkpoint=sys.argv[1])
e.save(sys.argv[2])
"""


@pytest.mark.slow
def test_killed_at_random_moments_it_ends_with_the_same_bits(tmp_path):
    """Saved every 20 ms, so that kills also fall on writing."""
    pytest.importorskip("onnxruntime")
    path, out = tmp_path / "c", tmp_path / "e.npz"
    rng = np.random.default_rng(2)
    command = [sys.executable, "-c", PROGRAM, str(path), str(out)]
    kills = 0
    for _ in range(4):
        process = subprocess.Popen(command)
        deadline = time.monotonic() + 20
        # Importing takes as long as it takes: the clock starts at the first checkpoint.
        before = path.stat().st_mtime_ns if path.exists() else None
        while process.poll() is None and time.monotonic() < deadline:
            if path.exists() and path.stat().st_mtime_ns != before:
                break
            time.sleep(0.005)
        time.sleep(rng.uniform(0, 0.1))
        kills += process.poll() is None
        process.kill()
        process.wait()
    assert kills >= 2
    subprocess.run(command, check=True)
    found = unmask.Explanation.load(out)
    calm = unmask.explain("demo", unmask.demo.pictures()["street"], masks=1000, batch_size=8)
    assert found.model_calls < calm.model_calls
    assert np.array_equal(found.estimate.scores, calm.estimate.scores)
    assert np.array_equal(found.maps, calm.maps)
