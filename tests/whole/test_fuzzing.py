"""Files broken by a seeded hand: each is read, or refused with a message."""

import subprocess
import sys

import pytest

from helpers.places import ROOT

SCRIPT = ROOT / "benchmarks" / "fuzzing.py"

pytest.importorskip("pyarrow")
pytest.importorskip("fsspec")
pytest.importorskip("onnxruntime")


@pytest.mark.parametrize(
    "cases", [pytest.param(400, id="few"), pytest.param(1000, id="many", marks=pytest.mark.slow)]
)
def test_broken_files_are_read_or_refused(cases):
    """The longer run, of any length, is benchmarks/fuzzing.py itself."""
    done = subprocess.run(
        [sys.executable, SCRIPT, "--cases", str(cases), "--seed", str(cases)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "| explanations |" in done.stdout
