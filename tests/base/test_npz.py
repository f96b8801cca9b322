"""Files of arrays: their sizes are known before they are read, and every failure has a message."""

import io
import json
import tracemalloc
import zipfile

import numpy as np
import pytest

import unmask
from helpers.toy_models import NOISE, bright
from unmask._base import npz
from unmask._base.schema import text
from unmask.errors import FileError
from unmask.run import checkpoint, explanation_file

pytestmark = pytest.mark.filterwarnings("ignore::unmask.errors.DoubtWarning")


@pytest.fixture(scope="module")
def made():
    return unmask.explain(bright, NOISE, 0, masks=60, grid=(3, 4))


@pytest.fixture
def members(made, tmp_path):
    with zipfile.ZipFile(made.save(tmp_path / "whole.npz")) as archive:
        return {one.filename: archive.read(one) for one in archive.infolist()}


def write(path, members, **options):
    method = options.get("method", zipfile.ZIP_DEFLATED)
    with zipfile.ZipFile(path, "w", method, compresslevel=1) as archive:  # some are large
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def npy(values):
    file = io.BytesIO()
    np.save(file, values)
    return file.getvalue()


def header(members):
    return json.loads(np.load(io.BytesIO(members["header.npy"])).tobytes())


def with_header(members, change):
    changed = json.dumps(change).encode() if isinstance(change, dict) else change
    return {**members, "header.npy": npy(np.frombuffer(changed, np.uint8))}


def test_what_is_written_is_read(made, tmp_path):
    again = unmask.Explanation.load(made.save(tmp_path / "e.npz"))
    assert np.array_equal(again.maps, made.maps)
    assert np.array_equal(again.estimate.scores, made.estimate.scores)
    assert [number for number, _ in again.estimate.parts] == [0, 1, 2][: len(made.estimate.parts)]
    assert again.targets == made.targets
    assert again.plan == made.plan
    assert again.frame == made.frame


def test_a_file_of_fortran_order_is_the_same(made, members, tmp_path):
    turned = npy(np.asfortranarray(made.model_maps))
    again = unmask.Explanation.load(write(tmp_path / "e.npz", {**members, "maps.npy": turned}))
    assert np.array_equal(again.model_maps, made.model_maps)


def test_keys_of_a_newer_version_are_left_alone(members, tmp_path):
    newer = with_header(members, {**header(members), "color of the sky": ["blue"]})
    newer["more.npy"] = npy(np.zeros(3))
    unmask.Explanation.load(write(tmp_path / "e.npz", newer))


def test_optional_keys_are_one_table(members, tmp_path, monkeypatch):
    monkeypatch.setitem(explanation_file.OPTIONAL, "loaded with", text)
    with pytest.raises(FileError, match="loaded with: expected a text"):
        unmask.Explanation.load(
            write(tmp_path / "e.npz", with_header(members, {**header(members), "loaded with": 7}))
        )


@pytest.mark.parametrize(
    "key", ["targets", "plan", "frame", "reliabilities", "notes", *explanation_file.PLAIN]
)
@pytest.mark.parametrize("value", [None, 7, "x", [7], {"a": 1}, -1, True, 1e308, [[]], 10**400])
def test_odd_values_in_the_header_are_named_or_harmless(members, tmp_path, key, value):
    path = write(tmp_path / "e.npz", with_header(members, {**header(members), key: value}))
    try:
        unmask.Explanation.load(path)
    except FileError as error:
        assert key in str(error) or "damaged" in str(error)  # noqa: PT017 - either outcome is right


@pytest.mark.parametrize(
    "text",
    [b"", b"\xff", b"[" * 500_000, b'{"kind": NaN}', b"7", b'{"kind": "explanation"}', b"1" * 9999],
)
def test_headers_that_are_none(members, tmp_path, text):
    path = write(tmp_path / "e.npz", with_header(members, text))
    with pytest.raises(FileError):
        unmask.Explanation.load(path)


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_compressions_are_refused(members, tmp_path, method):
    path = write(tmp_path / "e.npz", members, method=method)
    with pytest.raises(FileError, match="compressed or encrypted in another way"):
        unmask.Explanation.load(path)


