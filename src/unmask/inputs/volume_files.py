"""Files of volumes: NIfTI, TIFF stacks and .npy, read; a map written as NIfTI."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

import numpy as np

from unmask.errors import FileError, MissingExtra, SettingError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["SUFFIXES", "TOLD", "Voxels", "nifti"]


class Voxels(NamedTuple):
    """What a file holds.

    Attributes
    ----------
    values : float array
        Of three axes, or more where `unmask.volume` is told which part is meant.
    affine : ndarray of float64, shape (4, 4), or None
        From voxels to millimeters: right, front and up are positive. None where the file does not
        say.
    spacing : (float, float, float) or None
        Millimeters between voxels, where that alone is known.
    """

    values: NDArray[Any]
    affine: NDArray[np.float64] | None = None
    spacing: tuple[float, ...] | None = None


def _nifti(source: BinaryIO, path: str) -> Voxels:
    try:
        import nibabel
    except ImportError as error:
        raise MissingExtra("nibabel", "volume") from error
    data = source.read()
    if data[:2] == b"\x1f\x8b":
        data = gzip.decompress(data)
    second = data[:4] in (b"\x1c\x02\x00\x00", b"\x00\x00\x02\x1c")
    try:
        image: Any = (nibabel.Nifti2Image if second else nibabel.Nifti1Image).from_bytes(data)
        values = np.asarray(image.get_fdata(dtype=np.float32))
    except Exception as error:  # nibabel raises what its parts raise
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise FileError(f"{path} is no NIfTI file that can be read: {reason[:200]}") from error
    affine = np.asarray(image.affine, np.float64)
    usable = np.isfinite(affine).all() and np.linalg.det(affine[:3, :3])
    return Voxels(values, affine if usable else None)


def _tiff(source: BinaryIO, path: str) -> Voxels:
    try:
        import tifffile
    except ImportError as error:
        raise MissingExtra("tifffile", "volume") from error
    try:
        values = tifffile.imread(source)
    except Exception as error:  # so does tifffile
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise FileError(f"{path} is no TIFF file that can be read: {reason[:200]}") from error
    return Voxels(np.asarray(values))


def _npy(source: BinaryIO, path: str) -> Voxels:
    array = np.load(source, allow_pickle=False)
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "fiub":
        raise SettingError(f"{path}: expected an array of numbers")
    return Voxels(array)


def nifti(values: NDArray[Any], affine: NDArray[Any], what: str) -> bytes:
    """Return a map as a compressed NIfTI file.

    Parameters
    ----------
    values : float array, shape (i, j, k)
    affine : ndarray, shape (4, 4)
    what : str
        For the header, cut after 79 bytes.
    """
    try:
        import nibabel
    except ImportError as error:
        raise MissingExtra("nibabel", "volume") from error
    made: Any = nibabel.Nifti1Image
    image = made(np.asarray(values, np.float32), affine)
    image.header["descrip"] = what.encode("ascii", "replace")[:79]
    image.header.set_xyzt_units("mm")
    # The same map is the same file: no time stands in it.
    return gzip.compress(image.to_bytes(), mtime=0)


# Endings that say that a file is a volume, and those that do not, as of pictures and series.
TOLD = {".nii": _nifti, ".gz": _nifti}
SUFFIXES = {**TOLD, ".tif": _tiff, ".tiff": _tiff, ".npy": _npy}
