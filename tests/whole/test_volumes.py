"""Volumes from end to end: exact where the truth is known, and a real model."""

import numpy as np
import pytest

import unmask
from helpers.later import later
from helpers.places import SHARED
from unmask import evaluation

nibabel = later("nibabel")
BRAINS = SHARED / "real" / "volume3d"
real = pytest.mark.skipif(not BRAINS.is_dir(), reason="the real volumes are absent")
RNG = np.random.default_rng(0)
HEAD, WEIGHTS = RNG.normal(size=(2, 4, 5, 6))
LAS = np.diag([-2.0, 2.5, 3, 1])


def weighed(batch):
    return np.tensordot(np.asarray(batch, np.float64), WEIGHTS, 3)


def explained(given=None, **settings):
    given = unmask.volume(HEAD, affine=LAS) if given is None else given
    chosen = {"masks": 512, "grid": 3, "fill": "zero", "estimator": "centered", **settings}
    return unmask.explain(weighed, given, 0, **chosen)


def drawn(seed, shape=(18, 22, 26)):
    """A bright ball in noise, which alone decides; its score, and where it is."""
    rng = np.random.default_rng(seed)
    center = [int(rng.integers(4, size - 4)) for size in shape]
    away = sum((at - c) ** 2 for at, c in zip(np.indices(shape), center, strict=True))
    ball = np.exp(-away / 8.0)
    volume = 0.3 * rng.normal(size=shape) + 2 * ball

    def score(batch):
        part = np.tensordot(np.asarray(batch, np.float64), ball, 3) / np.tensordot(volume, ball, 3)
        return 1 / (1 + np.exp(-6 * (part - 0.5)))

    return unmask.volume(volume), score, away <= 16


def test_a_linear_model_is_exact_where_cells_are_voxels():
    block = explained(grid=(4, 5, 6), shift=False, masks=1).plan.masks.block_size
    made = explained(grid=(4, 5, 6), shift=False, masks=2 * block)
    np.testing.assert_allclose(made.map - made.levels[0], HEAD * WEIGHTS / 2, atol=1e-5)


def test_a_turned_volume_has_the_same_map_in_its_own_axes():
    plain = explained(unmask.volume(HEAD, affine=LAS), grid=(4, 5, 6), shift=False, masks=2048)
    turned = unmask.volume(HEAD, affine=LAS, orientation="RAS")
    made = unmask.explain(
        lambda batch: weighed(np.asarray(batch)[:, ::-1]), turned, 0, masks=2048, grid=(4, 5, 6),
        shift=False, fill="zero", estimator="centered",
    )  # fmt: skip
    np.testing.assert_allclose(made.map, plain.map, atol=0.35)
    assert np.corrcoef(made.map.ravel(), (HEAD * WEIGHTS).ravel())[0, 1] > 0.99


@pytest.mark.slow
def test_planted_evidence_has_the_peak():
    found = []
    for seed in range(30):
        given, score, there = drawn(seed)
        made = unmask.explain(score, given, 0, masks=1024)
        found.append(there[np.unravel_index(made.map.argmax(), made.map.shape)])
    assert np.mean(found) >= 0.97


@pytest.mark.slow
def test_intervals_hold_the_truth():
    given, planted, _ = drawn(1, (10, 12, 14))

    def score(batch):  # and what a mask happens to show, which no balance takes out
        chance = np.abs(np.sin(1e4 * np.asarray(batch).mean(axis=(1, 2, 3))))
        return planted(batch) + 0.3 * np.modf(10 * chance)[0]

    settings = {"estimator": "centered", "batch_size": 256, "grid": 4}
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


@pytest.mark.parametrize("orientation", [None, "RAS"])
def test_it_is_saved_read_gone_on_with_and_merged(tmp_path, orientation):
    given = unmask.volume(HEAD, affine=LAS, orientation=orientation, window=(-2, 2))
    made = explained(given)
    read = unmask.Explanation.load(made.save(tmp_path / "head.npz"))
    np.testing.assert_array_equal(read.maps, made.maps)
    np.testing.assert_array_equal(read.significant(), made.significant())
    assert read.original.same(made.original)
    more = unmask.extend(read, weighed, masks=128)
    np.testing.assert_array_equal(more.maps, explained(given, masks=640).maps)
    parts = [explained(given, masks=1024, shard=(number, 2)) for number in (1, 2)]
    np.testing.assert_array_equal(parts[0].merge(parts[1]).maps, explained(given, masks=1024).maps)
    with pytest.raises(unmask.SettingError, match="cannot merge"):
        parts[0].merge(explained(unmask.volume(-HEAD, affine=LAS), masks=1024))


def test_the_batch_changes_nothing():
    one, other = (explained(batch_size=size) for size in (7, 32))
    np.testing.assert_allclose(one.maps, other.maps, rtol=1e-6, atol=1e-9)


def test_it_is_measured():
    made = explained()
    case = unmask.metrics.case(weighed, made.original.given, 0)
    curves = unmask.metrics.both(case, made.map)
    assert curves["deletion"].scores[0] == pytest.approx(weighed(HEAD[None])[0], rel=1e-4)
    assert curves["deletion"].scores[-1] == pytest.approx(0, abs=1e-4)
    (row,) = evaluation.evaluate_stored(weighed, [made], wanted=["deletion"])
    assert not row.error


