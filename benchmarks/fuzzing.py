"""Files that are broken on purpose: each is read, or refused with a message, and nothing else.

    python benchmarks/fuzzing.py --cases 10000 --seed 0

Explanations, checkpoints, folders of batch, tables of evaluate, pictures and lists are written as
unmask writes them, broken by a seeded hand, and read again; what loads is put to use (a report, the
maps, more rows). An error that is not one of unmask's, more than two gigabytes of memory, or more
than a minute for a file are failures. Prints how many cases of each kind there were, and exits with
1 if one failed.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import io
import json
import shutil
import signal
import struct
import sys
import tempfile
import time
import traceback
import warnings
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from common import high_water
from PIL import Image

import unmask
from unmask.cluster import results, sources
from unmask.cluster.spans import fetch
from unmask.cluster.store import Store
from unmask.cluster.worker import Worker
from unmask.errors import UnmaskError
from unmask.evaluation.table import EvaluationTable
from unmask.inputs import images
from unmask.models.source import ModelSource
from unmask.reports.html import report
from unmask.run import checkpoint

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Random = np.random.Generator

MEMORY, SECONDS = 2 * 2**30, 60
ODD: tuple[Any, ...] = (
    None,
    True,
    -1,
    0,
    1e308,
    2**63,
    10**400,
    "",
    "\x1b[31m\ud800",
    "x" * 10_000,
    [],
    {},
    [[]],
    {"a": [1]},
    [1, 2],
    [0, 0],
    [2**31, 2**31],
    [-1, 5],
    "demo",
)


# Bytes


def flipped(data: bytes, random: Random) -> bytes:
    """Flip one to four bits."""
    changed = bytearray(data)
    for place in random.integers(0, len(changed), random.integers(1, 5)):
        changed[place] ^= 1 << int(random.integers(8))
    return bytes(changed)


def cut(data: bytes, random: Random) -> bytes:
    """Cut the end off."""
    return data[: int(random.integers(0, len(data)))]


def spliced(data: bytes, random: Random) -> bytes:
    """Copy one part over another, or between others."""
    a, b, size = (int(one) for one in random.integers(0, len(data), 3))
    part = data[a : a + size % 4096]
    return data[:b] + part + data[b + (len(part) if random.random() < 0.5 else 0) :]


def noisy(data: bytes, random: Random) -> bytes:
    """Put odd numbers where numbers may be."""
    changed = bytearray(data)
    value = (0, 1, 0x7FFFFFFF, 0xFFFFFFFF, 0x80000000)[int(random.integers(5))]
    place = int(random.integers(0, max(1, len(changed) - 4)))
    changed[place : place + 4] = struct.pack("<I", value)
    return bytes(changed)


BYTES: tuple[Callable[[bytes, Random], bytes], ...] = (flipped, cut, spliced, noisy)


# JSON


def odd_value(value: Any, random: Random) -> Any:
    """Replace, drop or nest one value somewhere in a JSON value."""
    if isinstance(value, dict) and value and random.random() < 0.85:
        name = list(value)[int(random.integers(len(value)))]
        if random.random() < 0.1:
            return {key: one for key, one in value.items() if key != name}
        return {**value, name: odd_value(value[name], random)}
    if isinstance(value, list) and value and random.random() < 0.6:
        place = int(random.integers(len(value)))
        return [*value[:place], odd_value(value[place], random), *value[place + 1 :]]
    return ODD[int(random.integers(len(ODD)))]


def odd_json(text: str, random: Random) -> str:
    """Break a JSON text: its values, its form, or its depth."""
    kind = random.random()
    if kind < 0.05:
        return "[" * 300_000
    if kind < 0.1:
        return text.replace("1", ("NaN", "Infinity", "1e999", "01")[int(random.integers(4))], 1)
    if kind < 0.15:
        return text[: int(random.integers(len(text)))]
    return json.dumps(odd_value(json.loads(text), random))


# Archives


def npy(values: np.ndarray[Any, Any]) -> bytes:
    """Return an array as the bytes of a .npy file."""
    file = io.BytesIO()
    np.save(file, values, allow_pickle=True)
    return file.getvalue()


def named_npy(header: str, body: bytes, version: bytes = b"\x01\x00") -> bytes:
    """Return a .npy file whose header says what it likes."""
    text = header.encode() + b" " * (-(len(header) + 11) % 64) + b"\n"
    return b"\x93NUMPY" + version + struct.pack("<H", len(text) % 65536) + text + body


def odd_array(data: bytes, random: Random) -> bytes:
    """Return another array, or none, in the place of one."""
    values = np.load(io.BytesIO(data))
    shape = (
        "(2147483647, 2147483647)",
        "(-1,)",
        "(1,) * 9",
        "(3, True)",
        "()",
        "((((((1,)",
        "(1e9,)",
    )
    kinds = ("<f4", "<f8", "|O", "<i8", "|V8", "<U9", ">f4", "[('a', '<f4')]")
    made: tuple[Callable[[], bytes], ...] = (
        lambda: npy(values.astype(np.float16)),
        lambda: npy(values.reshape(-1)),
        lambda: npy(values[None]),
        lambda: npy(np.asfortranarray(values)),
        lambda: npy(values[:0]),
        lambda: npy(np.full(values.shape, np.nan)) if values.dtype.kind == "f" else npy(-values),
        lambda: npy(np.array([{"a": 1}], object)),
        lambda: npy(np.zeros(3, [("a", "<f4"), ("b", "<i2")])),
        lambda: named_npy(
            f"{{'descr': '{kinds[int(random.integers(len(kinds)))]}', 'fortran_order': False, "
            f"'shape': {shape[int(random.integers(len(shape)))]}}}",
            data[128:],
            bytes([int(random.integers(5)), 0]),
        ),
        lambda: named_npy("{" * 5000, b""),
        lambda: flipped(data, random),
        lambda: cut(data, random),
        lambda: b"",
    )
    return made[int(random.integers(len(made)))]()


def archived(members: list[tuple[str, bytes]], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """Return a zip archive."""
    file = io.BytesIO()
    with (
        zipfile.ZipFile(file, "w", method, compresslevel=1) as archive,  # bombs are large
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")  # of names that are there twice
        for name, data in members:
            archive.writestr(name, data)
    return file.getvalue()


def odd_archive(data: bytes, random: Random) -> bytes:
    """Break an archive of arrays as somebody would who knows what it is."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = [(one.filename, archive.read(one)) for one in archive.infolist()]
    place = int(random.integers(len(members)))
    name, content = members[place]
    rest = members[:place] + members[place + 1 :]
    other = members[int(random.integers(len(members)))]
    kind = int(random.integers(14))
    if kind < 5:
        text = np.load(io.BytesIO(dict(members)["header.npy"])).tobytes().decode()
        odd = npy(np.frombuffer(odd_json(text, random).encode("utf-8", "surrogatepass"), np.uint8))
        return archived([("header.npy", odd), *(one for one in members if one[0] != "header.npy")])
    if kind < 8:
        return archived([*rest, (name, odd_array(content, random))])
    if kind == 8:
        return archived(rest)
    if kind == 9:
        return archived([*rest, (name, other[1]), (other[0], content)])
    if kind == 10:
        return archived([*members, (name, content)])
    if kind == 11:
        methods = (zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA, zipfile.ZIP_STORED)
        return archived(members, methods[int(random.integers(3))])
    if kind == 12:
        more = [(f"{number}.npy", content) for number in range(100)]
        extra = [("unused.npy", bytes(2**24)), ("../../evil.npy", content), ("header", content)]
        return archived([*members, *(more if random.random() < 0.5 else extra)])
    return content  # a plain .npy


