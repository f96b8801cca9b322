"""Videos from end to end: exact where the truth is known, and a real model."""

import numpy as np
import pytest

import unmask
from helpers.clips import moving, write_video
from helpers.later import later
from helpers.places import SHARED
from unmask import evaluation

av = later("av")
CLIPS = SHARED / "real" / "video"
real = pytest.mark.skipif(not CLIPS.is_dir(), reason="the real videos are absent")
RNG = np.random.default_rng(0)
CLIP = RNG.integers(0, 256, (4, 5, 6, 3), dtype=np.uint8)
WEIGHTS = RNG.normal(size=(4, 5, 6, 3)) / 255


def weighed(batch):
    return np.tensordot(np.asarray(batch, np.float64), WEIGHTS, 4)


def explained(given=None, **settings):
    given = unmask.video(CLIP) if given is None else given
    chosen = {"masks": 512, "grid": 3, "fill": "black", "estimator": "centered", **settings}
    return unmask.explain(weighed, given, 0, **chosen)


def drawn(seed, shape=(12, 20, 24)):
    """A flash in a noisy clip, which alone decides; its score, and where it is."""
    rng = np.random.default_rng(seed)
    center = [int(rng.integers(3, size - 3)) for size in shape]
    away = sum(
        ((at - c) / wide) ** 2
        for at, c, wide in zip(np.indices(shape), center, (1.5, 2.5, 2.5), strict=True)
    )
    flash = np.exp(-away / 2)
    clip = (0.1 * rng.normal(size=shape) + flash).astype(np.float32)
    still = clip.mean(axis=0)

    def score(batch):
        change = np.asarray(batch, np.float64)[..., 0] - still
        part = np.tensordot(change, flash, 3) / np.tensordot(clip - still, flash, 3)
        return 1 / (1 + np.exp(-6 * (part - 0.5)))

    return unmask.video(clip), score, away <= 4


def test_a_linear_model_is_exact_where_cells_are_pixels():
    block = explained(grid=(4, 5, 6), shift=False, masks=1).plan.masks.block_size
    made = explained(grid=(4, 5, 6), shift=False, masks=2 * block)
    worth = (CLIP * WEIGHTS).sum(axis=-1) / 2
    np.testing.assert_allclose(made.map - made.levels[0], worth, atol=1e-5)


@pytest.mark.slow
def test_planted_evidence_has_the_peak():
    found = []
    for seed in range(15):
        given, score, there = drawn(seed)
        made = unmask.explain(score, given, 0, masks=1024)
        found.append(there[np.unravel_index(made.map.argmax(), made.map.shape)])
    assert np.mean(found) >= 0.97


@pytest.mark.slow
def test_intervals_hold_the_truth():
    given, planted, _ = drawn(1, (8, 10, 12))

    def score(batch):  # and what a mask happens to show, which no balance takes out
        chance = np.abs(np.sin(1e4 * np.asarray(batch).mean(axis=(1, 2, 3, 4))))
        return planted(batch) + 0.3 * np.modf(10 * chance)[0]

    settings = {"estimator": "centered", "batch_size": 256, "grid": (4, 4, 4)}
    truth = np.mean(
        [
            unmask.explain(score, given, 0, masks=8192, seed=1000 + seed, **settings).map
            for seed in range(8)
        ],
        axis=0,
    )
    held = []
    for seed in range(40):
        low, high = unmask.explain(score, given, 0, masks=1024, seed=seed, **settings).interval()
        held.append(((low[0] <= truth) & (truth <= high[0])).mean())
    assert 0.92 <= np.mean(held) <= 0.98


@pytest.mark.parametrize("given", [CLIP, (CLIP / 255).astype(np.float32)])
def test_it_is_saved_read_gone_on_with_and_merged(tmp_path, given):
    own = unmask.video(given, rate=7)
    fill = "black" if given.dtype == np.uint8 else "zero"
    made = explained(own, fill=fill)
    read = unmask.Explanation.load(made.save(tmp_path / "clip.npz"))
    np.testing.assert_array_equal(read.maps, made.maps)
    assert read.original.same(made.original)
    assert read.original.given.rate == pytest.approx(7)
    more = unmask.extend(read, weighed, masks=128)
    np.testing.assert_array_equal(more.maps, explained(own, masks=640, fill=fill).maps)
    parts = [explained(own, masks=1024, shard=(number, 2), fill=fill) for number in (1, 2)]
    whole = explained(own, masks=1024, fill=fill)
    np.testing.assert_array_equal(parts[0].merge(parts[1]).maps, whole.maps)
    with pytest.raises(unmask.SettingError, match="cannot merge"):
        parts[0].merge(explained(unmask.video(given[::-1]), masks=1024, fill=fill))


