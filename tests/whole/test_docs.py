"""The documentation tells the truth: its examples run, its links and pictures are there."""

import importlib
import re
import shlex
from importlib.util import find_spec

import pytest

import unmask
from helpers.pages import examples
from helpers.places import ROOT

PAGES = [
    *(ROOT / f"{name}.md" for name in ("README", "CONTRIBUTING", "SECURITY", "CODE_OF_CONDUCT")),
    *sorted((ROOT / "docs").rglob("*.md")),
]


def title(page):
    return page.relative_to(ROOT).as_posix()


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=title)
def test_examples_run(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    for block in examples(page):
        if "import quantus" not in block:  # run where it spoils nothing: test_quantus.py
            exec(compile(block, str(page), "exec"), names)


@pytest.mark.parametrize("page", PAGES, ids=title)
def test_links_lead_somewhere(page):
    for link in re.findall(r"\]\(([^)#]+)", page.read_text("utf-8")):
        if not link.startswith("http"):
            assert (page.parent / link).exists(), link


def test_options_that_the_readme_names_exist():
    typer = pytest.importorskip("typer")
    from unmask.cli import app

    command = typer.main.get_command(app).commands["explain"]
    known = {option for parameter in command.params for option in parameter.opts}
    table = re.findall(r"`(--[a-z-]+)`", (ROOT / "README.md").read_text("utf-8"))
    assert table
    assert set(table) <= known


def commands(page):
    """Yield the words of each `unmask ...` that a page shows, without the program's own."""
    text = re.sub(r" \\\n +", " ", page.read_text("utf-8"))
    fences = re.findall(r"^```(\w*)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    shown = [inside for language, inside in fences if language in ("", "sh")]
    shown += re.findall(r"^    (unmask .*)$", text, re.MULTILINE)
    for line in "\n".join(shown).splitlines():
        if line.startswith("unmask "):
            words = shlex.split(line, comments=True)[1:]
            yield words[: words.index("|")] if "|" in words else words


@pytest.mark.parametrize("page", PAGES, ids=title)
def test_commands_can_be_typed(page):
    typer = pytest.importorskip("typer")
    from unmask.cli import app

    group = typer.main.get_command(app)
    for name, *words in commands(page):
        group.commands[name].make_context(name, words)  # reads every option and value


def test_commands_are_found():
    shown = [words for page in PAGES for words in commands(page)]
    assert len(shown) > 60
    assert ["doctor", "--json"] in shown


def found(name):
    """Return what a dotted name stands for: a module, or a name in one."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError:
        module, _, last = name.rpartition(".")
        return getattr(importlib.import_module(module), last)


def test_the_reference_has_every_public_name():
    pages = [page.read_text("utf-8") for page in sorted((ROOT / "docs" / "api").glob("*.md"))]
    said = [name for page in pages for name in re.findall(r"^::: ([\w.]+)$", page, re.MULTILINE)]
    assert len(set(said)) == len(said)
    there = [found(name) for name in said]
    older = re.findall(r"`unmask\.(\w+)`", (ROOT / "docs" / "api" / "index.md").read_text("utf-8"))
    for name in unmask.__all__:
        one = getattr(unmask, name)
        assert name in older or any(one is other for other in there), name
    # Where a function has the name of its file, a page of the module shows neither.
    for module in there:
        for name in module.__all__ if hasattr(module, "__path__") else ():
            one = getattr(module, name)
            if callable(one) and getattr(find_spec(f"{module.__name__}.{name}"), "origin", None):
                assert any(one is other for other in there), (module.__name__, name)


def test_the_site_has_every_page():
    """Each page once, and no page that is not there."""
    nav = (ROOT / "mkdocs.yml").read_text("utf-8").partition("\nnav:\n")[2]
    named = re.findall(r"([\w/-]+\.(?:md|ipynb))$", nav, re.MULTILINE)
    docs = ROOT / "docs"
    there = {path.relative_to(docs).as_posix() for path in docs.rglob("*.md")}
    there |= {path.relative_to(docs).as_posix() for path in docs.rglob("*.ipynb")}
    assert sorted(named) == sorted(there)
