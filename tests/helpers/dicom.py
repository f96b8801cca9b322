"""DICOM slices as a scanner writes them."""

import numpy as np


def write_slices(folder, values, *, gap=3.0, spacing=(2.0, 1.5), places=None, series="1.2.3"):
    """Write a volume of whole numbers, (slices, rows, columns), its slices in any order."""
    import pydicom
    from pydicom.dataset import FileMetaDataset
    from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

    folder.mkdir(exist_ok=True)
    places = np.arange(len(values)) * gap - 20 if places is None else places
    names = np.random.default_rng(0).permutation(len(values))
    for pixels, place, name in zip(values, places, names, strict=True):
        meta = FileMetaDataset()
        meta.MediaStorageSOPClassUID = CTImageStorage
        meta.MediaStorageSOPInstanceUID = generate_uid()
        meta.TransferSyntaxUID = ExplicitVRLittleEndian
        one = pydicom.Dataset()
        one.file_meta = meta
        one.SOPClassUID, one.SOPInstanceUID = CTImageStorage, meta.MediaStorageSOPInstanceUID
        one.SeriesInstanceUID, one.Modality = series, "CT"
        one.Rows, one.Columns = pixels.shape
        one.SamplesPerPixel, one.PhotometricInterpretation = 1, "MONOCHROME2"
        one.BitsAllocated = one.BitsStored = 16
        one.HighBit, one.PixelRepresentation = 15, 1
        one.RescaleSlope, one.RescaleIntercept = 2, -1000
        one.PixelSpacing = list(spacing)
        one.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
        one.ImagePositionPatient = [10.0, 5.0, float(place)]
        one.InstanceNumber = int(name)
        one.PixelData = pixels.astype("<i2").tobytes()
        one.save_as(folder / f"{name:03}-{series}.dcm", enforce_file_format=True)
