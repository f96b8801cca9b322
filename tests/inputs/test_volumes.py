"""Volumes: what is read, how a model gets it, and what is refused before any call."""

import gzip

import numpy as np
import pytest

import unmask
from helpers.dicom import write_slices
from helpers.later import later
from unmask.errors import FileError, ModelError, SettingError, UnmaskWarning
from unmask.inputs import read
from unmask.inputs.stretching import stretched
from unmask.inputs.volume_values import codes_of, obliqueness

nibabel = later("nibabel")
tifffile = later("tifffile")
RNG = np.random.default_rng(0)
HEAD = RNG.normal(size=(9, 12, 15)).astype(np.float32)
LAS = np.array([[-2.0, 0, 0, 60], [0, 2.5, 0, -70], [0, 0, 3, -50], [0, 0, 0, 1]])


def spec(layout="NCDHW", **more):
    return unmask.load(lambda b: b, layout=layout, preprocess="raw", **more).input


def saved(path, values=HEAD, affine=LAS):
    nibabel.save(nibabel.Nifti1Image(values, affine), path)
    return path


def refused(match, given, *, error=SettingError, **more):
    with pytest.raises(error, match=match):
        unmask.volume(given, **more)


# --- what is read


@pytest.mark.parametrize("name", ["head.nii", "head.nii.gz"])
def test_nifti_keeps_its_axes_its_spacing_and_its_orientation(tmp_path, name):
    found = unmask.volume(saved(tmp_path / name))
    np.testing.assert_array_equal(found.values, HEAD)
    np.testing.assert_array_equal(found.affine, LAS)
    assert (found.spacing, found.codes, str(found)) == ((2.0, 2.5, 3.0), "LAS", name)


def test_whole_numbers_are_scaled_as_the_header_says(tmp_path):
    image = nibabel.Nifti1Image((HEAD * 100).astype(np.int16), LAS)
    image.header.set_slope_inter(0.5, -3)
    nibabel.save(image, tmp_path / "scaled.nii")
    wanted = nibabel.load(tmp_path / "scaled.nii").get_fdata()
    np.testing.assert_allclose(unmask.volume(tmp_path / "scaled.nii").values, wanted, atol=1e-5)


def test_of_four_axes_a_part_is_chosen(tmp_path):
    four = np.stack([HEAD, 2 * HEAD], axis=-1)
    path = saved(tmp_path / "four.nii", four)
    refused(r"four axes, \(9, 12, 15, 2\): say which part", path)
    refused("2 parts, 0 to 1", path, part=2)
    np.testing.assert_array_equal(unmask.volume(path, part=1).values, 2 * HEAD)
    single = unmask.volume(saved(tmp_path / "single.nii", HEAD[..., None]))
    assert single.values.shape == HEAD.shape
    refused("no parts", saved(tmp_path / "three.nii"), part=0)


def test_a_folder_of_slices_is_one_volume_in_the_order_of_the_body(tmp_path):
    pytest.importorskip("pydicom")
    values = RNG.integers(0, 900, (5, 8, 11))
    write_slices(tmp_path / "ct", values)
    (tmp_path / "ct" / "readme.txt").write_text("no slice")
    found = unmask.volume(tmp_path / "ct")
    np.testing.assert_array_equal(found.values, 2.0 * values - 1000)
    assert found.spacing == (3.0, 2.0, 1.5)
    # Slices go up, rows to the back, columns to the left.
    assert found.codes == "SPL"
    np.testing.assert_allclose(found.affine @ [0, 0, 0, 1], [-10, -5, -20, 1])
    assert str(found) == "ct"


def test_folders_of_slices_that_are_no_volume_are_refused(tmp_path):
    pytest.importorskip("pydicom")
    values = RNG.integers(0, 900, (5, 8, 11))
    write_slices(tmp_path / "gap", values, places=[0, 3, 6, 12, 15])
    refused(r"not evenly spaced: .* are 6 mm apart, and others 3 mm", tmp_path / "gap",
            error=FileError)  # fmt: skip
    write_slices(tmp_path / "twice", values, places=[0, 3, 3, 6, 9])
    refused("lie in the same place", tmp_path / "twice", error=FileError)
    write_slices(tmp_path / "two", values)
    write_slices(tmp_path / "two", values, series="1.2.4")
    refused("holds 2 series", tmp_path / "two", error=FileError)
    write_slices(tmp_path / "sizes", values)
    write_slices(tmp_path / "sizes", values[:1, :4], places=[40])
    refused("several sizes", tmp_path / "sizes", error=FileError)
    (tmp_path / "none").mkdir()
    refused("holds no DICOM slices", tmp_path / "none", error=FileError)


