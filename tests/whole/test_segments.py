"""Segments on every way that a map takes: files, workers, the command line, reports, metrics."""

import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

import unmask
from helpers.toy_models import slopes
from unmask._base import npz
from unmask.errors import FileError, SettingError
from unmask.masks.segments import SegmentMasks
from unmask.models.detections import Detections
from unmask.reports.reproduce import reproduction
from unmask.run import explanation_file

PICTURE = np.random.default_rng(3).integers(0, 256, (36, 52, 3), np.uint8)
ROWS, COLUMNS = np.mgrid[:36, :52]
TWELFTHS = ROWS // 12 * 4 + COLUMNS // 13
THIS = 6  # the segment that the model looks at


def looks(batch):
    """Brightness of one segment, row by row, so that no score depends on its batch."""
    return np.array([[one[TWELFTHS == THIS].mean(dtype=np.float64) / 255] for one in batch])


def noisy(batch):
    """Two scores, of which one is mostly chance."""
    one = looks(batch)[:, 0]
    return np.stack([one, np.modf(np.abs(np.sin(1e4 * one)))[0]], axis=1)


def explained(model=looks, segments=TWELFTHS, **settings):
    chosen = {"masks": 96, "fill": "black", "batch_size": 16, **settings}
    return unmask.explain(model, PICTURE, 0, segments=segments, **chosen)


def same(one, other):
    np.testing.assert_array_equal(one.map, other.map)
    np.testing.assert_array_equal(one.stderr, other.stderr)


@pytest.mark.parametrize("estimator", ["adaptive", "smooth", "sharp", "centered", "paper"])
def test_a_map_has_one_value_for_each_segment(estimator):
    explanation = explained(estimator=estimator)
    assert explanation.map.shape == PICTURE.shape[:2]
    each = [np.unique(explanation.map[number == TWELFTHS]) for number in range(12)]
    assert all(np.ptp(values) < 1e-5 for values in each)
    assert int(np.argmax([values[0] for values in each])) == THIS
    assert explanation.significant()[TWELFTHS == THIS].all()


@pytest.mark.parametrize("segments", ["slic:12", "slic:12:fixed"])
@pytest.mark.parametrize("estimator", ["adaptive", "centered"])
def test_slic_finds_planted_evidence(segments, estimator):
    picture = np.full((72, 104, 3), 40, np.uint8)
    picture[20:44, 60:88] = 200

    def model(batch):
        return batch[:, 20:44, 60:88].mean(axis=(1, 2, 3))[:, None] / 255

    explanation = unmask.explain(
        model, picture, 0, segments=segments, masks=512, fill="black", estimator=estimator
    )
    assert explanation.map.shape == (72, 104)
    place = np.unravel_index(explanation.map.argmax(), explanation.map.shape)
    assert 20 <= place[0] < 44
    assert 60 <= place[1] < 88