def test_the_batch_changes_nothing():
    one, other = (explained(batch_size=size) for size in (7, 32))
    np.testing.assert_allclose(one.maps, other.maps, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("layout", ["NTHWC", "NCTHW", "NTCHW"])
def test_it_is_measured(layout):
    def turned(batch):
        return weighed(255 * np.moveaxis(np.asarray(batch), layout.index("C"), -1))

    model = unmask.load(turned, layout=layout, preprocess="unit")
    made = unmask.explain(model, unmask.video(CLIP), 0, masks=256, grid=3, fill="black")
    case = unmask.metrics.case(model, made.original.given, 0)
    curves = unmask.metrics.both(case, made.map)
    assert curves["deletion"].scores[0] == pytest.approx(weighed(CLIP[None])[0], rel=1e-4)
    assert curves["deletion"].scores[-1] == pytest.approx(0, abs=1e-3)


def test_stored_maps_are_measured():
    (row,) = evaluation.evaluate_stored(weighed, [explained()], wanted=["deletion"])
    assert not row.error


@pytest.mark.slow
def test_it_is_drawn_reported_and_written_as_a_video(tmp_path):
    given, score, there = drawn(3)
    made = unmask.explain(score, given, 0, masks=2048)
    assert len(made.plot(certainty=True).axes) == 2 * 8 + 1 + 1
    assert made._repr_png_() is not None
    page = unmask.report([made])
    assert page.count('class="slice ') == 12
    assert "as video.npy" in page
    over = unmask.video(made.export(tmp_path / "over.webm"))
    assert over.frames.shape == (12, 240, 288, 3)
    # Color, which the gray clip has none of, lies where the flash is.
    colored = np.ptp(over.frames.astype(int), axis=-1)[:, 6::12, 6::12]
    peak = np.unravel_index(colored.argmax(), colored.shape)
    assert there[peak]


@pytest.mark.slow
def test_frames_play_in_a_browser(tmp_path):
    browser = pytest.importorskip("helpers.browser")
    given, score, _ = drawn(3)
    made = unmask.explain(score, given, 0, masks=1024)
    (tmp_path / "page.html").write_text(unmask.report([made]))
    with browser.sync_api.sync_playwright() as playwright:
        found = next(path for name in browser.PROGRAMS if (path := browser.shutil.which(name)))
        chromium = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        page = chromium.new_page()
        problems = []
        page.on("console", lambda said: problems.append(said.text))
        page.goto((tmp_path / "page.html").as_uri())
        said, play = page.locator(".stack-of output"), page.locator(".stack-of button")
        first = said.inner_text()
        play.click()
        browser.expect(said).not_to_have_text(first)
        browser.expect(play).to_have_text("pause")
        play.click()
        browser.expect(play).to_have_text("play")
        assert not problems
        chromium.close()


@pytest.mark.slow
def test_the_command_line_takes_a_video(tmp_path):
    cli = pytest.importorskip("unmask.cli")
    import shlex

    from typer.testing import CliRunner

    from helpers import onnx_models
    from unmask.reports.reproduce import reproduction

    model = onnx_models.mean(tmp_path / "net.onnx", ["N", 3, 6, 20, 28])
    path = write_video(tmp_path / "clip.mp4", moving(12, 40, 56))
    said = ["explain", path, "-m", model, "--preprocess", "unit", "--video-frames", 6, "-t", 0]
    said += ["-n", 1024, "-o", tmp_path, "--activation", "logits"]
    done = CliRunner().invoke(cli.app, [*map(str, said)])
    assert done.exit_code == 0, done.output
    made = unmask.Explanation.load(tmp_path / "clip.npz")
    assert made.map.shape == (6, 40, 56)
    assert {one.suffix for one in tmp_path.glob("clip-*")} == {".png", ".webm"}
    again = tmp_path / "again"
    words = [*shlex.split(reproduction(made).command())[1:], "-o", str(again)]
    assert CliRunner().invoke(cli.app, words).exit_code == 0
    np.testing.assert_array_equal(unmask.Explanation.load(again / "clip.npz").map, made.map)


@pytest.mark.slow
@real
def test_a_real_networks_influence_lies_on_the_motion():
    pytest.importorskip("onnxruntime")
    data = np.load(CLIPS / "motion_clips.npz")
    model = unmask.load(CLIPS / "motion_cnn3d.onnx", activation="probabilities")
    shares = []
    for clip, label, box in zip(
        data["clip"][:2], data["label"], data["box_t0_t1_y0_y1_x0_x1"], strict=False
    ):
        made = unmask.explain(model, unmask.video(clip[0]), int(label), masks=1024)
        rise = np.maximum(made.map - made.levels[0], 0)
        grown = [
            slice(max(0, box[2 * axis] - cell), box[2 * axis + 1] + cell)
            for axis, cell in enumerate(made.plan.masks.cell)
        ]
        shares.append(rise[tuple(grown)].sum() / rise.sum())
    assert np.mean(shares) >= 0.9


def test_it_leaves_as_xarray_with_its_times():
    pytest.importorskip("xarray")
    found = explained(unmask.video(CLIP, rate=8)).to_xarray()
    assert found["map"].dims == ("target", "time", "y", "x")
    np.testing.assert_allclose(found["time"], np.arange(4) / 8)
