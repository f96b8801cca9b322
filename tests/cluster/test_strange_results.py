"""Results of somebody else: what they say is read, and no place that they name."""

import json
import os
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

import unmask
from unmask import cli
from unmask.cluster import results, sources, worker
from unmask.cluster.store import Store
from unmask.cluster.urls import filesystem
from unmask.errors import FileError, ImageError, SettingError
from unmask.models.source import ModelSource

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")
fsspec = pytest.importorskip("fsspec")

SETTINGS = {"masks": 64, "seed": 3, "grid": 4}


def pixels(seed):
    return np.random.default_rng(seed).integers(0, 256, (30, 44, 3), np.uint8)


@pytest.fixture
def folder(tmp_path):
    """Two pictures, and a private one elsewhere."""
    (tmp_path / "pictures").mkdir()
    (tmp_path / "private").mkdir()
    for seed, name in enumerate(["pictures/a.png", "pictures/b.png", "private/me.png"]):
        Image.fromarray(pixels(seed)).save(tmp_path / name)
    return tmp_path


def batch(source, output):
    found, store = sources.find(str(source)), Store(str(output))
    store.begin(found.name, found.root, {"maps": "grid"})
    one = worker.Worker(ModelSource("demo"), SETTINGS, "grid")
    for span in found.spans:
        for task in span.tasks(2):
            for picture in task:
                store.append(one.rows(*picture))
    return output


def changed(output, change, settings=None):
    """Rewrite the rows and the settings, as a stranger can."""
    for part in (output / "rows").iterdir():
        rows = [{**row, **change(row)} for row in pq.read_table(part).to_pylist()]
        pq.write_table(pa.Table.from_pylist(rows, pq.read_schema(part)), part)
    meta = json.loads((output / "unmask.json").read_text())
    meta["settings"] |= settings or {}
    (output / "unmask.json").write_text(json.dumps(meta))


def page(output, *options):
    path = output.parent / "page.html"
    ended = CliRunner().invoke(
        cli.app, ["report", str(output), "-o", str(path), *options], env={"COLUMNS": "300"}
    )
    assert ended.exit_code == 0, ended.output
    return path.read_text(), ended.output


@pytest.mark.slow
def test_a_picture_is_read_again_where_it_was(folder):
    output = batch(folder / "pictures", folder / "out")
    assert [one.missing for one in results.open(output)] == ["", ""]
    assert all(np.array_equal(one.picture, pixels(i)) for i, one in enumerate(results.open(output)))


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        "file://{}/private/me.png",
        "{}/private/me.png",
        "../private/me.png",
        "x/../../private/me.png",
        r"\x2e\x2e/private/me.png",
        r"\x2e\x2e\x2fprivate\x2fme.png",
    ],
)
@pytest.mark.parametrize("digest", [True, False])
def test_an_id_is_no_place_to_read_from(folder, name, digest):
    output = batch(folder / "pictures", folder / "out")
    name = name.format(folder)
    kept = {} if digest else {"digest": None}
    changed(output, lambda row: {"id": name, **kept} if row["id"] == "a.png" else {})
    shown = {one.image: one for one in results.open(output)}
    assert shown[name].picture is None
    assert name in shown[name].missing
    shown = {one.image: one for one in results.open(output, source=folder / "pictures")}
    assert shown[name].picture is None
    assert shown["b.png"].picture is not None
    _, said = page(output)
    assert "1 pictures cannot be read again, such as" in said


@pytest.mark.slow
def test_the_source_that_results_name_gives_out_only_what_was_explained(folder):
    output = batch(folder / "pictures", folder / "out")
    changed(output, lambda row: {"id": "me.png"} if row["id"] == "a.png" else {})
    changed(output, lambda _: {}, {"root": f"file://{folder}/private", "source": str(folder)})
    for one in results.open(output):
        assert one.picture is None
    shown = results.open(output)["me.png"]
    assert "another than the one explained" in shown.missing


