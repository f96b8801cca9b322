"""Sounds in batches: found, decoded, explained as `unmask.explain` does, read back."""

import numpy as np
import pytest

import unmask
from helpers.later import later
from unmask.cluster import results, sources
from unmask.cluster.kinds import Reader
from unmask.cluster.store import Store
from unmask.cluster.worker import Worker
from unmask.models.source import ModelSource

pytest.importorskip("pyarrow")
soundfile = later("soundfile")
RNG = np.random.default_rng(0)


def written(source, folder, model, kind, given, **settings):
    """Explain a source as a worker of a batch does, without Ray."""
    found, reader = sources.find(str(source), kind=kind), Reader(kind, given)
    worker = Worker(ModelSource(model), settings, "grid", reader=reader)
    assert not worker.fatal
    store = Store(str(folder))
    store.begin(found.name, found.root, {"maps": "grid", **reader.describe()})
    for span in found.spans:
        for task in span.tasks(2):
            for name, place in task:
                store.append(worker.rows(name, place))
    return results.open(folder)


def second_quarter(batch):
    """How loud the second quarter of each sound is."""
    return np.square(np.asarray(batch)[:, 500:1000]).mean(axis=1)


@pytest.mark.parametrize("given", [{}, {"axes": "time-frequency"}])
def test_a_folder_of_sounds_is_explained_like_each_by_itself(tmp_path, given):
    folder = tmp_path / "sounds"
    folder.mkdir()
    for name in ("a.wav", "b.flac"):
        soundfile.write(folder / name, 0.1 * RNG.normal(size=2000), 8000)
    (folder / "c.wav").write_bytes(b"RIFF")
    there = written(folder, tmp_path / "out", second_quarter, "sound", given, masks=128)
    assert there.ids == ["a.wav", "b.flac"]
    assert "no sound that can be read" in there.failures["c.wav"]
    for stored in there:
        alone = unmask.explain(
            second_quarter, unmask.sound(folder / stored.image, **given), masks=128
        )
        assert stored.original.same(alone.original)
        np.testing.assert_allclose(stored.map, alone.map, atol=1e-3 * np.ptp(alone.map) + 1e-6)
    assert "<audio" in unmask.report(list(there))


def corner(batch):
    """How bright one corner of each volume is."""
    return np.asarray(batch)[:, :4, :5, :6].mean(axis=(1, 2, 3))


def test_a_folder_of_volumes_is_explained_like_each_by_itself(tmp_path):
    nibabel = pytest.importorskip("nibabel")
    folder = tmp_path / "heads"
    folder.mkdir()
    for name in ("a.nii", "b.nii.gz"):
        values = RNG.normal(size=(8, 10, 12)).astype(np.float32) + 1
        nibabel.save(nibabel.Nifti1Image(values, np.diag([-2.0, 2, 3, 1])), folder / name)
    (folder / "c.nii").write_bytes(b"none")
    given = {"window": [-1, 3], "orientation": "RAS"}
    there = written(folder, tmp_path / "out", corner, "volume", given, masks=256, grid=4)
    assert there.ids == ["a.nii", "b.nii.gz"]
    assert "no NIfTI file" in there.failures["c.nii"]
    for stored in there:
        own = unmask.volume(folder / stored.image, **given)
        alone = unmask.explain(corner, own, masks=256, grid=4)
        assert stored.original.same(alone.original)
        np.testing.assert_allclose(stored.map, alone.map, atol=1e-3 * np.ptp(alone.map) + 1e-6)
    assert 'class="slice ' in unmask.report(list(there))


def late(batch):
    """How bright the left side is in the second half."""
    frames = np.asarray(batch)
    return frames[:, frames.shape[1] // 2 :, :, : frames.shape[3] // 2].mean(axis=(1, 2, 3, 4))


def test_a_folder_of_videos_is_explained_like_each_by_itself(tmp_path):
    pytest.importorskip("av")
    from helpers.clips import moving, write_video

    folder = tmp_path / "clips"
    folder.mkdir()
    for number, name in enumerate(("a.mp4", "b.mkv")):
        write_video(folder / name, moving(10 + number, 20, 28, 8))
    (folder / "c.mp4").write_bytes(b"none")
    given = {"frames": 5}
    there = written(folder, tmp_path / "out", late, "video", given, masks=256, grid=(4, 4, 4))
    assert there.ids == ["a.mp4", "b.mkv"]
    assert "no video that can be read" in there.failures["c.mp4"]
    for stored in there:
        own = unmask.video(folder / stored.image, **given)
        alone = unmask.explain(late, own, masks=256, grid=(4, 4, 4))
        assert stored.original.same(alone.original)
        np.testing.assert_allclose(stored.map, alone.map, atol=1e-3 * np.ptp(alone.map) + 1e-6)
    assert 'class="slice ' in unmask.report(list(there))
