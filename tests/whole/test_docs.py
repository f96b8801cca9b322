"""The documentation tells the truth: its examples run, its links and pictures are there."""

import re

import pytest

from helpers.places import ROOT

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_examples_run(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    for block in re.findall(r"```python\n(.*?)```", page.read_text("utf-8"), re.DOTALL):
        exec(compile(block, str(page), "exec"), names)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
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