def test_slices_that_do_not_say_where_they_lie_are_in_the_order_of_their_numbers(tmp_path):
    pydicom = pytest.importorskip("pydicom")
    values = RNG.integers(0, 900, (4, 8, 11))
    write_slices(tmp_path / "ct", values)
    for path in (tmp_path / "ct").iterdir():
        one = pydicom.dcmread(path)
        del one.ImagePositionPatient
        one.save_as(path)
    with pytest.warns(UnmaskWarning, match="do not say where they lie"):
        found = unmask.volume(tmp_path / "ct")
    order = np.argsort(np.random.default_rng(0).permutation(4))
    np.testing.assert_array_equal(found.values, 2.0 * values[order] - 1000)
    assert found.spacing is None


def test_tiff_and_npy_are_read_and_have_no_spacing(tmp_path):
    tifffile.imwrite(tmp_path / "v.tif", HEAD)
    np.save(tmp_path / "v.npy", HEAD)
    for name in ("v.tif", "v.npy"):
        found = unmask.volume(tmp_path / name)
        np.testing.assert_array_equal(found.values, HEAD)
        with pytest.warns(UnmaskWarning, match="no spacing"):
            read(spec(), "scan", found)


def test_a_path_is_a_volume_where_the_model_takes_one(tmp_path):
    np.save(tmp_path / "v.npy", HEAD)
    with pytest.warns(UnmaskWarning, match="no spacing"):
        assert read(spec(), "scan", tmp_path / "v.npy").original.kind == "volume"
    series = unmask.load(lambda b: b, layout="NCT", preprocess="raw").input
    np.save(tmp_path / "s.npy", HEAD[0])
    with pytest.raises(SettingError, match="which axis is time"):
        read(series, "steps", tmp_path / "s.npy")