@pytest.mark.parametrize("segments", [TWELFTHS, "slic:9", [TWELFTHS, COLUMNS // 4]])
def test_a_file_holds_the_segments(tmp_path, segments, monkeypatch):
    """Whoever reads it masks without segmenting again."""
    first = explained(noisy, segments)
    first.save(tmp_path / "map.npz")
    whole = explained(noisy, segments, masks=160)
    monkeypatch.setattr("unmask.inputs.segments.slic", None)
    again = unmask.Explanation.load(tmp_path / "map.npz")
    same(first, again)
    assert again.plan.masks == first.plan.masks
    same(unmask.extend(again, noisy, masks=64), whole)
    same(first.extend(64), whole)


def test_a_file_of_segments_that_are_none_of_its_masks(tmp_path):
    path = tmp_path / "map.npz"
    explained().save(path)
    said, arrays = npz.read(
        path, "explanation", 1, lambda value: value, explanation_file.known_arrays()
    )
    for spoiled in (
        {"size": [1, 36, 51]},
        {"size": [1, 2**30, 2**30]},
        {"size": [1, 36]},
        {"soft": 3.0},
        {"labels": "AAAA"},
        {"labels": "\u2603"},
        {"labels": None},
    ):
        plan = json.loads(json.dumps(said["plan"]))
        plan["masks"]["segments"] |= spoiled
        npz.write(tmp_path / "spoiled.npz", "explanation", 1, said | {"plan": plan}, arrays)
        with pytest.raises(FileError, match=r"spoiled\.npz is damaged"):
            unmask.Explanation.load(tmp_path / "spoiled.npz")


def test_a_checkpoint_goes_on_and_knows_its_segments(tmp_path):
    path = tmp_path / "scores.npz"
    run = unmask.prepare(looks, PICTURE, 0, segments="slic:9", masks=96, checkpoint=path)
    for estimate in unmask.stream(run):
        if estimate.count >= 32:
            break
    whole = explained(segments="slic:9", fill="mean")
    same(explained(segments="slic:9", fill="mean", checkpoint=path), whole)
    with pytest.raises(FileError, match="another run"):
        explained(segments="slic:10", fill="mean", checkpoint=path)
    with pytest.raises(FileError, match="another run"):
        explained(segments=None, fill="mean", checkpoint=path)


def test_shards_are_merged_and_others_are_not(tmp_path):
    parts = [explained(noisy, "slic:9", shard=(n, 2)) for n in (1, 2)]
    same(parts[0].merge(parts[1]), explained(noisy, "slic:9"))
    other = explained(noisy, "slic:10", shard=(2, 2))
    with pytest.raises(SettingError, match="the masks differ"):
        parts[0].merge(other)


@pytest.mark.parametrize("batch_size", [1, 7, 96])
def test_the_batch_size_changes_nothing(batch_size):
    same(explained(noisy, "slic:9", batch_size=batch_size), explained(noisy, "slic:9"))


@pytest.mark.slow
def test_workers_mask_without_segmenting(monkeypatch):
    pytest.importorskip("cloudpickle")
    from unmask.cluster.executors import ProcessExecutor

    with ProcessExecutor(noisy, workers=2, batches=1) as executor:
        many = explained(noisy, "slic:9", executor=executor)
    same(many, explained(noisy, "slic:9"))


def test_rows_of_a_batch_hold_the_segments():
    pytest.importorskip("pyarrow")
    from unmask.cluster import records
    from unmask.cluster.packed_map import Packed, unpack

    for segments in (TWELFTHS, "slic:12"):
        explanation = explained(segments=segments)
        for maps in ("grid", "full"):
            [row] = records.rows("a.png", explanation, maps, "")
            said = explanation_file.PLAN(json.loads(row["plan"]))
            assert explanation_file.masks_of(said["masks"]) == explanation.plan.masks
            samples = row["map"].reshape(row["map_shape"])
            packed = Packed(samples, row["map_offset"], row["map_scale"])
            found = unpack(packed, (36, 52))
            error = np.abs(found - explanation.map).max() / np.ptp(explanation.map)
            assert error < 0.02


def test_a_detectors_boxes_have_segments_too():
    rows, columns = np.mgrid[:12, :20]

    def detector(images):
        bright = [float(np.mean(image[2:6, 12:18])) / 255 for image in images]
        return [Detections([[12, 2, 18, 6]], [[score]]) for score in bright]

    model = unmask.load(detector, detector="function", labels=["lamp"])
    found = unmask.explain(
        model, slopes(), segments=rows // 6 * 2 + columns // 10, masks=64, fill="black"
    )
    assert found.targets[0].box is not None
    assert np.unravel_index(found.map.argmax(), (12, 20))[1] >= 10


@pytest.mark.slow
def test_a_report_says_the_segments_and_how_to_make_them_again(tmp_path):
    Image.fromarray(PICTURE).save(tmp_path / "p.png")
    Image.fromarray(TWELFTHS.astype(np.uint8)).save(tmp_path / "labels.png")
    street = unmask.demo.pictures()["street"]
    labels = str(tmp_path / "labels.png")
    for segments, edges, said in (
        ("slic:20", None, "--segments slic:20"),
        ("slic:20:fixed", "hard", "--segments slic:20:fixed --edges hard"),
    ):
        made = unmask.explain("demo", street, 4, segments=segments, edges=edges, masks=64)
        again = reproduction(made)
        assert said in again.command()
        assert "--grid" not in again.command()
        assert not again.unsaid
        scope = {}
        exec(again.python().rsplit("\n", 1)[0], scope)  # all but the line that saves
        same(scope["explanation"], made)
    made = unmask.explain(looks, tmp_path / "p.png", 0, segments=labels, masks=32)
    assert f"segments={labels!r}" in reproduction(made).python()
    made = explained()
    again = reproduction(made)
    assert "segments" not in again.python()
    assert any("segments, which were given as array" in what for what in again.missing)
    page = unmask.report([made])
    assert "12 segments, hard edges" in page
    assert made.plot() is not None


def test_metrics_and_explainers_take_segments():
    from unmask.evaluation.explainers import find

    explainer = find("unmask,segments=slic:12,masks=64")
    made = explainer(unmask.load("demo"), np.asarray(PICTURE), 4)
    assert isinstance(made.plan.masks, SegmentMasks)
    assert made.plan.masks.segments == "slic:12"


def test_segments_are_in_words():
    made = explained(noisy, "slic:9", masks=64)
    assert "segmentations" in made.plan.masks.in_words
    bare = replace(made, _more=None)
    assert bare.plan.masks.in_words == made.plan.masks.in_words


@pytest.mark.slow
def test_the_command_line_takes_segments(tmp_path, monkeypatch):
    pytest.importorskip("typer")
    from typer.testing import CliRunner

    from unmask import cli

    monkeypatch.chdir(tmp_path)
    street = unmask.demo.pictures()["street"]
    (tmp_path / "p.png").write_bytes(street.read_bytes())
    size = np.asarray(Image.open(street)).shape[:2]
    rows, columns = np.mgrid[: size[0], : size[1]]
    np.save(tmp_path / "labels.npy", rows * 4 // size[0] * 4 + columns * 4 // size[1])

    def ran(*words):
        return CliRunner().invoke(cli.app, ["explain", "p.png", "-n", "64", *words])

    for segments, name in (("slic:20", "slic:20"), ("labels.npy", "labels.npy")):
        result = ran("--segments", segments, "--json")
        assert result.exit_code == 0, result.output
        found = json.loads(result.stdout)["settings"]
        assert found["segments"] == name
        assert "grid" not in found
    result = ran("--segments", "labels.npy", "--edges", "soft", "--json")
    assert json.loads(result.stdout)["settings"]["edges"] == "soft"
    result = ran("--segments", "slic:20", "--grid", "4")
    assert result.exit_code == 2
    assert "--segments and --grid" in " ".join(result.output.split())
    result = ran("--segments", "slick")
    assert result.exit_code == 2
    assert "Traceback" not in result.output
