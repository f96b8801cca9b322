"""Videos: what is read, how a model gets it, and what is refused before any call."""

import numpy as np
import pytest
from PIL import Image

import unmask
from helpers.clips import moving, write_video
from helpers.later import later
from unmask.errors import FileError, ModelError, SettingError, UnmaskWarning
from unmask.inputs import read
from unmask.inputs.video_files import encoded

av = later("av")
FRAMES = moving()
FLOATS = np.random.default_rng(0).random((6, 8, 11)).astype(np.float32)


def spec(layout="NCTHW", preprocess="unit", **more):
    return unmask.load(lambda b: b, layout=layout, preprocess=preprocess, **more).input


def refused(match, given, *, error=SettingError, **more):
    with pytest.raises(error, match=match):
        unmask.video(given, **more)


# --- what is read


def test_a_file_is_its_frames_and_their_times(tmp_path):
    found = unmask.video(write_video(tmp_path / "clip.mp4", FRAMES, rate=10))
    assert (found.frames.shape, str(found)) == (FRAMES.shape, "clip.mp4")
    np.testing.assert_allclose(found.times, np.arange(12) / 10, atol=1e-6)
    assert found.rate == pytest.approx(10)
    assert np.abs(found.frames.astype(int) - FRAMES).mean() < 4


def test_so_many_frames_are_evenly_spaced(tmp_path):
    path = write_video(tmp_path / "clip.mp4", FRAMES, rate=10)
    every, few = unmask.video(path), unmask.video(path, frames=4)
    np.testing.assert_array_equal(few.frames, every.frames[[1, 4, 7, 10]])
    np.testing.assert_allclose(few.times, [0.1, 0.4, 0.7, 1.0], atol=1e-6)
    np.testing.assert_array_equal(unmask.video(FRAMES, frames=4).frames, FRAMES[[1, 4, 7, 10]])


def test_a_folder_is_in_the_order_of_its_numbers(tmp_path):
    for number, pixels in enumerate(FRAMES):
        Image.fromarray(pixels).save(tmp_path / f"f{number}.png")
    found = unmask.video(tmp_path, rate=8)
    np.testing.assert_array_equal(found.frames, FRAMES)
    assert found.rate == pytest.approx(8)
    np.testing.assert_array_equal(unmask.video(tmp_path, frames=3).frames, FRAMES[[2, 6, 10]])
    Image.fromarray(FRAMES[0][:9]).save(tmp_path / "f99.png")
    refused("f99.png of .* has another size than f0.png", tmp_path, error=FileError)
    (tmp_path / "f99.png").write_bytes(b"none")
    refused("frame f99.png of", tmp_path, error=FileError)


def test_arrays_are_pixels_or_floats(tmp_path):
    gray = unmask.video(FRAMES[..., 0])
    assert gray.frames.shape == FRAMES.shape
    floats = unmask.video(FLOATS)
    assert (floats.frames.shape, floats.frames.dtype) == ((6, 8, 11, 1), np.float32)
    assert floats.pictures.shape == (6, 8, 11, 3)
    np.testing.assert_array_equal(floats.pictures[..., 0], np.rint(255 * FLOATS))
    np.save(tmp_path / "clip.npy", FRAMES)
    np.testing.assert_array_equal(unmask.video(tmp_path / "clip.npy").frames, FRAMES)


def test_what_is_no_video_is_refused(tmp_path):
    refused("single frame: explain it as a picture", FRAMES[:1])
    refused("colors come last", np.moveaxis(FRAMES, -1, 0))
    refused("expected \\(frames", np.zeros((3, 4)))
    refused("not finite", np.full((3, 4, 5), np.nan))
    refused("expected pixels", np.full((3, 4, 5), "a"))
    refused("frames=1", FRAMES, frames=1)
    refused("rate=0", FRAMES, rate=0)
    refused("there is no file", tmp_path / "none.mp4", error=FileError)
    refused("expected a video that ends with", tmp_path / "a.xyz")
    (tmp_path / "bad.mp4").write_bytes(b"nothing at all")
    refused("bad.mp4 is no video that can be read", tmp_path / "bad.mp4", error=FileError)
    (tmp_path / "empty").mkdir()
    refused("holds no pictures", tmp_path / "empty", error=FileError)
    path = write_video(tmp_path / "clip.mp4", FRAMES)
    refused("file says it itself", path, rate=3)
    one = write_video(tmp_path / "one.mp4", FRAMES[:1])
    refused("one.mp4 has a single frame", one)


