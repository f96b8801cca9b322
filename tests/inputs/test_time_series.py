"""Series: what is read, what is hidden, and what is refused before any call."""

import numpy as np
import pytest

import unmask
from helpers.places import SHARED
from unmask.errors import FileError, ModelError, SettingError, UnmaskWarning
from unmask.inputs import read
from unmask.inputs.straight import straight

TIMESERIES = SHARED / "real" / "timeseries"
WALK = np.random.default_rng(0).normal(size=(3, 20)).cumsum(axis=1)  # channels x steps


def spec(layout="NCT", **more):
    return unmask.load(lambda b: b, layout=layout, preprocess="raw", **more).input


def sample(given, layout="NCT", **more):
    return read(spec(layout, **more), "walker", given)


def refused(match, given, *rest, error=SettingError, **more):
    with pytest.raises(error, match=match):
        unmask.series(given, *rest, **more)


@pytest.mark.parametrize(("given", "layout"), [(WALK, "CT"), (WALK.T, "TC")])
@pytest.mark.parametrize("model", ["NCT", "NTC"])
def test_the_model_gets_its_own_layout(given, layout, model):
    made = sample(unmask.series(given, layout), model)
    wanted = WALK if model == "NCT" else WALK.T
    np.testing.assert_array_equal(made.array, wanted.astype(np.float32))
    assert made.shape == (20,)
    assert made.apart().shape == (3, 20)


@pytest.mark.parametrize("model", ["NCT", "NTC", "NT"])
def test_a_single_channel_may_be_left_out(model):
    shape = {"NCT": (1, 20), "NTC": (20, 1), "NT": (20,)}[model]
    for given in (WALK[0], WALK[:1], WALK[:1].T):
        assert sample(unmask.series(given), model).array.shape == shape


def test_the_model_tells_which_axis_is_time():
    for given in (WALK, WALK.T):
        made = sample(unmask.series(given), channels=3)
        np.testing.assert_array_equal(made.array, WALK.astype(np.float32))
    with pytest.raises(SettingError, match="does not tell which axis is time"):
        sample(unmask.series(WALK))


@pytest.mark.parametrize("model", ["NCT", "NTC"])
@pytest.mark.parametrize("apart", [False, True])
@pytest.mark.parametrize("fill", ["mean", "zero", "noise", "line", -WALK])
def test_masks_keep_what_they_should(model, apart, fill):
    made = sample(unmask.series(WALK, "CT"), model)
    made = made.apart() if apart else made
    shown = np.random.default_rng(1).random((7, *made.shape)) > 0.5
    batch = made.masked(shown.astype(np.float32), made.fill(fill, 0))
    batch = batch.mT if model == "NTC" else batch
    there = np.broadcast_to(shown if apart else shown[:, None], batch.shape)
    np.testing.assert_allclose(batch[there], np.broadcast_to(WALK, batch.shape)[there], atol=1e-5)
    hidden = batch[~there]
    match fill:
        case np.ndarray():
            np.testing.assert_allclose(
                hidden, np.broadcast_to(-WALK, batch.shape)[~there], atol=1e-5
            )
        case "zero":
            assert not hidden.any()
        case "mean":
            mean = np.broadcast_to(WALK.mean(axis=1, keepdims=True), batch.shape)
            np.testing.assert_allclose(hidden, mean[~there], atol=1e-5)
        case _:
            assert not np.isclose(hidden, np.broadcast_to(WALK, batch.shape)[~there]).all()


def test_lines_are_those_of_numpy():
    rng = np.random.default_rng(2)
    shown = rng.random((40, 3, 20)) > 0.6
    lines = WALK.astype(np.float32)
    steps = np.arange(20)
    for row, made in zip(shown, straight(lines, shown), strict=True):
        for there, line, one in zip(row, lines, made, strict=True):
            wanted = np.interp(steps, steps[there], line[there]) if there.any() else line.mean()
            np.testing.assert_allclose(one, np.broadcast_to(wanted, 20), atol=1e-5)


def test_a_straight_series_is_as_it_was_under_lines():
    ramp = sample(unmask.series(np.arange(20.0)), "NT")
    mask = np.zeros((1, 20))
    mask[0, [0, 19]] = 1
    np.testing.assert_allclose(ramp.masked(mask, ramp.fill("line", 0))[0], np.arange(20), rtol=1e-6)


@pytest.mark.parametrize("apart", [False, True])
@pytest.mark.parametrize("model", ["NCT", "NTC"])
def test_steps_turn_from_one_to_another(apart, model):
    made = sample(unmask.series(WALK, "CT"), model)
    made = made.apart() if apart else made
    order = np.random.default_rng(3).permutation(int(np.prod(made.shape)))
    end = np.broadcast_to(made.fill("zero", 0), made.array.shape)
    batches = [*made.steps(made.array, end, order, [0, 1, len(order)], 2)]
    assert [len(batch) for batch in batches] == [2, 1]
    none, one, every = np.concatenate(batches)
    np.testing.assert_array_equal(none, made.array)
    assert not every.any()
    changed = (one != made.array).T if model == "NTC" else one != made.array
    where = np.argwhere(changed)
    step = order[0] % 20
    assert {int(place[1]) for place in where} == {step}
    assert len(where) == (1 if apart else 3)


