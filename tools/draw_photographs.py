"""Draw the photographs of README.md and docs/reading.md.

    python tools/draw_photographs.py MODEL LABELS

MODEL is MobileNetV2 of ImageNet with 1,001 classes, as ONNX, whose pixels go from -1 to 1, and
LABELS its labels, one a line. The photographs come with scikit-image: "chelsea" and "coffee" are
CC0 by their photographers Stefan van der Walt and Rachel Michetti, "rocket" is in the public
domain (SpaceX).
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image
from skimage import data

import unmask
from unmask.draw.canvas import INK, Canvas, pixels, styled
from unmask.draw.panels import Evidence, paint, panel
from unmask.draw.scale import Look
from unmask.estimate.uncertainty import format_reliability

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from unmask.draw.panels import Panel
    from unmask.models.model import Model
    from unmask.run.explanation import Explanation

IMAGES = Path(__file__).resolve().parents[1] / "docs" / "images"
WIDTH, GAP, CAPTION = 400, 16, 24  # pixels; shown at half their size

Item = tuple[str, "Explanation", int, "Panel", dict[str, Any]]


def main(model: str, labels: str) -> None:
    """Draw them all, and say what each shows."""
    loaded = unmask.load(model, labels=labels, preprocess="tf", resize="crop")
    first(loaded)
    reading(loaded)


def first(model: Model) -> None:
    """The README's first picture: a photograph, the paper's RISE, unmask's, and how sure it is."""
    rows = []
    for name, target in (("rocket", "missile"), ("coffee", "espresso")):
        ours = unmask.explain(model, photograph(name), target, masks=512)
        paper = unmask.explain(
            model, photograph(name), target, masks=512, design="random", estimator="paper"
        )
        say(name, ours, paper)
        rows.append(
            [
                item(f"{target}, score {ours.targets[0].score:.2f}", ours, "picture"),
                item("RISE as published, 512 masks", paper),
                item(f"unmask, 512 masks: {sure(ours)}", ours),
                item("its standard error: white is none", ours, "stderr"),
            ]
        )
    write("photographs", rows)


def reading(model: Model) -> None:
    """The six pictures of docs/reading.md."""
    coffee, cat = photograph("coffee"), photograph("chelsea")
    espresso = unmask.explain(model, coffee, "espresso", masks=1000)
    save(espresso.plot(), "reading-parts")

    pair = unmask.contrast("Egyptian cat", "tiger cat")
    cats = unmask.explain(model, cat, ["Egyptian cat", "tiger cat", pair], masks=4000)
    say("chelsea", cats)
    names = ("Egyptian cat", "tiger cat", "Egyptian rather than tiger cat")
    write(
        "reading-against",
        [
            [item("picture", cats, "picture")]
            + [item(name, cats, number=number) for number, name in enumerate(names)]
        ],
    )

    few = [
        unmask.explain(model, coffee, "espresso", masks=masks) for masks in (64, 256, 1024, 4096)
    ]
    say("coffee", *few)
    write(
        "reading-sure",
        [
            [item(f"{run.masks:,} masks: {sure(run)}", run, "significant") for run in few],
            [item("standard error", run, "stderr") for run in few],
        ],
    )

    tiger = cats.find("tiger cat")
    write(
        "reading-scale",
        [
            [
                item("from no influence", cats, "map", number=tiger),
                item("from the least value", cats, "map", number=tiger, style="heat"),
                item("from no influence", cats, number=tiger),
                item("from the least value", cats, number=tiger, style="heat"),
            ]
        ],
    )

    fills = ("mean", "black", "blur", "noise")
    filled = [unmask.explain(model, cat, "Egyptian cat", fill=fill, masks=2000) for fill in fills]
    say("fills", *filled)
    write(
        "reading-fills",
        [[item(f"fill {fill}", run) for fill, run in zip(fills, filled, strict=True)]],
    )

    absent = unmask.explain(model, coffee, ["espresso", "teapot", "goldfish"], masks=2000)
    say("absent", absent)
    write(
        "reading-absent",
        [
            [item("picture", absent, "picture")]
            + [
                item(f"{one.label.split(',')[0]}, score {one.score:.2g}", absent, number=number)
                for number, one in enumerate(absent.targets)
            ]
        ],
    )


def photograph(name: str) -> np.ndarray[Any, np.dtype[np.uint8]]:
    return np.asarray(getattr(data, name)())


def item(
    caption: str, explanation: Explanation, kind: Panel = "overlay", number: int = 0, **look: Any
) -> Item:
    return caption, explanation, number, kind, look


def sure(explanation: Explanation) -> str:
    return f"reliability {format_reliability(explanation.reliability)}"


def say(name: str, *runs: Explanation) -> None:
    for run in runs:
        scores = ", ".join(f"{one.label} {one.score:.4f}" for one in run.targets)
        levels = ", ".join(f"{level:.4f}" for level in run.levels)
        print(f"{name}: {run.masks} masks, {scores}; level {levels}; {run.reliabilities}")


@styled()
def write(name: str, rows: list[list[Item]]) -> None:
    """Put panels with their captions on white."""
    height, width = rows[0][0][1].picture.shape[:2]  # type: ignore[union-attr]
    tall = round(WIDTH * height / width)
    across, step = max(map(len, rows)), tall + CAPTION + GAP
    canvas = Canvas(across * (WIDTH + GAP) + GAP, len(rows) * step + GAP)
    for y, row in enumerate(rows):
        for x, (caption, explanation, number, kind, look) in enumerate(row):
            left, top = GAP + x * (WIDTH + GAP), GAP + y * step
            canvas.write(left, top, caption, CAPTION - 4, INK, WIDTH)
            shown = panel(kind, evidence(explanation, number, look), 2 * WIDTH)
            size = explanation.maps.shape[1:]
            paint(canvas.axes(left, top + CAPTION, WIDTH, tall - 8), shown, size)
    save(canvas.figure, name)


def evidence(explanation: Explanation, number: int, look: dict[str, Any]) -> Evidence:
    assert explanation.picture is not None
    return Evidence(
        explanation.picture,
        explanation.maps[number],
        explanation.scaled(number, Look(**look)),
        stderr=lambda: explanation.influence_stderr(number),
        significant=lambda: explanation.significant(number),
    )


def save(figure: Figure, name: str) -> None:
    path = IMAGES / f"{name}.jpg"
    Image.fromarray(pixels(figure)).save(path, quality=88, subsampling=0, optimize=True)
    print(f"{path.name}: {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main(*sys.argv[1:])