def peak_of(action):
    tracemalloc.start()
    try:
        action()
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    return peak


@pytest.mark.slow
def test_a_member_that_is_not_ours_is_not_read(members, tmp_path):
    path = write(tmp_path / "e.npz", {**members, "unused.npy": bytes(200 * 2**20)})
    assert peak_of(lambda: unmask.Explanation.load(path)) < 20 * 2**20


@pytest.mark.slow
def test_a_bomb_is_refused_by_its_declared_size(members, tmp_path):
    path = write(tmp_path / "e.npz", {**members, "maps.npy": bytes(200 * 2**20)})

    def load():
        with pytest.raises(FileError, match=r"it would take 2\d\d MiB, and 160 are read"):
            unmask.Explanation.load(path)

    assert peak_of(load) < 20 * 2**20


def test_a_large_file_may_hold_as_much_as_it_says(members, tmp_path, monkeypatch):
    monkeypatch.setattr(npz, "MAX_BYTES", 10)
    assert unmask.Explanation.load(write(tmp_path / "e.npz", members))


@pytest.mark.slow
def test_a_directory_of_many_members_is_not_read(tmp_path, members):
    path = write(tmp_path / "e.npz", {**members, **{f"{n}.npy": b"" for n in range(50_000)}})
    with pytest.raises(FileError, match="directory is too long"):
        unmask.Explanation.load(path)


@pytest.mark.parametrize("name", ["maps", "stderrs", "picture", "blocks", "counts", "scores"])
@pytest.mark.parametrize("change", ["shape", "dtype", "object", "empty", "huge"])
def test_odd_arrays_are_refused(members, tmp_path, name, change):
    values = np.load(io.BytesIO(members[f"{name}.npy"]))
    if change == "huge":
        descr = (
            f"{{'descr': '{values.dtype.str}', 'fortran_order': False, 'shape': (2147483647, 2)}}"
        )
        data = b"\x93NUMPY\x01\x00" + bytes([118, 0]) + descr.encode().ljust(117) + b"\n" + b"1234"
    elif change == "object":
        data = io.BytesIO()
        np.save(data, np.array([{}], object), allow_pickle=True)
        data = data.getvalue()
    else:
        data = npy(
            {"shape": values[..., None], "dtype": values.astype(np.float16), "empty": values[:0]}[
                change
            ]
        )
    with pytest.raises(FileError):
        unmask.Explanation.load(write(tmp_path / "e.npz", {**members, f"{name}.npy": data}))


@pytest.mark.parametrize(
    ("blocks", "counts"),
    [
        ([1, 0], [24, 12]),
        ([0, 0], [24, 12]),
        ([-1, 0], [24, 12]),
        ([0, 1], [0, 36]),
        ([0, 1], [2**62, 2**62]),
        ([0], [36]),
        ([0, 1], [24, 37]),
    ],
)
def test_blocks_that_cannot_be(members, tmp_path, blocks, counts):
    odd = {**members, "blocks.npy": npy(np.array(blocks)), "counts.npy": npy(np.array(counts))}
    with pytest.raises(FileError, match="damaged"):
        unmask.Explanation.load(write(tmp_path / "e.npz", odd))


def test_a_plain_array_and_other_kinds_of_file(made, tmp_path):
    np.save(tmp_path / "a.npy", np.zeros(3))
    with pytest.raises(FileError, match="damaged or no file of unmask's"):
        unmask.Explanation.load(tmp_path / "a.npy")
    run = unmask.prepare(bright, NOISE, 0)
    checkpoint.save(tmp_path / "c", run, made.estimate)
    with pytest.raises(FileError, match="holds something else than an explanation"):
        unmask.Explanation.load(tmp_path / "c")
    with pytest.raises(FileError, match="holds something else than a checkpoint"):
        checkpoint.peek(made.save(tmp_path / "e.npz"))


def test_a_newer_format_says_to_update(members, tmp_path):
    path = write(tmp_path / "e.npz", with_header(members, {**header(members), "version": 9}))
    with pytest.raises(FileError, match="format 9, this version of unmask reads up to 1: update"):
        unmask.Explanation.load(path)
