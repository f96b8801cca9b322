"""What the user gives, brought into the model's space and back: one file a modality."""

from __future__ import annotations

from unmask.inputs.array import ARRAY, ArraySample
from unmask.inputs.picture import PICTURE, Picture
from unmask.inputs.rows import ROW, RowOriginal
from unmask.inputs.sample import Modality, Original, Sample, describe, read, register
from unmask.inputs.series_values import Series, series
from unmask.inputs.sound_original import SoundOriginal
from unmask.inputs.sound_values import Sound, sound
from unmask.inputs.sounds import SOUND
from unmask.inputs.spec import InputSpec, TableSpec, TextSpec
from unmask.inputs.table_row import Row, row
from unmask.inputs.texts import TEXT, Text, TextOriginal, text
from unmask.inputs.time_series import SERIES, SeriesOriginal
from unmask.inputs.together import TOGETHER, Together, TogetherOriginal, together
from unmask.inputs.video_values import Video, video
from unmask.inputs.videos import VIDEO, VideoOriginal
from unmask.inputs.volume_values import Volume, volume
from unmask.inputs.volumes import VOLUME, VolumeOriginal

__all__ = [
    "ArraySample",
    "InputSpec",
    "Modality",
    "Original",
    "Picture",
    "Row",
    "RowOriginal",
    "Sample",
    "Series",
    "SeriesOriginal",
    "Sound",
    "SoundOriginal",
    "TableSpec",
    "Text",
    "TextOriginal",
    "TextSpec",
    "Together",
    "TogetherOriginal",
    "Video",
    "VideoOriginal",
    "Volume",
    "VolumeOriginal",
    "describe",
    "read",
    "register",
    "row",
    "series",
    "sound",
    "text",
    "together",
    "video",
    "volume",
]

# More special modalities are registered later: a picture is what no other one reads.
for _modality in (PICTURE, ARRAY, TEXT, SERIES, ROW, SOUND, VOLUME, VIDEO, TOGETHER):
    register(_modality)
