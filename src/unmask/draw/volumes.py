"""Figures of a volume's map: three planes through its peak, and slices through the whole of it.

Lengths are pixels, as in `unmask.draw.figures`. Where the volume says where its axes point to,
planes lie as radiologists are used to them: up and front are above, and the patient's right is on
the left.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from unmask.draw import color_bar
from unmask.draw.canvas import GRAY, INK, PAPER, RULE, Canvas, font, points, styled
from unmask.draw.colormap import AGAINST, FOR
from unmask.draw.figures import CAPTION, MARGIN, check_panel, head, write_axes_title, write_head
from unmask.draw.panels import bar_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from unmask.draw.scale import Scale

__all__ = ["PANELS", "Solid", "VolumePanel", "draw_panel", "draw_volume"]

VolumePanel = Literal["overlay", "significant", "map"]
PANELS: tuple[VolumePanel, ...] = get_args(VolumePanel)

WIDTH = 1600
PLANE, SLICE = 440, 240  # longest sides
GAP, WORDS = 24, 30
SLICES = 12  # of the montage, in two rows
DISPLAYED = (0.5, 99.5)  # percentiles of the values from black to white, without a window
LINE = 2.5
# Where the ends of a plane's axes are: above, and on the left.
ABOVE, LEFT = "SA", "RA"
NAMES = {"RL": "sagittal", "AP": "coronal", "IS": "axial"}


@dataclass(frozen=True, eq=False)
class Solid:
    """A map of a volume, with all that is drawn of it.

    Attributes
    ----------
    volume : float array, shape (d, h, w)
    codes : str
        Where the axes point to, such as "RAS"; empty if not known.
    spacing : (float, float, float)
        Of voxels.
    affine : ndarray, shape (4, 4), or None
        From voxels to millimeters, where they are known.
    window : (float, float) or None
        Values from black to white.
    values : float array, shape (d, h, w)
        The map.
    scale : Scale
        What its colors stand for.
    measure : str
        What the values are.
    stderr : callable
        Returns the standard error of the map less its level, of the map's shape.
    significant : callable
        Returns where the map differs from no influence, bool of the map's shape.
    """

    volume: NDArray[Any]
    codes: str
    spacing: tuple[float, ...]
    affine: NDArray[Any] | None
    window: tuple[float, float] | None
    values: NDArray[Any]
    scale: Scale
    measure: str
    stderr: Callable[[], NDArray[Any]]
    significant: Callable[[], NDArray[np.bool_]]

    @cached_property
    def peak(self) -> tuple[int, ...]:
        """The voxel with the most influence for the target."""
        return tuple(int(i) for i in np.unravel_index(self.values.argmax(), self.values.shape))

    @cached_property
    def gray(self) -> NDArray[np.uint8]:
        """The volume from black to white."""
        if self.window is None:
            low, high = np.percentile(self.volume, DISPLAYED)
        else:
            low, high = self.window
        share = (self.volume - low) / ((high - low) or 1.0)
        return np.asarray(np.rint(255 * np.clip(share, 0, 1)), np.uint8)

    @property
    def stacked(self) -> int:
        """The axis along which slices are shown: up and down in the body, else the first."""
        return next((i for i, code in enumerate(self.codes) if code in "IS"), 0)

    def sides(self, axis: int) -> tuple[int, int]:
        """Return which axes are upright and across in the plane through an axis."""
        one, other = (i for i in range(3) if i != axis)
        upright = self.codes and self.codes[other] in "IS"
        front = self.codes and self.codes[one] in "RL" and self.codes[other] in "AP"
        return (other, one) if upright or front else (one, other)

    def plane(self, array: NDArray[Any], axis: int, place: int) -> NDArray[Any]:
        """Return one plane of something of the volume's shape, as it is drawn."""
        rows, columns = self.sides(axis)
        cut = array.take(place, axis=axis)
        cut = cut if rows < columns else cut.T
        over = tuple(i for i, one in enumerate(self._over(rows, columns)) if one)
        return np.asarray(np.flip(cut, over))

    def at(self, axis: int) -> tuple[float, float]:
        """Return row and column of the peak in a plane as it is drawn."""
        axes = self.sides(axis)
        found = [
            self.values.shape[one] - 1 - self.peak[one] if over else self.peak[one]
            for one, over in zip(axes, self._over(*axes), strict=True)
        ]
        return found[0], found[1]

    def _over(self, rows: int, columns: int) -> tuple[bool, bool]:
        """Whether a plane's rows and columns are turned over."""
        if not self.codes:
            return False, False
        return self.codes[rows] in ABOVE, self.codes[columns] in LEFT

    def extent(self, axis: int) -> tuple[float, float]:
        """Return height and width of a plane, in the unit of the spacing."""
        rows, columns = self.sides(axis)
        shape = self.volume.shape
        return shape[rows] * self.spacing[rows], shape[columns] * self.spacing[columns]

    def over(self, axis: int, place: int, values: NDArray[Any] | None = None) -> NDArray[np.uint8]:
        """Return a plane with the map laid over it, shape (rows, columns, 3)."""
        under = np.repeat(self.plane(self.gray, axis, place)[..., None], 3, axis=-1)
        shown = self.values if values is None else values
        return self.scale.lay(under, self.plane(shown, axis, place))

    def name(self, axis: int) -> str:
        """Name a plane: axial, or by its axis."""
        if not self.codes:
            return f"axis {axis}"
        return next(name for pair, name in NAMES.items() if self.codes[axis] in pair)

    @property
    def words(self) -> str:
        """Where the peak is."""
        found = f"peak at voxel {', '.join(map(str, self.peak))}"
        if self.affine is None:
            return found
        place = self.affine[:3] @ [*self.peak, 1]
        return f"{found}, at {', '.join(f'{one:.4g}' for one in place)} mm"


