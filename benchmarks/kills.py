"""Is anything lost when `unmask explain --checkpoint` is killed again and again?

A run is begun, killed by SIGKILL after a random time, begun again with the same command, and so on
until it ends by itself; then the next run. Every finished explanation has to hold the very scores
of one that nobody disturbed, and the folder nothing but what such a run leaves.

Exit status 1 if anything differs.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

import unmask

MASKS = 1500
LONGEST = 2.5  # seconds until a kill; starting takes about one


def command(folder: Path, checkpoint: Path) -> list[str]:
    picture = str(unmask.demo.pictures()["street"])
    settings = ["-n", str(MASKS), "--batch-size", "4", "-o", str(folder)]
    words = ["explain", picture, *settings, "--checkpoint", str(checkpoint)]
    return [sys.executable, "-m", "unmask", *words]


def run(folder: Path, checkpoint: Path, chance: random.Random, kills: int) -> int:
    """Run to the end, killed at most so often; return how often it was."""
    killed = 0
    while True:
        process = subprocess.Popen(
            command(folder, checkpoint), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            process.wait(chance.uniform(0.6, LONGEST) if killed < kills else None)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            killed += 1
            continue
        if process.returncode:
            raise SystemExit(f"the command ended with status {process.returncode}")
        return killed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    chance, done, runs, wrong = random.Random(given.seed), 0, 0, 0
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        run(root / "calm", root / "calm.ckpt", chance, 0)
        calm = unmask.Explanation.load(root / "calm" / "street.npz")
        expected = sorted(path.name for path in (root / "calm").iterdir())
        while done < given.kills:
            runs += 1
            folder = root / f"run{runs}"
            done += run(folder, root / f"run{runs}.ckpt", chance, given.kills - done)
            found = unmask.Explanation.load(folder / "street.npz")
            same = np.array_equal(found.scores.scores, calm.scores.scores)
            left = sorted(path.name for path in folder.iterdir())
            parts = [path.name for path in root.iterdir() if path.suffix not in ("", ".ckpt")]
            if not same or left != expected or parts:
                wrong += 1
                print(f"run {runs}: scores equal {same}, files {left}, beside {parts}")
    seconds = time.perf_counter() - start
    print(f"{done} kills in {runs} runs, {seconds:.0f} s: {wrong} runs lost or left something")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
