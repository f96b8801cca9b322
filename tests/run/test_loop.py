"""The loop: exact numbers of model calls, the same bits for every batch size, planted evidence."""

import dataclasses
import io
import itertools
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import unmask
from unmask.draw.canvas import pixels
from unmask.estimate.scores import Scores

PICTURE = np.random.default_rng(0).integers(0, 256, (45, 70, 3), np.uint8)


def weights(shape=(45, 70), box=(10, 20, 40, 55)):
    w = np.zeros(shape, np.float32)
    w[box[0] : box[1], box[2] : box[3]] = 1 / ((box[1] - box[0]) * (box[3] - box[2]))
    return w


def brightness(batch):
    """Row by row, so that a score has the same bits in any batch."""
    w = weights()[..., None]
    scores = np.array([(one * w).sum(dtype=np.float64) / 765 for one in batch])
    return np.stack([scores, 1 - scores**2], axis=1)


def counted(function):
    sizes = []

    def model(batch):
        sizes.append(len(batch))
        return function(batch)

    return model, sizes


@given(masks=st.integers(1, 400), size=st.integers(1, 150))
@settings(max_examples=25)
def test_every_mask_is_scored_exactly_once(masks, size):
    model, sizes = counted(lambda batch: batch.mean(axis=(1, 2)) / 255)
    run = unmask.prepare(model, PICTURE[:9, :12], 0, masks=masks, grid=3, batch_size=size)
    *_, last = unmask.stream(run)
    # The whole picture; then, but for single inputs, twice beside a plain one and noise.
    asked = 2 if size == 1 else 4
    before = 1 + -(-asked // size)
    assert sizes[0] == 1
    assert sum(sizes[1:before]) == asked
    assert sum(sizes[before:]) == masks == last.count
    assert len(sizes) - before == -(-masks // size)
    assert max(sizes[1:]) <= size
    assert run.calls == 1 + asked


@pytest.mark.parametrize("design", ["random", "balanced"])
def test_same_bits_for_batch_sizes_1_7_and_64(design):
    results = [
        unmask.explain(
            brightness, PICTURE, [0, 1], masks=200, grid=(3, 5), batch_size=size, design=design
        )
        for size in (1, 7, 64)
    ]
    for other in results[1:]:
        assert other.maps.tobytes() == results[0].maps.tobytes()
        assert other.stderrs.tobytes() == results[0].stderrs.tobytes()
        assert other.reliabilities == results[0].reliabilities


def test_shards_give_the_same_bits_as_one_run():
    run = unmask.prepare(brightness, PICTURE, 0, masks=210, grid=(3, 5))
    *_, whole = unmask.stream(run)
    shards = [
        Scores.empty(run.plan.masks, 1).update(number, scores) for number, scores in whole.parts
    ]
    merged = shards[2].merge(shards[0])
    for shard in (shards[1], *shards[3:]):
        merged = merged.merge(shard)
    a, b = run.explanation(whole), run.explanation(merged)
    assert a.map.tobytes() == b.map.tobytes()


@pytest.mark.slow
@given(stop=st.integers(1, 12))
@settings(max_examples=8)
def test_a_run_can_go_on_from_any_estimate(stop):
    model, sizes = counted(brightness)
    run = unmask.prepare(model, PICTURE, 0, masks=150, grid=(3, 5), batch_size=13)
    *_, whole = unmask.stream(run)
    part = next(itertools.islice(unmask.stream(run), stop - 1, None))
    sizes.clear()
    *_, resumed = unmask.stream(run, part) if part.count < 150 else (part,)
    assert sum(sizes) == 150 - part.count
    assert run.explanation(resumed).map.tobytes() == run.explanation(whole).map.tobytes()


@pytest.mark.slow
@pytest.mark.parametrize("keep", [0.5, 0.3])
@pytest.mark.parametrize("design", ["random", "balanced"])
def test_a_model_that_is_linear_in_the_pixels_has_its_exact_map(design, keep):
    """f = sum(w x) of the masked picture: the map is (1-p) K_h w K_w + p sum(w), times contrast."""
    picture = np.full((45, 70, 3), 200, np.uint8)
    explanation = unmask.explain(
        brightness,
        picture,
        0,
        masks=6000,
        grid=(3, 5),
        keep=keep,
        design=design,
        fill="black",
        estimator="centered",
    )
    masks = explanation.plan.masks
    spread = masks.covariance(0) @ weights() @ masks.covariance(1)
    exact = 200 / 255 * (keep + (1 - keep) * spread)
    assert np.corrcoef(explanation.map.ravel(), exact.ravel())[0, 1] > 0.995
    z = (explanation.map - exact) / explanation.stderr
    assert np.sqrt(np.mean(z**2)) < 2.5


@pytest.mark.slow
@given(top=st.integers(0, 3), left=st.integers(0, 5))
@settings(max_examples=10)
def test_a_planted_patch_is_found(top, left):
    y, x = 8 * top + 4, 10 * left + 3
    picture = np.full((45, 70, 3), 90, np.uint8)
    picture[y : y + 9, x : x + 11] = (250, 30, 30)

    def redness(batch):
        return ((batch[..., 0] - batch[..., 1]) > 80).mean(axis=(1, 2))

    explanation = unmask.explain(redness, picture, 0, masks=1500, grid=6)
    peak = np.unravel_index(explanation.map.argmax(), explanation.map.shape)
    assert y <= peak[0] < y + 9
    assert x <= peak[1] < x + 11


def test_explanation_survives_its_file(tmp_path):
    explanation = unmask.explain(brightness, PICTURE, [0, 1], masks=150, grid=(3, 5), seed=3)
    path = explanation.save(tmp_path / "one.npz")
    assert [p.name for p in tmp_path.iterdir()] == ["one.npz"]
    again = unmask.Explanation.load(path)
    for field in dataclasses.fields(explanation):
        one, other = getattr(explanation, field.name), getattr(again, field.name)
        if isinstance(one, np.ndarray):
            assert one.dtype == other.dtype
            assert one.tobytes() == other.tobytes()
        elif field.name == "original":
            assert one.same(other)
            assert one.frame == other.frame
        elif field.name not in ("estimate", "_more"):
            assert one == other, field.name
    assert again.maps.tobytes() == explanation.maps.tobytes()
    assert again.stderrs.tobytes() == explanation.stderrs.tobytes()
    assert (
        again.estimate.moments.sum_var.tobytes() == explanation.estimate.moments.sum_var.tobytes()
    )
    with np.load(path, allow_pickle=False) as plain:
        assert plain["maps"].dtype == np.float32


@pytest.mark.parametrize("keep_bytes", [0, 10, 500, -20])
def test_a_damaged_file_is_refused(tmp_path, keep_bytes):
    path = unmask.explain(brightness, PICTURE, 0, masks=90, grid=(3, 5)).save(tmp_path / "a.npz")
    path.write_bytes(path.read_bytes()[:keep_bytes])
    with pytest.raises(unmask.FileError, match=r"a\.npz"):
        unmask.Explanation.load(path)


def test_foreign_files_are_refused(tmp_path):
    np.savez(tmp_path / "foreign.npz", maps=np.zeros(3))
    np.savez(tmp_path / "pickled.npz", header=np.array([{}], dtype=object))
    for name in ("foreign.npz", "pickled.npz"):
        with pytest.raises(unmask.FileError, match="no file of unmask's"):
            unmask.Explanation.load(tmp_path / name)
    with pytest.raises(unmask.FileError, match="no file at"):
        unmask.Explanation.load(tmp_path / "absent.npz")
    with pytest.raises(unmask.FileError, match="cannot write"):
        unmask.explain(brightness, PICTURE, 0, masks=90, grid=(3, 5)).save(
            tmp_path / "no" / "a.npz"
        )


@pytest.mark.slow
def test_figures_and_overlays_have_the_pictures_size():
    explanation = unmask.explain(brightness, PICTURE, [0, 1], masks=90, grid=(3, 5))
    assert explanation.overlay().size == (70, 45)
    assert pixels(explanation.plot("class 1")).shape[1] > 3 * 70
    one = pixels(explanation.plot(0)).shape[0]
    png = explanation._repr_png_()
    assert png is not None
    with Image.open(io.BytesIO(png)) as shown:
        assert shown.height == 2 * one
    with pytest.raises(unmask.TargetError, match="has 2"):
        explanation.overlay(2)


def test_a_cropped_pictures_unseen_pixels_have_the_mean_score():
    model = unmask.load(
        lambda batch: batch[:, 2:6, 3:9].mean(axis=(1, 2, 3)) / 255, size=(20, 24), resize="crop"
    )
    explanation = unmask.explain(model, PICTURE, 0, masks=200, grid=4, fill="black")
    assert explanation.map.shape == (45, 70)
    mean = explanation.estimate.mean[0]
    np.testing.assert_allclose(explanation.map[0], mean, rtol=1e-6)
    np.testing.assert_allclose(explanation.map[:, 0], mean, rtol=1e-6)
    assert np.ptp(explanation.map[10:-10, 15:-15]) > 0.01
    spread = explanation.estimate.scores.std() / np.sqrt(200)
    assert 0 < explanation.stderr[0, 0] < 3 * spread


def test_the_models_arrays_may_be_elsewhere():
    """Masks are made and applied by the framework that `asarray` names."""
    torch = pytest.importorskip("torch")
    seen = []

    def mean(batch):
        seen.append(type(batch))
        return batch.double().mean(dim=(1, 2, 3)).numpy()

    there = unmask.load(mean, preprocess="unit", layout="NCHW")
    there = dataclasses.replace(there, asarray=lambda a: torch.from_numpy(np.array(a)))
    here = unmask.load(
        lambda b: b.mean(axis=(1, 2, 3), dtype=np.float64), preprocess="unit", layout="NCHW"
    )
    a, b = (unmask.explain(m, PICTURE, 0, masks=120, grid=(3, 5)) for m in (there, here))
    assert set(seen) == {torch.Tensor}
    np.testing.assert_allclose(a.map, b.map, atol=1e-6)


def by_itself(function):
    """Return a model like one on a GPU, and a list of what happened to its batches."""
    happened = []

    def begin(batch):
        number = len(happened)
        happened.append(("begun", len(batch)))

        def wait():
            happened.append(("waited for", happened[number][1]))
            return function(batch)

        return wait

    def run(batch):
        return begin(batch)()

    run.begin = begin
    return run, happened


def test_a_model_that_works_by_itself_has_the_next_batch_before_the_last_is_waited_for():
    function, happened = by_itself(brightness)
    settings = {"masks": 100, "grid": 4, "batch_size": 40}
    run = unmask.prepare(function, PICTURE, 0, **settings)
    happened.clear()
    counts = [estimate.count for estimate in unmask.stream(run)]
    assert counts == [40, 80, 100]
    begun, waited = "begun", "waited for"
    assert happened == [
        (begun, 40),
        (begun, 40),
        (waited, 40),
        (begun, 20),
        (waited, 40),
        (waited, 20),
    ]
    ours, theirs = (unmask.explain(f, PICTURE, 0, **settings) for f in (function, brightness))
    np.testing.assert_array_equal(ours.model_maps, theirs.model_maps)


def test_a_failure_of_a_model_that_works_by_itself_names_its_own_masks():
    def fails(batch):
        if fails.after < 0:
            raise RuntimeError("an illegal memory access")
        fails.after -= len(batch)
        return brightness(batch)

    fails.after = 1000
    function, _ = by_itself(fails)
    run = unmask.prepare(function, PICTURE, 0, masks=100, grid=4, batch_size=40)
    fails.after = 39
    estimates = unmask.stream(run)
    assert next(estimates).count == 40
    with pytest.raises(unmask.ModelError, match="at masks 40 to 79: RuntimeError: an illegal"):
        next(estimates)


def test_importing_unmask_loads_numpy_and_nothing_heavier():
    code = (
        "import sys, unmask; heavy = {'PIL', 'onnxruntime', 'torch', 'jax', 'typer', 'rich', "
        "'cv2', 'skimage', 'scipy', 'matplotlib', 'onnx'} & set(sys.modules); "
        "assert not heavy, heavy; assert 'numpy' in sys.modules; "
        "others = {m for m in sys.modules if m.startswith('unmask')}; "
        "assert others == {'unmask', 'unmask._version', 'unmask.errors'}, others"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_every_public_name_is_there():
    for name in unmask.__all__:
        assert getattr(unmask, name) is not None
    assert set(unmask.__all__) <= set(dir(unmask))
    with pytest.raises(AttributeError, match="no attribute 'explains'"):
        unmask.explains  # noqa: B018
