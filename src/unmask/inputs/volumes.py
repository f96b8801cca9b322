"""Volumes: parts of three axes that are shown or hidden."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from unmask._base import schema
from unmask._base.files import expanded
from unmask._base.npz import Array
from unmask.errors import ModelError, SettingError, UnmaskWarning, warn
from unmask.inputs.array import ArraySample
from unmask.inputs.dicom import is_dicom
from unmask.inputs.fills import NAMED, fill_array
from unmask.inputs.sample import Modality
from unmask.inputs.spec import InputSpec
from unmask.inputs.stretching import stretched
from unmask.inputs.volume_files import SUFFIXES, TOLD
from unmask.inputs.volume_values import OBLIQUE, Volume, obliqueness, volume

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from unmask._base.magnitude import Floats

__all__ = ["VOLUME", "VolumeOriginal", "VolumeSample", "is_folder_of_slices", "original_of"]

CELLS = 6  # along each axis; benchmarks/media.py has others
TIME = "T"  # in a layout: of these axes one is time, and what has them is a video


@dataclass(frozen=True, eq=False)
class VolumeOriginal:
    """What the user gave; see `unmask.inputs.sample.Original`.

    Attributes
    ----------
    given : Volume
    size : tuple of int
        What the model gets, after axes were exchanged.
    """

    given: Volume
    size: tuple[int, ...]
    kind: ClassVar[str] = "volume"

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the volume, in its own order of axes."""
        return self.given.values.shape

    @property
    def affine(self) -> NDArray[np.float64]:
        """From voxels to millimeters; where it is not known, by the spacing, or 1 mm a voxel."""
        if self.given.affine is not None:
            return self.given.affine
        return np.diag([*(self.given.spacing or (1.0, 1.0, 1.0)), 1.0])

    def back(self, values: Floats, outside: float) -> Floats:  # noqa: ARG002
        """Bring a map to the volume's own size and order of axes."""
        turned = self.given.turned(self.given.values).shape
        return np.ascontiguousarray(self.given.turned_back(stretched(values, turned)))

    def forward(self, values: NDArray[Any], outside: float) -> NDArray[np.float64]:  # noqa: ARG002
        """Bring a map to the model's size and order of axes."""
        turned = self.given.turned(np.asarray(values, np.float64))
        return np.asarray(stretched(turned, self.size), np.float64)

    def header(self) -> dict[str, Any]:
        """Return what is known of it beside its voxels."""
        own = self.given
        said = {
            "affine": None if own.affine is None else own.affine.ravel().tolist(),
            "spacing": own.spacing,
            "window": own.window,
            "orientation": own.orientation,
            "part": own.part,
        }
        return {"volume": said}

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return its voxels."""
        return {"volume": self.given.values}

    def same(self, other: Any) -> bool:
        """Whether another one has the same voxels, given to the model in the same way."""
        return (
            isinstance(other, VolumeOriginal)
            and self.header() == other.header()
            and np.array_equal(self.given.values, other.given.values)
        )


@dataclass(frozen=True, eq=False)
class VolumeSample(ArraySample):
    """A volume at the model's size, in its layout; see `unmask.inputs.sample.Sample`."""

    given: Volume | None = None

    def bare(self) -> VolumeSample:
        """Return the same without what the user gave."""
        return replace(self, original=None, given=None)

    @property
    def defaults(self) -> Mapping[str, Any]:
        """Cells of each axis, as many as there are voxels if these are few."""
        return {"grid": tuple(min(CELLS, size) for size in self.shape)}

    def fill(self, asked: Any, seed: int) -> Any:
        """Return what hidden parts look like: as of arrays, or another volume."""
        if isinstance(asked, str | os.PathLike) and _ends(asked) in SUFFIXES:
            asked = volume(asked)
        if isinstance(asked, str) and asked not in NAMED:
            raise SettingError(
                f"fill={asked!r}: hidden parts of a volume are {', '.join(NAMED)}, or another "
                "volume of the same shape"
            )
        if callable(asked) or (isinstance(asked, str) and asked in NAMED):
            return super().fill(asked, seed)
        assert self.given is not None
        values = asked.values if isinstance(asked, Volume) else np.asarray(asked)
        if values.shape == self.given.values.shape:
            own = replace(self.given, values=np.asarray(values, np.float32))
            values = _for_model(own, self.spec, self.shape)
        elif isinstance(asked, Volume):
            raise SettingError(
                f"fill of shape {values.shape}: expected a volume of shape "
                f"{self.given.values.shape}"
            )
        return fill_array(values, self.array, self.spec, seed)


def _for_model(own: Volume, spec: InputSpec, size: tuple[int, ...]) -> NDArray[np.float32]:
    """Return a volume as the model has it."""
    values = stretched(own.turned(own.windowed()), size)
    if "C" in spec.layout:
        values = np.expand_dims(values, spec.layout.index("C") - 1)
    return np.array(values, np.float32, order="C")


def _ends(path: str | os.PathLike[str]) -> str:
    return Path(path).suffix.lower()