def test_more_than_can_be_explained_is_refused_with_the_remedy(tmp_path, monkeypatch):
    monkeypatch.setattr("unmask.inputs.video_files.MOST", 5 * 40 * 56)
    path = write_video(tmp_path / "clip.mp4", FRAMES)
    refused("12 frames of 2,240 pixels.*frames=5 or fewer", path)
    assert len(unmask.video(path, frames=5).frames) == 5


def test_a_broken_frame_is_told_by_its_number(tmp_path):
    noisy = np.random.default_rng(0).integers(0, 255, FRAMES.shape, dtype=np.uint8)
    path = write_video(tmp_path / "clip.avi", noisy, codec="mjpeg")
    data = bytearray(path.read_bytes())
    starts = [at for at in range(len(data) - 3) if data[at : at + 3] == b"\xff\xd8\xff"]
    assert len(starts) == 12
    data[starts[7] : starts[7] + 600] = bytes(600)
    path.write_bytes(data)
    refused(r"frame 7 of .*clip.avi is broken .*ffmpeg", path, error=FileError)


def test_a_video_that_is_cut_short_is_noted(tmp_path):
    path = write_video(tmp_path / "clip.mkv", np.tile(FRAMES, (4, 1, 1, 1)))
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * 0.6)])
    found = unmask.video(path)
    assert 10 < len(found.frames) < 48


def test_an_uneven_rate_is_noted(tmp_path):
    times = np.cumsum([0, *[100] * 6, 900, *[100] * 4])
    path = write_video(tmp_path / "clip.mkv", FRAMES, times=times)
    with pytest.warns(UnmaskWarning, match="0.1 to 0.9 s apart"):
        found = unmask.video(path)
    np.testing.assert_allclose(found.times, times / 1000, atol=0.002)


def test_a_file_without_pictures_is_refused(tmp_path):
    import io
    import wave

    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(bytes(8000))
    (tmp_path / "sound.mkv").write_bytes(buffer.getvalue())
    refused("holds no pictures: as a sound", tmp_path / "sound.mkv", error=FileError)


def test_what_is_written_is_read_again(tmp_path):
    (tmp_path / "clip.webm").write_bytes(encoded(list(FRAMES[:, :39, :55]), 12.5))
    found = unmask.video(tmp_path / "clip.webm")
    assert found.frames.shape == (12, 38, 54, 3)
    assert found.rate == pytest.approx(12.5, rel=0.01)
    assert np.abs(found.frames.astype(int) - FRAMES[:, :38, :54]).mean() < 6


# --- what a model gets


@pytest.mark.parametrize(
    ("layout", "axes"),
    [("NCTHW", (3, 0, 1, 2)), ("NTCHW", (0, 3, 1, 2)), ("NTHWC", (0, 1, 2, 3))],
)
def test_a_model_gets_its_own_layout_and_scale(layout, axes):
    made = read(spec(layout), "net", unmask.video(FRAMES))
    np.testing.assert_allclose(made.array, FRAMES.transpose(axes) / 255, atol=1e-6)
    assert made.shape == FRAMES.shape[:3]


def test_frames_are_resized_as_pictures_are():
    made = read(spec("NTHWC", size=(12, 20, 28)), "net", unmask.video(FRAMES))
    alone = read(spec("NHWC", size=(20, 28)), "net", FRAMES[5])
    np.testing.assert_array_equal(made.array[5], alone.array)
    back = made.original.back(np.random.default_rng(0).random((12, 20, 28)), 0.0)
    assert back.shape == made.original.shape == (12, 40, 56)
    assert made.original.forward(back, 0.0).shape == (12, 20, 28)


