"""Models that never end: Ctrl-C ends them, and what there is is kept."""

import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

import unmask
from unmask.inputs import encoding

pytest.importorskip("onnxruntime")
pytest.importorskip("onnx")

from unmask.models import interruptible

ENDLESS = 5  # the size of a batch that is never done


@pytest.fixture
def endless(tmp_path, onnx_models):
    return onnx_models.endless(tmp_path / "endless.onnx", ENDLESS)


@pytest.fixture
def values():
    return np.random.default_rng(0).integers(0, 255, (12, 20, 3), np.uint8)


def later(seconds):
    """Press Ctrl-C in this process, while its main thread is inside a run."""
    main = threading.main_thread().ident
    timer = threading.Timer(seconds, signal.pthread_kill, [main, signal.SIGINT])
    timer.start()
    return timer


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::unmask.UnmaskWarning")
def test_what_was_scored_before_an_endless_batch_is_kept(endless, values):
    model = unmask.load(endless, preprocess="unit")
    count = 4 * 16 + ENDLESS
    for _ in range(2):  # the model goes on afterwards
        begun = time.monotonic()
        later(1.0)
        with pytest.raises(unmask.Interrupted) as stopped:
            unmask.explain(model, values, 0, masks=count, grid=2, batch_size=16)
        assert time.monotonic() - begun < 4
        assert stopped.value.explanation.masks == 64
        assert not stopped.value.explanation.complete
    whole = unmask.explain(model, values, 0, masks=64, grid=2, batch_size=16)
    np.testing.assert_array_equal(whole.maps, stopped.value.explanation.maps)


@pytest.mark.slow
def test_the_command_keeps_it_too(endless, values, tmp_path):
    picture = tmp_path / "fox.png"
    picture.write_bytes(encoding.png(values))
    words = ["explain", picture, "--model", endless, "--preprocess", "unit", "-o", tmp_path / "out"]
    words += ["--masks", 64 + ENDLESS, "--grid", 2, "--batch-size", 16]
    command = [sys.executable, "-m", "unmask", *map(str, words)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        time.sleep(4)
        assert process.poll() is None
        process.send_signal(signal.SIGINT)
        begun = time.monotonic()
        said = process.communicate(timeout=30)[0].decode()
        assert time.monotonic() - begun < 5
    assert process.returncode == 130, said
    assert unmask.Explanation.load(tmp_path / "out" / "fox.npz").masks == 64


@pytest.mark.slow
def test_a_run_that_does_not_stop_is_left_behind(monkeypatch):
    """ONNX Runtime stops between two nodes: one node may take longer than anybody waits."""
    monkeypatch.setattr(interruptible, "STOPPING", 0.2)
    ending = threading.Event()

    class Stubborn:
        def run(self, *_):
            ending.wait(20)
            return [1]

    class Quick:
        def run(self, *_):
            return [2]

    later(0.3)
    begun = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        interruptible.run_session(Stubborn(), None, {})
    assert time.monotonic() - begun < 3
    assert interruptible.run_session(Quick(), None, {}) == [2]
    ending.set()


def test_a_failing_run_says_why():
    class Failing:
        def run(self, *_):
            raise TimeoutError("its own")

    for _ in range(2):
        with pytest.raises(TimeoutError, match="its own"):
            interruptible.run_session(Failing(), None, {})