@pytest.mark.slow
def test_a_picture_that_changed_is_not_shown_under_the_old_map(folder):
    output = batch(folder / "pictures", folder / "out")
    Image.fromarray(pixels(9)).save(folder / "pictures" / "a.png")
    opened = results.open(output)
    assert "another than the one explained" in opened["a.png"].missing
    assert opened["b.png"].missing == ""


@pytest.mark.slow
def test_pictures_that_moved_are_found_where_the_user_says(folder):
    output = batch(folder / "pictures", folder / "out")
    (folder / "pictures").rename(folder / "moved")
    assert "no such file" in results.open(output)["a.png"].missing
    opened = results.open(output, source=folder / "moved")
    assert np.array_equal(opened["a.png"].picture, pixels(0))
    assert "cannot be read again" in page(output)[1]
    assert "cannot be read again" not in page(output, "--source", str(folder / "moved"))[1]


@pytest.mark.slow
def test_rows_that_do_not_say_which_picture_it_was_need_the_users_word(folder):
    """As those of unmask 0.1.0."""
    output = batch(folder / "pictures", folder / "out")
    for part in (output / "rows").iterdir():
        pq.write_table(pq.read_table(part).drop_columns(["digest"]), part)
    one = results.open(output)["a.png"]
    assert "--source" in one.missing
    assert one.map.shape == (30, 44)
    assert results.open(output, source=folder / "pictures")["a.png"].missing == ""


@pytest.mark.slow
def test_no_other_storage_is_asked_because_results_say_so(folder):
    fs = fsspec.filesystem("memory")
    fs.put(str(folder / "pictures"), "/elsewhere", recursive=True)
    output = batch("memory://elsewhere", folder / "out")
    one = results.open(output)["a.png"]
    assert "the results say and you did not" in one.missing
    assert results.open(output, source="memory://elsewhere")["a.png"].missing == ""


@pytest.mark.slow
def test_a_name_that_is_no_utf_8_is_a_picture_like_any_other(folder):
    name = os.fsdecode(b"caf\xe9.png")
    try:
        Image.fromarray(pixels(5)).save(folder / "pictures" / name)
    except OSError:
        pytest.skip("this file system holds no such names")
    output = batch(folder / "pictures", folder / "out")
    opened = results.open(output)
    assert opened.ids == ["a.png", "b.png", "caf\\xe9.png"]
    assert np.array_equal(opened["caf\\xe9.png"].picture, pixels(5))
    found = sources.find(str(folder / "pictures"))
    assert not len(found.without(Store(str(output)).finished()))
    (folder / "list.txt").write_bytes(b"pictures/caf\xe9.png\npictures/a.png\n")
    listed = batch(folder / "list.txt", folder / "out2")
    assert results.open(listed)["pictures/caf\\xe9.png"].missing == ""
    # Alone: the explanation's file and its report.
    made = unmask.explain("demo", folder / "pictures" / name, **SETTINGS)
    made = replace(made, image=name)  # as unmask 0.1.0 wrote it
    again = unmask.Explanation.load(made.save(folder / name))
    assert again.image == "caf\\xe9.png"
    unmask.report([again]).encode()
    page(folder / name)


def test_a_failure_that_speaks_no_utf_8_is_written(folder):
    store = Store(str(folder / "out"))
    store.begin("x", "", {})
    one = worker.Worker(ModelSource("demo"), SETTINGS, "grid")
    bad = folder / os.fsdecode(b"n\xf6.png")
    store.append(one.rows("n\\xf6.png", f"file://{bad}"))
    assert "no such file" in results.open(folder / "out").failures["n\\xf6.png"]


@pytest.mark.slow
def test_parts_may_be_joined(folder):
    """As docs/scale.md says."""
    output = batch(folder / "pictures", folder / "out")
    parts = sorted((output / "rows").iterdir())
    assert len(parts) == 2
    pq.write_table(pq.read_table(output / "rows"), output / "rows" / "all.parquet")
    with pytest.raises(FileError, match=r"a\.png has rows in .*and in an earlier file.*keep one"):
        Store(str(output)).finished()
    for part in parts:
        part.unlink()
    assert Store(str(output)).finished() == {"a.png", "b.png"}
    one = worker.Worker(ModelSource("demo"), SETTINGS, "grid")
    Store(str(output)).append(one.rows("me.png", f"file://{folder}/private/me.png"))
    assert sorted(results.open(output).ids) == ["a.png", "b.png", "me.png"]
    assert len(list(results.open(output))) == 3


