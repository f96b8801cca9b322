"""Help: at 80 columns, by -h, with two examples that are true."""

import re
import shlex

import pytest

pytest.importorskip("typer")
pytest.importorskip("rich")

import typer
from typer.testing import CliRunner

from unmask import cli
from unmask.cli.help_text import EXAMPLES
from unmask.run.settings import SETTINGS

COMMANDS = typer.main.get_command(cli.app).commands


def helped(monkeypatch, *words):
    monkeypatch.setenv("COLUMNS", "80")
    result = CliRunner().invoke(cli.app, [*words])
    assert result.exit_code == 0, result.output
    return result.output


@pytest.mark.parametrize("name", COMMANDS)
def test_help_fits_and_breaks_no_word(name, monkeypatch):
    text = helped(monkeypatch, name, "-h")
    assert text == helped(monkeypatch, name, "--help")
    assert max(map(len, text.splitlines())) <= 80
    for option in COMMANDS[name].params:
        for one in option.opts:
            assert option.param_type_name == "argument" or f"{one} " in text or f"{one}\n" in text
    # Values are one short word: what may be chosen is in the help, where lines break at blanks.
    assert not re.search(r"<\w+[|>\[]", text)
    words = set(re.findall(r"[\w'-]+", " ".join(text.replace("│", " ").split())))
    for option in COMMANDS[name].params:
        said = re.findall(r"[\w'-]+", option.help or "")
        assert set(said) <= words, set(said) - words


@pytest.mark.parametrize("name", COMMANDS)
def test_examples_are_shown_and_can_be_typed(name, monkeypatch):
    text = helped(monkeypatch, name, "-h")
    first, second = EXAMPLES[name]
    assert first != second
    for example in (first, second):
        assert f"   {example}\n" in text
        program, command, *words = shlex.split(example)
        assert (program, command) == ("unmask", name)
        context = COMMANDS[name].make_context(name, words)  # reads every option and value
        assert context.params
    assert set(EXAMPLES) == set(COMMANDS)


def test_h_is_help_everywhere(monkeypatch):
    assert helped(monkeypatch, "-h") == helped(monkeypatch, "--help")


def test_choices_are_named_in_the_help(monkeypatch):
    text = " ".join(helped(monkeypatch, "explain", "-h").replace("│", " ").split())
    for choice in ("bgr", "letterbox", "yolov8", "cxcywh", "coverage"):
        assert choice in text
    assert not any(name in text for name in SETTINGS["estimator"].older)
    assert "[default: (8, 16 for a detector)]" in text