def is_folder_of_slices(given: Any) -> bool:
    """Whether a path is a folder that holds DICOM files."""
    if not isinstance(given, str | os.PathLike) or not (folder := expanded(given)).is_dir():
        return False
    return any(path.is_file() and is_dicom(path) for path in folder.iterdir())


def _reads(spec: InputSpec, given: Any, raw: bool) -> bool:  # noqa: ARG001
    if isinstance(given, str | os.PathLike):
        # What may be a picture or a series is a volume where the model takes one.
        told = _ends(given) in TOLD or is_folder_of_slices(given)
        space = len(spec.spatial) == 3 and TIME not in spec.layout and spec.text is None
        return told or (space and _ends(given) in SUFFIXES)
    return isinstance(given, Volume)


def _read(spec: InputSpec, name: str, given: Any, raw: bool) -> VolumeSample:  # noqa: ARG001
    own = given if isinstance(given, Volume) else volume(given)
    if spec == InputSpec():  # a function says nothing of what it takes
        spec = InputSpec(layout="NDHW")
    if spec.text is not None or len(spec.spatial) != 3:
        kind = "texts" if spec.text is not None else f"inputs of layout {spec.layout}"
        raise ModelError(
            f"{name} takes {kind}, and no volume: for one, its layout has three axes beside "
            "channels, as in layout='NCDHW'"
        )
    if spec.preprocess.name != "raw":
        raise ModelError(
            f"{name} scales its input as pixels ({spec.preprocess.name!r}): load it with "
            "preprocess='raw' for a volume, and say with window= which values are 0 and 1"
        )
    if spec.channels not in (None, 1):
        raise SettingError(
            f"{name} takes {spec.channels} channels, and a volume has one: give an array in the "
            "model's layout"
        )
    turned = own.turned(own.values).shape
    size: Any = spec.size or turned
    if size != turned:
        sizes = [" x ".join(map(str, one)) for one in (turned, size)]
        warn(
            f"the volume is brought from {sizes[0]} voxels to {sizes[1]}, the size that {name} "
            "takes, each axis by itself",
            UnmaskWarning,
        )
    _tell(own)
    return VolumeSample(_for_model(own, spec, size), spec, VolumeOriginal(own, size), own)


def _tell(own: Volume) -> None:
    """Note what is odd about a volume."""
    if own.affine is not None and own.orientation and (tilt := obliqueness(own.affine)) > OBLIQUE:
        warn(
            f"the volume lies {tilt:.0f} degrees oblique: its axes are those nearest to "
            f"{own.orientation}, and nothing is resampled",
            UnmaskWarning,
        )
    if own.spacing is None and own.path:
        warn(
            "the file says no spacing, so voxels are drawn as cubes; saved as NIfTI the map has "
            "voxels of 1 mm",
            UnmaskWarning,
        )
    if not np.ptp(own.windowed()):
        beyond = "; the window shows none of its values" if own.window else ""
        warn(
            f"the volume is constant{beyond}, and the fills mean, noise and blur leave it as it "
            "is: fill='zero' or another volume hides it",
            UnmaskWarning,
        )


def original_of(own: Volume) -> VolumeOriginal:
    """Return what holds a volume's voxels, for files that say the rest."""
    return VolumeOriginal(own, own.values.shape)


def _original(
    header: Mapping[str, Any], arrays: Mapping[str, Any], shape: tuple[int, ...]
) -> VolumeOriginal:
    said, values = header.get("volume"), arrays.get("volume")
    if said is None or values is None or not values.size or len(shape) != 3:
        raise ValueError("the volume is missing")
    affine = said["affine"]
    if said["orientation"] and affine is None:
        raise ValueError("where the volume's axes point to is missing")
    if min(said["spacing"] or (1,)) <= 0 or (
        said["window"] and said["window"][0] >= said["window"][1]
    ):
        raise ValueError("a spacing or a window that is none")
    if affine is not None and not np.linalg.det(np.reshape(affine, (4, 4))[:3, :3]):
        raise ValueError("the volume's affine is none")
    own = Volume(
        values,
        None if affine is None else np.reshape(affine, (4, 4)).astype(np.float64),
        said["spacing"],
        said["window"],
        said["orientation"],
        said["part"],
    )
    original = VolumeOriginal(own, shape)
    own.turned(values)  # an orientation that is none is told here
    return original


def _orientation(value: Any) -> str:
    """Check an orientation of a file."""
    word = schema.text(value)
    if word and sorted("LRAPIS".find(letter) // 2 for letter in word) != [0, 1, 2]:
        raise ValueError(f"expected an orientation such as RAS, got {word[:9]!r}")
    return word


VOLUME = Modality(
    "volume",
    _reads,
    _read,
    _original,
    {
        "volume": schema.record(
            {
                "affine": schema.maybe(schema.listed(schema.number(), 16, 16)),
                "spacing": schema.maybe(schema.listed(schema.number(0), 3, 3)),
                "window": schema.maybe(schema.listed(schema.number(), 2, 2)),
                "orientation": _orientation,
                "part": schema.maybe(schema.whole(0)),
            }
        )
    },
    {"volume": Array(("<f4",), 3, optional=True)},
)
