"""A volume as the user gives it: voxels, and where they lie in the body."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from unmask._base.checks import is_number, is_whole
from unmask._base.files import expanded
from unmask._base.spelling import named
from unmask.errors import SettingError
from unmask.inputs.dicom import read_dicom
from unmask.inputs.series_files import reading
from unmask.inputs.volume_files import SUFFIXES, Voxels

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

__all__ = ["Volume", "codes_of", "of_voxels", "volume"]

PAIRS = ("LR", "PA", "IS")  # of each direction of the body, its negative and its positive end
OBLIQUE = 5.0  # degrees


@dataclass(frozen=True, eq=False)
class Volume:
    """A volume, and how a model gets it; made by `volume`.

    Attributes
    ----------
    values : ndarray of float32, shape (d, h, w)
        In the file's own order of axes.
    affine : ndarray of float64, shape (4, 4), or None
        From voxels to millimeters, right, front and up; None where nobody said.
    spacing : (float, float, float) or None
        Millimeters between voxels, along each axis; None where it is not known.
    window : (float, float) or None
        Values that the model gets as 0 and 1; None leaves them as they are.
    orientation : str
        Where the axes point to that the model gets, such as "RAS"; empty for the volume's own.
    part : int or None
        Of a file of four axes, which.
    path : str
        Of the file or folder that it was read from; empty if there was none.
    """

    values: NDArray[np.float32]
    affine: NDArray[np.float64] | None = None
    spacing: tuple[float, ...] | None = None
    window: tuple[float, float] | None = None
    orientation: str = ""
    part: int | None = None
    path: str = ""

    @property
    def codes(self) -> str:
        """Where each axis points to, as "RAS" for right, front and up; empty if not known."""
        return "" if self.affine is None else codes_of(self.affine)

    @property
    def said(self) -> dict[str, Any]:
        """What was said of it, as arguments of `volume`, where that is not usual."""
        said = {"window": self.window, "orientation": self.orientation, "part": self.part}
        return {name: value for name, value in said.items() if value not in (None, "")}

    def __str__(self) -> str:
        """Return its file's name, or its size, by which people know it."""
        sizes = " x ".join(map(str, self.values.shape))
        return named(Path(self.path).name) if self.path else f"volume of {sizes}"

    def windowed(self) -> NDArray[np.float32]:
        """Return its values as the model gets them, in the volume's own order of axes."""
        if self.window is None:
            return self.values
        low, high = self.window
        return np.asarray(np.clip((self.values - low) / (high - low), 0, 1), np.float32)

    def turned(self, values: NDArray[Any]) -> NDArray[Any]:
        """Bring something of its shape into the order of axes that the model gets."""
        order, flips = self._turn
        return np.flip(values.transpose(order), flips)

    def turned_back(self, values: NDArray[Any]) -> NDArray[Any]:
        """Undo `turned`."""
        order, flips = self._turn
        return np.flip(values, flips).transpose(np.argsort(order))

    @property
    def _turn(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Which of its axes comes first, second and third, and which of those are turned over."""
        if not self.orientation:
            return (0, 1, 2), ()
        own = self.codes
        order, flips = [], []
        for place, letter in enumerate(self.orientation):
            pair = next(pair for pair in PAIRS if letter in pair)
            axis = next(i for i, code in enumerate(own) if code in pair)
            order.append(axis)
            if own[axis] != letter:
                flips.append(place)
        return tuple(order), tuple(flips)


def volume(
    given: ArrayLike | str | os.PathLike[str],
    *,
    window: Sequence[float] | None = None,
    orientation: str | None = None,
    part: int | None = None,
    spacing: Sequence[float] | None = None,
    affine: ArrayLike | None = None,
) -> Volume:
    """Say that numbers are a volume, and how a model gets it.

    Parameters
    ----------
    given : array of numbers or path-like
        A NIfTI file (.nii, .nii.gz), a folder of DICOM slices, a TIFF stack or an .npy file; or an
        array of three axes. Axes are in the file's own order: that of nibabel for NIfTI, slices,
        rows and columns for DICOM and TIFF.
    window : (float, float), optional
        Values that the model gets as 0 and 1, as a window of a CT; what lies beyond is clipped.
        By default values are as they are.
    orientation : str, optional
        Where the axes point to that the model gets, by three letters: right or left, anterior or
        posterior, superior or inferior, as in "RAS". Axes are exchanged and turned over, and
        nothing is resampled. Maps come back in the volume's own order.
    part : int, optional
        Of a file of four axes, which along the last one, counted from 0.
    spacing : (float, float, float), optional
        Millimeters between the voxels of an array.
    affine : array_like, shape (4, 4), optional
        Where the voxels of an array lie, as nibabel has it.

    Returns
    -------
    Volume
        For `unmask.explain`, in the place of a picture.

    Raises
    ------
    SettingError
        No three axes, values that are no finite numbers, or an argument that does not fit.
    FileError
        The file cannot be read, or slices are missing.
    MissingExtra
        What reads the file is not installed.

    Examples
    --------
    >>> import numpy as np
    >>> import unmask
    >>> def bright(batch):  # (n, 12, 16, 20): how bright one corner is
    ...     return batch[:, :6, :8, :10].mean(axis=(1, 2, 3))
    >>> values = 1 + np.random.default_rng(0).random((12, 16, 20))
    >>> given = unmask.volume(values, spacing=(3, 1, 1))
    >>> explanation = unmask.explain(bright, given, 0, masks=512, grid=4, fill="zero")
    >>> explanation.map.shape, bool(explanation.map[2, 3, 4] > explanation.map[9, 12, 15])
    ((12, 16, 20), True)
    """
    path = ""
    if isinstance(given, str | os.PathLike):
        for name, value in (("spacing", spacing), ("affine", affine)):
            if value is not None:
                raise SettingError(f"{name}= is for an array: a file says it itself; leave it out")
        path, place = os.fspath(given), expanded(given)
        what = "volume"
        voxels = read_dicom(place) if place.is_dir() else reading(given, SUFFIXES, what)
    else:
        voxels = Voxels(np.asarray(given), _affine(affine, spacing), _spacing(spacing))
    return of_voxels(voxels, window=window, orientation=orientation, part=part, path=path)


def of_voxels(
    voxels: Voxels,
    *,
    window: Sequence[float] | None = None,
    orientation: str | None = None,
    part: int | None = None,
    path: str = "",
) -> Volume:
    """Return the volume of what a file holds, checked; arguments as of `volume`."""
    name = named(Path(path).name) if path else "the volume"
    values = _three_axes(voxels.values, part, name)
    if values.dtype.kind not in "fiub":
        raise SettingError(f"{name} is of {values.dtype}: expected numbers")
    values = np.array(values, np.float32, order="C")
    bad = ~np.isfinite(values)
    if bad.any():
        raise SettingError(
            f"{name} has {bad.sum():,} voxels that are missing or infinite: fill them, as "
            "numpy.nan_to_num does"
        )
    affine, sides = voxels.affine, voxels.spacing
    if affine is not None:
        sides = tuple(np.linalg.norm(affine[:3, :3], axis=0).tolist())
    turned = (orientation or "").upper()
    made = Volume(values, affine, sides, _window(window), turned, part, path)
    _check_orientation(made, name)
    return made


def codes_of(affine: NDArray[Any]) -> str:
    """Return where each axis points to, the nearest direction of the body for oblique ones.

    Examples
    --------
    >>> codes_of(np.diag([-2.0, 2, 3, 1])), codes_of(np.eye(4)[[2, 0, 1, 3]])
    ('LAS', 'ASR')
    """
    directions = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    letters, free = [""] * 3, np.abs(directions)
    for _ in range(3):  # the clearest first, so that no direction is taken twice
        world, axis = np.unravel_index(free.argmax(), free.shape)
        letters[int(axis)] = PAIRS[int(world)][int(directions[world, axis] > 0)]
        free[world], free[:, axis] = -1, -1
    return "".join(letters)


def obliqueness(affine: NDArray[Any]) -> float:
    """Return by how many degrees axes lie beside the body's own, at most."""
    directions = np.abs(affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0))
    return float(np.degrees(np.arccos(np.clip(directions.max(axis=0).min(), 0, 1))))