def test_a_model_gets_as_many_frames_as_it_takes(tmp_path):
    with pytest.warns(UnmaskWarning, match="of the 12 frames net gets the 4 .*evenly"):
        made = read(spec(size=(4, 40, 56)), "net", unmask.video(FRAMES))
    np.testing.assert_array_equal(made.original.given.frames, FRAMES[[1, 4, 7, 10]])
    with pytest.warns(UnmaskWarning, match="more than once"):
        made = read(spec(size=(24, 40, 56)), "net", unmask.video(FRAMES))
    assert made.original.shape == (24, 40, 56)
    path = write_video(tmp_path / "clip.mp4", FRAMES)
    assert read(spec(size=(4, 40, 56)), "net", path).original.given.count == 4


def test_gray_is_a_channel():
    made = read(spec("NCTHW", channels=1), "net", unmask.video(FRAMES))
    assert made.array.shape == (1, *FRAMES.shape[:3])


def test_floats_go_in_as_they_are_and_are_never_resized():
    made = read(spec(channels=1), "net", unmask.video(FLOATS))
    np.testing.assert_array_equal(made.array[0], FLOATS)
    with pytest.raises(SettingError, match="never resized"):
        read(spec(size=(6, 16, 16)), "net", unmask.video(FLOATS))
    with pytest.raises(SettingError, match="never resized"):
        read(spec(channels=3), "net", unmask.video(FLOATS))


def test_a_path_is_a_video_where_its_ending_or_the_model_says_so(tmp_path):
    np.save(tmp_path / "clip.npy", FRAMES)
    assert read(spec(), "net", tmp_path / "clip.npy").original.kind == "video"
    for number in range(3):
        Image.fromarray(FRAMES[number]).save(tmp_path / f"{number}.png")
    (tmp_path / "clip.npy").unlink()
    assert read(spec(), "net", tmp_path).original.kind == "video"


def test_a_model_of_something_else_is_refused_and_assumptions_are_noted():
    own = unmask.video(FRAMES)
    with pytest.raises(ModelError, match="layout NHWC, and no video"):
        read(unmask.load(lambda b: b, layout="NHWC", channels=3).input, "net", own)
    with pytest.raises(ModelError, match="takes 4 channels"):
        read(spec(channels=4), "net", own)
    with pytest.warns(UnmaskWarning, match="does not say how it scales pixels"):
        read(spec(preprocess="raw"), "net", own)
    large = unmask.video(np.zeros((2, 300, 400, 3), np.uint8))
    with pytest.warns(UnmaskWarning, match="goes in whole, 400 x 300"):
        read(spec(), "net", large)


# --- what is hidden


@pytest.mark.parametrize("layout", ["NCTHW", "NTCHW", "NTHWC"])
def test_hidden_parts_are_what_was_asked_for(layout):
    made = read(spec(layout), "net", unmask.video(FRAMES))
    nothing = np.zeros((1, *made.shape), np.float32)

    def shown(fill):
        hidden = made.masked(nothing, made.fill(fill, 0))[0]
        return np.moveaxis(hidden, layout[1:].index("C"), -1)

    still = shown("still")
    np.testing.assert_allclose(
        still, np.broadcast_to((FRAMES / 255).mean(0), still.shape), atol=1e-5
    )
    np.testing.assert_allclose(shown("#ff0000"), np.broadcast_to([1, 0, 0], FRAMES.shape))
    assert not shown("black").any()
    np.testing.assert_allclose(shown(255 - FRAMES), 1 - FRAMES / 255, atol=1e-6)
    np.testing.assert_allclose(shown(unmask.video(255 - FRAMES)), 1 - FRAMES / 255, atol=1e-6)
    mean = (FRAMES / 255).mean(axis=(0, 1, 2))
    np.testing.assert_allclose(shown("mean"), np.broadcast_to(mean, FRAMES.shape), atol=1e-5)
    with pytest.raises(SettingError, match="expected a video of shape"):
        made.fill(FRAMES[1:], 0)


def test_floats_have_no_colors_to_hide_with():
    made = read(spec(channels=1), "net", unmask.video(FLOATS))
    with pytest.raises(SettingError, match="floats in the model's space"):
        made.fill("#808080", 0)
    np.testing.assert_array_equal(made.fill(-FLOATS[..., None], 0)[0], -FLOATS)
