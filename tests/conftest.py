"""Fixtures that several test files share, and how two workers share a machine."""

import gc
import os
import signal
from pathlib import Path

# Workers that each took all cores for their products would wait for one another. It has to be said
# before NumPy is there; what the tests start inherits it.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")

import hypothesis
import numpy as np
import pytest

# They have no tests, and one is PyTorch's.
collect_ignore = ["helpers"]

# How long an example takes says more of what else the machine does than of the code.
hypothesis.settings.register_profile("unmask", deadline=None)
hypothesis.settings.load_profile("unmask")


# What takes longest, the longest first. The files of a line go to one worker, in this order: they
# share a Ray that runs, or the seconds that a framework takes to be imported.
LONGEST = (
    ("cluster/test_batch_killed.py", "cluster/test_batch.py", "cluster/test_executors.py"),
    (
        "models/test_keras.py",
        "models/test_bounds.py",
        "whole/test_docs.py",
        "models/test_huggingface.py",
        "models/test_writers.py",
        "models/test_to_onnx.py",
        "models/test_torch.py",
        "inputs/test_fills.py",
        "masks/test_masks.py",
        "evaluation/test_quantus.py",
    ),
    ("targets/test_regions.py",),
    ("app/test_page.py",),
    ("app/test_browser.py",),
    ("whole/test_notebooks.py",),
    ("whole/test_container.py",),
    ("reports/test_reproduce.py",),
    ("whole/test_lost_and_found.py",),
    ("models/test_server.py",),
    ("whole/test_any_picture.py",),
    ("masks/test_segments.py",),
    ("estimate/test_shapley.py",),
    ("cli/test_cli.py",),
    ("whole/test_packages.py",),
    ("app/test_app.py",),
    ("evaluation/test_evaluation.py",),
    ("whole/test_real_detector.py",),
    ("app/test_app_abuse.py",),
    ("whole/test_coverage.py",),
    ("whole/test_fuzzing.py",),
    ("whole/test_volumes.py",),
    ("targets/test_outputs.py",),
    ("adapters/test_adapters.py",),
    ("whole/test_videos.py",),
    ("whole/test_sounds.py",),
    ("draw/test_canvas.py",),
    ("cli/test_json.py",),
    ("whole/test_real.py",),
    ("cli/test_usage.py",),
)
TESTS = Path(__file__).parent


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Keep together not only the tests of a file, but those of a line of `LONGEST`."""
    from xdist.scheduler import LoadFileScheduling

    place = TESTS.relative_to(config.rootpath).as_posix()
    together = {f"{place}/{name}": files[0] for files in LONGEST for name in files}

    class Together(LoadFileScheduling):
        def _split_scope(self, nodeid):
            file = super()._split_scope(nodeid)
            return together.get(file, file)

    return Together(config, log) if config.getoption("dist") == "loadfile" else None


def pytest_collection_modifyitems(items):
    """Begin with the files that take long, so that no worker is left alone with one at the end."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    names = [name for files in LONGEST for name in files]
    first = {TESTS / name: place for place, name in enumerate(names)}
    gone = [str(path) for path in first if not path.is_file()]
    if gone:
        raise pytest.UsageError(f"LONGEST in {__file__} names files that are not there: {gone}")
    items.sort(key=lambda item: (first.get(item.path, len(first)), item.path not in slow))


def pytest_collection_finish():
    """Look for garbage only in what comes now: half a million objects stay until the end.

    Looking at all of them, again and again, took a twelfth of the time.
    """
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def _ctrl_c_is_heard():
    """A shell starts what runs in its background deaf to Ctrl-C, and a child would inherit that."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def more_memory():
    """Return a function: how many MB of memory there were at the most since the test began, more.

    The mark is that of Linux's /proc, set back first: the one of getrusage stays at what the tests
    before took, and begins with the parent's in a new process.
    """
    status = Path("/proc/self/status")
    if not status.is_file():
        pytest.skip("needs Linux's /proc")
    Path("/proc/self/clear_refs").write_text("5")

    def most():
        line = next(one for one in status.read_text().splitlines() if one.startswith("VmHWM:"))
        return int(line.split()[1]) / 1024

    before = most()
    return lambda: most() - before


@pytest.fixture(scope="session")
def onnx_models():
    """Writers of tiny ONNX files; the test is skipped where ONNX is not there."""
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    from helpers import onnx_models

    return onnx_models


@pytest.fixture
def picture():
    """A picture without symmetry: 12 x 20, all channels different."""
    rng = np.random.default_rng(5)
    y, x = np.mgrid[:12, :20]
    smooth = np.stack([y * 20, x * 12, 255 - x * 6 - y * 8], axis=2)
    return np.clip(smooth + rng.integers(-9, 10, smooth.shape), 0, 255).astype(np.uint8)


@pytest.fixture
def scene():
    """A picture without symmetry, smooth enough for JPEG: red grows down, green to the right."""
    y, x = np.mgrid[:24, :40]
    bands = [y * 255 // 24, x * 255 // 40, np.where((y < 8) & (x < 8), 255, 0)]
    return np.stack(bands, 2).astype(np.uint8)