@styled()
def draw_volume(
    evidence: Solid, *, title: str, subtitle: str = "", certainty: bool = False
) -> Figure:
    """Draw the planes through the peak, with the map over them, and slices under them.

    Parameters
    ----------
    evidence : Solid
    title, subtitle : str
        One line each; what does not fit is cut short with an ellipsis.
    certainty : bool, default False
        Draw lines around where the influence differs from none, 95%.

    Returns
    -------
    matplotlib.figure.Figure
        1,600 pixels wide.
    """
    across, top = WIDTH - 2 * MARGIN, head(subtitle)
    caption_y, top = top + 12, top + CAPTION + 30
    planes = [evidence.extent(axis) for axis in range(3)]
    unit = min(
        PLANE / max(max(one) for one in planes), (across - 2 * GAP) / sum(w for _, w in planes)
    )
    high = max(tall for tall, _ in planes) * unit
    tall, wide = evidence.extent(evidence.stacked)
    places = _places(evidence)
    columns = -(-len(places) // 2)
    small = min((across - (columns - 1) * GAP / 2) / columns / wide, SLICE / tall)
    rows = -(-len(places) // columns)
    body = high + WORDS + GAP + rows * (tall * small + WORDS)
    canvas = Canvas(WIDTH, round(top + body + GAP + color_bar.HEIGHT + MARGIN // 2))
    write_head(canvas, title, subtitle)
    canvas.write(MARGIN, caption_y, _caption(evidence, certainty), CAPTION, GRAY, across)
    left: float = MARGIN
    for axis, (height, width) in enumerate(planes):
        ax = canvas.axes(left, top, width * unit, height * unit)
        _plane(ax, evidence, axis, evidence.peak[axis], certainty=certainty)
        _cross(ax, evidence, axis)
        words = f"{evidence.name(axis)}, slice {evidence.peak[axis]}"
        canvas.write(left, top + high + 6, words, CAPTION, GRAY, width * unit + GAP)
        left += width * unit + GAP
    start = top + high + WORDS + GAP
    for number, place in enumerate(places):
        left = MARGIN + number % columns * (wide * small + GAP / 2)
        down = start + number // columns * (tall * small + WORDS)
        ax = canvas.axes(left, down, wide * small, tall * small)
        _plane(ax, evidence, evidence.stacked, place, certainty=certainty)
        canvas.write(left, down + tall * small + 4, str(place), 18, GRAY, wide * small)
    bar_top = start + rows * (tall * small + WORDS) + GAP
    bar = bar_of(evidence.scale, evidence.measure)
    color_bar.color_bar(canvas, MARGIN, bar_top, across / 2, bar)
    return canvas.figure


def draw_panel(ax: Axes, name: VolumePanel, evidence: Solid, *, title: str) -> Figure:
    """Draw the slice through the peak into axes of a user's figure.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    name : {"overlay", "significant", "map"}
        The map over the slice, what of it is significant, or its colors alone.
    evidence : Solid
    title : str

    Returns
    -------
    matplotlib.figure.Figure
        That of `ax`.

    Raises
    ------
    SettingError
        `ax` is no axes, or there is no such panel.
    """
    figure = check_panel(ax, name, PANELS, "a volume")
    axis = evidence.stacked
    place = evidence.peak[axis]
    if name == "map":
        colors = evidence.scale.colors(evidence.plane(evidence.values, axis, place))
        _show(ax, evidence, axis, colors)
    else:
        level = evidence.scale.level or 0.0
        sure = np.where(evidence.significant(), evidence.values, level)
        shown = evidence.values if name == "overlay" else sure
        _show(ax, evidence, axis, evidence.over(axis, place, shown))
    write_axes_title(ax, figure, title)
    return figure


def _places(evidence: Solid) -> list[int]:
    """Return the slices of the montage, evenly through the volume."""
    count = evidence.volume.shape[evidence.stacked]
    few = min(SLICES, count)
    return [*map(int, (np.arange(few) + 0.5) * (count / few))]


def _caption(evidence: Solid, certainty: bool) -> str:
    parts = [evidence.words]
    if evidence.codes:
        parts.append("the patient's right is on the left")
    if certainty:
        parts.append("lines: differs from no influence, 95%")
    return ", ".join(parts)


def _show(ax: Axes, evidence: Solid, axis: int, pixels: NDArray[np.uint8]) -> None:
    rows, columns = evidence.sides(axis)
    aspect = evidence.spacing[rows] / evidence.spacing[columns]
    ax.imshow(pixels, aspect=aspect, interpolation="nearest")
    ax.set_xticks([])
    ax.set_yticks([])
    ax.spines[:].set(color=RULE, linewidth=points(2))


def _plane(ax: Axes, evidence: Solid, axis: int, place: int, *, certainty: bool) -> None:
    _show(ax, evidence, axis, evidence.over(axis, place))
    if not certainty:
        return
    there = evidence.plane(evidence.significant(), axis, place)
    above = evidence.plane(evidence.values, axis, place) > (evidence.scale.level or 0.0)
    for where, inks in ((there & above, FOR), (there & ~above, AGAINST)):
        if where.any() and not where.all() and min(where.shape) > 1:
            color = np.asarray(inks[-1]) / 255.0
            ax.contour(where.astype(float), [0.5], colors=[color], linewidths=points(LINE))


def _cross(ax: Axes, evidence: Solid, axis: int) -> None:
    """Draw a cross at the peak that leaves the peak free, and name the ends of the axes."""
    row, column = evidence.at(axis)
    # A dark line under a light one shows on any gray.
    for color, width in ((INK, 4), (PAPER, 1.5)):
        look: Any = {"color": color, "linewidth": points(width), "alpha": 0.6}
        for ends in _around(ax.get_xlim(), column):
            ax.axhline(row, *ends, **look)
        for ends in _around(ax.get_ylim(), row):
            ax.axvline(column, *ends, **look)
    if not evidence.codes:
        return
    rows, columns = (evidence.codes[one] for one in evidence.sides(axis))
    for code, at in ((rows, (0.5, 0.96)), (columns, (0.04, 0.5))):
        letter = code if code in "SRA" else {"I": "S", "L": "R", "P": "A"}[code]
        ax.text(*at, letter, transform=ax.transAxes, ha="center", va="center", color=PAPER,
            fontproperties=font(20))  # fmt: skip


def _around(limits: tuple[float, float], at: float) -> tuple[tuple[float, float], ...]:
    """Return the parts of an axis before and after a place, as shares, with a gap around it."""
    share = (at - limits[0]) / (limits[1] - limits[0])
    return (0.0, max(0.0, share - 0.06)), (min(1.0, share + 0.06), 1.0)
