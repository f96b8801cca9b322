"""How the peak memory of `unmask.explain` grows from 1,000 to 20,000 masks.

Each count runs in a process of its own, at the same batch size, and reports its resident memory's
high-water mark (VmHWM, which a new process starts from nothing; ru_maxrss would begin with the
parent's). Two runs of the same count differ by some MB, as memory happens to be laid out, so the
short run is repeated and medians are compared. The mark is also read on the way: the growth within
the long run, from the short run's count to the end, has no such noise.

Exit status 1 if either growth misses the bar.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import statistics
import subprocess
import sys
import time
import tracemalloc
from typing import Any

from common import PICTURE, high_water, mobilenet, needed, parser, start, verdict

import unmask

MARKS = (0, 250, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000, 100_000)


def child(arguments: argparse.Namespace) -> None:
    """Explain once and print what it took, as JSON."""
    picture: Any
    if arguments.model == "demo":
        model, picture = unmask.load("demo"), unmask.demo.pictures()["street"]
    else:
        model = mobilenet(arguments.shared)
        picture = needed(arguments.shared / "images" / PICTURE)
    scored = -1  # the first input is the whole picture
    marks: dict[str, float] = {}

    def counted(batch: Any) -> Any:
        nonlocal scored
        outputs = model.run(batch)
        scored += len(batch)
        for mark in sorted({*MARKS, arguments.few}):
            if scored >= mark and str(mark) not in marks:
                marks[str(mark)] = high_water()
        if scored == arguments.child:
            marks[str(scored)] = high_water()
        return outputs

    if arguments.trace:
        tracemalloc.start()
    begin = time.perf_counter()
    unmask.explain(
        dataclasses.replace(model, run=counted),
        picture,
        masks=arguments.child,
        batch_size=arguments.batch_size,
        design=arguments.design,
    )
    seconds = time.perf_counter() - begin
    traced = tracemalloc.get_traced_memory()[1] / 1e6 if arguments.trace else None
    report = {"peak": high_water(), "seconds": seconds, "marks": marks, "traced": traced}
    print(json.dumps(report))


def measure(count: int, arguments: argparse.Namespace) -> dict[str, Any]:
    """Run one child; print and return its report."""
    command = [sys.executable, __file__, *sys.argv[1:], "--child", str(count)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        sys.exit(done.returncode)
    report: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    print(f"{count:7,} masks   peak {report['peak']:7.1f} MB   {report['seconds']:6.1f} s")
    on_the_way = ", ".join(f"{int(at):,}: {mb:.1f}" for at, mb in report["marks"].items())
    print(f"                MB after the model's call that passed so many masks: {on_the_way}")
    if arguments.trace:
        print(f"                Python and NumPy alone: peak {report['traced']:.2f} MB")
    sys.stdout.flush()
    return report


def main() -> int:
    flags = parser(__doc__)
    flags.add_argument("--model", choices=["mobilenet", "demo"], default="mobilenet")
    flags.add_argument("--few", type=int, default=1000, help="masks (default 1000)")
    flags.add_argument("--many", type=int, default=20_000, help="masks (default 20000)")
    flags.add_argument("--batch-size", type=int, default=32)
    flags.add_argument("--design", choices=["balanced", "random"], default="balanced")
    flags.add_argument("--repeats", type=int, default=3, help="short runs (default 3)")
    flags.add_argument("--long-repeats", type=int, default=1, help="long runs (default 1)")
    flags.add_argument(
        "--trace", action="store_true", help="also trace Python's allocations (slower)"
    )
    flags.add_argument("--bar", type=float, default=10.0, help="MB (default 10)")
    flags.add_argument("--child", type=int, help=argparse.SUPPRESS)
    arguments = flags.parse_args()
    if arguments.child is not None:
        child(arguments)
        return 0
    start(arguments)
    if arguments.model == "mobilenet":
        needed(arguments.shared / "models" / "mobilenet_v2_imagenet.onnx")

    few = [measure(arguments.few, arguments) for _ in range(arguments.repeats)]
    many = [measure(arguments.many, arguments) for _ in range(arguments.long_repeats)]

    def grown(key: str) -> float:
        long, short = ([float(report[key]) for report in reports] for reports in (many, few))
        return statistics.median(long) - statistics.median(short)

    peaks = [report["peak"] for report in few]
    if arguments.trace:
        print(f"Python and NumPy alone grew by {grown('traced'):.2f} MB")
    print(f"the same short run differs by up to {max(peaks) - min(peaks):.1f} MB\n")
    within = statistics.median(r["peak"] - r["marks"][str(arguments.few)] for r in many)
    what = f"growth from {arguments.few:,} to {arguments.many:,} masks"
    reached = [
        verdict(f"{what}, of medians", grown("peak"), arguments.bar, megabytes, True),
        verdict(f"{what}, within the long run", within, arguments.bar, megabytes, True),
    ]
    return 0 if all(reached) else 1


def megabytes(value: float) -> str:
    return f"{value:.1f} MB"


if __name__ == "__main__":
    sys.exit(main())
