"""What batch wrote, read back as explanations: alone, in a report, through the metrics."""

import csv
import json
import pickle
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

import unmask
from helpers.pictures import small
from unmask import demo, evaluation
from unmask.cluster import results, sources, worker
from unmask.cluster.store import Store
from unmask.draw.canvas import pixels as as_pixels
from unmask.errors import FileError, ImageError, SettingError
from unmask.evaluation import stored
from unmask.models.source import ModelSource

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")
fsspec = pytest.importorskip("fsspec")

SETTINGS = {"masks": 192, "seed": 3, "grid": 4, "target": ["heart", "star"]}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Three pictures that are none of them square, one in a folder within, and one that is none."""
    root = tmp_path_factory.mktemp("pictures")
    (root / "deep").mkdir()
    shots = [np.asarray(small(name, (160, 120))) for name in demo.pictures()]
    for number, name in enumerate(("b.png", "a.png", "deep/c.png")):
        Image.fromarray(shots[number][: 70 + 10 * number]).save(root / name)
    (root / "gone.jpg").write_bytes(b"no picture")
    return root


def batch(source, output, maps="grid", column=None, key=None, **settings):
    """What the command does, without Ray."""
    settings = {**SETTINGS, **settings}
    found, store = sources.find(str(source), column, key), Store(str(output))
    named = {name: value for name, value in (("column", column), ("id", key)) if value}
    store.begin(found.name, found.root, {"maps": maps, **named})
    one = worker.Worker(ModelSource("demo"), settings, maps)
    for span in found.spans:
        for task in span.tasks(2):
            store.append([row for picture in task for row in one.rows(*picture)])
    return results.open(output)


@pytest.fixture(scope="module")
def opened(folder, tmp_path_factory):
    return batch(folder, tmp_path_factory.mktemp("out") / "maps", maps="full")


@pytest.fixture(scope="module")
def whole(folder):
    return unmask.explain("demo", folder / "deep/c.png", **SETTINGS)


@pytest.mark.slow
def test_iterating_gives_explanations(opened, folder):
    assert [one.image for one in opened] == opened.ids == ["a.png", "b.png", "deep/c.png"]
    assert len(opened) == 3
    assert all(isinstance(one, unmask.Explanation) for one in opened)
    assert list(opened.failures) == ["gone.jpg"]
    assert opened.failures["gone.jpg"].startswith("ImageError: gone.jpg: not a picture")
    with pytest.raises(FileError, match=r"gone.jpg has no map, it failed: ImageError"):
        opened["gone.jpg"]
    with pytest.raises(SettingError, match=r"no picture 'z.png'"):
        opened["z.png"]
    assert [one.image for one in opened.explanations({"b.png"})] == ["b.png"]
    assert opened.place("deep/c.png") == (folder / "deep/c.png").as_uri()


@pytest.mark.slow
def test_everything_that_a_row_holds_is_what_it_was(opened, whole):
    one = opened["deep/c.png"]
    for name in ("targets", "plan", "model", "frame", "masks", "model_calls", "complete"):
        assert getattr(one, name) == getattr(whole, name), name
    for name in ("stopped", "versions", "notes"):
        assert getattr(one, name) == getattr(whole, name), name
    assert one.reliabilities == pytest.approx(whole.reliabilities)
    assert np.array_equal(one.picture, whole.picture)
    assert one.maps.shape == whole.maps.shape == (2, *whole.picture.shape[:2])
    spread = np.ptp(whole.maps)
    assert abs(one.maps - whole.maps).max() < 1e-3 * spread
    assert repr(one) == repr(whole)
    assert one.find("star") == 1


@pytest.mark.slow
def test_what_makes_it_again_is_in_the_rows(folder, tmp_path):
    wish = [unmask.within_top("heart", 3), unmask.contrast("star", "heart")]
    kept_maps = batch(folder, tmp_path / "maps", maps="full", target=wish, masks=128)
    one = kept_maps["deep/c.png"]
    alone = unmask.explain("demo", folder / "deep/c.png", wish, masks=128, grid=4, seed=3)
    assert one.targets == alone.targets
    assert one.origin == alone.origin == unmask.load("demo").origin
    (first, second, third) = stored.evaluate("demo", kept_maps, target=1, wanted=["sparseness"])
    assert {first.error, second.error, third.error} == {""}


@pytest.mark.slow
def test_rows_of_version_0_1_0_still_read(opened):
    row = next(rows for table in opened._store.tables() for rows in results._rows(table))
    plan = json.loads(row["plan"])
    del plan["beside"]
    one = opened._result([{**row, "plan": json.dumps(plan)}])
    assert (one.origin, one.texts) == (None, None)
    assert one.targets[0].label == row["label"]


def test_it_can_be_pickled_with_its_picture(opened):
    one = opened["a.png"]
    again = pickle.loads(pickle.dumps(one))
    assert np.array_equal(again.maps, one.maps)
    assert np.array_equal(again.picture, one.picture)


@pytest.mark.slow
def test_it_is_drawn_as_the_explanation_is(opened, whole):
    one = opened["deep/c.png"]
    for target in (0, "star"):
        for draw in (lambda x, t: as_pixels(x.plot(t)), lambda x, t: np.asarray(x.overlay(t))):
            theirs, ours = (draw(x, target) for x in (whole, one))
            assert ours.shape == theirs.shape
            assert abs(ours.astype(int) - theirs).mean() < 0.5
    assert one._repr_png_().startswith(b"\x89PNG")
    page = unmask.report([one])
    assert page.count("standard error</figcaption>") == 0
    assert page.count("saliency map</figcaption>") == 2
    assert "deep/c.png" in page
    assert "--masks 192 --grid 4 --seed 3" in page


def test_what_a_row_does_not_hold_is_said(opened):
    one = opened["a.png"]
    assert np.isinf(one.stderrs).all()
    assert one.stderr.shape == one.map.shape
    for ask in (
        one.interval,
        one.significant,
        lambda: one.plot(certainty=True),
        lambda: one.save("never.npz"),
        lambda: one.merge(one),
        lambda: one.extend(64),
        lambda: unmask.extend(one, "demo", masks=64),
        lambda: one.scores,
    ):
        with pytest.raises(SettingError, match=r"a\.png: batch stored the map but not the scores"):
            ask()


@pytest.mark.slow
def test_pictures_are_read_when_they_are_asked_for(tmp_path):
    pixels = np.random.default_rng(4).integers(0, 256, (30, 44, 3), np.uint8)
    for name in ("a.png", "b.png"):
        Image.fromarray(pixels).save(tmp_path / name)
    opened = batch(tmp_path, tmp_path / "out", masks=64)
    (tmp_path / "a.png").unlink()
    gone, there = opened
    assert gone.map.shape == there.map.shape == (30, 44)
    assert gone.picture is None
    assert gone.missing == "a.png: no such file"
    assert there.missing == ""
    with pytest.raises(ImageError, match=r"a\.png: no such file\. Without the picture"):
        gone.plot()
    assert "saliency map</figcaption>" in unmask.report([gone])
    found = replace(gone.original, source=pixels)
    again = replace(gone, original=found)
    assert np.array_equal(as_pixels(again.plot()), as_pixels(there.plot()))


@pytest.mark.slow
def test_grid_limited_maps_are_near_and_none_are_none(folder, tmp_path, whole):
    near = batch(folder, tmp_path / "grid", maps="grid")["deep/c.png"]
    assert (near.maps - whole.maps).std() < 0.05 * whole.maps.std()
    nothing = batch(folder, tmp_path / "none", maps="none")
    assert len(nothing) == 3
    with pytest.raises(FileError, match="has no maps: the run stored none"):
        list(nothing)


@pytest.mark.slow
def test_object_storage_is_a_folder_like_any_other(folder):
    fs = fsspec.filesystem("memory")
    fs.put(str(folder), "/kept/pictures", recursive=True)
    opened = batch("memory://kept/pictures", "memory://kept/maps", masks=64)
    one = opened["deep/c.png"]
    assert opened.place("deep/c.png") == "memory:///kept/pictures/deep/c.png"
    assert one.picture.shape[:2] == one.map.shape


@pytest.mark.slow
@pytest.mark.parametrize("key", [None, "name"])
def test_image_bytes_are_found_again_in_their_table(folder, tmp_path, key):
    data = [(folder / name).read_bytes() for name in ("a.png", "b.png", "deep/c.png")]
    table = pa.table({"image": data, "name": ["x", "y", "z"]})
    pq.write_table(table, tmp_path / "t.parquet", row_group_size=2)
    opened = batch(tmp_path / "t.parquet", tmp_path / "out", column="image", key=key, masks=64)
    last = opened["z" if key else "t.parquet:2"]
    assert np.array_equal(last.picture, np.asarray(Image.open(folder / "deep/c.png")))
    assert opened.place(last.image) == ""


def test_a_dataset_of_another_format_is_refused(tmp_path):
    store = Store(str(tmp_path))
    store.begin("x", "", {})
    path = tmp_path / "unmask.json"
    path.write_text(path.read_text().replace('"format": 2', '"format": 1'))
    with pytest.raises(FileError, match="has format 1, and this version of unmask reads 2"):
        results.open(tmp_path)


@pytest.mark.slow
def test_kept_maps_are_measured_as_fresh_ones_are(opened, folder, whole):
    wanted = ("deletion", "insertion", "sparseness", "pointing", "energy")
    evidence = {"c.png": np.array([[20.0, 20.0, 200.0, 160.0]])}
    (kept_row,) = stored.evaluate(
        "demo", [opened["deep/c.png"]], wanted=wanted, evidence=evidence, target="star"
    )
    fresh = evaluation.evaluate_map(
        unmask.metrics.case("demo", folder / "deep/c.png", "star"),
        whole.model_maps[1],
        wanted,
        evidence=evidence["c.png"],
    )[0]
    assert kept_row.label == "star"
    assert set(kept_row.values) == set(wanted)
    assert kept_row.values == pytest.approx(fresh, abs=2e-3)


def test_what_kept_maps_cannot_tell(opened):
    one = opened["a.png"]
    with pytest.raises(SettingError, match=r"'stability' needs .*, and maps that are there"):
        stored.evaluate("demo", [one], wanted=["stability"])
    with pytest.raises(SettingError, match=r"'pointing' needs evidence=, boxes"):
        stored.evaluate("demo", [one], wanted=["pointing"])
    bare = replace(one, original=None)
    other = replace(one, targets=tuple(replace(t, score=t.score + 0.1) for t in one.targets))
    rows = list(stored.evaluate("demo", [bare, other, one], target=0, wanted=["sparseness"]))
    assert "holds no input" in rows[0].error
    assert "another model, picture or preprocessing" in rows[1].error
    assert not rows[2].error
    (row,) = stored.evaluate("demo", [one], target="nothing", wanted=["sparseness"])
    assert "nothing" in row.error


def run(*words):
    from unmask.cli import app

    return CliRunner().invoke(app, [str(word) for word in words])


@pytest.mark.slow
def test_a_report_of_a_folder(opened, folder, tmp_path):
    page = tmp_path / "page.html"
    ran = run("report", opened._store.url, "-o", page)
    assert ran.exit_code == 0, ran.output
    assert "1 pictures of" in " ".join(ran.output.split())
    text = page.read_text()
    assert text.count("<section") == 3
    assert [text.index(f">{name}</h2>") for name in opened.ids] == sorted(
        text.index(f">{name}</h2>") for name in opened.ids
    )
    # What makes it again names the picture's own place.
    assert f"unmask explain {folder}/deep/c.png" in text
    ran = run("report", opened._store.url, "--most", 1, "-o", page)
    assert "1 of 3 pictures of" in " ".join(ran.output.split())
    assert page.read_text().count("<section") == 1
    ran = run("report", tmp_path, "-o", page)
    assert ran.exit_code == 2
    assert "unmask.json is missing" in " ".join(ran.output.split())


@pytest.mark.slow
def test_evaluate_takes_the_maps_of_a_folder(opened, tmp_path):
    out = tmp_path / "measured"
    command = ["evaluate", "--maps", opened._store.url, "--metric", "sparseness", "-o", out]
    ran = run(*command)
    assert ran.exit_code == 0, ran.output
    with (out / "results.csv").open(newline="") as file:
        rows = {row["picture"]: row for row in csv.DictReader(file)}
    assert list(rows) == ["a.png", "b.png", "deep/c.png", "gone.jpg"]
    assert "failed in batch: ImageError" in rows["gone.jpg"]["error"]
    assert all(float(rows[name]["sparseness"]) > 0 for name in opened.ids)
    assert {row["label"] for row in rows.values()} == {"heart", ""}
    before = (out / "results.jsonl").read_bytes()
    again = run(*command)
    assert "4 of 4 pictures were done before" in again.output
    assert (out / "results.jsonl").read_bytes() == before
    ran = run(*command, "-t", "star")
    assert "target was None and is now 'star'" in " ".join(ran.output.split())


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "give pictures to explain, or --maps"),
        (["picture.png", "--maps", "x"], "give pictures to explain, or --maps"),
        (["--maps", "nowhere"], "unmask.json is missing"),
        (["--maps", "x", "-e", "lime"], "exclude each other"),
    ],
)
def test_evaluate_is_told_one_thing(words, said, tmp_path):
    ran = run("evaluate", *words, "-o", tmp_path / "out")
    assert ran.exit_code == 2
    assert said in " ".join(ran.output.split())
    assert not (tmp_path / "out" / "results.jsonl").exists()
