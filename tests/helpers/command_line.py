"""Commands run in this process or in one of their own, and what they printed."""

import contextlib
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import unmask
from helpers.places import ROOT

# Keys of the object that every command prints with --json, and where all keys are explained.
COMMON = {"unmask", "command", "notes", "written", "seconds"}
DOCS = ROOT / "docs" / "command-line.md"
ANSI = re.compile(r"\x1b\[[0-9;]*m")


def words(result):
    """Return the output without colors and line breaks."""
    return " ".join(ANSI.sub("", result.output).split())


def ran(*words, status=0):
    from typer.testing import CliRunner

    from unmask import cli

    result = CliRunner().invoke(cli.app, [str(word) for word in words])
    assert result.exit_code == status, result.output
    return result


def found(*words, status=0):
    """Return the object that a command prints, quietly or not."""
    loud, quiet = (ran(*words, "--json", *more, status=status) for more in ((), ("-q",)))
    for one in (loud, quiet):
        assert one.stdout.count("\n") == 1
        assert one.stdout.isascii()
    assert "Note" not in quiet.stderr
    one = json.loads(quiet.stdout, parse_constant=pytest.fail)
    assert set(one) >= COMMON
    assert one["command"] == words[0]
    assert one["unmask"] == unmask.__version__
    assert one["seconds"] >= 0
    assert all(Path(path).exists() for path in one["written"])
    assert set(json.loads(loud.stdout)) == set(one)
    assert_documented(words[0], one)
    return one


def assert_documented(command, one):
    """Every key is in the table of the command, and every key of the table is there."""
    rows = re.findall(r"^\| `?([\w, `]+)`? \|", DOCS.read_text("utf-8"), re.MULTILINE)
    said = {name for row in rows for name in re.findall(r"\w+", row)}
    assert set(one) <= said, set(one) - said


# The program, once for each line of words: to begin takes it longer than to refuse them.
PROGRAM = r"""
import json, sys
from unmask.__main__ import main

for line in sys.stdin:
    sys.argv = ["unmask", *json.loads(line)]
    status = 0
    try:
        main()
    except SystemExit as end:
        status = end.code or 0
    sys.stdout.flush()
    print(f"\0{status}", file=sys.stderr, flush=True)
"""


@contextlib.contextmanager
def running(**options):
    """A process that runs commands one after another; a function: status, and what was said."""
    program = subprocess.Popen(
        [sys.executable, "-c", PROGRAM],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        **options,
    )

    def run(*words):
        program.stdin.write(json.dumps([str(word) for word in words]).encode() + b"\n")
        program.stdin.flush()
        lines = []
        while not (lines and lines[-1].rpartition(b"\0")[1]):
            lines.append(program.stdout.readline())
            assert lines[-1], b"".join(lines)  # it ended
        said, _, status = b"".join(lines).decode("utf-8", "replace").rpartition("\0")
        return int(status), said

    yield run
    assert program.communicate() == (b"", None)
    assert program.returncode == 0
