"""Texts and series in batches: found, decoded, explained as `unmask.explain` does, read back."""

import numpy as np
import pytest

import unmask
from unmask.cluster import kinds, results, sources
from unmask.cluster.kinds import Reader
from unmask.cluster.store import Store
from unmask.cluster.worker import Worker
from unmask.errors import FileError, SettingError
from unmask.models.source import ModelSource

pytest.importorskip("pyarrow")
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

TEXTS = ["a good film", "not bad at all", "dull, and long; good?"]


def positive(texts):
    """Score a text by its good words."""
    return np.array([[0.9 * ("good" in text) + 0.05 * len(text.split())] for text in texts])


def bump(batch):
    """Mean of steps 20 to 29 of the second channel, of (n, C, T)."""
    return batch[:, 1, 20:30].mean(axis=1)


def written(source, folder, model, kind, *, column=None, key=None, given=None, **settings):
    """Explain a source as a worker of a batch does, without Ray."""
    found, reader = sources.find(str(source), column, key, kind), Reader(kind, given or {})
    worker = Worker(ModelSource(model), settings, "grid", reader=reader)
    assert not worker.fatal
    store = Store(str(folder))
    columns = {"column": column, "id": key}
    settings_there = {name: value for name, value in columns.items() if value is not None}
    store.begin(found.name, found.root, {"maps": "grid", **settings_there, **reader.describe()})
    for span in found.spans:
        for task in span.tasks(2):
            for name, place in task:
                store.append(worker.rows(name, place))
    return results.open(folder)


def test_every_text_of_a_table_is_explained_as_by_itself(tmp_path):
    pyarrow.csv.write_csv(pa.table({"review": TEXTS, "n": ["x", "y", "z"]}), tmp_path / "t.csv")
    pq.write_table(pa.table({"review": TEXTS}), tmp_path / "t.parquet", row_group_size=2)
    for name, ids, key in (
        ("t.csv", ["x", "y", "z"], "n"),
        ("t.parquet", ["t.parquet:0", "t.parquet:1", "t.parquet:2"], None),
    ):
        kwargs = {"masks": 64, "seed": 3}
        there = written(
            tmp_path / name,
            tmp_path / f"out {name}",
            positive,
            "text",
            column="review",
            key=key,
            **kwargs,
        )
        assert there.ids == ids
        for text, stored in zip(TEXTS, there, strict=True):
            alone = unmask.explain(positive, unmask.text(text), **kwargs)
            assert stored.original.same(alone.original)
            np.testing.assert_allclose(stored.map, alone.map, atol=2e-3)
            assert stored.reliability == alone.reliability


def test_lines_of_a_file_and_files_of_a_folder_are_texts(tmp_path):
    (tmp_path / "lines.txt").write_text("\n\n".join(TEXTS))
    found = sources.find(str(tmp_path / "lines.txt"), kind="text")
    assert found.spans[0].ids == ("lines.txt:0", "lines.txt:1", "lines.txt:2")
    assert [place.decode() for place in found.spans[0].places] == TEXTS
    folder = tmp_path / "texts"
    folder.mkdir()
    for number, text in enumerate(TEXTS):
        (folder / f"{number}.txt").write_text(text, encoding="utf-8-sig")
    there = written(folder, tmp_path / "out", positive, "text", given={"units": "words"}, masks=32)
    assert [one.original.string for one in there] == TEXTS


def test_a_text_that_cannot_be_explained_is_a_row_with_its_error(tmp_path):
    pyarrow.csv.write_csv(pa.table({"t": ["good film", "good", ""]}), tmp_path / "t.csv")
    there = written(tmp_path / "t.csv", tmp_path / "out", positive, "text", column="t", masks=32)
    assert there.ids == ["t.csv:0"]
    assert "single word" in there.failures["t.csv:1"]
    assert "empty" in there.failures["t.csv:2"]


