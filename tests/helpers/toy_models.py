"""Models of a line or two, and the pictures that they are asked about."""

import numpy as np

import unmask
from unmask.models.detections import Detections

# 18 x 27, noise: `bright` looks at a patch of it.
NOISE = np.random.default_rng(0).integers(0, 256, (18, 27, 3), np.uint8)


def bright(batch):
    """Brightness of a patch, (n, 1): row by row, so that a score has the same bits in any batch."""
    return np.array([[one[4:11, 6:16].mean(dtype=np.float64) / 255] for one in batch])


def bright_and_squared(batch):
    """Two classes, (n, 2): the brightness of a patch, and its square."""
    one = bright(batch)[:, 0]
    return np.stack([one, one**2], axis=1)


def explained(checkpoint, model=bright, **settings):
    """Explain the noise, quickly, with a checkpoint."""
    chosen = {"masks": 150, "grid": (3, 4), "batch_size": 16, **settings}
    return unmask.explain(model, NOISE, 0, checkpoint=checkpoint, **chosen)


def slopes():
    """Return a picture of 12 x 20 that no axis is mistaken in, with small and large numbers."""
    y, x = np.mgrid[:12, :20]
    return np.stack([3 + 6 * y, 6 + 12 * x, 246 - 3 * y], axis=-1).clip(0, 255).astype(np.uint8)


def random_detections(rng, m, classes=5):
    """Draw `m` detections with boxes of any place and size."""
    corners = rng.uniform(-20, 80, (m, 2))
    boxes = np.concatenate([corners, corners + rng.uniform(1, 60, (m, 2))], axis=1)
    return Detections(boxes, rng.random((m, classes)), rng.random(m))


def two_patches(batch):
    """Brightness of two patches of a picture of 12 x 20, (n, 2)."""
    return (
        np.stack(
            [batch[:, 2:5, 12:17].mean(axis=(1, 2, 3)), batch[:, 8:11, 3:8].mean(axis=(1, 2, 3))],
            axis=1,
        )
        / 255
    )


def plain_iou(a, b):
    """Intersection over union of two boxes, in plain Python."""
    width = max(0, min(a[2], b[2]) - max(a[0], b[0]))
    height = max(0, min(a[3], b[3]) - max(a[1], b[1]))
    union = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - width * height
    return width * height / union
