"""Files broken by a seeded hand: each is read, or refused with a message."""

import subprocess
import sys

import pytest

from helpers.places import ROOT

SCRIPT = ROOT / "benchmarks" / "fuzzing.py"

pytest.importorskip("pyarrow")
pytest.importorskip("fsspec")
pytest.importorskip("onnxruntime")


@pytest.mark.slow
def test_broken_files_are_read_or_refused():
    """The longer run, of any length, is benchmarks/fuzzing.py itself."""
    done = subprocess.run(
        [sys.executable, SCRIPT, "--cases", "400", "--seed", "1000"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "| explanations |" in done.stdout
