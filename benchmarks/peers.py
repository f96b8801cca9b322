"""Black-box explainers side by side: the same model, pictures, calls, and machine.

Twenty photographs (ten of ImageNet, ten of COCO), MobileNetV2's best class for each, 1,000 model
calls for each map; deletion and insertion as published (RISE, section 4.1). Then the pointing game
on 300 drawn scenes with known evidence, the embedded classifier, 1,000 calls for each map, no
tolerance. For RISE and its kin also the error against a long run's map, as in efficiency.py, over
the first pictures. Each explainer runs in a process of its own, one after the other, which gives
its peak memory.

Every map is kept in --cache under the settings that made it: a run that was stopped goes on, and
--draw makes the table and the figure again from what is there. `--only unmask` runs one explainer.
A peer that is not installed is listed with the reason (pip install 'unmask[peers]').

Writes docs/peers.md's table (docs/images/peers.png, and the table between its two marks) and
exits with 1 if the bar is missed: unmask best on deletion and insertion, 97% pointing.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib
import json
import os
import subprocess
import sys
import time
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from common import SHARED, mobilenet, needed, parser, percent, start, verdict
from explainers import EXPLAINERS, NEEDS, RISE_FAMILY, TITLES, counting

import unmask
from unmask import demo, images, metrics
from unmask.framing import Frame

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from unmask import Model

ROOT = Path(__file__).resolve().parents[1]
CACHE = ROOT / ".benchmarks" / "peers"
SCENES_SEED = 11  # the model was trained on the scenes of seed 1
REFERENCE_SEED = 1_000_003


@dataclass(frozen=True)
class Task:
    """One map to be made: of a photograph or of a scene."""

    kind: str
    name: str
    model: Model
    picture: NDArray[np.uint8]
    target: int


def photographs(arguments: argparse.Namespace) -> Iterator[Task]:
    model = mobilenet(arguments.shared)
    folder = arguments.shared / "images"
    paths = [*sorted(folder.glob("imagenet_*.jpg")), *sorted(folder.glob("coco_*.jpg"))]
    assert model.size is not None
    height, width = model.size
    for path in paths[: arguments.pictures]:
        picture = images.read(path)
        frame = Frame((picture.shape[0], picture.shape[1]), (height, width))
        small = frame.forward(picture).astype(np.uint8)
        target = unmask.predict(model, small, 1)[0].index
        yield Task("photographs", path.stem, model, small, target)


def drawn(arguments: argparse.Namespace) -> Iterator[Task]:
    model = unmask.load("demo")
    assert model.size is not None
    height, width = model.size
    for number in range(arguments.scenes):
        one = demo.scene(number, SCENES_SEED, size=(height, width), objects=(2, 4))
        yield Task("scenes", f"{number:04d}", model, one.picture, int(one.kinds[0]))


def key(name: str, task: Task, arguments: argparse.Namespace) -> Path:
    """Where a map is kept: under all that determines it, unmask's own defaults included."""
    plan = ""
    if name == "unmask":
        run = unmask.prepare(task.model, task.picture, task.target, masks=arguments.calls - 1)
        plan = repr(run.plan)
    text = f"{plan} {arguments.calls} {task.target} {task.picture.shape}"
    digest = hashlib.sha256(text.encode() + task.picture.tobytes()).hexdigest()[:12]
    folder: Path = arguments.cache / name / task.kind
    return folder / f"{task.name}-{digest}.npz"


def child(arguments: argparse.Namespace) -> None:
    """Make all maps of one explainer."""
    name = arguments.child
    for module in NEEDS.get(name, ()):
        try:
            importlib.import_module(module)
        except Exception as error:
            print(f"MISSING {module}: {type(error).__name__}: {error}")
            return
    for kind, tasks in (("photographs", photographs), ("scenes", drawn)):
        made = 0
        for task in tasks(arguments):
            path = key(name, task, arguments)
            if path.is_file():
                continue
            model, calls = counting(task.model)
            seed = int(task.name) if kind == "scenes" else 0
            begin, busy = time.perf_counter(), time.process_time()
            values = EXPLAINERS[name](model, task.picture, task.target, arguments.calls, seed)
            seconds, busy = time.perf_counter() - begin, time.process_time() - busy
            path.parent.mkdir(parents=True, exist_ok=True)
            peak = high_water() if kind == "photographs" else 0.0
            figures = [calls[0], seconds, busy, peak]
            part = path.with_suffix(f".{os.getpid()}.part")
            with part.open("wb") as file:
                np.savez_compressed(file, map=values.astype(np.float32), figures=figures)
            part.replace(path)
            made += 1
            if kind == "photographs" or made % 50 == 0:
                print(f"  {name}, {task.kind}, {task.name}: {seconds:.1f} s", file=sys.stderr)
    print("DONE")


