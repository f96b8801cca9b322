"""A folder of DICOM slices as one volume, in the order in which they lie in the body."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from unmask._base.spelling import named
from unmask.errors import FileError, MissingExtra, UnmaskWarning, warn
from unmask.inputs.volume_files import Voxels

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["is_dicom", "read_dicom"]

PREFIX = b"DICM"
UNEVEN = 0.02  # of the usual gap: what rounding of positions may make it differ


def is_dicom(path: Path) -> bool:
    """Whether a file is DICOM, by its first bytes."""
    try:
        with path.open("rb") as file:
            return file.read(132)[128:] == PREFIX
    except OSError:
        return False


def read_dicom(folder: Path) -> Voxels:
    """Read a folder of slices.

    Parameters
    ----------
    folder : Path
        Files that are no DICOM are left alone.

    Returns
    -------
    Voxels
        Shape (slices, rows, columns), in the units of the rescale slope, such as Hounsfield's.

    Raises
    ------
    FileError
        Several series, slices of several sizes, one that is there twice or missing, or nothing.
    MissingExtra
        pydicom is not installed.
    """
    try:
        import pydicom
    except ImportError as error:
        raise MissingExtra("pydicom", "volume") from error
    slices = []
    for path in sorted(folder.iterdir()):
        if path.is_file() and is_dicom(path):
            try:
                found = pydicom.dcmread(path)
            except Exception as error:  # pydicom raises what its parts raise
                raise FileError(f"{named(str(path))} cannot be read: {error}") from error
            if "PixelData" in found:
                slices.append((path, found))
    where = named(str(folder))
    if not slices:
        raise FileError(f"{where} holds no DICOM slices")
    _check_alike(where, slices)
    slices, affine = _ordered(where, slices)
    return Voxels(np.stack([_pixels(path, one) for path, one in slices]), affine)


def _check_alike(where: str, slices: Sequence[tuple[Path, Any]]) -> None:
    series = {str(one.get("SeriesInstanceUID", "")) for _, one in slices}
    if len(series) > 1:
        raise FileError(
            f"{where} holds {len(series)} series: put the one to explain into a folder of its own"
        )
    for path, one in slices:
        if int(one.get("NumberOfFrames", 1) or 1) > 1:
            raise FileError(
                f"{named(path.name)} holds several slices in one file, which is not read: convert "
                "it to NIfTI, as dcm2niix does"
            )
    sizes = {(int(one.Rows), int(one.Columns)) for _, one in slices}
    if len(sizes) > 1:
        listed = ", ".join(f"{rows} x {columns}" for rows, columns in sorted(sizes))
        raise FileError(
            f"the slices of {where} have several sizes ({listed}): a localizer among them? Leave "
            "in those that belong together"
        )


def _ordered(where: str, slices: Sequence[tuple[Path, Any]]) -> tuple[list[tuple[Path, Any]], Any]:
    """Return slices in the order in which they lie, and where each voxel does."""
    located = all(
        "ImagePositionPatient" in one and "ImageOrientationPatient" in one for _, one in slices
    )
    if not located:
        warn(
            f"the slices of {where} do not say where they lie: they are in the order of their "
            "numbers, and their spacing is not known",
            UnmaskWarning,
        )
        return sorted(slices, key=lambda pair: int(pair[1].get("InstanceNumber", 0) or 0)), None
    first = slices[0][1]
    across, down = np.reshape(np.asarray(first.ImageOrientationPatient, float), (2, 3))
    normal = np.cross(across, down)
    for path, one in slices:
        if np.abs(np.asarray(one.ImageOrientationPatient, float) - [*across, *down]).max() > 1e-3:
            raise FileError(f"{named(path.name)} lies in another direction than the other slices")
    places = [np.asarray(one.ImagePositionPatient, float) for _, one in slices]
    order = np.argsort([place @ normal for place in places], kind="stable")
    slices, places = [slices[i] for i in order], [places[i] for i in order]
    step = _step(where, slices, np.array([place @ normal for place in places])) * normal
    if len(places) > 1:
        step = (places[-1] - places[0]) / (len(places) - 1)
    rows, columns = (float(one) for one in first.get("PixelSpacing", (1.0, 1.0)))
    affine = np.eye(4)
    affine[:3] = np.column_stack([step, down * rows, across * columns, places[0]])
    affine[:2] *= -1  # DICOM counts to the left and the back
    return slices, affine


def _step(where: str, slices: Sequence[tuple[Path, Any]], at: Any) -> float:
    """Return the distance of slices, which is the same between all."""
    if len(at) == 1:
        return float(slices[0][1].get("SliceThickness", 1.0) or 1.0)
    gaps = np.diff(at)
    usual = float(np.median(gaps))
    odd = np.flatnonzero(np.abs(gaps - usual) > UNEVEN * abs(usual) + 1e-3)
    if odd.size:
        before, after = (named(slices[odd[0] + i][0].name) for i in (0, 1))
        gap = gaps[odd[0]]
        what = "lie in the same place" if gap < 1e-3 else f"are {gap:.4g} mm apart"
        raise FileError(
            f"the slices of {where} are not evenly spaced: {before} and {after} {what}, and others "
            f"{usual:.4g} mm. A slice is missing, there twice or of another series: complete the "
            "folder, or resample it to even slices"
        )
    return usual


def _pixels(path: Path, one: Any) -> Any:
    try:
        pixels = one.pixel_array
    except Exception as error:  # such as a compression without its decoder
        raise FileError(f"the pixels of {named(path.name)} cannot be read: {error}") from error
    if pixels.ndim != 2:
        raise FileError(f"{named(path.name)} holds colors: expected gray values, as scanners give")
    slope, start = (
        float(one.get("RescaleSlope", 1) or 1),
        float(one.get("RescaleIntercept", 0) or 0),
    )
    return (pixels * slope + start).astype(np.float32)
