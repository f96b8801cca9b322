"""Black-box explainers side by side: the same model, pictures, calls and machine.

The 24 photographs of images/more that nothing was chosen on, two networks, the best class of each,
1,000 model calls for each map; deletion and insertion as published (RISE, section 4.1). Then the
pointing game on drawn scenes with known evidence: the embedded classifier, 1,000 calls for each
map, no tolerance. For RISE and its kin also the error against a long run's map.

Each explainer runs in a process of its own, which gives its peak memory. Time is measured apart,
the explainers taking turns on the same picture, so that other work on the machine hits all alike.

Every map is kept in --cache under the settings that made it: a run that was stopped goes on, and
`--draw` makes the table and the figure again from what is there. `--only unmask` makes one
explainer's maps; the table always has all that are there. A peer that is not installed is listed
with the reason (pip install 'unmask[onnx,peers]').

Writes docs/images/peers.png and the tables between the two marks of docs/peers.md. Exit status 1 if
a bar is missed: the order that a run of the default gives best on deletion and on insertion, its
map 97% pointing.
"""

from __future__ import annotations

import argparse
import dataclasses
import hashlib
import importlib
import os
import subprocess
import sys
import time
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from common import figures_photographs, machine, needed, parser, percent, start, verdict
from efficiency import NETWORKS
from explainers import EXPLAINERS, NEEDS, RISE_FAMILY, SETTINGS, TITLES, counting

import unmask
from unmask import demo
from unmask.draw import curves
from unmask.draw.canvas import pixels
from unmask.evaluation import metrics
from unmask.inputs import encoding, images
from unmask.inputs.frame import Frame

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from unmask import Model

ROOT = Path(__file__).resolve().parents[1]
CACHE = ROOT / ".benchmarks" / "peers"
SCENES_SEED = 11  # the model was trained on the scenes of seed 1
REFERENCE_SEED = 1_000_003
PAGE, FIGURE = ROOT / "docs" / "peers.md", ROOT / "docs" / "images" / "peers.png"
BEGIN, END = "<!-- benchmarks/peers.py writes from here -->\n", "<!-- to here -->\n"
POINTING_BAR = 0.97
LEADING = ("unmask", "unmask-order", "unmask-sharp-12")  # compared with each peer
DRAWN = ("unmask", "unmask-order", "rise", "lime", "shapiq", "shap", "occlusion")


@dataclass(frozen=True)
class Task:
    """One map to be made: of a photograph by a network, or of a scene."""

    kind: str
    name: str
    model: Model
    picture: NDArray[np.uint8]
    target: int


def photographs(arguments: argparse.Namespace, network: str) -> Iterator[Task]:
    model = NETWORKS[network](arguments.shared)
    assert model.input.size is not None
    height, width = model.input.size
    for path in figures_photographs(arguments.shared)[: arguments.pictures]:
        picture = images.read(path)
        frame = Frame((picture.shape[0], picture.shape[1]), (height, width))
        small = frame.forward(picture).astype(np.uint8)
        target = unmask.predict(model, small, 1)[0].index
        yield Task(network, path.stem, model, small, target)


def drawn(arguments: argparse.Namespace) -> Iterator[Task]:
    model = unmask.load("demo")
    assert model.input.size is not None
    height, width = model.input.size
    for number in range(arguments.scenes):
        one = demo.scene(number, SCENES_SEED, size=(height, width), objects=(2, 4))
        yield Task("scenes", f"{number:04d}", model, one.picture, int(one.kinds[0]))


def key(name: str, task: Task, arguments: argparse.Namespace) -> Path:
    """Where a map is kept: under all that determines it, unmask's own defaults included."""
    plan = ""
    if name in SETTINGS:
        masks = arguments.calls - 1
        run = unmask.prepare(task.model, task.picture, task.target, masks=masks, **SETTINGS[name])
        plan = repr(run.plan)
    text = f"{plan} {arguments.calls} {task.target} {task.picture.shape}"
    digest = hashlib.sha256(text.encode() + task.picture.tobytes()).hexdigest()[:12]
    folder: Path = arguments.cache / name / task.kind
    return folder / f"{task.name}-{digest}.npz"


