"""Series from end to end: exact where the truth is known, and real models."""

import numpy as np
import pytest

import unmask
from helpers.places import SHARED
from unmask import evaluation

TIMESERIES = SHARED / "real" / "timeseries"
real = pytest.mark.skipif(not TIMESERIES.is_dir(), reason="the real series are absent")
RNG = np.random.default_rng(0)
WALK = RNG.normal(size=(3, 24)).cumsum(axis=1)  # channels x steps
WEIGHTS = RNG.normal(size=(3, 24))


def weighed(batch):
    return (np.asarray(batch, np.float64) * WEIGHTS).sum(axis=(1, 2))


def explained(channels="apart", **settings):
    given = unmask.series(WALK, "CT", channels=channels, names=["x", "y", "z"])
    chosen = {"masks": 128, "fill": "zero", "estimator": "centered", **settings}
    return unmask.explain(weighed, given, 0, **chosen)


def test_a_linear_model_is_exact_where_cells_are_steps():
    # Whole balanced blocks: E[f | step shown] - E[f] is half of what the step is worth.
    block = explained(grid=24, shift=False, masks=1, channels="together").plan.masks.block_size
    made = explained(grid=24, shift=False, masks=2 * block, channels="together")
    worth = (WALK * WEIGHTS).sum(axis=0) / 2
    np.testing.assert_allclose(made.map - made.levels[0], worth, atol=1e-5)


def test_a_linear_model_is_exact_in_channels_and_steps():
    block = explained(grid=(3, 24), shift=False, masks=1).plan.masks.block_size
    made = explained(grid=(3, 24), shift=False, masks=2 * block)
    assert made.map.shape == (3, 24)
    np.testing.assert_allclose(made.map - made.levels[0], WALK * WEIGHTS / 2, atol=1e-5)


def test_both_layouts_have_one_map():
    def turned(batch):
        return weighed(np.asarray(batch).transpose(0, 2, 1))

    for channels in ("together", "apart"):
        made = explained(channels)
        given = unmask.series(WALK.T, "TC", channels=channels)
        other = unmask.explain(turned, given, 0, masks=128, fill="zero", estimator="centered")
        np.testing.assert_allclose(other.maps, made.maps, rtol=1e-6)


def test_a_grid_of_two_numbers_hides_channels_apart():
    given = unmask.series(WALK, "CT")
    made = unmask.explain(weighed, given, 0, masks=64, grid=(3, 8))
    assert (made.map.shape, made.plan.masks.units) == ((3, 24), (0,))
    again = unmask.explain(weighed, made.original.given, 0, masks=64, grid=8)
    np.testing.assert_array_equal(made.maps, again.maps)
    with pytest.raises(unmask.SettingError, match="single channel"):
        unmask.explain(lambda b: b.mean(axis=1), unmask.series(WALK[0]), 0, grid=(1, 8))


@pytest.mark.slow
@pytest.mark.parametrize("fill", ["zero", "mean", "line"])
def test_planted_evidence_has_the_peak(fill):
    # A bump that alone decides, in one of three noisy channels; drawn anew each time.
    found = []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        lines = rng.normal(size=(3, 90))
        channel, start = int(rng.integers(3)), int(rng.integers(8, 66))
        bump = 4 * np.hanning(16)
        lines[channel, start : start + 16] += bump

        def score(batch, channel=channel, start=start, bump=bump):
            part = np.asarray(batch)[:, channel, start : start + 16]
            return 1 / (1 + np.exp(-0.1 * (part @ bump - 40)))

        given = unmask.series(lines, "CT", channels="apart")
        made = unmask.explain(score, given, 0, masks=1000, fill=fill)
        row, step = np.unravel_index(made.map.argmax(), made.map.shape)
        found.append(row == channel and start <= step < start + 16)
    assert np.mean(found) >= 0.97