@pytest.mark.parametrize("channels", ["together", "apart"])
def test_series_are_read_again_from_their_files(tmp_path, channels):
    folder, rng = tmp_path / "series", np.random.default_rng(0)
    folder.mkdir()
    values = [rng.normal(size=(3, 60)) for _ in range(2)]
    np.save(folder / "a.npy", values[0])
    np.savetxt(folder / "b.csv", values[1].T, delimiter=",", header="x,y,z", comments="")
    given = {"layout": "CT", "channels": channels}
    (folder / "b.csv").rename(tmp_path / "b.csv")
    there = written(folder, tmp_path / "out", bump, "series", given=given, masks=128, fill="zero")
    alone = unmask.explain(
        bump, unmask.series(values[0], "CT", channels=channels), masks=128, fill="zero"
    )
    (stored,) = there
    assert stored.original.same(alone.original)
    assert stored.map.shape == alone.map.shape
    np.testing.assert_allclose(stored.map, alone.map, atol=1e-3)
    np.save(folder / "a.npy", values[1])  # another one: its numbers are not shown beside the map
    (stored,) = results.open(tmp_path / "out")
    assert stored.original is None
    with_names = written(
        tmp_path / "b.csv", tmp_path / "csv", lambda batch: batch[:, 20:30, 1].mean(1), "series"
    )
    assert next(iter(with_names)).original.given.names == ("x", "y", "z")


@pytest.mark.parametrize(
    ("kind", "given", "message"),
    [
        ("picture", {"units": "words"}, "units= does not apply to pictures: leave it out"),
        ("series", {"units": "words"}, "units= does not apply to series: expected layout, chann"),
        ("smell", {}, "kind='smell'"),
    ],
)
def test_what_does_not_apply_is_refused(kind, given, message):
    with pytest.raises(SettingError, match=message):
        Reader(kind, given)


def test_a_source_without_its_kind_says_what_it_looked_for(tmp_path):
    (tmp_path / "a.png").write_bytes(b"")
    with pytest.raises(FileError, match=r"no texts there \(\.txt\), and no tables"):
        sources.find(str(tmp_path), kind="text")
    with pytest.raises(FileError, match=r"no series there \(\.npy, \.csv, \.parquet\)$"):
        sources.find(str(tmp_path), kind="series")
    pyarrow.csv.write_csv(pa.table({"t": [1, 2]}), tmp_path / "t.csv")
    with pytest.raises(SettingError, match="column 't' holds something else than texts"):
        sources.find(str(tmp_path / "t.csv"), "t", kind="text")


def premium(rows):
    """Score (n, 3) by the first two columns, and their product."""
    both = np.stack([rows[:, 0] - rows[:, 1] + rows[:, 0] * rows[:, 1] / 4, rows[:, 2]], axis=1)
    return 1 / (1 + np.exp(-both))


def test_rows_of_a_table_are_explained_as_each_by_itself(tmp_path):
    rng = np.random.default_rng(0)
    names, table = ["size", "age", "floor"], rng.normal(size=(4, 3))
    np.savetxt(
        tmp_path / "train.csv",
        rng.normal(size=(20, 3)),
        delimiter=",",
        header="size,age,floor",
        comments="",
    )
    lines = [["who", *names], *([f"r{i}", *map(repr, row.tolist())] for i, row in enumerate(table))]
    (tmp_path / "test.csv").write_text("\n".join(map(",".join, lines)))
    given = {"background": tmp_path / "train.csv", "groups": {"both": ["age", "floor"]}}
    there = written(
        tmp_path / "test.csv", tmp_path / "out", premium, "row", key="who", given=given, masks=64
    )
    assert there.ids == ["r0", "r1", "r2", "r3"]
    for values, stored in zip(table, there, strict=True):
        alone = unmask.explain(
            premium, unmask.row(values, tmp_path / "train.csv", names, given["groups"]), masks=64
        )
        assert stored.targets[0].index == alone.targets[0].index
        np.testing.assert_allclose(stored.map, alone.map, atol=2e-3)
        assert stored.original.row.labels == alone.original.row.labels
        assert stored.original.row.units[1].name == "both"
    # Beside another background it is not what was explained.
    np.savetxt(
        tmp_path / "train.csv",
        rng.normal(size=(20, 3)),
        delimiter=",",
        header="size,age,floor",
        comments="",
    )
    kinds._background.cache_clear()
    assert [one.original for one in results.open(tmp_path / "out")] == [None] * 4


def test_rows_of_arrays_have_numbers_and_no_names(tmp_path):
    rows = np.random.default_rng(0).normal(size=(2, 3))
    np.save(tmp_path / "rows.npy", rows)
    given = {"background": tmp_path / "rows.npy"}
    there = written(tmp_path / "rows.npy", tmp_path / "out", premium, "row", given=given, masks=16)
    assert there.ids == ["rows.npy:0", "rows.npy:1"]
    assert next(iter(there)).original.row.labels[0].startswith("column 0 = ")
    with pytest.raises(SettingError, match="has no column 'who'"):
        sources.find(str(tmp_path / "rows.npy"), None, "who", "row")
    with pytest.raises(SettingError, match="a background of type ndarray"):
        Reader("row", {"background": rows})