def test_the_map_is_saved_as_nifti_where_the_volume_lies(tmp_path):
    oblique = LAS.copy()
    oblique[:2, :2] = [[-1.9, 0.6], [0.5, 2.4]]
    for affine in (LAS, oblique, None):
        made = explained(unmask.volume(HEAD, affine=affine))
        image = nibabel.load(made.export(tmp_path / "map.nii.gz"))
        wanted = np.eye(4) if affine is None else affine
        np.testing.assert_allclose(image.affine, wanted, atol=1e-6)
        np.testing.assert_allclose(image.get_fdata(), made.map, atol=1e-6)
    again = (tmp_path / "map.nii.gz").read_bytes()
    assert made.export(tmp_path / "map.nii.gz").read_bytes() == again
    turned = explained(unmask.volume(HEAD, affine=LAS, orientation="RAS"))
    image = nibabel.load(turned.export(tmp_path / "map.nii.gz"))
    np.testing.assert_allclose(image.affine, LAS)
    assert image.shape == HEAD.shape


@pytest.mark.slow
@pytest.mark.parametrize("affine", [None, LAS])
def test_it_is_drawn_and_reported(affine):
    given, score, _ = drawn(2)
    made = unmask.explain(score, unmask.volume(given.values, affine=affine), 0, masks=1024)
    assert len(made.plot(certainty=True).axes) == 3 + 12 + 1
    assert made._repr_png_() is not None
    page = unmask.report([made])
    count = 18 if affine is None else 26
    assert page.count('class="slice ') == count
    assert ("axial slices" in page) == (affine is not None)
    assert "as volume.npy" in page


@pytest.mark.slow
def test_slices_are_looked_through_by_keys(tmp_path):
    browser = pytest.importorskip("helpers.browser")
    given, score, _ = drawn(2)
    made = unmask.explain(score, given, 0, masks=1024)
    (tmp_path / "page.html").write_text(unmask.report([made]))
    start = int(np.unravel_index(made.map.argmax(), made.map.shape)[0])
    with browser.sync_api.sync_playwright() as playwright:
        found = next(path for name in browser.PROGRAMS if (path := browser.shutil.which(name)))
        chromium = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        page = chromium.new_page()
        problems = []
        page.on("console", lambda said: problems.append(said.text))
        page.goto((tmp_path / "page.html").as_uri())
        said = page.locator(".stack-of output")
        browser.expect(said).to_have_text(f"slice {start}")
        page.locator(".stack-of .place").press("ArrowRight")
        browser.expect(said).to_have_text(f"slice {start + 1}")
        browser.expect(page.locator(".slice:visible")).to_have_count(1)
        assert not problems
        chromium.close()


@pytest.mark.slow
@real
def test_the_command_line_takes_a_volume(tmp_path):
    cli = pytest.importorskip("unmask.cli")
    import shlex

    from typer.testing import CliRunner

    from unmask.reports.reproduce import reproduction

    values = np.load(BRAINS / "ventricle_patches.npz")["volume"][0, 0]
    nibabel.save(nibabel.Nifti1Image(values, LAS), tmp_path / "patch.nii.gz")
    said = ["explain", tmp_path / "patch.nii.gz", "-m", BRAINS / "ventricle_patch_cnn.onnx"]
    said += ["-t", 1, "-n", 1024, "-o", tmp_path, "--volume-window", "0,1"]
    said += ["--volume-orientation", "RAS", "--activation", "probabilities"]
    done = CliRunner().invoke(cli.app, [*map(str, said)])
    assert done.exit_code == 0, done.output
    (made,) = (unmask.Explanation.load(path) for path in tmp_path.glob("patch.npz"))
    assert [*tmp_path.glob("patch-class-1.png")]
    image = nibabel.load(*tmp_path.glob("patch-class-1.nii.gz"))
    np.testing.assert_allclose(image.get_fdata(), made.map, atol=1e-6)
    again = tmp_path / "again"
    words = [*shlex.split(reproduction(made).command())[1:], "-o", str(again)]
    assert CliRunner().invoke(cli.app, words).exit_code == 0
    (second,) = (unmask.Explanation.load(path) for path in again.glob("*.npz"))
    np.testing.assert_array_equal(second.map, made.map)


@pytest.mark.slow
@real
def test_a_real_networks_map_peaks_in_the_ventricle():
    pytest.importorskip("onnxruntime")
    data = np.load(BRAINS / "ventricle_patches.npz")
    model = unmask.load(BRAINS / "ventricle_patch_cnn.onnx", activation="probabilities")
    inside = []
    for patch, there in zip(data["volume"][:6], data["ventricle_mask"], strict=False):
        made = unmask.explain(model, unmask.volume(patch[0]), 1, masks=1024)
        inside.append(there[np.unravel_index(made.map.argmax(), made.map.shape)] >= 0.5)
    assert np.mean(inside) >= 0.8


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"spacing": (1, 0, 1)}, "spacing"),
        ({"window": (2, 1)}, "window"),
        ({"affine": np.zeros((4, 4))}, "affine"),
        ({"affine": None, "orientation": "RAS"}, "point to is missing"),
        ({"orientation": "RRR"}, "an orientation such as RAS"),
    ],
)
def test_a_damaged_file_is_no_explanation(tmp_path, change, message):
    from dataclasses import replace

    made = explained()
    own = replace(made.original.given, **change)
    wrong = replace(made, original=replace(made.original, given=own))
    with pytest.raises(unmask.FileError, match=message):
        unmask.Explanation.load(wrong.save(tmp_path / "wrong.npz"))
