"""JSON values as nobody should send them; `abuse.py` and the tests of the page send them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

NAMES = ("targets", "settings", "masks", "grid", "keep", "fill", "seed", "text", "name", "model")


def value(rng: np.random.Generator, depth: int = 0) -> Any:
    """Draw any JSON value, often near what is expected."""
    some: list[Any] = [None, True, False, "", "\ud800", "top:3", "mean", "#12345", "🦊" * 99, "0"]
    match int(rng.integers(0, 9 if depth < 5 else 6)):
        case 0:
            return some[rng.integers(0, len(some))]
        case 1:
            return int(rng.integers(-3, 2000))
        case 2:
            return float(rng.normal() * 10.0 ** rng.integers(-300, 300))
        case 3:
            return 10 ** int(rng.integers(0, 400))
        case 4:
            return "".join(map(chr, rng.integers(1, 0xD7FF, rng.integers(0, 400))))
        case 5:
            return str(rng.integers(0, 12))
        case 6:
            return [value(rng, depth + 1) for _ in range(rng.integers(0, 12))]
        case _:
            return {NAMES[i]: value(rng, depth + 1) for i in rng.integers(0, len(NAMES), 4)}