def test_what_is_no_volume_is_refused(tmp_path):
    refused("expected three axes", np.zeros((3, 4)))
    refused("missing or infinite", np.full((2, 3, 4), np.nan))
    refused("expected numbers", np.full((2, 3, 4), "a"))
    refused("window=", HEAD, window=(3, 3))
    refused("does not say where its axes point", HEAD, orientation="RAS")
    refused("three letters", saved(tmp_path / "a.nii"), orientation="RAL")
    refused("for an array", saved(tmp_path / "a.nii"), spacing=(1, 1, 1))
    refused("three numbers above 0", HEAD, spacing=(1, 0, 1))
    refused("last row", HEAD, affine=LAS.T)
    refused("one direction", HEAD, affine=np.diag([1.0, 0, 1, 1]))
    refused("give one of them", HEAD, affine=LAS, spacing=(1, 1, 1))
    refused("there is no file", tmp_path / "none.nii", error=FileError)
    (tmp_path / "bad.nii").write_bytes(b"nothing")
    refused("is no NIfTI file", tmp_path / "bad.nii", error=FileError)
    data = gzip.compress((tmp_path / "a.nii").read_bytes())
    (tmp_path / "cut.nii.gz").write_bytes(data[: len(data) // 2])
    refused("cut.nii.gz", tmp_path / "cut.nii.gz", error=FileError)


# --- what a model gets


@pytest.mark.parametrize(("layout", "axis"), [("NDHW", None), ("NCDHW", 0), ("NDHWC", 3)])
def test_a_model_gets_its_own_layout(layout, axis):
    made = read(spec(layout), "scan", unmask.volume(HEAD))
    wanted = HEAD if axis is None else np.expand_dims(HEAD, axis)
    np.testing.assert_array_equal(made.array, wanted)
    assert made.shape == HEAD.shape


def test_a_window_is_zero_to_one():
    made = read(spec(), "scan", unmask.volume(HEAD, window=(-1, 3)))
    np.testing.assert_allclose(made.array[0], np.clip((HEAD + 1) / 4, 0, 1), atol=1e-6)


@pytest.mark.parametrize("wanted", ["LAS", "RAS", "SPL", "AIR"])
def test_an_orientation_is_nibabels_and_maps_come_back(wanted):
    image = nibabel.Nifti1Image(HEAD, LAS)
    own = nibabel.orientations.io_orientation(LAS)
    turn = nibabel.orientations.ornt_transform(own, nibabel.orientations.axcodes2ornt(wanted))
    expected = image.as_reoriented(turn).get_fdata()
    given = unmask.volume(HEAD, affine=LAS, orientation=wanted)
    made = read(spec(), "scan", given)
    np.testing.assert_allclose(made.array[0], expected, atol=1e-6)
    home = made.original
    np.testing.assert_allclose(home.back(made.array[0], 0), HEAD, atol=1e-6)
    np.testing.assert_allclose(home.forward(HEAD, 0), expected, atol=1e-6)


def test_codes_are_nibabels_also_of_oblique_volumes():
    for seed in range(50):
        rng = np.random.default_rng(seed)
        # Some order and direction of the axes, tilted by up to some 20 degrees.
        turn, _ = np.linalg.qr(np.eye(3) + 0.15 * rng.uniform(-1, 1, (3, 3)))
        turn *= np.sign(np.diag(turn))
        affine = np.eye(4)
        affine[:3, :3] = (turn * rng.choice([-1, 1], 3))[:, rng.permutation(3)] * [1.0, 2.0, 0.5]
        assert codes_of(affine) == "".join(nibabel.aff2axcodes(affine))
    tilted = np.array([[1, 0, 0, 0], [0, 0.9397, -0.342, 0], [0, 0.342, 0.9397, 0], [0, 0, 0, 1]])
    assert obliqueness(tilted) == pytest.approx(20, abs=0.1)
    with pytest.warns(UnmaskWarning, match="20 degrees oblique"):
        read(spec(), "scan", unmask.volume(HEAD, affine=tilted, orientation="LPS"))


def test_a_volume_of_another_size_is_resized_with_a_note_and_maps_come_back():
    smooth = np.add.outer(np.add.outer(np.arange(18.0), np.arange(24.0)), np.arange(30.0))
    with pytest.warns(UnmaskWarning, match="from 18 x 24 x 30 voxels to 9 x 12 x 15"):
        made = read(spec(size=(9, 12, 15)), "scan", unmask.volume(smooth, spacing=(1, 1, 1)))
    assert made.shape == (9, 12, 15)
    inner = (slice(4, -4),) * 3  # edges are averaged with less
    back = made.original.back(made.array[0], 0)
    assert back.shape == smooth.shape
    np.testing.assert_allclose(back[inner], smooth[inner], atol=1e-4)


def test_resizing_keeps_a_constant_and_shrinks_by_the_mean():
    assert np.ptp(stretched(np.full((5, 6, 7), 0.3), (3, 9, 7))) < 1e-12
    line = np.arange(12.0)
    assert stretched(line, (4,)).mean() == pytest.approx(line.mean())


def test_a_model_of_something_else_is_refused():
    given = unmask.volume(HEAD)
    with pytest.raises(ModelError, match="inputs of layout NHWC, and no volume"):
        read(unmask.load(lambda b: b, layout="NHWC", channels=3).input, "net", given)
    with pytest.raises(SettingError, match="takes 4 channels, and a volume has one"):
        read(spec(channels=4), "net", given)
    scaled = unmask.load(lambda b: b, layout="NCDHW", preprocess="unit").input
    with pytest.raises(ModelError, match="preprocess='raw' for a volume"):
        read(scaled, "net", given)


def test_a_constant_volume_is_noted():
    with pytest.warns(UnmaskWarning, match="constant; the window shows none"):
        read(spec(), "scan", unmask.volume(HEAD, window=(50, 60)))


# --- what is hidden


@pytest.mark.parametrize("layout", ["NDHW", "NCDHW", "NDHWC"])
def test_fills_are_those_of_arrays_and_other_volumes(layout, tmp_path):
    given = unmask.volume(HEAD, affine=LAS, orientation="RAS", window=(-3, 3))
    made = read(spec(layout), "scan", given)
    nothing = np.zeros((1, *made.shape), np.float32)
    other = read(spec(layout), "scan", unmask.volume(-HEAD, affine=LAS, orientation="RAS",
                                                     window=(-3, 3)))  # fmt: skip
    for fill in (-HEAD, unmask.volume(-HEAD), str(saved(tmp_path / "o.nii", -HEAD))):
        np.testing.assert_allclose(made.masked(nothing, made.fill(fill, 0))[0], other.array)
    mean = made.masked(nothing, made.fill("mean", 0))[0]
    np.testing.assert_allclose(mean, made.array.mean(), atol=1e-6)
    with pytest.raises(SettingError, match="hidden parts of a volume are mean, zero"):
        made.fill("white", 0)
    with pytest.raises(SettingError, match="expected a volume of shape"):
        made.fill(unmask.volume(HEAD[1:]), 0)
