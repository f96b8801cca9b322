"""What tests of `unmask.cluster.driver.batch` compare."""

from pathlib import Path

import pyarrow.parquet as pq

# Few masks, as a row is the same row whatever it holds.
SETTINGS = {"masks": 48, "seed": 5, "target": "top:2"}


def in_order(table):
    return table.drop_columns(["seconds"]).sort_by([("id", "ascending"), ("target", "ascending")])


def rows(output):
    return in_order(pq.read_table(Path(output) / "rows"))


def same(one, other):
    assert one["id"].to_pylist() == other["id"].to_pylist()
    assert [name for name in one.column_names if not one[name].equals(other[name])] == []