def declared(data: bytes, random: Random) -> bytes:
    """Let the directory of an archive lie about sizes, methods, flags or places."""
    changed = bytearray(data)
    found = [place for place in range(len(data) - 4) if data[place : place + 4] == b"PK\x01\x02"]
    if not found:
        return flipped(data, random)
    entry = found[int(random.integers(len(found)))]
    # General flags, method, checksum, compressed size, size, and where the member begins.
    offset, size = ((8, 2), (10, 2), (16, 4), (20, 4), (24, 4), (42, 4))[int(random.integers(6))]
    value = (0, 1, 9, 99, 0xFFFF, 3 * 2**30, 0x7FFFFFFF, 0xFFFFFFFE)[int(random.integers(8))]
    changed[entry + offset : entry + offset + size] = (value % 256**size).to_bytes(size, "little")
    return bytes(changed)


def bomb(data: bytes, random: Random) -> bytes:
    """Put in members that are far larger than the archive, in a header that says the same."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = {one.filename: archive.read(one) for one in archive.infolist()}
    size = int(random.integers(60, 300))
    head = f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({size * 2**18},)}}"
    members["maps.npy" if random.random() < 0.5 else "unused.npy"] = named_npy(
        head, bytes(size * 2**20)
    )
    return archived(list(members.items()))


# What is read


class Case:
    """A kind of file: how one is made whole, and how it is used.

    Parameters
    ----------
    folder : Path
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.run = unmask.prepare("demo", unmask.demo.pictures()["street"], masks=256, grid=4)
        estimate = list(unmask.stream(self.run))[-1]
        self.explanation = self.run.explanation(estimate)
        self.explanation.save(folder / "e.npz")
        checkpoint.save(folder / "c", self.run, estimate)
        self.whole = {name: (folder / name).read_bytes() for name in ("e.npz", "c")}
        self.batched = folder / "batched"
        pictures = Path(unmask.demo.__file__).parent / "pictures"
        found, store = sources.find(str(pictures)), Store(str(self.batched))
        store.begin(found.name, found.root, {"masks": 64, "maps": "grid"})
        worker = Worker(ModelSource("demo"), {"masks": 64, "grid": 4}, "grid")
        for name, place in zip(found.spans[0].ids[:2], found.spans[0].places, strict=False):
            store.append(worker.rows(name, place))
        table = EvaluationTable(folder / "rows.jsonl", {"seed": 1})
        for name in ("a", "b"):
            table.append({"picture": name, "label": "x", "deletion": 0.5, "error": None})
        self.whole["rows.jsonl"] = (folder / "rows.jsonl").read_bytes()
        pixels = np.random.default_rng(0).integers(0, 256, (24, 40, 4), np.uint8)
        for kind in ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF", "PPM"):
            file = io.BytesIO()
            Image.fromarray(pixels[..., : 3 if kind in ("JPEG", "PPM", "BMP") else 4]).save(
                file, kind
            )
            self.whole[f"picture {kind}"] = file.getvalue()

    def archive(self, data: bytes, random: Random) -> bytes:
        ways = (flipped, cut, spliced, noisy, declared, odd_archive, odd_archive, odd_archive)
        if random.random() < 0.01:
            return bomb(data, random)
        return ways[int(random.integers(len(ways)))](data, random)

    def explanations(self, random: Random) -> None:
        path = self.folder / "broken.npz"
        path.write_bytes(self.archive(self.whole["e.npz"], random))
        one = unmask.Explanation.load(path)
        if random.random() < 0.05:
            report([one])
            assert one.maps.shape[0] == len(one.targets)
            one.save(self.folder / "again.npz")

    def checkpoints(self, random: Random) -> None:
        path = self.folder / "broken"
        path.write_bytes(self.archive(self.whole["c"], random))
        checkpoint.load(path, checkpoint.peek(path), self.run, 1)

    def folders(self, random: Random) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        folder = self.folder / "broken folder"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(self.batched, folder)
        parts = sorted((folder / "rows").iterdir())
        part = parts[int(random.integers(len(parts)))]
        kind = random.random()
        if kind < 0.2:
            path = folder / "unmask.json"
            path.write_text(odd_json(path.read_text(), random), "utf-8", "surrogatepass")
        elif kind < 0.6:
            way = BYTES[int(random.integers(len(BYTES)))]
            part.write_bytes(way(part.read_bytes(), random))
        elif kind < 0.8:
            table = pq.read_table(part)
            name = table.column_names[int(random.integers(table.num_columns))]
            odd = (
                table.drop_columns([name]),
                table.append_column(name, table[name]),
                pa.concat_tables([table] * 2),
                table.slice(0, 0),
                table.set_column(0, pa.field(name, pa.int64()), pa.array([2**40] * len(table))),
                table.set_column(table.column_names.index(name), name, pa.nulls(len(table))),
                table.set_column(
                    table.column_names.index(name), name, pa.array([[1, 2]] * len(table))
                ),
                pa.concat_tables([table] * 3000),
            )
            pq.write_table(odd[int(random.integers(len(odd)))], part)
        else:
            table = pq.read_table(part)
            rows = table.to_pylist()
            names = [n for n in table.column_names if n not in ("error",)]
            name = names[int(random.integers(len(names)))]
            value = rows[0][name]
            if isinstance(value, str) and value.startswith("{"):
                rows[0][name] = odd_json(value, random)
            else:
                rows[0][name] = odd_value(value, random)
            with contextlib.suppress(Exception):  # what this column cannot hold at all
                pq.write_table(pa.Table.from_pylist(rows, table.schema), part)
        opened = results.open(folder)
        for one in opened:
            assert one.maps.ndim == 3
            assert one.picture is None or one.picture.dtype == np.uint8
        assert set(opened.failures) <= Store(str(folder)).finished()
        if random.random() < 0.02:
            report(list(opened) or [self.explanation])

    def tables(self, random: Random) -> None:
        path = self.folder / "broken.jsonl"
        data = self.whole["rows.jsonl"]
        if random.random() < 0.5:
            lines = data.decode().splitlines()
            place = int(random.integers(len(lines)))
            lines[place] = odd_json(lines[place], random)
            data = "\n".join([*lines, ""]).encode("utf-8", "surrogatepass")
        else:
            data = BYTES[int(random.integers(len(BYTES)))](data, random)
        path.write_bytes(data)
        EvaluationTable(path, {"seed": 1}).append({"picture": "c", "error": None})

    def pictures(self, random: Random) -> None:
        names = [name for name in self.whole if name.startswith("picture")]
        data = self.whole[names[int(random.integers(len(names)))]]
        ways = (flipped, cut, spliced, noisy)
        broken = ways[int(random.integers(len(ways)))](data, random)
        pixels = images.decode(broken, "the picture")
        assert pixels.dtype == np.uint8
        assert pixels.shape[2] == 3

    def lists(self, random: Random) -> None:
        path = self.folder / f"list{('.txt', '.csv', '.parquet')[int(random.integers(3))]}"
        lines = b"path,id\n" + b"\n".join(
            random.integers(0, 256, int(random.integers(1, 40)), np.uint8).tobytes()
            for _ in range(int(random.integers(0, 6)))
        )
        path.write_bytes(random.permutation([lines, flipped(lines, random)])[0])
        found = sources.find(str(path), None if path.suffix == ".txt" else "path")
        for span in found.spans:
            for name, place in zip(span.ids, span.places, strict=True):
                name.encode()
                with contextlib.suppress(UnmaskError):
                    fetch(place, name)

    @property
    def kinds(self) -> dict[str, tuple[Callable[[Random], None], int]]:
        """How each kind is tried, and how often."""
        return {
            "explanations": (self.explanations, 30),
            "checkpoints": (self.checkpoints, 20),
            "folders of batch": (self.folders, 20),
            "tables of evaluate": (self.tables, 10),
            "pictures": (self.pictures, 15),
            "lists": (self.lists, 5),
        }