def lacking(name: str) -> str:
    """Return why an explainer cannot run here, or ""."""
    for module in NEEDS.get(name, ()):
        try:
            importlib.import_module(module)
        except Exception as error:
            return f"{module}: {type(error).__name__}: {error}".splitlines()[0]
    return ""


def child(arguments: argparse.Namespace) -> None:
    """Make all maps of one explainer that are not there."""
    name = arguments.child
    kinds = [photographs(arguments, network) for network in arguments.networks]
    for tasks in (*kinds, drawn(arguments)):
        made = 0
        for task in tasks:
            path = key(name, task, arguments)
            if path.is_file():
                continue
            scene = task.kind == "scenes"
            seed = int(task.name) if scene else 0
            model, calls = counting(task.model)
            begin = time.perf_counter()
            values = EXPLAINERS[name](model, task.picture, task.target, arguments.calls, seed)
            seconds = time.perf_counter() - begin
            keep(path, map=values.astype(np.float32), figures=[calls[0], seconds, high_water()])
            made += 1
            if not scene or made % 25 == 0:
                print(f"  {name}, {task.kind}, {task.name}: {seconds:.1f} s", file=sys.stderr)


def keep(path: Path, **arrays: Any) -> None:
    """Write a file of arrays, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(f".{os.getpid()}.part")
    with part.open("wb") as file:
        np.savez_compressed(file, **arrays)
    part.replace(path)


def timing(arguments: argparse.Namespace) -> None:
    """Time the explainers in turns on the same pictures; one process, all of them warm."""
    for number, task in enumerate(photographs(arguments, arguments.networks[0])):
        if number >= arguments.timings:
            break
        for name in arguments.only:
            if lacking(name):
                continue
            path = key(name, task, arguments)
            path = path.parent.parent / "timing" / path.name
            if path.is_file():
                continue
            inside = 0.0

            def run(batch: Any, own: Any = task.model.run) -> Any:
                nonlocal inside
                begin = time.perf_counter()
                outputs = own(batch)
                inside += time.perf_counter() - begin
                return outputs

            model = dataclasses.replace(task.model, run=run)
            if number == 0:  # what is compiled or loaded at the first call is no map's
                EXPLAINERS[name](model, task.picture, task.target, 40, 0)
            inside, begin = 0.0, time.perf_counter()
            EXPLAINERS[name](model, task.picture, task.target, arguments.calls, 0)
            keep(path, figures=[time.perf_counter() - begin, inside])


def high_water() -> float:
    """Peak resident memory of this process so far, in MB (10**6 bytes)."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024 / 1e6
    return float("nan")


def long_run(task: Task, arguments: argparse.Namespace) -> NDArray[np.float64]:
    """Return the map of many balanced masks of another seed, the plain centered estimate."""
    name = f"{task.kind}-{task.name}-{task.target}-{arguments.reference}.npz"
    path = arguments.cache / "reference" / name
    if not path.is_file():
        made = unmask.explain(
            task.model,
            task.picture,
            task.target,
            masks=arguments.reference,
            seed=REFERENCE_SEED,
            grid=8,
            estimator="centered",
        )
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez_compressed(path, map=made.model_maps[0])
    with np.load(path) as stored:
        return np.asarray(stored["map"], np.float64)


def error(values: NDArray[np.float32], reference: NDArray[np.float64], scaled: bool) -> float:
    """RMS difference over the reference's spread, offset removed.

    A map that its maker has scaled (XAITK's) is scaled back to fit best, which favors it.
    """
    a, b = values - values.mean(), reference - reference.mean()
    if scaled:
        a = a * float((a * b).sum() / (a * a).sum())
    return float((a - b).std() / b.std())


@dataclass(frozen=True)
class Measured:
    """One explainer's row for a network; lists have an entry for each photograph."""

    name: str
    areas: NDArray[np.float64]
    curves: NDArray[np.float64]
    calls: float
    peak: float
    errors: list[float]
    hits: list[bool]
    seconds: list[float]
    beyond: list[float]


