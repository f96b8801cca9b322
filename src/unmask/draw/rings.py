"""Lines around parts of a picture as points of it, which need no library to be known or written."""

from __future__ import annotations

__all__ = ["Rings", "rectangle", "svg_path"]


Rings = tuple[tuple[tuple[float, float], ...], ...]
POINT = 0.012  # radius of a mark in a report, of the picture's longer side


def rectangle(corners: tuple[float, float, float, float]) -> Rings:
    """Return the line around a box.

    Examples
    --------
    >>> rectangle((1, 2, 5, 9))
    (((1, 2), (5, 2), (5, 9), (1, 9), (1, 2)),)
    """
    left, top, right, bottom = corners
    return (((left, top), (right, top), (right, bottom), (left, bottom), (left, top)),)


def svg_path(rings: Rings, size: tuple[int, int]) -> str:
    """Return the same as the path of an SVG, in the picture's pixels.

    Parameters
    ----------
    rings : tuple of rings
    size : (int, int)
        Height and width of the picture.

    Examples
    --------
    >>> svg_path((((1.0, 2.0), (3.5, 2.0), (1.0, 2.0)), ((9.0, 8.0),)), (50, 100))
    'M1 2L3.5 2L1 2M7.8 8a1.2 1.2 0 1 0 2.4 0a1.2 1.2 0 1 0 -2.4 0'
    """
    radius = POINT * max(size)
    parts = []
    for ring in rings:
        if len(ring) > 1:
            parts.append("M" + "L".join(f"{x:g} {y:g}" for x, y in ring))
            continue
        ((x, y),) = ring
        arcs = "".join(f"a{radius:g} {radius:g} 0 1 0 {way * 2 * radius:g} 0" for way in (1, -1))
        parts.append(f"M{x - radius:g} {y:g}{arcs}")
    return "".join(parts)
