"""Write `src/unmask/data/colormaps.npz`: matplotlib's color maps as 256 x 3 tables of uint8.

Run by hand where matplotlib is installed; it is not a dependency of `unmask`. viridis, inferno,
magma and cividis are CC0; turbo is Google's (Apache 2.0), coolwarm Kenneth Moreland's (free to
use), jet matplotlib's own.
"""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import numpy as np

NAMES = ("inferno", "viridis", "magma", "cividis", "turbo", "jet", "coolwarm")
TARGET = Path(__file__).parents[1] / "src" / "unmask" / "data" / "colormaps.npz"


def main() -> None:
    tables = {name: mpl.colormaps[name](np.arange(256), bytes=True)[:, :3] for name in NAMES}
    np.savez_compressed(TARGET, allow_pickle=False, **tables)
    print(f"{TARGET.name}: {', '.join(tables)}, {TARGET.stat().st_size} bytes")


if __name__ == "__main__":
    main()
