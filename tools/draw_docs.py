"""Draw the pictures of README.md and docs/ from the embedded model and the demo's pictures.

python tools/draw_docs.py
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

import unmask
from unmask.draw.canvas import pixels
from unmask.inputs import encoding, images
from unmask.masks.grid import Masks
from unmask.reports.convergence import convergence

if TYPE_CHECKING:
    from matplotlib.figure import Figure

IMAGES = Path(__file__).resolve().parents[1] / "docs" / "images"
GAP = 8
RADIUS = ["mean radius", "mean perimeter", "mean area"]  # of one thing


def row(pictures: list[Image.Image], height: int) -> Image.Image:
    """Pictures side by side on white."""
    scaled = [p.resize((round(p.width * height / p.height), height)) for p in pictures]
    width = sum(p.width for p in scaled) + GAP * (len(scaled) - 1)
    canvas = Image.new("RGB", (width, height), "white")
    left = 0
    for picture in scaled:
        canvas.paste(picture, (left, 0))
        left += picture.width + GAP
    return canvas


def column(pictures: list[Image.Image]) -> Image.Image:
    """Pictures below each other on white."""
    height = sum(p.height for p in pictures) + GAP * (len(pictures) - 1)
    canvas = Image.new("RGB", (max(p.width for p in pictures), height), "white")
    top = 0
    for picture in pictures:
        canvas.paste(picture, (0, top))
        top += picture.height + GAP
    return canvas


def resized(figure: Figure) -> Image.Image:
    """A figure as it is shown on a page."""
    drawn = Image.fromarray(pixels(figure))
    return drawn.resize((1200, 1200 * drawn.height // drawn.width), Image.Resampling.LANCZOS)


def of_a_row() -> unmask.Explanation:
    """A tumor and what a logistic regression made of it, on scikit-learn's own data."""
    from sklearn.datasets import load_breast_cancer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    data = load_breast_cancer(as_frame=True)
    known, kinds = data.data[:400], data.target_names[data.target[:400]]
    fitted = make_pipeline(StandardScaler(), LogisticRegression(C=0.05)).fit(known, kinds)
    given = unmask.row(data.data.iloc[444], known, groups={"radius": RADIUS})
    return unmask.explain(fitted, given, masks=8000)


def main() -> None:
    IMAGES.mkdir(parents=True, exist_ok=True)
    street = unmask.demo.pictures()["street"]
    explanation = unmask.explain("demo", street, "top:4")
    labels = [target.label for target in explanation.targets]
    encoding.write(IMAGES / "explanation.png", resized(explanation.plot("heart")))
    encoding.write(
        IMAGES / "targets.png", row([explanation.overlay(label) for label in labels], 216)
    )
    print("targets.png:", ", ".join(labels))

    picture = images.read(street)
    masks = Masks(picture.shape[:2], grid=8)
    block = masks.block(0)
    drawn = [masks.render(block[i : i + 1])[0, :, :, None] for i in (0, 1, 2, 4)]
    shown = [Image.fromarray(np.uint8(mask[:, :, 0] * 255)).convert("RGB") for mask in drawn]
    hidden = [Image.fromarray(np.uint8(127.5 + mask * (picture - 127.5))) for mask in drawn]
    settling = unmask.explain(
        "demo", street, "heart", masks=7000, design="random", estimator="paper"
    )
    encoding.write(IMAGES / "convergence.png", resized(convergence(settling)))
    encoding.write(IMAGES / "masks.png", column([row(shown, 216), row(hidden, 216)]))

    encoding.write(IMAGES / "row.png", resized(of_a_row().plot(certainty=True)))

    few = [unmask.explain("demo", street, "heart", masks=n) for n in (256, 1024, 4096)]
    paper = [
        unmask.explain("demo", street, "heart", masks=n, design="random", estimator="paper")
        for n in (256, 1024, 4096)
    ]
    encoding.write(
        IMAGES / "settling.png",
        column([row([e.overlay() for e in maps], 216) for maps in (paper, few)]),
    )
    for name, maps in (("paper", paper), ("default", few)):
        print(name, [f"{e.masks}: {e.reliability:.3f}" for e in maps])


if __name__ == "__main__":
    main()
