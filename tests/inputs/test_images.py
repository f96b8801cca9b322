"""Every kind of picture comes in as it is meant to be seen, or is refused with a reason."""

import io
import os
import struct
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from helpers.places import SHARED
from unmask.errors import DoubtWarning, FileError, ImageError
from unmask.inputs import encoding, images

IMAGES = SHARED / "images"
H, W = 24, 40


def saved(path, image, **options):
    image.save(path, **options)
    return images.read(path)


# --- reading ---


@pytest.mark.parametrize("suffix", ["png", "bmp", "tiff", "webp", "ppm"])
def test_lossless_formats_give_the_pixels_back(tmp_path, scene, suffix):
    options = {"lossless": True} if suffix == "webp" else {}
    got = saved(tmp_path / f"scene.{suffix}", Image.fromarray(scene), **options)
    assert got.dtype == np.uint8
    assert np.array_equal(got, scene)


@pytest.mark.parametrize("kind", [str, Path, Image.open, lambda p: np.asarray(Image.open(p))])
def test_all_sources_agree(tmp_path, scene, kind):
    path = tmp_path / "scene.png"
    Image.fromarray(scene).save(path)
    assert np.array_equal(images.read(kind(path)), scene)


TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tiff"])
def test_exif_orientation_is_undone(tmp_path, scene, orientation, suffix):
    upright = Image.fromarray(scene)
    # The camera stores what undoes the turn named in its EXIF.
    stored = upright.transpose(TURNS[orientation]) if orientation in TURNS else upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"jpg": {"quality": 98, "subsampling": 0}, "webp": {"lossless": True}}.get(suffix, {})
    got = saved(tmp_path / f"scene.{suffix}", stored, exif=exif, **options)
    assert got.shape == scene.shape
    assert np.abs(got.astype(int) - scene).max() <= (24 if suffix == "jpg" else 0)


