"""Fixtures that several test files share."""

import importlib.util
import signal
from pathlib import Path

import numpy as np
import pytest


@pytest.fixture(scope="session", autouse=True)
def _ctrl_c_is_heard():
    """A shell starts what runs in its background deaf to Ctrl-C, and a child would inherit that."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def onnx_models():
    """The module `onnx_models`, which pytest's importlib mode does not put on the path."""
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    path = Path(__file__).with_name("onnx_models.py")
    spec = importlib.util.spec_from_file_location("onnx_models", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def picture():
    """A picture without symmetry: 12 x 20, all channels different."""
    rng = np.random.default_rng(5)
    y, x = np.mgrid[:12, :20]
    smooth = np.stack([y * 20, x * 12, 255 - x * 6 - y * 8], axis=2)
    return np.clip(smooth + rng.integers(-9, 10, smooth.shape), 0, 255).astype(np.uint8)