def high_water() -> float:
    """Peak resident memory of this process so far, in MB (10**6 bytes)."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024 / 1e6
    return float("nan")


def long_run(task: Task, arguments: argparse.Namespace) -> NDArray[np.float64]:
    """Return the map of many balanced masks of another seed, the plain centred estimate."""
    path = arguments.cache / "reference" / f"{task.name}-{task.target}-{arguments.reference}.npz"
    if not path.is_file():
        made = unmask.explain(
            task.model,
            task.picture,
            task.target,
            masks=arguments.reference,
            seed=REFERENCE_SEED,
            grid=8,
            estimator="centred",
        )
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez_compressed(path, map=made.model_maps[0])
    with np.load(path) as stored:
        return np.asarray(stored["map"], np.float64)


def error(values: NDArray[np.float32], reference: NDArray[np.float64], scaled: bool) -> float:
    """RMS difference over the reference's spread, offset removed.

    A map that its maker has scaled (XAITK's) is scaled back to fit best, which favours it.
    """
    a, b = values - values.mean(), reference - reference.mean()
    if scaled:
        a = a * float((a * b).sum() / (a * a).sum())
    return float((a - b).std() / b.std())


def measure(name: str, arguments: argparse.Namespace) -> dict[str, Any]:
    """Read one explainer's maps and evaluate them."""
    row: dict[str, Any] = {"name": name, "title": TITLES[name]}
    figures, areas, curves, errors = [], [], [], []
    for number, task in enumerate(photographs(arguments)):
        path = key(name, task, arguments)
        if not path.is_file():
            continue
        with np.load(path) as stored:
            values = stored["map"]
            figures.append(stored["figures"])
        kept = path.with_suffix(".curves.npy")
        if not kept.is_file():
            one = metrics.case(task.model, task.picture, task.target)
            both = [metrics.deletion(one, values).scores, metrics.insertion(one, values).scores]
            np.save(kept, both)
        pair = np.load(kept)
        across = np.linspace(0, 1, pair.shape[1])
        curves.append(pair)
        areas.append(np.trapezoid(pair, across, axis=1))
        if name in RISE_FAMILY and number < arguments.references:
            errors.append(error(values, long_run(task, arguments), name == "xaitk"))
    hits = []
    for task in drawn(arguments):
        path = key(name, task, arguments)
        if path.is_file():
            with np.load(path) as stored:
                values = stored["map"]
            one_scene = demo.scene(int(task.name), SCENES_SEED, size=values.shape, objects=(2, 4))
            evidence = one_scene.evidence[task.target]
            hits.append(bool(evidence.ravel()[np.argmax(values)]))
    if figures:
        columns = np.array(figures)
        row |= {
            "pictures": len(areas),
            "areas": np.array(areas).tolist(),
            "curves": np.mean(curves, axis=0).tolist(),
            "calls": float(columns[:, 0].mean()),
            "seconds": float(np.median(columns[:, 1])),
            "busy": float(np.median(columns[:, 2])),
            "peak": float(columns[:, 3].max()),
            "errors": errors,
        }
    if hits:
        row |= {"scenes": len(hits), "pointing": float(np.mean(hits))}
    return row


def arguments_of() -> argparse.Namespace:
    flags = parser(__doc__)
    flags.add_argument("--only", nargs="+", choices=list(EXPLAINERS), default=list(EXPLAINERS))
    flags.add_argument("--pictures", type=int, default=20)
    flags.add_argument("--scenes", type=int, default=300)
    flags.add_argument("--calls", type=int, default=1000)
    flags.add_argument("--reference", type=int, default=8192, help="masks of a long run")
    flags.add_argument("--references", type=int, default=6, help="pictures that get a long run")
    flags.add_argument("--cache", type=Path, default=CACHE)
    flags.add_argument("--draw", action="store_true", help="only from what is in the cache")
    flags.add_argument("--child", choices=list(EXPLAINERS), help=argparse.SUPPRESS)
    return flags.parse_args()


def main() -> int:
    arguments = arguments_of()
    os.environ["TQDM_DISABLE"] = "1"
    warnings.simplefilter("ignore")
    needed(arguments.shared / "models" / "mobilenet_v2_imagenet.onnx")
    if arguments.child is not None:
        child(arguments)
        return 0
    start(arguments)
    missing = {}
    if not arguments.draw:
        for name in arguments.only:
            command = [sys.executable, __file__, *sys.argv[1:], "--child", name]
            done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
            last = done.stdout.strip().splitlines()[-1:] or ["died"]
            if last != ["DONE"]:
                missing[name] = last[0]
    rows = [measure(name, arguments) for name in arguments.only]
    for row in rows:
        if "areas" not in row:
            print(row["title"], missing.get(row["name"], "no maps"))
            continue
        a = np.array(row["areas"])
        print(
            f"{row['title']:24s} n={row['pictures']} del {a[:, 0].mean():.4f} ins {a[:, 1].mean():.4f} "
            f"point {row.get('pointing', float('nan')):.3f} of {row.get('scenes', 0)} "
            f"err {np.mean(row['errors']) if row['errors'] else float('nan'):.3f} "
            f"calls {row['calls']:.0f} s {row['seconds']:.1f} cpu {row['busy']:.1f} MB {row['peak']:.0f}"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
