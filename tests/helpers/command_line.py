"""Commands run in this process, and what they printed."""

import json
import re
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