def measure(name: str, network: str, arguments: argparse.Namespace) -> Measured | None:
    """Evaluate one explainer's maps; None where some photograph's is not there."""
    figures, areas, curves, errors, hits, seconds, beyond = [], [], [], [], [], [], []
    for number, task in enumerate(photographs(arguments, network)):
        path = key(name, task, arguments)
        if not path.is_file():
            return None
        with np.load(path) as stored:
            values, one = stored["map"], stored["figures"]
        figures.append((one[0], one[-1]))
        kept = path.with_suffix(".curves.npy")
        if not kept.is_file():
            found = metrics.both(metrics.case(task.model, task.picture, task.target), values)
            np.save(kept, [found["deletion"].scores, found["insertion"].scores])
        pair = np.load(kept)
        curves.append(pair)
        areas.append(np.trapezoid(pair, np.linspace(0, 1, pair.shape[1]), axis=1))
        if name in RISE_FAMILY and number < arguments.references:
            errors.append(error(values, long_run(task, arguments), name == "xaitk"))
        timed = path.parent.parent / "timing" / path.name
        if timed.is_file():
            with np.load(timed) as stored:
                total, inside = stored["figures"]
            seconds.append(total)
            beyond.append((total - inside) / inside)
    for task in drawn(arguments) if network == arguments.networks[0] else ():
        path = key(name, task, arguments)
        if path.is_file():
            with np.load(path) as stored:
                values = stored["map"]
            scene = demo.scene(int(task.name), SCENES_SEED, size=values.shape, objects=(2, 4))
            hits.append(metrics.pointing_game(values, scene.evidence[task.target], tolerance=0))
    calls, peaks = np.array(figures).T
    return Measured(
        name,
        np.array(areas),
        np.mean(curves, axis=0),
        float(calls.mean()),
        float(peaks.max()),
        errors,
        hits,
        seconds,
        beyond,
    )


def table(
    network: str, rows: list[Measured], missing: dict[str, str], arguments: argparse.Namespace
) -> str:
    """Write the tables of a network in Markdown."""
    best = [min(row.areas[:, 0].mean() for row in rows), max(r.areas[:, 1].mean() for r in rows)]
    columns = {
        "": [TITLES[row.name] for row in rows],
        "deletion ↓": [_best(row.areas[:, 0].mean(), best[0]) for row in rows],
        "insertion ↑": [_best(row.areas[:, 1].mean(), best[1]) for row in rows],
        "pointing ↑": [
            f"{percent(float(np.mean(row.hits)))} of {len(row.hits)}" if row.hits else ""
            for row in rows
        ],
        "error ↓": [f"{np.median(row.errors):.2f}" if row.errors else "" for row in rows],
        "calls": [f"{row.calls:.0f}" for row in rows],
        "seconds": [f"{np.median(row.seconds):.1f}" if row.seconds else "" for row in rows],
        "beyond the model": [
            percent(float(np.median(row.beyond))) if row.beyond else "" for row in rows
        ],
        "peak MB": ["" if np.isnan(row.peak) else f"{row.peak:.0f}" for row in rows],
    }
    columns = {title: cells for title, cells in columns.items() if any(cells)}
    lines = [
        f"### {network}: {len(rows[0].areas)} photographs, {arguments.calls:,} calls for each map",
        "",
        f"| {' | '.join(columns)} |",
        "|---" * len(columns) + "|",
        *(f"| {' | '.join(cells)} |" for cells in zip(*columns.values(), strict=True)),
    ]
    there = {row.name for row in rows}
    for name, reason in missing.items():
        if name not in there:
            lines.append(f"| {TITLES[name]} | not run: {reason} |" + " |" * (len(columns) - 2))
    for ours in rows:
        if ours.name not in LEADING:
            continue
        lines += [
            "",
            f"{TITLES[ours.name]}, less each other over the same photographs: mean, 95% interval.",
            "",
            "| | deletion | insertion |",
            "|---|---|---|",
        ]
        for row in rows:
            if row.name in SETTINGS:
                continue
            cells = [TITLES[row.name]]
            for difference in (ours.areas - row.areas).T:
                mean = metrics.mean_interval(difference)
                cells.append(f"{mean.value:+.4f} ({mean.low:+.4f} to {mean.high:+.4f})")
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _best(area: float, best: float) -> str:
    return f"**{area:.4f}**" if np.isclose(area, best) else f"{area:.4f}"