def test_what_is_no_series_is_refused():
    refused("a single step", [1.0])
    refused("a single step.*other one", np.zeros((1, 9)), "TC")
    refused("expected one axis", np.zeros((2, 3, 4)))
    refused("expected one axis", [])
    refused("it names 2 axes", np.zeros(9), "TC")
    refused("expected numbers", ["a", "b"])
    refused("layout", WALK, "WH")
    refused("channels", WALK, "CT", channels="some")
    refused("single channel", WALK[0], channels="apart")
    refused("2 names for 3", WALK, "CT", names=["a", "b"])
    holes = WALK.copy()
    holes[1, [4, 7]] = np.nan, np.inf
    refused(r"2 values that are missing or infinite, the first at \[1, 4\]: fill", holes, "CT")
    refused("beyond those of float32", [1e39, 0])


def test_what_does_not_fit_the_model_is_refused():
    for given, match, more in (
        (unmask.series(WALK, "CT"), "3 channels, and 2 are wanted", {"channels": 2}),
        (unmask.series(WALK, "CT"), "20 steps, and 30 are wanted.*resample", {"size": (30,)}),
        (unmask.series(WALK, "TC"), "its layout seems to be 'CT'", {"channels": 3, "size": (20,)}),
    ):
        with pytest.raises(SettingError, match=match):
            sample(given, **more)
    with pytest.raises(SettingError, match="load it with layout='NTC'"):
        sample(unmask.series(WALK, "CT"), "NCT", channels=20, size=(3,))
    with pytest.raises(ModelError, match="and no series"):
        sample(unmask.series(WALK, "CT"), "NCHW")
    made = sample(unmask.series(WALK, "CT"))
    for fill in ("black", (1, 2, 3), WALK.T):
        with pytest.raises(SettingError, match="hidden spans of a series"):
            made.fill(fill, 0)
    with pytest.raises(SettingError, match="not finite"):
        made.fill(WALK * np.nan, 0)


def test_constant_channels_are_noted():
    flat = WALK.copy()
    flat[1] = 5
    with pytest.warns(UnmaskWarning, match="of 3 channels, y are constant"):
        sample(unmask.series(flat, "CT", names=["x", "y", "z"]))
    with pytest.warns(UnmaskWarning, match="the series is constant.*fill='zero'"):
        sample(unmask.series(np.ones(9)), "NT")


def test_tables_have_a_row_for_each_step(tmp_path):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(WALK.T, columns=["x", "y", "z"])
    frame.to_csv(tmp_path / "walk.csv", index=False)
    np.save(tmp_path / "walk.npy", WALK[0])
    made = [unmask.series(frame), unmask.series(tmp_path / "walk.csv")]
    if pytest.importorskip("pyarrow"):
        frame.to_parquet(tmp_path / "walk.parquet")
        made.append(unmask.series(str(tmp_path / "walk.parquet")))
    for one in made:
        assert (one.layout, one.names) == ("TC", ("x", "y", "z"))
        np.testing.assert_allclose(one.lines, WALK)
    np.testing.assert_array_equal(unmask.series(tmp_path / "walk.npy").values, WALK[0])
    assert unmask.series(frame["y"]).names == ("y",)


def test_csv_without_titles_and_with_semicolons(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("1;2\n3;4\n\n5;6\n", encoding="utf-8")
    made = unmask.series(path)
    np.testing.assert_array_equal(made.lines, [[1, 3, 5], [2, 4, 6]])
    assert made.names == ()


@pytest.mark.parametrize(
    ("text", "match", "error"),
    [
        (
            "time,x\n2024-01-01,1\n",
            "column time has '2024-01-01', which is no number",
            SettingError,
        ),
        ("x,y\n1,2\n3\n", "row 3 has 1 columns, and the first has 2", SettingError),
        ("x,y\n1,2\n3,\n", "missing or infinite", SettingError),
        ("", "is empty", SettingError),
        (None, "there is no file", FileError),
    ],
)
def test_files_that_hold_no_series(tmp_path, text, match, error):
    path = tmp_path / "a.csv"
    if text is not None:
        path.write_text(text, encoding="utf-8")
    refused(match, path, error=error)


def test_other_files_are_refused(tmp_path):
    refused("ends with .npy, .csv, .parquet", tmp_path / "a.txt")
    (tmp_path / "a.npy").write_bytes(b"nothing")
    refused("cannot be read", tmp_path / "a.npy", error=FileError)
    np.save(tmp_path / "words.npy", np.array(["a", "b"]))
    refused("array of numbers", tmp_path / "words.npy")


@pytest.mark.skipif(not TIMESERIES.is_dir(), reason="the real series are absent")
def test_real_models_are_read_as_they_are():
    gun = unmask.load(TIMESERIES / "gunpoint_cnn.onnx")
    assert (gun.input.layout, gun.input.size, gun.input.channels) == ("NCT", (150,), 1)
    motions = unmask.load(TIMESERIES / "basicmotions_cnn.onnx", layout="NCT")
    assert (motions.input.size, motions.input.channels, motions.notes) == ((100,), 6, ())
