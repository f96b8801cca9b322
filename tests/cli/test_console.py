"""Whatever labels, file names and errors hold, a terminal shows it and obeys none of it."""

import io
import os
import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import unmask
from helpers.pictures import small

pytest.importorskip("typer")
pytest.importorskip("rich")
pytest.importorskip("onnxruntime")

from rich.table import Table
from rich.text import Text

from helpers.command_line import running
from unmask.cli import console

EVIL = "\x1b]0;pwned\x07\x1b[2J\x9b31m\u202egnp\r\x08[red]x[/] [/] \\"
# What rich itself writes: colors, and a bar that is drawn anew.
OURS = re.compile(r"\x1b\[[0-9;]*m|\x1b\[\?25[lh]|\r?\x1b\[(?:2K|1A)")
ENVIRONMENT = {**os.environ, "COLUMNS": "300", "FORCE_COLOR": "1", "TERM": "xterm-256color"}


def obeyed(text):
    """Return what a terminal would obey, but colors and line ends."""
    rest = OURS.sub("", text)
    return re.findall("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", rest)


@pytest.fixture(scope="module")
def ran():
    """A function that runs commands one after another: the status of each, and what it said."""
    with running(env=ENVIRONMENT) as run:

        def one(words):
            status, said = run(*words)
            assert "Traceback" not in said, said
            assert not obeyed(said), obeyed(said)
            return status, said

        yield lambda *commands: [one(words) for words in commands]


@settings(max_examples=60)
@given(st.text(max_size=30) | st.sampled_from([EVIL]))
def test_the_console_obeys_no_text_that_it_is_given(text):
    terminal = console._Console(file=io.StringIO(), force_terminal=True, width=60)
    table = Table()
    table.add_column(Text(text))
    table.add_row(Text(text))
    for one in (Text(text), table, Text.assemble(("Note: ", "yellow"), text)):
        terminal.print(one)
    assert not obeyed(terminal.file.getvalue())


@pytest.mark.slow
def test_labels(ran, tmp_path):
    labels = tmp_path / "labels.txt"
    evil = EVIL.replace("\r", "")
    labels.write_text("\n".join(f"{evil}{number}" for number in range(8)))
    picture = tmp_path / "street.png"
    small().save(picture)
    beside = (str(picture), "--labels", str(labels))
    predicted, explained, refused = ran(
        ("predict", *beside),
        ("explain", *beside, "-n", "64", "-o", str(tmp_path)),
        ("explain", *beside, "-t", EVIL, "-o", str(tmp_path)),
    )
    for code, said in (predicted, explained):
        assert code == 0
        assert "\\x1b]0;pwned\\x07" in said
    assert refused[0] == 2


@pytest.mark.slow
@pytest.mark.parametrize("there", [True, False])
def test_file_names(ran, tmp_path, there):
    path = tmp_path / EVIL.replace("/", "|")
    if there:
        small().save(path, "PNG")
    out = ("-o", str(tmp_path / "out[/]\x1b[2J"))
    words = {"explain": ("-n", "32", *out), "predict": (), "report": out, "merge": out}
    if not there:
        words["batch"] = out
    commands = [(command, str(path), *more) for command, more in words.items()]
    for command, (code, said) in zip(words, ran(*commands), strict=True):
        assert code == (0 if there and command in ("explain", "predict") else 2), (command, said)
        assert "pwned" in said or command in ("predict", "report")


@pytest.mark.slow
def test_words_that_are_no_options(ran):
    found = ran(
        ["predict", "a", EVIL],
        ["predict", f"--{EVIL}"],
        [EVIL],
        ["explain", EVIL, "-n", EVIL],
    )
    assert [code for code, _ in found] == [2] * 4


@pytest.mark.slow
def test_an_explanation_of_somebody_else(ran, tmp_path):
    made = unmask.explain("demo", np.asarray(small()), masks=256)
    target = replace(made.targets[0], label=EVIL)
    evil = replace(
        made,
        targets=(target,),
        model=EVIL,
        image=EVIL,
        stopped=EVIL,
        notes=(EVIL,),
        versions={EVIL: EVIL},
    )
    path = str(evil.save(tmp_path / "e.npz"))
    for code, said in ran(
        ["report", path, "-o", str(tmp_path / "p.html")],
        ["merge", path, "-o", str(tmp_path)],
        ["converge", path, "-o", str(tmp_path), "--at", "64,128"],
    ):
        assert code == 0, said


@pytest.mark.slow
def test_errors_are_one_line(ran, tmp_path):
    ((code, said),) = ran(["explain", str(tmp_path / "a\nb\nc.png")])
    assert code == 2
    assert len(said.strip().splitlines()) == 1


@pytest.mark.slow
def test_numbers_that_are_text(ran, tmp_path):
    np.savez(tmp_path / "e.npz", header=np.array([EVIL]))
    ((code, _),) = ran(["report", str(tmp_path / "e.npz")])
    assert code == 2
