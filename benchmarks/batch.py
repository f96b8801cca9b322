"""`unmask batch` against a bare loop of `explain`, and its memory, with the embedded model.

Rate: batch with one worker on one core and a bare loop on one thread explain the same pictures,
taking turns, so that whatever else the machine does weighs on both. Start-up is left out: Ray's
start, and each way's first task. Memory (PSS, by which shared pages count once): of the driver, of
its workers, of Ray's own processes, and of all together, the highest seen over a run.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import threading
import time
import warnings
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
# Ray makes its workers nicer by 15 than the driver: beside a busy neighbor that is no fair race.
os.environ.setdefault("RAY_worker_niceness", "0")

import numpy as np
from PIL import Image

import unmask
from unmask.cluster import pipeline
from unmask.cluster.driver import Progress, batch


def shots(folder: Path, count: int, small: bool) -> Path:
    folder.mkdir(parents=True)
    whole = [Image.open(path).convert("RGB") for path in unmask.demo.pictures().values()]
    for number in range(count):
        pixels = np.roll(np.asarray(whole[number % 4]), (3 * number, 7 * number), (0, 1))
        Image.fromarray(pixels[: 60 if small else None, : 80 if small else None]).save(
            folder / f"{number:05}.png"
        )
    return folder


def rate(root: Path, count: int, masks: int, rounds: int) -> None:
    model = unmask.load("demo")
    ratios = []
    for turn in range(rounds):
        folder = shots(root / f"rate{turn}", count, small=False)
        paths = sorted(folder.iterdir())
        unmask.explain(model, paths[0], masks=masks)
        start = time.perf_counter()
        for path in paths:
            unmask.explain(model, path, masks=masks)
        bare = time.perf_counter() - start
        ended = batch(folder, root / f"out{turn}", masks=masks, workers=1)
        ratios.append(ended.seconds / bare)
        print(f"bare {bare:.1f} s, batch {ended.seconds:.1f} s, ratio {ratios[-1]:.3f}", flush=True)
    print(f"{count} pictures of {masks} masks: batch / bare = {statistics.median(ratios):.3f}")


class Memory:
    """Watches this process's and its descendants' memory from a thread."""

    def __init__(self) -> None:
        self.peak: dict[str, float] = {}
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self._watch)

    def __enter__(self) -> Memory:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.ended.set()
        self.thread.join()

    def _watch(self) -> None:
        while not self.ended.wait(1.0):
            sizes = {"driver": pss(os.getpid()), "workers": 0.0, "ray": 0.0}
            for child in descendants(os.getpid()):
                worker = name(child).startswith("ray::MapWorker")
                sizes["workers" if worker else "ray"] += pss(child)
            sizes["driver and workers"] = sizes["driver"] + sizes["workers"]
            sizes["all"] = sizes["driver and workers"] + sizes["ray"]
            for key, value in sizes.items():
                self.peak[key] = max(self.peak.get(key, 0.0), value)


def pss(process: int) -> float:
    try:
        text = Path(f"/proc/{process}/smaps_rollup").read_text()
    except OSError:
        return 0.0
    return (
        next(int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:")) / 1024
    )


def name(process: int) -> str:
    try:
        return Path(f"/proc/{process}/cmdline").read_text()
    except OSError:
        return ""


def descendants(process: int) -> list[int]:
    found = []
    for task in Path(f"/proc/{process}/task").glob("*/children"):
        try:
            children = [int(one) for one in task.read_text().split()]
        except OSError:
            continue
        for child in children:
            found += [child, *descendants(child)]
    return found


def memory(root: Path, count: int, masks: int) -> None:
    folder = shots(root / f"memory{count}", count, small=True)

    def show(state: Progress) -> None:
        if state.done % 1000 == 0:
            print(f"  {state.done:,} in {state.seconds:.0f} s", flush=True)

    with Memory() as watched:
        ended = batch(folder, root / f"kept{count}", masks=masks, workers=1, progress=show)
    files = list((root / f"kept{count}" / "rows").iterdir())
    size = sum(path.stat().st_size for path in files)
    print(
        f"{count} pictures of {masks} masks: {ended.seconds:.0f} s, {size / count:.0f} bytes a "
        f"picture in {len(files)} files; MiB at most: "
        + ", ".join(f"{key} {value:.0f}" for key, value in watched.peak.items())
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=int, default=200)
    parser.add_argument("--masks", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--memory", type=int, help="Measure memory instead, with so many pictures.")
    parser.add_argument(
        "--alone", action="store_true", help="Tasks as with a thousand masks a picture."
    )
    options = parser.parse_args()
    warnings.simplefilter("ignore", unmask.UnmaskWarning)  # few masks are doubtful, and told so
    if options.alone:
        pipeline.TASK_MASKS = 1
    with tempfile.TemporaryDirectory() as folder:
        if options.memory:
            memory(Path(folder), options.memory, options.masks)
        else:
            rate(Path(folder), options.pictures, options.masks, options.rounds)


if __name__ == "__main__":
    main()