@pytest.mark.parametrize("orientation", [0, 9, 77])
def test_unknown_orientation_is_upright(tmp_path, scene, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    assert np.array_equal(saved(tmp_path / "a.png", Image.fromarray(scene), exif=exif), scene)


def test_transparency_shows_white(tmp_path, scene):
    alpha = np.full((H, W, 1), 255, np.uint8)
    alpha[:, 20:] = 0
    alpha[:, 10:20] = 102
    array = np.concatenate([scene, alpha], 2)
    share = alpha / 255
    expected = np.rint(scene * share + 255 * (1 - share))
    for got in (images.read(array), saved(tmp_path / "a.png", Image.fromarray(array))):
        assert np.abs(got - expected).max() <= 1
        assert (got[:, 20:] == 255).all()
        assert np.array_equal(got[:, :10], scene[:, :10])


def test_palette(tmp_path):
    index = np.zeros((H, W), np.uint8)
    index[:8], index[:, :8] = 1, 2
    image = Image.fromarray(index)
    image.putpalette([10, 20, 30, 200, 100, 50, 1, 2, 3])
    assert image.mode == "P"
    table = np.array([[10, 20, 30], [200, 100, 50], [1, 2, 3]], np.uint8)
    assert np.array_equal(saved(tmp_path / "p.png", image), table[index])
    assert np.array_equal(saved(tmp_path / "p.gif", image), table[index])
    table[1] = 255
    assert np.array_equal(saved(tmp_path / "t.png", image, transparency=1), table[index])


@pytest.mark.parametrize(
    "mode", ["L", "1", "LA", "La", "RGBa", "RGBX", "CMYK", "YCbCr", "HSV", "PA"]
)
def test_every_mode_of_pillow(scene, mode):
    step = {"La": "LA", "RGBa": "RGBA", "PA": "P"}.get(mode)
    image = Image.fromarray(scene)
    image = (image.convert(step) if step else image).convert(mode)
    got = images.read(image)
    assert got.shape == (H, W, 3)
    if mode in ("L", "LA", "La"):
        assert np.array_equal(got[:, :, 1], np.asarray(Image.fromarray(scene).convert("L")))
    elif mode != "1":
        assert np.abs(got.astype(int) - scene).mean() < 12


def test_cmyk_jpeg(tmp_path, scene):
    image = Image.fromarray(scene).convert("CMYK")
    got = saved(tmp_path / "c.jpg", image, quality=98)
    assert np.abs(got.astype(int) - scene).mean() < 4


@pytest.mark.parametrize(
    ("suffix", "dtype"),
    [("png", "<u2"), ("tiff", "<u2"), ("tiff", ">u2"), ("tiff", "i4")],
)
def test_sixteen_bits_are_scaled_not_clipped(tmp_path, suffix, dtype):
    deep = np.linspace(0, 65535, H * W).reshape(H, W)
    got = saved(tmp_path / f"deep.{suffix}", Image.fromarray(deep.astype(dtype)))
    assert np.abs(got - (deep / 257)[:, :, None]).max() <= 0.51
    assert got.min() == 0
    assert got.max() == 255


def test_sixteen_bit_pgm(tmp_path):
    deep = np.linspace(0, 65535, H * W).reshape(H, W)
    (tmp_path / "deep.pgm").write_bytes(b"P5 40 24 65535\n" + deep.astype(">u2").tobytes())
    got = images.read(tmp_path / "deep.pgm")
    assert np.abs(got - (deep / 257)[:, :, None]).max() <= 0.51


@pytest.mark.parametrize("suffix", [".png", ".tiff"])
def test_sixteen_bit_color(tmp_path, scene, suffix):
    cv2 = pytest.importorskip("cv2")
    path = tmp_path / f"deep{suffix}"
    path.write_bytes(cv2.imencode(suffix, scene[:, :, ::-1].astype("u2") * 257)[1].tobytes())
    assert np.array_equal(images.read(path), scene)


@pytest.mark.parametrize("suffix", ["gif", "webp", "tiff", "png"])
def test_first_frame_of_an_animation(tmp_path, suffix):
    frames = [Image.new("RGB", (W, H), color) for color in ("#ff0000", "#00ff00", "#0000ff")]
    options = {"lossless": True} if suffix == "webp" else {}
    got = saved(
        tmp_path / f"a.{suffix}", frames[0], save_all=True, append_images=frames[1:], **options
    )
    assert np.array_equal(got, np.full((H, W, 3), [255, 0, 0]))


@given(
    hnp.arrays(
        np.uint8, st.tuples(st.integers(1, 5), st.integers(1, 5), st.sampled_from([1, 3, 4]))
    )
)
def test_arrays(array):
    before = array.copy()
    got = images.read(array)
    assert got.shape == (*array.shape[:2], 3)
    assert got.flags["C_CONTIGUOUS"]
    assert not np.shares_memory(got, array)
    assert np.array_equal(array, before)
    if array.shape[2] == 1:
        assert np.array_equal(got, images.read(array[:, :, 0]))
        assert (got == array).all()


def test_a_pillow_picture_stays_open_and_unchanged(tmp_path, scene):
    Image.fromarray(scene).save(tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as image:
        images.read(image)
        assert image.size == (W, H)
        assert np.array_equal(np.asarray(image), scene)


# --- what cannot be read ---


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.zeros((4, 5, 3)), "float64, and uint8"),
        (np.zeros((4, 5), bool), "bool, and uint8"),
        (np.zeros((3, 4, 5), np.uint8), r"\(3, 4, 5\).*channels come last"),
        (np.zeros((4, 5, 2), np.uint8), r"\(4, 5, 2\)"),
        (np.zeros((1, 4, 5, 3), np.uint8), r"\(1, 4, 5, 3\)"),
        (np.zeros((0, 5, 3), np.uint8), "at least one pixel"),
        (np.ones((), np.uint8), r"shape is \(\)"),
    ],
)
def test_wrong_arrays(array, words):
    with pytest.raises(ImageError, match=words):
        images.read(array)


def test_missing_file_names_a_near_one(tmp_path, scene):
    Image.fromarray(scene).save(tmp_path / "elephant.png")
    with pytest.raises(ImageError, match=r"no such file; did you mean elephant\.png\?"):
        images.read(tmp_path / "elefant.png")
    with pytest.raises(ImageError, match=r"no such file \(looked from"):
        images.read(tmp_path / "qqqq.xyz")
    with pytest.raises(ImageError, match=r"no folder .*nowhere"):
        images.read(tmp_path / "nowhere" / "elephant.png")
    with pytest.raises(ImageError, match="download the picture"):
        images.read("https://example.org/elephant.png")


