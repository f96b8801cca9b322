"""Draw the pictures of docs/gallery.md from the demo's scenes.

python tools/draw_gallery.py
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

import unmask
from unmask.draw.canvas import GRAY, Canvas, pixels, styled
from unmask.draw.colormap import COLORMAPS
from unmask.draw.scale import Look, gray
from unmask.estimate.uncertainty import format_reliability

if TYPE_CHECKING:
    from unmask.run.explanation import Explanation

IMAGES = Path(__file__).resolve().parents[1] / "docs" / "images"
WIDTH, GAP, CAPTION = 240, 10, 24  # pixels

Panel = tuple[str, Image.Image]


def main() -> None:
    """Draw them all, and say how large they are together."""
    total = 0
    for name, rows in {
        "objects": objects(),
        "settling": settling(),
        "grids": grids(),
        "fills": fills(),
        "why-not": why_not(),
        "colors": colors(),
    }.items():
        # Maps are smooth: 256 colors would show steps.
        path = IMAGES / f"gallery-{name}.jpg"
        sheet(rows).convert("RGB").save(path, quality=90, subsampling=0, optimize=True)
        total += path.stat().st_size
        print(f"{path.name}: {path.stat().st_size:,} bytes")
    print(f"together {total:,} bytes")


def objects() -> list[list[Panel]]:
    """Every demo picture, and its best classes from one pass."""
    rows = []
    for path in unmask.demo.pictures().values():
        explanation = unmask.explain("demo", path, "top:3", masks=2000)
        rows.append([(path.stem, picture(explanation)), *maps(explanation)])
    return rows


def settling() -> list[list[Panel]]:
    """One map as masks accumulate, and how sure it is."""
    few = [explained("night", "heart", masks=masks) for masks in (128, 512, 2048, 8192)]
    high = max(float(one.influence_stderr().max()) for one in few)
    return [
        [(f"{one.masks:,} masks", one.overlay()) for one in few],
        [(f"reliability {format_reliability(one.reliability)}", doubt(one, high)) for one in few],
    ]


def grids() -> list[list[Panel]]:
    """Coarse cells find the object; fine ones its parts, for more masks."""
    sizes = ((4, 1000), (8, 2000), (12, 6000), (16, 12000))
    return [
        [
            (f"grid {grid}", explained("market", "moon", masks=masks, grid=grid).overlay())
            for grid, masks in sizes
        ]
    ]


def fills() -> list[list[Panel]]:
    """What hidden parts look like is part of the question."""
    words = ("mean", "black", "blur", "noise")
    return [[(f"fill {fill}", explained("garden", None, fill=fill).overlay()) for fill in words]]


def why_not() -> list[list[Panel]]:
    """A contrast asks why this and not that."""
    pair = unmask.contrast("heart", "star")
    targets = ["heart", "star", pair]
    explanation = unmask.explain("demo", unmask.demo.pictures()["street"], targets, masks=2000)
    names = ("heart", "star", "heart rather than star")
    overlays = [(name, explanation.overlay(number)) for number, name in enumerate(names)]
    return [[("street", picture(explanation)), *overlays]]


def colors() -> list[list[Panel]]:
    """Those that begin at no influence, those that survive gray print, and older ones."""
    explanation = explained("street", "triangle")
    panels: list[Panel] = []
    for name in COLORMAPS:
        shown = explanation.scaled(0, Look(cmap=name)).colors(explanation.map)
        panels.append((name, Image.fromarray(shown)))
    return [panels[:4], panels[4:]]


def explained(name: str, target: str | None, **settings: object) -> Explanation:
    """Explain one of the demo's pictures."""
    settings = {"masks": 2000, **settings}
    return unmask.explain("demo", unmask.demo.pictures()[name], target, **settings)  # type: ignore[arg-type]


def picture(explanation: Explanation) -> Image.Image:
    assert explanation.picture is not None
    return Image.fromarray(explanation.picture)


def maps(explanation: Explanation) -> list[Panel]:
    return [
        (f"{target.label} {target.score:.2f}", explanation.overlay(number))
        for number, target in enumerate(explanation.targets)
    ]


def doubt(explanation: Explanation, high: float) -> Image.Image:
    return Image.fromarray(gray(explanation.influence_stderr() / high))


@styled()
def sheet(rows: list[list[Panel]]) -> Image.Image:
    """Rows of panels with their captions, on white."""
    first = rows[0][0][1]
    height = round(WIDTH * first.height / first.width)
    across = max(map(len, rows))
    canvas = Canvas(across * (WIDTH + GAP) + GAP, len(rows) * (height + CAPTION + GAP) + GAP)
    for y, row in enumerate(rows):
        for x, (caption, _) in enumerate(row):
            left, top = place(x, y, height)
            canvas.write(left, top + height + 5, caption, 15, GRAY, WIDTH)
    drawn = Image.fromarray(pixels(canvas.figure))
    for y, row in enumerate(rows):
        for x, (_, one) in enumerate(row):
            scaled = one.convert("RGB").resize((WIDTH, height), Image.Resampling.LANCZOS)
            drawn.paste(scaled, place(x, y, height))
    return drawn


def place(x: int, y: int, height: int) -> tuple[int, int]:
    """Where a panel begins."""
    return GAP + x * (WIDTH + GAP), GAP + y * (height + CAPTION + GAP)


if __name__ == "__main__":
    main()
