"""Where pictures come from: a folder, a glob, a list, a column of paths or of image bytes.

Everything goes through fsspec, so "s3://bucket/pictures" is a folder like any other.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from unmask._base.spelling import named, spelled, unspelled
from unmask.cluster.kinds import KINDS
from unmask.cluster.spans import Source, Span, content, fetch
from unmask.cluster.urls import contents, filesystem, join, protocols
from unmask.errors import FileError, ImageError, SettingError, UnmaskError
from unmask.inputs.row_files import READERS
from unmask.inputs.series_files import decoding

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from unmask.cluster.kinds import Kind, KindName
    from unmask.inputs.columns import Cells

__all__ = ["Fetcher", "Source", "Span", "fetch", "find"]

MAX_LIST, MAX_TABLE = 2**28, 2**30


def find(
    source: str, column: str | None = None, key: str | None = None, kind: KindName = "picture"
) -> Source:
    """Find the pictures, texts or series of a source, without reading them.

    Parameters
    ----------
    source : str
        A folder (searched with all its subfolders), a glob such as ``"shots/**/*.jpg"``, one
        picture, a list (.txt, one path a line), or a table (.parquet or .csv); a path or a URL
        that fsspec knows. Paths in lists and tables start from where these lie. A folder or glob of
        tables, and of nothing else, is one table in parts.
    column : str, optional
        Of a table: the column of paths or of image bytes; needed where there are several. With it,
        pictures beside the tables of a folder are left out.
    key : str, optional
        Of a table with image bytes or texts: the column of ids. Without it, file and row number.
    kind : {"picture", "text", "series", "row", "sound", "volume",
        "video"}
        What it holds. Texts are .txt files, the lines of one .txt file, or a column of a table;
        series are files of numbers; rows are those of tables.

    Returns
    -------
    Source
        In the order of their names, each picture once; with the number of the files that are none.

    Raises
    ------
    FileError
        There is nothing, or no picture in it.
    SettingError
        No such column; ids that are not unique.

    Examples
    --------
    >>> import unmask
    >>> from pathlib import Path
    >>> folder = Path(unmask.demo.__file__).parent / "pictures"
    >>> find(str(folder)).spans[0].ids
    ('garden.png', 'market.png', 'night.png', 'street.png')
    """
    fs, path = filesystem(source)
    suffix, of = _suffix(path), KINDS[kind]
    try:
        if "*" in path or "?" in path:
            root = path[: min(path.find(sign) for sign in "*?" if sign in path)].rpartition("/")[0]
            found = _several(fs, root, fs.glob(path), column, key, of, fs.unstrip_protocol(path))
        elif fs.isdir(path):
            root = path.rstrip("/")
            found = _several(fs, root, fs.find(root), column, key, of)
        elif (column or key) and suffix not in of.tables:
            given = {"column": column} if column else {"id": key}
            name, value = next(iter(given.items()))
            raise SettingError(
                f"{name}={value!r} is for a .parquet or .csv file of pictures or texts, not for "
                f"{source}"
            )
        elif not fs.exists(path):
            raise FileError(f"{source}: there is no such file or folder")
        elif suffix in of.lists:
            lines = _lines(contents(fs, path, MAX_LIST), source)
            found = _inline(fs, path, lines) if of.inline else _paths(fs, path, lines)
        elif suffix in of.tables:
            found = _table(fs, path, suffix, column, key, path.rsplit("/", 1)[-1], of)
        else:
            root, _, name = path.rpartition("/")
            found = _listed(fs, root, [name])
    except UnmaskError:
        raise
    except Exception as error:  # each kind of storage has its own
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise FileError(f"{named(source)} cannot be read: {named(reason)}") from error
    if not len(found):
        tables = ", and no tables" if of.tables else ""
        raise FileError(f"{source}: no {of.many} there ({', '.join(of.suffixes())}){tables}")
    return found


class Fetcher:
    """Reads pictures of a source again, by their ids.

    Parameters
    ----------
    settings : mapping
        Of a dataset: "source" and "root", and of a table "column" and "id".
    near : str, optional
        URL of the results that these settings are from. They may be anybody's, so a picture is
        then read from this machine or the same kind of storage alone, and given out only if it is
        known to be the one that was explained. Without it, the source is the user's own word.
    """

    def __init__(self, settings: Mapping[str, Any], near: str | None = None) -> None:
        self.settings = settings
        self.known = None if near is None else {"file", *protocols(filesystem(near)[0])}
        # Where no folder's name tells: each picture's span and position there, and of a table of
        # image bytes the row group that was read last.
        self.index: dict[str, tuple[Span, int]] = {}
        self.group: tuple[Span | None, Any] = (None, None)

    def place(self, name: str) -> str:
        """Where a picture lies, as a URL; empty if it came as bytes of a table.

        Raises
        ------
        ImageError
            The source does not hold it.
        """
        root, path = self.settings.get("root"), unspelled(name)
        if root and _is_within(path):
            return join(root, path)
        span, position = self._find(name)
        found = span.places[position] if span.places else ""
        return found if isinstance(found, str) else ""

    def __call__(self, name: str, digest: str | None = None) -> bytes:
        """Return the bytes of a picture's file.

        Parameters
        ----------
        name : str
        digest : str, optional
            SHA-256 of the file that was explained.

        Raises
        ------
        ImageError
            It is not there any longer, or is another, or may be anybody's.
        """
        if self.known is not None and not digest:
            raise ImageError(
                f"{name}: not read, as these results do not say which picture it was; name the "
                "source of their pictures yourself (source=, --source)"
            )
        data = self._read(name)
        if digest and hashlib.sha256(data).hexdigest() != digest:
            raise ImageError(f"{name}: the picture there is another than the one explained")
        return data

    def _read(self, name: str) -> bytes:
        place = self.place(name)
        if place:
            self._check(place)
            return fetch(place, name)
        span, position = self._find(name)
        if span.places:
            return fetch(span.places[position], name)
        if self.group[0] is not span:
            self.group = (span, span.values())
        return content(self.group[1][span.offsets[position]].as_py())

    def _check(self, url: str) -> None:
        if self.known is not None and not self.known & {*protocols(filesystem(url)[0])}:
            raise ImageError(
                f"the pictures are at {named(url)}, which the results say and you did not: name "
                "their source yourself (source=, --source)"
            )

    def _find(self, name: str) -> tuple[Span, int]:
        given = self.settings
        if not given.get("source"):
            raise ImageError(f"{name}: these results do not say where their pictures are")
        if not self.index:
            self._check(given["source"])
            kind = given.get("kind", "picture")
            found = find(given["source"], given.get("column"), given.get("id"), kind)
            self.index = {
                name: (span, position)
                for span in found.spans
                for position, name in enumerate(span.ids)
            }
        if name not in self.index:
            raise ImageError(f"{name}: not in {named(given['source'])} any longer")
        return self.index[name]


def _is_within(path: str) -> bool:
    """Whether a path leads down from a folder, and nowhere else."""
    return "://" not in path and "\0" not in path and not {"", ".."} & {*path.split("/")}


def _lines(data: bytes, source: str) -> list[str]:
    """Return the paths of a list; file names are bytes, so any are taken as they are."""
    if b"\0" in data:
        raise FileError(f"{named(source)}: a list of paths in UTF-8, one a line, is expected")
    lines = data.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "surrogateescape").splitlines()
    return [line.strip() for line in lines if line.strip()]


def _listed(fs: Any, root: str, names: Sequence[str], name: str = "") -> Source:
    once = tuple(sorted(set(names)))
    places = tuple(fs.unstrip_protocol(join(root, path)) for path in once)
    where = fs.unstrip_protocol(root) if root else ""
    spans = (Span(tuple(map(spelled, once)), places),) if once else ()
    return Source(name or where, where, spans)


def _several(
    fs: Any,
    root: str,
    paths: Sequence[str],
    column: str | None,
    key: str | None,
    of: Kind,
    name: str = "",
) -> Source:
    """Return the pictures among some files, or those of the tables among them."""
    pictures = [path for path in paths if path.lower().endswith(of.suffixes())]
    tables = sorted(path for path in paths if path.lower().endswith(of.tables))
    if not tables or (pictures and column is None):
        if column is not None:
            raise SettingError(f"column={column!r} is for tables, and {root} has none")
        found = _listed(fs, root, [_within(picture, root) for picture in pictures], name)
        return replace(found, left_out=_endings(paths, pictures))
    parts = [
        _table(fs, table, _suffix(table), column, key, _within(table, root), of) for table in tables
    ]
    spans = tuple(span for part in parts for span in part.spans)
    ids = [name for span in spans for name in span.ids]
    if len(set(ids)) < len(ids):
        raise SettingError(f"{root}: the ids in its {len(tables)} tables are not unique")
    left_out = _endings(paths, tables)
    return Source(name or fs.unstrip_protocol(root), "", spans, left_out=left_out)


def _endings(paths: Sequence[str], taken: Sequence[str]) -> dict[str, int]:
    """Count the files that are not taken, by their endings, the most first; hidden ones are not."""
    rest = (
        path for path in set(paths).difference(taken) if not path.rpartition("/")[2].startswith(".")
    )
    counts = Counter(_suffix(path) or "no ending" for path in rest)
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def _suffix(path: str) -> str:
    name = path.rsplit("/", 1)[-1]
    return f".{name.rsplit('.', 1)[-1].lower()}" if "." in name else ""


def _within(path: str, root: str) -> str:
    return path.removeprefix(root).lstrip("/")


def _paths(fs: Any, table: str, names: Sequence[str]) -> Source:
    """Return the pictures of a list; ids are the paths as they are written there."""
    folder = table.rpartition("/")[0]
    once = tuple(sorted(set(names)))
    places = tuple(
        path if "://" in path or path.startswith("/") else fs.unstrip_protocol(join(folder, path))
        for path in once
    )
    spans = (Span(tuple(map(spelled, once)), places),) if once else ()
    return Source(fs.unstrip_protocol(table), fs.unstrip_protocol(folder), spans)


def _inline(
    fs: Any, path: str, values: Sequence[str], ids: Sequence[str] | None = None, name: str = ""
) -> Source:
    """Return texts that stand in a file themselves, known by their number in it or by ids."""
    own = name or path.rsplit("/", 1)[-1]
    known = tuple(ids) if ids is not None else tuple(f"{own}:{i}" for i in range(len(values)))
    if len(set(known)) < len(known):
        raise SettingError(f"{path}: the ids are not unique")
    places = tuple(value.encode("utf-8", "surrogateescape") for value in values)
    return Source(fs.unstrip_protocol(path), "", (Span(known, places),) if known else ())


def _table(
    fs: Any, path: str, suffix: str, column: str | None, key: str | None, name: str, of: Kind
) -> Source:
    if of.name == "row":
        return _rows(fs, path, key, name)
    import pyarrow as pa
    import pyarrow.csv
    import pyarrow.parquet as pq

    with fs.open(path, "rb") as file:
        try:
            if suffix == ".csv":
                table = pyarrow.csv.read_csv(file)
                chosen = _column(path, table.schema, column, key)
                texts = _texts(table, chosen, path, of)
                if not of.inline:
                    return _paths(fs, path, texts)
                ids = None if key is None else [str(one) for one in table[key].to_pylist()]
                return _inline(fs, path, texts, ids, name)
            parquet = pq.ParquetFile(file)
            chosen = _column(path, parquet.schema_arrow, column, key)
            kind = parquet.schema_arrow.field(chosen).type
            if pa.types.is_string(kind) or pa.types.is_large_string(kind):
                if of.inline:
                    return _bytes(fs, path, parquet, chosen, key, name)
                return _paths(fs, path, _texts(parquet.read([chosen]), chosen, path, of))
            if not (pa.types.is_struct(kind) or "binary" in str(kind)):
                raise SettingError(f"{path}: column {chosen!r} is {kind}: expected paths or bytes")
            return _bytes(fs, path, parquet, chosen, key, name)
        except pa.ArrowInvalid as error:
            raise FileError(f"{path} is not a table that can be read: {error}") from error


def _rows(fs: Any, path: str, key: str | None, name: str) -> Source:
    """Return the rows of a table as JSON, known by their number or by a column of ids."""
    table: Cells = decoding(contents(fs, path, MAX_TABLE), path, READERS)
    names = list(table.names)
    if key is not None and key not in names:
        raise SettingError(f"{path} has no column {key!r}, but {', '.join(names) or 'no names'}")
    ids = (
        None
        if key is None
        else [
            f"{one:g}" if isinstance(one, float) else str(one)
            for one in table.values[names.index(key)]
        ]
    )
    kept = [place for place in range(len(table.values)) if key is None or names[place] != key]
    columns = [table.values[place].tolist() for place in kept]
    rows = [
        json.dumps(
            dict(zip((names[i] for i in kept), cells, strict=True)) if names else cells, default=str
        )
        for cells in zip(*columns, strict=True)
    ]
    return _inline(fs, path, rows, ids, name)


def _texts(table: Any, column: str, path: str, of: Kind) -> list[str]:
    values = table[column].to_pylist()
    if of.inline:  # an empty text is a row with its error
        values = ["" if value is None else value for value in values]
    if not all(isinstance(value, str) and (value or of.inline) for value in values):
        wanted = "texts" if of.inline else "paths"
        raise SettingError(f"{path}: column {column!r} holds something else than {wanted}")
    return list(values)


def _column(path: str, schema: Any, column: str | None, key: str | None) -> str:
    names = list(schema.names)
    for wanted in (column, key):
        if wanted is not None and wanted not in names:
            raise SettingError(f"{path} has no column {wanted!r}, but {', '.join(names)}")
        if names.count(wanted) > 1:
            raise SettingError(
                f"{path} has {names.count(wanted)} columns {wanted!r}: name them apart"
            )
    if column is not None:
        return column
    left = [name for name in names if name != key]
    if len(left) != 1:
        raise SettingError(f"{path} has the columns {', '.join(left)}: say which, with column")
    return str(left[0])


def _bytes(fs: Any, path: str, parquet: Any, column: str, key: str | None, name: str) -> Source:
    """Return a column of image bytes or of texts; a span is a row group."""
    url = fs.unstrip_protocol(path)
    spans, first = [], 0
    seen: set[str] = set()
    for group in range(parquet.num_row_groups):
        count = parquet.metadata.row_group(group).num_rows
        if key is None:
            ids = [f"{name}:{first + row}" for row in range(count)]
        else:
            ids = [str(value) for value in parquet.read_row_group(group, [key])[key].to_pylist()]
        seen.update(ids)
        first += count
        if len(seen) != first:
            raise SettingError(f"{path}: the ids in {key!r} are not unique")
        if count:
            spans.append(Span(tuple(ids), (), url, column, group, tuple(range(count))))
    return Source(url, "", tuple(spans))