def test_home_folder(tmp_path, scene, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    encoding.write("~/a.png", scene)
    assert np.array_equal(images.read("~/a.png"), scene)
    with pytest.raises(ImageError, match="no such file"):
        images.read("~no-such-user-here/a.png")


def test_what_is_not_a_picture(tmp_path):
    with pytest.raises(ImageError, match="folder"):
        images.read(tmp_path)
    (tmp_path / "empty.png").touch()
    with pytest.raises(ImageError, match="empty"):
        images.read(tmp_path / "empty.png")
    (tmp_path / "text.png").write_text("hello, this is no picture\n" * 9)
    with pytest.raises(ImageError, match="not a picture"):
        images.read(tmp_path / "text.png")
    with pytest.raises(ImageError, match="not a path"):
        images.read("a\0b")
    with pytest.raises(ImageError, match="from NoneType; give a path"):
        images.read(None)
    with pytest.raises(ImageError, match="no pixels"):
        images.read(Image.new("RGB", (0, 5)))
    with pytest.raises(ImageError, match="floating-point"):
        images.read(Image.fromarray(np.ones((3, 4), np.float32)))
    with pytest.raises(ImageError, match="0 to 70000"):
        images.read(Image.fromarray(np.array([[0, 70000]], np.int32)))


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read all")
def test_no_permission(tmp_path, scene):
    path = tmp_path / "a.png"
    encoding.write(path, scene)
    path.chmod(0)
    with pytest.raises(ImageError, match="Permission denied"):
        images.read(path)


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tiff", "bmp", "gif"])
def test_truncated_and_damaged_files(tmp_path, suffix):
    random = np.random.default_rng(0)
    buffer = io.BytesIO()
    noise = Image.fromarray(random.integers(0, 256, (H, W, 3), np.uint8))
    noise.save(buffer, {"jpg": "JPEG"}.get(suffix, suffix.upper()))
    whole, path = buffer.getvalue(), tmp_path / f"cut.{suffix}"
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ImageError, match=r"cut short|not a picture"):
        images.read(path)
    for _ in range(60):
        damaged = bytearray(whole)
        for place in random.integers(0, len(whole) if random.random() < 0.3 else 120, 3):
            damaged[place] = random.integers(256)
        path.write_bytes(damaged)
        try:
            assert images.read(path).dtype == np.uint8
        except ImageError as error:
            assert str(path) in str(error)  # noqa: PT017 - either outcome is right