def figure(network: str, rows: list[Measured]) -> None:
    """Draw the mean curves of all explainers but our other settings and the weaker twins."""
    rows = [row for row in rows if row.name in DRAWN]
    drawn = []
    for number, name in enumerate(("deletion", "insertion")):
        across = np.linspace(0, 100, rows[0].curves.shape[1])
        series = [
            curves.Series(
                across,
                row.curves[number],
                f"{TITLES[row.name]} {row.areas[:, number].mean():.3f}",
                dashed=row.name == "occlusion",  # there are six colors
            )
            for row in rows
        ]
        drawn.append(
            pixels(
                curves.lines(
                    series,
                    size=(960, 720),
                    title=f"{name}, mean of {len(rows[0].areas)} photographs, {network}",
                    x_label="pixels changed, %",
                    y_label="score",
                    x_limits=(0, 100),
                )
            )
        )
    encoding.write(FIGURE, np.concatenate(drawn, axis=1))


def verdicts(network: str, rows: list[Measured]) -> bool:
    """Print the figures beside their bars."""
    found = {row.name: row for row in rows}
    ours, ranked = (found.get(name) for name in ("unmask", "unmask-order"))
    others = [row for row in rows if row.name not in SETTINGS]
    if ours is None or ranked is None or not others:
        print("no verdict: it takes unmask's maps and orders, and a peer's maps")
        return False
    mine, theirs = ranked.areas.mean(axis=0), np.array([row.areas.mean(axis=0) for row in others])
    reached = [
        verdict(f"{network}, deletion", mine[0], theirs[:, 0].min(), "{:.4f}".format, True),
        verdict(f"{network}, insertion", mine[1], theirs[:, 1].max(), "{:.4f}".format, False),
    ]
    if ours.hits:
        share = float(np.mean(ours.hits))
        what = f"pointing on {len(ours.hits)} scenes"
        reached.append(verdict(what, share, POINTING_BAR, percent, False))
    return all(reached)


def arguments_of() -> argparse.Namespace:
    flags = parser(__doc__)
    flags.add_argument("--only", nargs="+", choices=list(EXPLAINERS), default=list(EXPLAINERS))
    flags.add_argument("--networks", nargs="+", choices=NETWORKS, default=list(NETWORKS))
    flags.add_argument("--pictures", type=int, default=24)
    flags.add_argument("--scenes", type=int, default=300)
    flags.add_argument("--calls", type=int, default=1000)
    flags.add_argument("--reference", type=int, default=8192, help="masks of a long run")
    flags.add_argument("--references", type=int, default=6, help="pictures that get a long run")
    flags.add_argument("--cache", type=Path, default=CACHE)
    flags.add_argument("--timings", type=int, default=3, help="pictures to take the time on")
    flags.add_argument("--draw", action="store_true", help="only from what is in the cache")
    flags.add_argument("--child", choices=[*EXPLAINERS, "timing"], help=argparse.SUPPRESS)
    return flags.parse_args()


def main() -> int:
    arguments = arguments_of()
    os.environ["TQDM_DISABLE"] = "1"
    warnings.simplefilter("ignore")
    needed(arguments.shared / "models" / "mobilenet_v2_imagenet.onnx")
    if arguments.child == "timing":
        timing(arguments)
        return 0
    if arguments.child is not None:
        child(arguments)
        return 0
    start(arguments)
    missing = {name: reason for name in arguments.only if (reason := lacking(name))}
    if not arguments.draw:
        for name in (*arguments.only, "timing"):
            if name not in missing:
                command = [sys.executable, __file__, *sys.argv[1:], "--child", name]
                if subprocess.run(command, check=False).returncode:
                    missing[name] = "it failed, see above"
    tables = [
        (
            f"Long runs of {arguments.reference:,} masks for {arguments.references} photographs; "
            "what is empty was not measured. Tables made on:"
        ),
        "",
        "```",
        machine().strip(),
        "```",
    ]
    good = True
    for network in arguments.networks:
        found = [measure(name, network, arguments) for name in EXPLAINERS]
        rows = [row for row in found if row is not None]
        if not rows:
            print(f"{network}: no maps yet")
            return 1
        tables += ["", table(network, rows, missing, arguments).rstrip()]
        if network == arguments.networks[0]:
            figure(network, rows)
        good &= verdicts(network, rows)
    text = "\n".join(tables) + "\n"
    print(text)
    page = PAGE.read_text("utf-8")
    before, _, rest = page.partition(BEGIN)
    PAGE.write_text(before + BEGIN + "\n" + text + "\n" + END + rest.partition(END)[2], "utf-8")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
