"""`unmask doctor` says what is there, and whether it works."""

import os
import subprocess
import sys
from importlib import metadata

import numpy as np
import pytest

import unmask
from helpers.places import ROOT

pytest.importorskip("typer")
pytest.importorskip("rich")
pytest.importorskip("onnxruntime")

from helpers.command_line import found, ran
from unmask.cli.doctor import _lacking, installed, self_test


@pytest.mark.slow
def test_what_is_there_and_that_it_works():
    one = found("doctor")
    assert one["self_test"]["passed"] is True
    assert one["packages"]["numpy"] == np.__version__
    assert one["python"].startswith(".".join(map(str, sys.version_info[:3])))
    assert "CPUExecutionProvider" in one["devices"]["onnxruntime"]
    assert 1 <= one["devices"]["cores_allowed"] <= one["devices"]["cores"]


def test_it_reads_as_text():
    said = " ".join(ran("doctor").output.split())
    assert f"unmask {unmask.__version__}, {ROOT}" in said
    assert f"numpy {np.__version__}" in said
    assert "Self-test passed" in said


def package(folder, *lines):
    """Lay down the metadata of a package that is installed."""
    place = folder / "strange-1.0.dist-info"
    place.mkdir()
    said = ("Metadata-Version: 2.4", "Name: strange", "Version: 1.0", *lines, "", "")
    (place / "METADATA").write_text("\n".join(said), "utf-8")


def test_what_is_missing_or_too_old_is_said_by_extra(tmp_path, monkeypatch):
    package(
        tmp_path,
        "Requires-Dist: numpy>=1",
        "Provides-Extra: future",
        "Provides-Extra: whole",
        "Requires-Dist: numpy>=999; extra == 'future'",
        "Requires-Dist: no-such-package>=2; extra == 'future'",
        "Requires-Dist: pillow; extra == 'whole'",
        "Requires-Dist: no-such-package>=2; extra == 'whole' and python_version < '3'",
    )
    monkeypatch.syspath_prepend(tmp_path)
    there = installed("strange")
    assert there["extras"] == {
        "": {"missing": [], "too_old": []},
        "future": {
            "missing": ["no-such-package>=2"],
            "too_old": [f"numpy>=999 ({np.__version__} is there)"],
        },
        "whole": {"missing": [], "too_old": []},
    }
    versions = {name: metadata.version(name) for name in ("numpy", "pillow")}
    assert there["packages"] == versions


def test_what_an_extra_lacks_is_said_briefly():
    assert _lacking("hf", []) == ""
    assert _lacking("hf", ["torch>=2", "a>=1"]) == "hf (lacks torch>=2 and a>=1)"
    assert _lacking("", ["numpy>=2"]) == "unmask itself (lacks numpy>=2)"
    assert _lacking("test", ["a", "b", "c"]) == "test (lacks 3)"


def test_a_package_that_is_not_installed_lists_nothing():
    assert installed("no-such-package") == {"packages": {}, "extras": {}}


def test_a_map_that_is_elsewhere_fails():
    """Of a model that looks only at the corner, where no object is."""
    model = unmask.load(lambda batch: np.tile(batch[:, :8, :8].mean((1, 2, 3)), (8, 1)).T, name="x")
    tried = self_test(model)
    assert (tried["found"], tried["same"], tried["passed"]) == (False, True, False)


def test_maps_that_differ_fail():
    rng = np.random.default_rng(0)
    model = unmask.load(lambda batch: rng.uniform(size=(len(batch), 8)), name="x")
    tried = self_test(model)
    assert (tried["same"], tried["passed"]) == (False, False)


@pytest.mark.slow
def test_a_broken_installation_is_status_1_and_said(tmp_path):
    """ONNX Runtime as it is where the system's libraries lack one."""
    (tmp_path / "onnxruntime.py").write_text("raise ImportError('libgomp.so.1: cannot open it')")
    path = os.pathsep.join([str(tmp_path), *filter(None, [os.environ.get("PYTHONPATH")])])
    done = subprocess.run(
        [sys.executable, "-m", "unmask", "doctor"],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    said = " ".join(done.stdout.split())
    assert "Self-test FAILED" in said
    assert "ONNX Runtime cannot be loaded" in said
    assert "Traceback" not in done.stdout + done.stderr
