"""Series: maps of two real models, compared with occlusion by what happens without their peaks.

    python benchmarks/series.py [FOLDER]

FOLDER holds gunpoint.npz, gunpoint_cnn.onnx, basicmotions.npz and basicmotions_cnn.onnx. Printed
are mean areas of deletion, and their difference from occlusion with its 95% interval: the share of
the whole score that is left while steps are taken away, most important first, in the way in which
the explainer hid them. unmask has 1,000 calls; occlusion moves a window of an eighth of the series
over every step.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np

import unmask

FOLDER = Path(__file__).resolve().parents[2] / "shared" / "real" / "timeseries"
CALLS = 1000
FILLS = ("mean", "line")
CELLS = (8, 16, 24)
WINDOW = 8  # of the series


def occlusion(case: Any, fill: str) -> Any:
    """Return how much the score falls where a window is hidden, averaged over windows."""
    steps = case.sample.shape[-1]
    wide = max(1, steps // WINDOW)
    starts = np.arange(1 - wide, steps)
    place = np.arange(steps)
    hidden = (place >= starts[:, None]) & (place < starts[:, None] + wide)
    shown = (~hidden).astype(np.float32)
    batch = case.sample.masked(shown, case.sample.fill(fill, 0))
    lost = case.target.score - case.score(batch)
    return (lost @ hidden) / hidden.sum(axis=0)


def measure(model: unmask.Model, inputs: Any, taken: str) -> dict[str, Any]:
    """Return the area of deletion for each explainer and input."""
    areas: dict[str, list[float]] = {}
    for lines in inputs:
        given = unmask.series(lines, "CT")
        case = unmask.metrics.case(model, given)
        maps = {"occlusion": occlusion(case, taken)}
        for cells in CELLS:
            made = unmask.explain(model, given, masks=CALLS, grid=cells, fill=taken)
            maps[f"unmask, {cells} cells"] = made.map
        for name, values in maps.items():
            curve = unmask.metrics.deletion(case, values, step=2, fill=taken)
            areas.setdefault(name, []).append(curve.area / case.target.score)
    return {name: np.array(found) for name, found in areas.items()}


def main() -> None:
    """Print the table."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER
    for name, count in (("gunpoint", 60), ("basicmotions", 40)):
        model = unmask.load(folder / f"{name}_cnn.onnx", layout="NCT")
        inputs = np.load(folder / f"{name}.npz")["X_test"][:count]
        for taken in FILLS:
            found = measure(model, inputs, taken)
            print(f"{name}, {len(inputs)} series, hidden and taken away: {taken}")
            for explainer, areas in found.items():
                less = areas - found["occlusion"]
                half = 1.96 * less.std(ddof=1) / len(less) ** 0.5
                print(f"  {explainer:18} {areas.mean():.3f}   {less.mean():+.3f} ± {half:.3f}")


if __name__ == "__main__":
    main()