@contextlib.contextmanager
def limited(seconds: int) -> Iterator[None]:
    """Raise a TimeoutError where it takes longer."""

    def late(*_: Any) -> None:
        raise TimeoutError(f"more than {seconds} s")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def fuzz(
    cases: int, seed: int, folder: Path
) -> tuple[dict[str, collections.Counter[str]], list[str]]:
    """Try so many broken files; return what became of each kind, and the failures."""
    made = Case(folder)
    kinds = made.kinds
    shares = np.array([share for _, share in kinds.values()])
    counts: dict[str, collections.Counter[str]] = {name: collections.Counter() for name in kinds}
    failures: list[str] = []
    for number in range(cases):
        random = np.random.default_rng([seed, number])
        name = list(kinds)[int(random.choice(len(kinds), p=shares / shares.sum()))]
        start = time.perf_counter()
        try:
            with limited(SECONDS):
                kinds[name][0](random)
            outcome = "loaded"
        except UnmaskError as error:
            outcome = "refused"
            if "\x1b" in repr(str(error)) or not str(error).strip():
                outcome = "failed"
                failures.append(f"case {number} of {name}: an unclear message: {error!r}")
        except Exception:
            outcome = "failed"
            failures.append(f"case {number} of {name}: {traceback.format_exc(limit=-4)}")
        counts[name][outcome] += 1
        counts[name]["slowest, ms"] = max(
            counts[name]["slowest, ms"], round(1000 * (time.perf_counter() - start))
        )
    return counts, failures


def main() -> None:
    """Run it and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as folder:
        counts, failures = fuzz(given.cases, given.seed, Path(folder))
    columns = ("loaded", "refused", "failed", "slowest, ms")
    print("| files | " + " | ".join(columns) + " |")
    print("|---|" + "---|" * len(columns))
    for name, count in counts.items():
        print(f"| {name} | " + " | ".join(f"{count[one]:,}" for one in columns) + " |")
    peak = high_water() * 1e6
    print(f"\nAt most {peak / 2**20:,.0f} MiB of memory.")
    if peak > MEMORY:
        failures.append(f"{peak / 2**20:,.0f} MiB of memory")
    for one in failures[:20]:
        print(one, file=sys.stderr)
    sys.exit(bool(failures))


if __name__ == "__main__":
    main()
