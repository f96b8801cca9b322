"""Where things lie."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT / "tests" / "data"
# Real models and photographs, beside the repository; tests that need them skip where it is absent.
SHARED = ROOT.parent / "shared"