@pytest.mark.parametrize("channels", ["together", "apart"])
def test_it_is_saved_read_gone_on_with_and_merged(tmp_path, channels):
    made = explained(channels)
    read = unmask.Explanation.load(made.save(tmp_path / "walk.npz"))
    np.testing.assert_array_equal(read.maps, made.maps)
    assert read.original.same(made.original)
    assert read.original.given.names == ("x", "y", "z")
    more = unmask.extend(read, weighed, masks=64)
    np.testing.assert_array_equal(more.maps, explained(channels, masks=192).maps)
    parts = [explained(channels, masks=1024, shard=(number, 2)) for number in (1, 2)]
    whole = explained(channels, masks=1024)
    np.testing.assert_array_equal(parts[0].merge(parts[1]).maps, whole.maps)
    with pytest.raises(unmask.SettingError, match="cannot merge"):
        parts[0].merge(unmask.explain(weighed, unmask.series(-WALK, "CT"), 0, masks=1024))


def test_a_checkpoint_is_gone_on_with(tmp_path):
    explained(masks=64, fill="line", checkpoint=tmp_path / "scores")
    made = explained(fill="line", checkpoint=tmp_path / "scores")
    np.testing.assert_array_equal(made.maps, explained(fill="line").maps)


@pytest.mark.parametrize("channels", ["together", "apart"])
def test_it_is_measured(channels):
    made = explained(channels)
    case = unmask.metrics.case(weighed, made.original.given, 0)
    curves = unmask.metrics.both(case, made.map, step=1)
    whole = weighed(WALK[None].astype(np.float32))[0]
    assert curves["deletion"].scores[0] == pytest.approx(whole, rel=1e-5)
    assert curves["insertion"].scores[-1] == pytest.approx(whole, rel=1e-5)
    lined = unmask.metrics.deletion(case, made.map, step=1, fill="line")
    means = np.broadcast_to(WALK.mean(axis=1, keepdims=True), WALK.shape)
    assert lined.scores[-1] == pytest.approx(weighed(means[None])[0], rel=1e-5)
    (row,) = evaluation.evaluate_stored(weighed, [made], wanted=["deletion"], step=1)
    assert not row.error
    assert row.values["deletion"] == pytest.approx(curves["deletion"].area)


@pytest.mark.slow
def test_it_is_drawn_and_reported():
    made = explained(masks=1024)
    assert len(made.plot(certainty=True).axes) == 6
    assert made._repr_png_() is not None
    page = unmask.report([made])
    assert "The series and its map" in page
    assert "as series.npy" in page


def test_significance_and_intervals_have_the_shape_of_the_map():
    made = explained(masks=1024)
    assert made.significant().shape == made.stderr.shape == (3, 24)
    low, high = made.interval()
    assert ((low <= made.maps) & (made.maps <= high)).all()


@pytest.mark.slow
@real
@pytest.mark.parametrize("suffix", ["npy", "csv"])
def test_the_command_line_takes_a_file(tmp_path, suffix):
    cli = pytest.importorskip("unmask.cli")
    from typer.testing import CliRunner

    series = np.load(TIMESERIES / "basicmotions.npz")["X_test"][0]
    path = tmp_path / f"motion.{suffix}"
    if suffix == "npy":
        np.save(path, series)
    else:
        np.savetxt(path, series.T, delimiter=",", header="a,b,c,d,e,f", comments="")
    model = TIMESERIES / "basicmotions_cnn.onnx"
    folder = tmp_path / "out"
    said = ["explain", path, "-m", model, "-n", 400, "--grid", "6x20", "--fill", "line"]
    done = CliRunner().invoke(cli.app, [*map(str, [*said, "-o", folder])])
    assert done.exit_code == 0, done.output
    made = unmask.Explanation.load(folder / "motion.npz")
    assert made.map.shape == (6, 100)
    assert made.plan.fill == "line"
    assert [*folder.glob("motion-*.png")]


@pytest.mark.slow
@real
def test_a_real_model_is_explained_better_than_by_chance():
    pytest.importorskip("onnxruntime")
    data = np.load(TIMESERIES / "gunpoint.npz")
    model = unmask.load(TIMESERIES / "gunpoint_cnn.onnx")
    areas = []
    for series in data["X_test"][:6]:
        made = unmask.explain(model, unmask.series(series), masks=1000)
        case = unmask.metrics.case(model, made.original.given, made.targets[0].index)
        shuffled = np.random.default_rng(0).permutation(made.map)
        both = [unmask.metrics.deletion(case, one, step=2) for one in (made.map, shuffled)]
        areas.append([curve.area for curve in both])
    ours, chance = np.mean(areas, axis=0)
    assert ours < chance
