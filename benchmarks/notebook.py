"""The notebook's preset on Keras ResNet50V2, beside `model.predict` on as many images.

Three things, each a ratio or a peak of one run:

- time: `unmask.explain(model, picture, preset="notebook")` over `model.predict` on as many images
  that are in memory already;
- the same with runtime="onnx", over the same `model.predict`;
- memory: the peak of a process of its own that explains with 7,000 masks (VmHWM).

Weights are random, which changes no time. The three timed things take turns, so that other work
on the machine slows all alike; each is called on two batches first, where everything is compiled.
TensorFlow's `predict` itself takes 1 or 4/3 times as long from call to call, with the same CPU
time, so the ratio to the fastest call is printed beside the median of the turns.

Exit status 1 if a bar is missed.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from common import machine, parser, percent, verdict

import unmask

if TYPE_CHECKING:
    from collections.abc import Callable

PICTURE = unmask.demo.pictures()["street"]


def network() -> Any:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import keras

    keras.utils.set_random_seed(0)
    return keras.applications.ResNet50V2(weights=None)


def explained(model: Any, masks: int, seed: int) -> None:
    unmask.explain(model, PICTURE, 386, preset="notebook", masks=masks, seed=seed)


def times(arguments: argparse.Namespace) -> dict[str, list[float]]:
    """Seconds of each turn of the three."""
    keras_model = network()
    own = unmask.load(keras_model)
    begin = time.perf_counter()
    faster = unmask.load(keras_model, runtime="onnx")
    print(f"turned into ONNX and compared in {time.perf_counter() - begin:.1f} s")
    rng = np.random.default_rng(0)
    masks, size = arguments.masks, arguments.batch_size
    images = rng.uniform(-1, 1, (masks, 224, 224, 3)).astype(np.float32)
    ways: dict[str, Callable[[int, int], Any]] = {
        "predict": lambda n, _: keras_model.predict(images[:n], verbose=0, batch_size=size),
        "explain": lambda n, seed: explained(own, n, seed),
        "onnx": lambda n, seed: explained(faster, n, seed),
    }
    found: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(arguments.turns + 1):
        for name, way in ways.items():
            begin = time.perf_counter()
            way(masks if turn else 2 * size, turn)
            took = time.perf_counter() - begin
            if turn:
                found[name].append(took)
                print(
                    f"  turn {turn}  {name:8s} {1000 * took / masks:6.2f} ms an image", flush=True
                )
    return found


def calls(repeats: int) -> None:
    """Print how long Keras's ways to score a batch of 32 take, in turns."""
    import tensorflow as tf

    model = network()
    images = np.random.default_rng(0).uniform(-1, 1, (32, 224, 224, 3)).astype(np.float32)
    signature = [tf.TensorSpec((None, 224, 224, 3))]
    compiled = tf.function(lambda batch: model(batch, training=False), input_signature=signature)
    ways: dict[str, Callable[[], Any]] = {
        "predict": lambda: model.predict(images, verbose=0, batch_size=32),
        "predict_on_batch": lambda: model.predict_on_batch(images),
        "a tf.function of our own": lambda: compiled(images).numpy(),
    }
    found: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(repeats + 1):
        for name, way in ways.items():
            begin = time.perf_counter()
            way()
            if turn:  # the first compiles
                found[name].append(time.perf_counter() - begin)
    for name, seconds in found.items():
        print(f"  {name:26s} {1000 * statistics.median(seconds) / 32:6.2f} ms an image")


def high_water() -> float:
    """Peak resident memory of this process so far, in MB (10**6 bytes)."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024 / 1e6
    raise SystemExit("this system's /proc/self/status has no VmHWM: run it on Linux")


def peak(masks: int) -> float:
    """Peak memory, in MB, of a process that explains with so many masks."""
    command = [sys.executable, __file__, "--child", str(masks)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    report = json.loads(done.stdout.splitlines()[-1])
    print(f"  {masks:5,} masks   peak {report['peak']:7.1f} MB   {report['seconds']:6.1f} s")
    return float(report["peak"])


def main() -> int:
    flags = parser(__doc__)
    flags.add_argument("--masks", type=int, default=1024, help="in a turn (default 1024)")
    flags.add_argument("--turns", type=int, default=3, help="so many (default 3)")
    flags.add_argument("--batch-size", type=int, default=32, help="of predict (default 32)")
    flags.add_argument("--memory-masks", type=int, default=7000, help="0 leaves memory out")
    flags.add_argument("--calls", type=int, help="only compare ways to call, so many turns")
    flags.add_argument("--child", type=int, help=argparse.SUPPRESS)
    arguments = flags.parse_args()
    warnings.simplefilter("ignore")
    if arguments.child is not None:
        begin = time.perf_counter()
        explained(network(), arguments.child, 0)
        print(json.dumps({"peak": high_water(), "seconds": time.perf_counter() - begin}))
        return 0
    print(machine())
    if arguments.calls:
        calls(arguments.calls)
        return 0
    found = times(arguments)
    middle = {name: statistics.median(seconds) for name, seconds in found.items()}
    for name, seconds in middle.items():
        over = f"   {percent(seconds / min(found['predict']))} of the fastest predict"
        print(f"{name:8s} median {1000 * seconds / arguments.masks:.2f} ms an image{over}")
    ratios = {
        name: statistics.median(np.divide(found[name], found["predict"]).tolist())
        for name in ("explain", "onnx")
    }
    reached = [
        verdict("explain over predict alone", ratios["explain"], 1.03, percent, True),
        verdict("explain with runtime=onnx over predict", ratios["onnx"], 0.80, percent, True),
    ]
    if arguments.memory_masks:
        print()
        few = peak(min(512, arguments.memory_masks))
        many = peak(arguments.memory_masks)
        print(f"growth {many - few:.1f} MB")
        what = f"peak memory at {arguments.memory_masks:,} masks"
        reached.append(verdict(what, many, 1500, lambda mb: f"{mb:.0f} MB", True))
    return 0 if all(reached) else 1


if __name__ == "__main__":
    sys.exit(main())