def _three_axes(values: NDArray[Any], part: int | None, name: str) -> NDArray[Any]:
    if values.ndim > 3 and part is None:
        values = values.reshape(values.shape[:3] + tuple(n for n in values.shape[3:] if n != 1))
    if values.ndim == 4 and part is not None:
        count = values.shape[3]
        if not is_whole(part) or not 0 <= part < count:
            raise SettingError(f"part={part!r}: {name} has {count} parts, 0 to {count - 1}")
        return values[..., part]
    if part is not None:
        raise SettingError(f"part={part}: {name} has the shape {values.shape}, and no parts")
    if values.ndim == 4:
        raise SettingError(
            f"{name} has four axes, {values.shape}: say which part along the last one is "
            "explained, part=0 and so on; several channels are an array in the model's layout"
        )
    if values.ndim != 3 or min(values.shape) < 1:
        raise SettingError(f"{name} has the shape {values.shape}: expected three axes")
    return values


def _window(given: Sequence[float] | None) -> tuple[float, float] | None:
    if given is None:
        return None
    pair = tuple(given)
    if len(pair) != 2 or not all(map(is_number, pair)) or not pair[0] < pair[1]:
        raise SettingError(f"window={given!r}: expected two numbers, the lower one first")
    return float(pair[0]), float(pair[1])


def _check_orientation(made: Volume, name: str) -> None:
    wanted = made.orientation
    if not wanted:
        return
    if len(wanted) != 3 or not all(sum(letter in pair for letter in wanted) == 1 for pair in PAIRS):
        raise SettingError(
            f"orientation={wanted!r}: expected three letters, one each of L or R, A or P, S or I, "
            "such as RAS"
        )
    if made.affine is None:
        raise SettingError(
            f"orientation={wanted!r}: {name} does not say where its axes point to; turn the array "
            "yourself, or give affine="
        )


def _spacing(given: Sequence[float] | None) -> tuple[float, ...] | None:
    if given is None:
        return None
    sides = np.asarray(given)
    if sides.shape != (3,) or sides.dtype.kind not in "fiu" or not (sides > 0).all():
        raise SettingError(f"spacing={given!r}: expected three numbers above 0, millimeters")
    return tuple(sides.astype(np.float64).tolist())


def _affine(given: ArrayLike | None, spacing: Sequence[float] | None) -> NDArray[Any] | None:
    if given is None:
        return None
    if spacing is not None:
        raise SettingError("spacing= and affine=: give one of them")
    matrix = np.asarray(given, np.float64)
    if matrix.shape != (4, 4) or not np.isfinite(matrix).all():
        raise SettingError(f"affine of shape {matrix.shape}: expected (4, 4), finite numbers")
    if not np.array_equal(matrix[3], [0, 0, 0, 1]):
        raise SettingError("affine has another last row than 0, 0, 0, 1: is it transposed?")
    if not np.linalg.det(matrix[:3, :3]):
        raise SettingError("affine has axes of no length or of one direction: repair it")
    return matrix
