"""What the benchmarks share: the machine, the data, the verdict."""

from __future__ import annotations

import argparse
import os
import platform
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import onnxruntime
import PIL

import unmask

if TYPE_CHECKING:
    from collections.abc import Callable

    from unmask import Model

# Of images/more: what settings were chosen on, and no figure is of. The other 24 are for figures.
CHOSEN_ON = [
    "African_chameleon",
    "Appenzeller",
    "Egyptian_cat",
    "Tibetan_terrier",
    "basenji",
    "candle",
    "cheeseburger",
    "container_ship",
    "house_finch",
    "king_penguin",
    "leopard",
    "pencil_box",
    "quilt",
    "recreational_vehicle",
    "rock_crab",
    "screwdriver",
    "space_shuttle",
    "stone_wall",
    "tennis_ball",
    "tiger",
]

SHARED = Path(__file__).resolve().parents[2] / "shared"
PICTURE = "imagenet_African_elephant.jpg"
NO_DATA = 2


def parser(description: str | None) -> argparse.ArgumentParser:
    """Return a parser with the flags that every benchmark has."""
    made = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument("--cores", type=int, default=2, help="use at most so many (default 2)")
    made.add_argument(
        "--shared", type=Path, default=SHARED, help=f"folder of models/ and images/ ({SHARED})"
    )
    return made


def start(arguments: argparse.Namespace) -> None:
    """Keep to the cores asked for, and print the machine."""
    allowed = sorted(os.sched_getaffinity(0))
    if len(allowed) > arguments.cores:
        # Libraries count the cores when they are loaded, so begin again with fewer.
        os.sched_setaffinity(0, allowed[: arguments.cores])
        os.execv(sys.executable, [sys.executable, *sys.argv])
    print(machine(), flush=True)


def machine() -> str:
    """Describe cores, load and versions in two lines."""
    names = [
        line.split(":", 1)[1].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    ]
    load = os.getloadavg()[0]
    cores = len(os.sched_getaffinity(0))
    busy = "" if load < 0.5 else "  <- other work runs here: times are noisy"
    return (
        f"machine   {names[0] if names else platform.machine()}, {cores} of {os.cpu_count()} cores "
        f"used, load at the start {load:.1f}{busy}\n"
        f"versions  unmask {unmask.__version__}, python {platform.python_version()}, "
        f"numpy {np.__version__}, onnxruntime {onnxruntime.__version__}, "
        f"Pillow {PIL.__version__}\n"
    )


def needed(path: Path) -> Path:
    """Return `path`, or end with a clear message where it is absent."""
    if not path.is_file():
        print(
            f"{path} is not there. This benchmark needs it: it is data that the project does not "
            "ship. Give the folder that holds models/ and images/ with --shared.",
            file=sys.stderr,
        )
        sys.exit(NO_DATA)
    return path


def mobilenet(shared: Path) -> Model:
    """Load MobileNetV2."""
    return unmask.load(
        needed(shared / "models" / "mobilenet_v2_imagenet.onnx"),
        labels=needed(shared / "models" / "imagenet_labels.txt"),
        preprocess="tf",
        activation="probabilities",
    )


def efficientnet(shared: Path) -> Model:
    """Load EfficientNet-Lite0."""
    return unmask.load(
        needed(shared / "real" / "classification" / "efficientnet_lite0_imagenet.onnx"),
        preprocess="raw",
        mean=127,
        std=128,
        activation="softmax",
    )


def figures_photographs(shared: Path) -> list[Path]:
    """Return the photographs that nothing was chosen on, 24 of 44, sorted by name."""
    folder = shared / "images" / "more"
    found = sorted(folder.glob("imagenet_*.jpg"))
    if not found:
        needed(folder / "imagenet_balloon.jpg")
    return [path for path in found if path.stem.removeprefix("imagenet_") not in CHOSEN_ON]


def verdict(what: str, value: float, bar: float, form: Callable[[float], str], most: bool) -> bool:
    """Print a figure beside its bar; True where it is reached."""
    reached = value <= bar if most else value >= bar
    word = "at most" if most else "at least"
    print(f"{'REACHED' if reached else 'MISSED'}  {what}: {form(value)} (bar: {word} {form(bar)})")
    return reached


def percent(value: float) -> str:
    return f"{100 * value:.1f}%"


def high_water() -> float:
    """Peak resident memory of this process so far, in MB (10**6 bytes)."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024 / 1e6
    raise SystemExit("this system's /proc/self/status has no VmHWM: run it on Linux")
