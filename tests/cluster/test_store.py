"""Sources, the output folder, and reading back: all of batch but Ray."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import unmask
from unmask import cluster
from unmask.cluster import records, results, sources, spans, worker
from unmask.cluster.store import Store
from unmask.cluster.urls import filesystem
from unmask.errors import FileError, ImageError, SettingError
from unmask.inputs import images
from unmask.models.source import ModelSource

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")
fsspec = pytest.importorskip("fsspec")

SETTINGS = {"masks": 64, "seed": 3, "grid": 4}


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "pictures" / "deep").mkdir(parents=True)
    rng = np.random.default_rng(4)
    for number, name in enumerate(["b.png", "a.png", "deep/c.png"]):
        pixels = rng.integers(0, 256, (30 + number, 44, 3), np.uint8)
        Image.fromarray(pixels).save(tmp_path / "pictures" / name)
    (tmp_path / "pictures" / "notes.md").write_text("no picture")
    return tmp_path / "pictures"


def read(source, size=2):
    return {
        name: spans.fetch(place, name)
        for span in source.spans
        for task in span.tasks(size)
        for name, place in task
    }


def test_a_folder_a_glob_a_list_and_a_table_of_paths(folder):
    whole = sources.find(str(folder))
    assert list(read(whole)) == ["a.png", "b.png", "deep/c.png"]
    assert read(whole)["deep/c.png"] == (folder / "deep" / "c.png").read_bytes()
    assert list(read(sources.find(f"{folder}/*.png"))) == ["a.png", "b.png"]
    assert list(read(sources.find(f"{folder}/**/*.png"))) == ["a.png", "b.png", "deep/c.png"]
    (folder / "list.txt").write_text("deep/c.png\n\na.png\na.png\n")
    assert list(read(sources.find(str(folder / "list.txt")))) == ["a.png", "deep/c.png"]
    (folder / "t.csv").write_text(f"path,label\n{folder}/b.png,1\na.png,2\n")
    assert set(read(sources.find(str(folder / "t.csv"), "path"))) == {f"{folder}/b.png", "a.png"}
    pq.write_table(pa.table({"where": ["b.png"]}), folder / "t.parquet")
    assert list(read(sources.find(str(folder / "t.parquet")))) == ["b.png"]
    assert list(read(sources.find(str(folder / "a.png")))) == ["a.png"]


@pytest.mark.parametrize("struct", [False, True])
def test_a_column_of_image_bytes_over_row_groups(folder, struct):
    data = [(folder / name).read_bytes() for name in ("a.png", "b.png", "deep/c.png")]
    values = [{"bytes": one, "path": "x"} for one in data] if struct else data
    table = pa.table({"image": values, "name": ["x", "y", "z"]})
    pq.write_table(table, folder / "t.parquet", row_group_size=2)
    named = sources.find(str(folder / "t.parquet"), "image", "name")
    assert read(named) == dict(zip("xyz", data, strict=True))
    assert read(named.without({"x", "z"})) == {"y": data[1]}
    counted = sources.find(str(folder / "t.parquet"), "image")
    assert list(read(counted)) == ["t.parquet:0", "t.parquet:1", "t.parquet:2"]


def test_bytes_that_cannot_be_read_any_longer_are_errors_of_their_pictures(folder):
    data = [(folder / name).read_bytes() for name in ("a.png", "b.png", "deep/c.png")]
    path = folder / "t.parquet"
    pq.write_table(pa.table({"image": data}), path, row_group_size=2)
    found = sources.find(str(path))
    pq.write_table(pa.table({"image": data[:1]}), path)
    first, second = found.spans
    there, (name, error) = read_pairs(first)
    assert there == ("t.parquet:0", data[0])
    assert (name, str(error)) == ("t.parquet:1", "t.parquet:1: not in the table any longer")
    ((name, error),) = read_pairs(second)
    assert str(error).startswith("t.parquet:2: cannot be read: ")
    with pytest.raises(ImageError, match=r"t\.parquet:2: cannot be read"):
        spans.fetch(error, name)
    path.unlink()
    assert [name for name, _ in read_pairs(first)] == ["t.parquet:0", "t.parquet:1"]


def test_a_folder_of_tables_is_one_table_in_parts(folder):
    names = ("a.png", "b.png", "deep/c.png")
    data = [(folder / name).read_bytes() for name in names]
    parts = folder / "parts"
    parts.mkdir()
    for number in range(2):
        some = slice(2 * number, 2 * number + 2)
        table = pa.table({"image": data[some], "name": list("xyz")[some]})
        pq.write_table(table, parts / f"part-{number}.parquet")
    wanted = dict(zip("xyz", data, strict=True))
    assert read(sources.find(str(parts), "image", "name")) == wanted
    assert read(sources.find(str(parts / "*.parquet"), "image", "name")) == wanted
    # Pictures beside them are left out where a column is named, and come first where none is.
    assert read(sources.find(str(folder), "image", "name")) == wanted
    assert list(read(sources.find(str(folder)))) == list(names)
    alone = pa.table({"image": data[:1]})
    pq.write_table(alone, parts / "part-0.parquet")
    pq.write_table(alone, parts / "part-1.parquet")
    found = sources.find(str(parts))
    assert list(read(found)) == ["part-0.parquet:0", "part-1.parquet:0"]
    again = sources.Fetcher({"source": found.name, "root": found.root})
    assert again("part-1.parquet:0") == data[0]
    assert again.place("part-1.parquet:0") == ""
    for number, name in enumerate(names[:2]):
        (parts / f"part-{number}.parquet").unlink()
        (parts / f"{number}.csv").write_text(f"path\n../{name}\n")
    again = sources.Fetcher({"source": sources.find(str(parts)).name, "root": ""})
    assert again("../b.png") == data[1]
    assert again.place("../b.png").endswith("parts/../b.png")
    (parts / "2.csv").write_text("path\n../b.png\n")
    with pytest.raises(SettingError, match="ids in its 3 tables are not unique"):
        sources.find(str(parts))
    with pytest.raises(ImageError, match=r"gone\.png: not in .* any longer"):
        again("gone.png")


def read_pairs(span):
    return [pair for task in span.tasks(2) for pair in task]


def test_object_storage_is_a_folder_like_any_other(folder):
    fs = fsspec.filesystem("memory")
    fs.put(str(folder), "/bucket/pictures", recursive=True)
    found = sources.find("memory://bucket/pictures")
    assert list(read(found)) == ["a.png", "b.png", "deep/c.png"]
    assert read(found)["a.png"] == (folder / "a.png").read_bytes()
    assert list(read(sources.find("memory://bucket/pictures/*.png"))) == ["a.png", "b.png"]
    assert list(read(sources.find(folder.as_uri()))) == list(read(sources.find(str(folder))))


def test_what_is_finished_is_left_out(folder):
    found = sources.find(str(folder))
    assert len(found) == 3
    assert list(read(found.without({"a.png", "elsewhere.png"}))) == ["b.png", "deep/c.png"]
    assert len(found.without({"a.png", "b.png", "deep/c.png"})) == 0


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("nowhere", {}, "no such file"),
        ("deep/*.gif", {}, "no pictures"),
        ("notes.md/", {"column": "x"}, "for a .parquet or .csv"),
        ("deep", {"column": "x"}, "column='x' is for tables, and .*deep has none"),
        ("a.png", {"key": "x"}, "id='x' is for a .parquet or .csv"),
        ("t.csv", {}, "say which"),
        ("t.csv", {"column": "z"}, "no column 'z'"),
        ("t.parquet", {"column": "image", "key": "same"}, "not unique"),
        ("t.parquet", {"column": "number"}, "expected paths or bytes"),
        ("broken.parquet", {}, "not a table"),
        ("nothing://here", {}, "known are paths"),
    ],
)
def test_sources_that_cannot_be(folder, name, options, message):
    (folder / "t.csv").write_text("a,b\n1,2\n")
    table = {"image": [b"1", b"2"], "same": ["x", "x"], "number": [1, 2]}
    pq.write_table(pa.table(table), folder / "t.parquet")
    (folder / "broken.parquet").write_bytes(b"nonsense")
    source = name if "://" in name else str(folder / name)
    with pytest.raises((FileError, SettingError), match=message):
        sources.find(source, **options)


def finish(store, name, **options):
    store.append(worker.Worker(ModelSource("demo"), SETTINGS, "grid").rows(name, **options))


def test_full_maps_are_exact_to_float16_and_none_are_none(folder):
    made = unmask.explain("demo", folder / "a.png", **SETTINGS)
    (full,) = records.rows("a", made, "full")
    assert full["map_shape"] == list(made.model_maps.shape[1:])
    (none,) = records.rows("a", made, "none")
    assert records.table([full, none])["map"].null_count == 1


@pytest.mark.slow
def test_a_killed_writer_leaves_nothing_that_is_read(folder, tmp_path):
    store = Store(str(tmp_path / "out"))
    store.begin("x", "", SETTINGS)
    finish(store, "a.png", place=str(folder / "a.png"))
    (part,) = (tmp_path / "out" / "rows").iterdir()
    # What files.replacing has open when it is killed: half a file, under a temporary name.
    (part.parent / "tmpabc123.part").write_bytes(part.read_bytes()[:-50])
    assert store.finished() == {"a.png"}
    assert results.open(tmp_path / "out").ids == ["a.png"]
    finish(store, "b.png", place=str(folder / "b.png"))
    assert store.finished() == {"a.png", "b.png"}
    assert pq.read_table(part.parent / part.name).num_rows == 1


def test_changed_settings_are_refused_and_named(tmp_path):
    store = Store(str(tmp_path / "out"))
    # What wrote no row binds nobody.
    store.begin("elsewhere", "", {"masks": 32})
    store.begin("pictures", "", {"masks": 64, "fill": "mean"})
    store.append([records.failed("a.png", ValueError("no"), 0.1)])
    store.begin("pictures", "", {"fill": "mean", "masks": 64})
    with pytest.raises(SettingError, match=r"masks was 64 and is 65"):
        store.begin("pictures", "", {"masks": 65, "fill": "mean"})
    with pytest.raises(SettingError, match="source was 'pictures' and is 'others'"):
        store.begin("others", "", {"masks": 64, "fill": "mean"})


def test_a_models_file_counts_by_its_content(tmp_path):
    for name, content in (("a.onnx", b"1"), ("b.onnx", b"1"), ("c.onnx", b"2")):
        (tmp_path / name).write_bytes(content)
    a, b, c = (ModelSource(str(tmp_path / f"{name}.onnx")).describe() for name in "abc")
    assert a == b != c
    assert json.dumps(ModelSource(len, {"size": (2, 3)}).describe())


def test_failed_pictures_are_forgotten_when_they_are_to_be_tried_again(folder, tmp_path):
    store = Store(str(tmp_path / "out"))
    store.begin("x", "", SETTINGS)
    finish(store, "a.png", place=str(folder / "a.png"))
    finish(store, "gone.png", place=str(folder / "gone.png"))
    assert store.forget_failed() == 1
    assert store.finished() == {"a.png"}
    assert store.forget_failed() == 0


def test_two_drivers_do_not_write_to_one_folder(tmp_path):
    store = Store(str(tmp_path / "out"))
    store.begin("x", "", {})
    with store.locked(), pytest.raises(FileError, match="another unmask batch"), store.locked():
        pass
    with store.locked():
        pass


@pytest.mark.slow
@pytest.mark.parametrize("name", ["file", "file/within"])
def test_an_output_that_is_a_file_is_refused(folder, tmp_path, name):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(FileError, match=f"cannot make .*{name}: "):
        cluster.batch(folder, tmp_path / name, masks=64)
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.parametrize(
    ("content", "message"), [(b"{", "no file of unmask's"), (b'{"kind": 1}', "no file of unmask's")]
)
def test_foreign_folders(tmp_path, content, message):
    with pytest.raises(FileError, match=r"unmask.json is missing"):
        results.open(tmp_path)
    (tmp_path / "unmask.json").write_bytes(content)
    with pytest.raises(FileError, match=message):
        results.open(tmp_path)


def test_a_model_that_cannot_be_loaded_is_told_once():
    one = worker.Worker(ModelSource("nowhere.onnx"), SETTINGS, "grid")
    assert "no model file at nowhere.onnx" in one({"task": [b""]})["fatal"][0]


def test_a_folders_url_and_its_path_are_the_same_place(tmp_path):
    assert filesystem(tmp_path.as_uri())[1] == filesystem(str(tmp_path))[1] == str(tmp_path)
    assert Path(filesystem(str(tmp_path))[1]) == tmp_path


def test_an_address_without_a_cluster_is_told_at_once(folder, tmp_path):
    pytest.importorskip("ray")
    with pytest.raises(SettingError, match=r"no Ray cluster at 127\.0\.0\.1:1"):
        cluster.batch(folder, tmp_path / "out", ray="127.0.0.1:1", masks=64)


@pytest.mark.parametrize(
    "options", [{"maps": "all"}, {"cores": 0}, {"workers": 0}, {"gpus": -1}], ids=str
)
def test_settings_out_of_range_begin_nothing(folder, tmp_path, options):
    with pytest.raises(SettingError, match=next(iter(options))):
        cluster.batch(folder, tmp_path / "out", **options)
    assert not (tmp_path / "out").exists()


# --- whatever explain reads


@pytest.fixture
def mixed(tmp_path):
    """A folder of every kind of picture that Pillow writes here, and of files that are none."""
    picture = Image.new("RGB", (40, 30), (200, 30, 30))
    for end in images.suffixes():
        kind = Image.registered_extensions()[end]
        if kind in Image.SAVE and end not in (".pfm", ".mpo"):
            picture.save(tmp_path / f"a{end.upper()}", kind)
    picture.save(tmp_path / "two.mpo", "JPEG")
    for name in ("b.txt", "c.pdf", "d.pdf", "README", ".DS_Store"):
        (tmp_path / name).write_text("no picture")
    return tmp_path


def test_whatever_explain_reads_is_found_and_the_rest_counted(mixed):
    found = sources.find(str(mixed))
    names = [name for span in found.spans for name in span.ids]
    assert len(names) > 15
    for end in (".JPG", ".JFIF", ".JPE", ".PNG", ".TGA", ".PPM", ".BMP", ".GIF", ".WEBP", ".TIFF"):
        assert f"a{end}" in names
    for name in names:
        assert images.read(mixed / name).shape == (30, 40, 3), name
    assert found.left_out == {".pdf": 2, ".txt": 1, "no ending": 1}
    assert next(iter(found.left_out)) == ".pdf"
    assert sources.find(f"{mixed}/*.PN*").left_out == {}
    assert sources.find(f"{mixed}/*").left_out == found.left_out


def test_pictures_beside_tables_are_counted_where_a_column_is_given(tmp_path):
    Image.new("RGB", (4, 3)).save(tmp_path / "a.png")
    (tmp_path / "t.csv").write_text("path\na.png\n")
    assert sources.find(str(tmp_path)).left_out == {".csv": 1}
    assert sources.find(str(tmp_path), "path").left_out == {".png": 1}