@pytest.mark.slow
def test_rows_in_small_row_groups_and_batches_are_the_same(folder, monkeypatch):
    output = batch(folder / "pictures", folder / "out")
    before = [(one.image, one.map) for one in results.open(output)]
    whole = pq.read_table(output / "rows")
    for part in (output / "rows").iterdir():
        part.unlink()
    pq.write_table(whole, output / "rows" / "part-7.parquet", row_group_size=1)
    monkeypatch.setattr("unmask.cluster.store.BATCH", 1)
    for (name, values), one in zip(before, results.open(output), strict=True):
        assert name == one.image
        assert np.array_equal(values, one.map)


@pytest.mark.parametrize(
    "content",
    [
        {"kind": "unmask batch", "format": 2},
        {"kind": "unmask batch", "format": 2, "settings": []},
        {"kind": "unmask batch", "format": 2, "settings": {"root": 7}},
        {"kind": "unmask batch", "format": 2, "settings": {"maps": "all"}},
        {"kind": "unmask batch", "format": [2], "settings": {}},
        [],
        [[[]] * 9],
    ],
)
def test_settings_that_are_none(tmp_path, content):
    (tmp_path / "unmask.json").write_text(json.dumps(content))
    with pytest.raises(FileError, match="no file of unmask's"):
        results.open(tmp_path)


def test_results_that_name_no_source_have_maps_and_no_pictures(folder):
    output = batch(folder / "pictures", folder / "out")
    path = output / "unmask.json"
    meta = json.loads(path.read_text())
    path.write_text(json.dumps({**meta, "settings": {"maps": "grid"}}))
    one = results.open(output)["a.png"]
    assert one.map.shape == (30, 44)
    assert "do not say where" in one.missing


def test_settings_nested_without_end(tmp_path):
    (tmp_path / "unmask.json").write_text("[" * 200_000)
    with pytest.raises(FileError, match="no file of unmask's"):
        results.open(tmp_path)


@pytest.mark.parametrize("name", ["unmask.json", "unmask.lock", "rows/part-1.parquet", "list.txt"])
def test_nothing_waits_for_a_pipe(folder, name):
    output = folder / "out"
    Store(str(output)).begin("x", "", {})
    (output / name).unlink(missing_ok=True)
    os.mkfifo(output / name)

    def use():
        with Store(str(output)).locked():
            sources.find(str(output / name)) if name == "list.txt" else list(results.open(output))

    with pytest.raises(FileError, match="this is a pipe"):
        use()


@pytest.mark.parametrize("url", ["github://", "nosuch://a", "http://", "s3://", "zip://a::b::c"])
def test_addresses_that_nobody_knows(url):
    with pytest.raises(unmask.UnmaskError):
        sources.find(url)


def test_a_users_home_that_is_none():
    with pytest.raises(FileError):
        sources.find("~nosuchuser/pictures")
    assert filesystem("~nosuchuser/a")[1].endswith("~nosuchuser/a")


def test_two_columns_of_one_name(folder):
    table = pa.Table.from_arrays([pa.array(["a.png"])] * 2, names=["path", "path"])
    pq.write_table(table, folder / "t.parquet")
    (folder / "t.csv").write_text("path,path\na.png,b.png\n")
    for name in ("t.parquet", "t.csv"):
        with pytest.raises(SettingError, match="2 columns 'path'"):
            sources.find(str(folder / name), "path")


def test_a_fetcher_of_the_users_own_settings_needs_no_digest(folder):
    fetch = sources.Fetcher({"source": str(folder), "root": f"file://{folder}"})
    assert fetch("pictures/a.png") == (folder / "pictures" / "a.png").read_bytes()
    with pytest.raises(ImageError, match="another than"):
        fetch("pictures/a.png", "0" * 64)
