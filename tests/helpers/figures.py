"""The usual figure of a map, with as little said as can be."""

from unmask.draw.figures import THREE, side_by_side
from unmask.draw.panels import Evidence
from unmask.draw.scale import Look

MEASURE = "importance"


def three_panels(picture, values, *, title="", subtitle="", box=None, level=None, **look):
    """Picture, map and overlay, by default in the style "heat", which needs no level."""
    scale = Look(**{"style": "heat"} | look).scale(values, level)
    evidence = Evidence(picture, values, scale, MEASURE, box=box)
    return side_by_side(THREE, evidence, title=title, subtitle=subtitle)
