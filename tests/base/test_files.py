"""Files are written whole or not at all, in the place of files alone, and only files are read."""

import os
import signal
import socket
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unmask._base import files
from unmask._base.spelling import printable, spelled, unspelled
from unmask.errors import FileError


def put(path, data=b"new"):
    with files.replacing(path) as file:
        file.write(data)


def odd(folder, kind):
    """Make something that is no file."""
    path = folder / "there"
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "socket":
        with socket.socket(socket.AF_UNIX) as one:
            one.bind(str(path))
    else:
        return Path("/dev/null")
    return path


@pytest.mark.parametrize("kind", ["folder", "pipe", "socket", "device"])
def test_what_is_no_file_is_neither_replaced_nor_read(tmp_path, kind):
    path = odd(tmp_path, kind)
    before = path.stat().st_mode, sorted(tmp_path.iterdir())
    for way in (files.check, put):
        with pytest.raises(FileError, match=f"this is a {kind}.*, and only files are written"):
            way(path)
    with pytest.raises(OSError, match=f"this is a {kind}.*, and only files are read"):
        files.opened(path)
    assert (path.stat().st_mode, sorted(tmp_path.iterdir())) == before


def test_a_link_stays_one_and_its_file_is_written(tmp_path):
    (tmp_path / "far").mkdir()
    (tmp_path / "far" / "file").write_bytes(b"old")
    (tmp_path / "link").symlink_to("far/file")
    (tmp_path / "open").symlink_to("far/none-yet")
    (tmp_path / "pipe").symlink_to("/dev/null")
    for name, target in (("link", "file"), ("open", "none-yet")):
        put(tmp_path / name)
        assert (tmp_path / name).is_symlink()
        assert (tmp_path / "far" / target).read_bytes() == b"new"
    with pytest.raises(FileError, match="device"):
        put(tmp_path / "pipe")


@pytest.mark.parametrize("mode", [0o600, 0o664, 0o755])
def test_a_file_keeps_its_mode_and_a_new_one_gets_what_any_would(tmp_path, mode):
    old, new, plain = (tmp_path / name for name in ("old", "new", "plain"))
    old.touch()
    old.chmod(mode)
    plain.touch()
    put(old)
    put(new)
    assert stat.S_IMODE(old.stat().st_mode) == mode
    assert new.stat().st_mode == plain.stat().st_mode


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write all")
def test_a_protected_file_is_not_replaced(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"old")
    path.chmod(0o444)
    with pytest.raises(FileError, match="write-protected"):
        put(path)


@pytest.mark.parametrize("name", ["x" * 300, "no/folder", "a\0b", "loop"])
def test_what_cannot_be_written_is_known_before(tmp_path, name):
    (tmp_path / "loop").symlink_to("loop")
    for way in (files.check, put):
        with pytest.raises(FileError, match="cannot write"):
            way(tmp_path / name)
    files.check(tmp_path / "fine")
    assert [path.name for path in tmp_path.iterdir()] == ["loop"]


KILLED = """
import os, signal, sys
from unmask._base import files
real = getattr(os, sys.argv[2])
def killed(*args, **options):
    if sys.argv[3] == "after":
        real(*args, **options)
    os.kill(os.getpid(), signal.SIGKILL)
setattr(os, sys.argv[2], killed)
with files.replacing(sys.argv[1]) as file:
    file.write(b"new" * 100_000)
"""


@pytest.mark.slow
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("step", ["fsync", "link", "replace", "chmod"])
@pytest.mark.parametrize("named", [False, True])
def test_whenever_it_is_killed_nothing_stays(tmp_path, step, when, named):
    path = tmp_path / "file"
    path.write_bytes(b"old")
    code = ("import os; del os.O_TMPFILE\n" if named else "") + KILLED
    ended = subprocess.run([sys.executable, "-c", code, path, step, when], check=False)
    if named and step == "link":
        assert ended.returncode == 0  # a file with a name needs none
    else:
        assert ended.returncode == -signal.SIGKILL
    assert path.read_bytes() in (b"old", b"new" * 100_000)
    put(path)  # the next one in the folder cleans up
    assert [one.name for one in tmp_path.iterdir()] == ["file"]
    assert path.read_bytes() == b"new"


def test_a_writer_at_work_is_not_cleaned_away(tmp_path, monkeypatch):
    monkeypatch.delattr(os, "O_TMPFILE", raising=False)
    with files.replacing(tmp_path / "slow") as slow:
        slow.write(b"whole")
        put(tmp_path / "quick")
    assert (tmp_path / "slow").read_bytes() == b"whole"


def test_folders_of_killed_processes_go_with_the_next(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    (tmp_path / "unmask-results").mkdir()  # somebody's own
    code = (
        "import os, signal, tempfile, sys; tempfile.tempdir = sys.argv[1]\n"
        "from unmask._base import files\n"
        "with files.temporary_folder(): os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", code, tmp_path], check=False)
    assert len(list(tmp_path.iterdir())) == 2
    with files.temporary_folder() as live:
        for mark in tmp_path.glob(f"*/{files.MARK}"):
            os.utime(mark, (time.time() - 99, time.time() - 99))
        with files.temporary_folder():
            pass
        assert {path.name for path in tmp_path.iterdir()} == {"unmask-results", live.name}
    assert [path.name for path in tmp_path.iterdir()] == ["unmask-results"]


@given(st.binary(min_size=1, max_size=40) | st.sampled_from([rb"a\xe9", b"a\xe9", rb"\x5cxe9"]))
def test_every_file_name_has_a_text_of_its_own(data):
    name = os.fsdecode(data)
    text = spelled(name)
    text.encode()
    assert unspelled(text) == name
    if text.isascii() and "\\" not in text:
        assert text == name


@pytest.mark.slow
@given(st.text(max_size=40) | st.binary(max_size=40).map(lambda data: data.decode("latin-1")))
def test_a_terminal_obeys_nothing_that_is_printed(text):
    shown = printable(text)
    assert not any(ord(one) < 32 and one not in "\n\t" for one in shown)
    assert not any(127 <= ord(one) < 160 or 0xD800 <= ord(one) < 0xE000 for one in shown)
    assert printable(shown) == shown
    assert "\n" not in printable(text, lines=False)