def test_truncated_pillow_picture():
    data = encoding.png(np.random.default_rng(0).integers(0, 256, (H, W, 3), np.uint8))
    with (
        Image.open(io.BytesIO(data[: len(data) // 2])) as image,
        pytest.raises(ImageError, match="cut short"),
    ):
        images.read(image)


@pytest.mark.parametrize("limit", [H * W - 1, H * W // 3])
def test_a_bomb_is_refused_by_both_of_pillows_limits(tmp_path, scene, monkeypatch, limit):
    encoding.write(tmp_path / "a.png", scene)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
    with pytest.raises(ImageError, match=rf"{H * W} pixels, and at most {limit} "):
        images.read(tmp_path / "a.png")


def test_what_is_written_is_read(tmp_path, scene):
    for picture in (scene, Image.fromarray(scene), scene[:, ::-1]):
        encoding.write(tmp_path / "a.PNG", picture)
        assert np.array_equal(images.read(tmp_path / "a.PNG"), images.read(picture))
    assert [p.name for p in tmp_path.iterdir()] == ["a.PNG"]


def test_a_failed_write_leaves_the_old_file_and_no_rest(tmp_path, scene, monkeypatch):
    path = tmp_path / "a.png"
    encoding.write(path, scene)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(FileError, match="No space left"):
        encoding.write(path, 255 - scene)
    assert [p.name for p in tmp_path.iterdir()] == ["a.png"]
    assert np.array_equal(images.read(path), scene)


def test_where_nothing_can_be_written(tmp_path, scene):
    with pytest.raises(FileError, match=r"there is no folder .*nowhere"):
        encoding.write(tmp_path / "nowhere" / "a.png", scene)
    with pytest.raises(FileError, match=r"name it a\.png"):
        encoding.write(tmp_path / "a.jpg", scene)
    (tmp_path / "b.png").mkdir()
    with pytest.raises(FileError, match="cannot write"):
        encoding.write(tmp_path / "b.png", scene)
    assert [p.name for p in tmp_path.iterdir()] == ["b.png"]


def test_photographs():
    if not IMAGES.is_dir():
        pytest.skip("../shared/images is not here")
    for path in sorted(IMAGES.glob("*.jpg"))[:4]:
        picture = images.read(path)
        assert picture.ndim == 3
        assert picture.std() > 10


def tiff(values, bits, photometric=1, sample_format=1):
    """Write a grayscale or RGB TIFF of one strip, little-endian, as the standard has it."""
    height, width = values.shape[:2]
    samples = values.shape[2] if values.ndim == 3 else 1
    data = values.tobytes()
    tags = {256: width, 257: height, 259: 1, 262: photometric, 277: samples, 278: height}
    tags |= {258: bits, 279: len(data), 339: sample_format}
    extra = b""
    start = 8 + 2 + 12 * (len(tags) + 1) + 4
    entries = []
    for tag, value in tags.items():
        if tag in (258, 339) and samples == 3:
            entries.append(struct.pack("<HHII", tag, 3, 3, start + len(extra)))
            extra += struct.pack("<3H", *[value] * 3)
        else:
            entries.append(struct.pack("<HHII", tag, 4 if tag == 279 else 3, 1, value))
    entries.append(struct.pack("<HHII", 273, 4, 1, start + len(extra)))
    ifd = b"".join(sorted(entries, key=lambda entry: struct.unpack("<H", entry[:2])))
    return b"II*\0\x08\0\0\0" + struct.pack("<H", len(entries)) + ifd + bytes(4) + extra + data


RAMP = np.linspace(0, 1, H * W).reshape(H, W)


def twelve(values):
    """Two values of twelve bits in three bytes."""
    a, b = values.reshape(-1, 2).astype(int).T
    packed = np.stack([a >> 4, (a & 15) << 4 | b >> 8, b & 255], axis=1)
    return packed.astype(np.uint8).reshape(H, -1, order="C")


@pytest.mark.parametrize(
    ("data", "inverted"),
    [
        (tiff((RAMP * 65535).round().astype("<u2"), 16), False),
        (tiff((RAMP * 65535).round().astype("<u2"), 16, 0), True),
        (tiff((RAMP * 65535).round().astype("<u4"), 32), False),
        (tiff((RAMP * 32767).round().astype("<i2"), 16, 1, 2), False),
        (tiff((RAMP * 127).round().astype("i1"), 8, 1, 2), False),
        (tiff((RAMP * 255).round().astype("u1"), 8), False),
        (tiff((RAMP * 255).round().astype("u1"), 8, 0), True),
    ],
)
def test_black_is_black_and_white_is_white_in_every_kind_of_tiff(data, inverted):
    got = images.decode(data)[:, :, 0] / 255
    assert np.abs(got - (1 - RAMP if inverted else RAMP)).max() < 1 / 120


def test_twelve_packed_bits_are_scaled():
    packed = twelve((RAMP * 4095).round())
    data = bytearray(tiff(packed, 12))
    place = data.index(struct.pack("<HHI", 256, 3, 1)) + 8
    data[place : place + 4] = struct.pack("<I", W)
    assert np.abs(images.decode(bytes(data))[:, :, 0] / 255 - RAMP).max() < 1 / 250


@pytest.mark.parametrize(
    "data",
    [
        tiff(((RAMP - 0.5) * 60000).astype("<i2"), 16, 1, 2),
        tiff(((RAMP - 0.5) * 250).astype("i1"), 8, 1, 2),
        tiff((RAMP * 1e6).astype("<u4"), 32),
        tiff((RAMP * (2**32 - 1)).astype("<u4"), 32),
    ],
)
def test_integers_whose_black_and_white_are_not_known_are_refused(data):
    with pytest.raises(ImageError, match=r"holds integers from -?\d+ to \d+, and 0\.\.\d+ can be"):
        images.decode(data)


@pytest.mark.parametrize("kind", ["<f4", "<f8", "<f2"])
def test_floats_are_refused(kind):
    data = tiff(RAMP.astype(kind), 8 * np.dtype(kind).itemsize, 1, 3)
    with pytest.raises(ImageError, match=r"floating-point|not a picture"):
        images.decode(data)


def test_a_transparent_level_of_sixteen_bits_shows_white(tmp_path):
    values = (RAMP * 65535).round().astype(np.uint16)
    image = Image.fromarray(values)
    image.save(tmp_path / "t.png", transparency=int(values[0, 0]))
    got = images.read(tmp_path / "t.png")[:, :, 0]
    assert got[0, 0] == 255
    assert np.abs(got.ravel()[1:] / 255 - RAMP.ravel()[1:]).max() < 1 / 250


def test_lab_is_what_it_means():
    gray = Image.merge("LAB", [Image.new("L", (3, 2), value) for value in (128, 128, 128)])
    assert np.abs(images.read(gray).astype(int) - 119).max() <= 2


def dark(kind, tmp_path):
    scene = (60 + 50 * RAMP).astype(np.uint16)  # eight bits of a scene, as twelve in sixteen
    if kind == "array":
        return (scene * 16 // 257).astype(np.uint8)
    if kind == "unit":
        return (RAMP > 0.5).astype(np.uint8)
    if kind == "inverted":
        (tmp_path / "a.tif").write_bytes(tiff((scene * 16).astype("<u2"), 16, 0))
        return tmp_path / "a.tif"
    if kind == "color":
        wide = np.repeat((scene * 16)[:, :, None], 3, axis=2)
        (tmp_path / "a.tif").write_bytes(tiff(wide.astype("<u2"), 16, 2))
        return tmp_path / "a.tif"
    Image.fromarray(scene * 16).save(tmp_path / f"a.{kind}")
    return tmp_path / f"a.{kind}"


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("png", "nearly black.*4095"),
        ("tiff", "nearly black.*4095"),
        ("color", "nearly black.*4095"),
        ("inverted", "nearly white"),
        ("array", "from 3 to 6 of 0..255"),
        ("unit", "multiply values from 0 to 1 by 255"),
    ],
)
def test_a_picture_that_uses_a_sixteenth_of_its_range_is_warned_about(tmp_path, kind, says):
    with pytest.warns(DoubtWarning, match=says):
        images.read(dark(kind, tmp_path))


def test_a_dark_picture_that_uses_more_of_its_range_is_not(scene):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        images.read((scene // 10).astype(np.uint8))


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tiff"])
@pytest.mark.parametrize("block", [b"Exif\0\0garbage", b"Exif\0\0II*\0\xff\xff\xff\xff", b"\0"])
def test_a_broken_exif_block_is_none(tmp_path, scene, suffix, block):
    path = tmp_path / f"a.{suffix}"
    Image.fromarray(scene).save(path, **({} if suffix == "tiff" else {"exif": block}))
    assert images.read(path).shape == scene.shape


def test_a_closed_pillow_picture_says_so(tmp_path, scene):
    encoding.write(tmp_path / "a.png", scene)
    with Image.open(tmp_path / "a.png") as before:
        pass
    loaded = Image.open(tmp_path / "a.png")
    loaded.load()
    loaded.close()
    made = Image.fromarray(scene)
    made.close()
    for closed in (before, loaded, made):
        with pytest.raises(ImageError, match="closed"):
            images.read(closed)


@pytest.mark.parametrize("size", [(70_000, 1), (1, 70_000)])
def test_a_thread_of_pixels_is_refused_before_it_is_decoded(tmp_path, size):
    line = Image.new("L", size, 90)
    line.save(tmp_path / "line.png")
    for source in (tmp_path / "line.png", line, np.asarray(line)):
        with pytest.raises(ImageError, match="at most 65535 a side"):
            images.read(source)


@pytest.mark.parametrize("kind", ["EPS", "PDF", "PCX", "ICO"])
def test_a_name_opens_no_other_format(tmp_path, scene, kind):
    data = io.BytesIO()
    Image.fromarray(scene).resize((32, 32)).save(data, kind)
    path = tmp_path / "holiday.jpg"
    path.write_bytes(data.getvalue())
    with pytest.raises(ImageError, match="not a picture that can be read: expected JPEG"):
        images.read(path)
    with pytest.raises(ImageError, match="not a picture that can be read: expected JPEG"):
        images.decode(data.getvalue())


def test_what_never_ends_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "a.png")
    for path, what in ((tmp_path / "a.png", "pipe"), ("/dev/zero", "device")):
        with pytest.raises(ImageError, match=f"this is a {what}"):
            images.read(path)


def test_threads_leave_no_filter_behind(tmp_path, scene):
    encoding.write(tmp_path / "a.png", scene)
    before = list(warnings.filters)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: images.read(tmp_path / "a.png"), range(200)))
    assert warnings.filters == before
