"""Answers in reports and notebooks: a token is chosen, and what is drawn of it shown."""

import re

import numpy as np
import pytest

import unmask
from helpers.answer_models import copier, reader, stripes

pytest.importorskip("tokenizers")


@pytest.fixture(scope="module")
def line(tmp_path_factory):
    path = reader(tmp_path_factory.mktemp("reader") / "reader.onnx")
    return unmask.explain(unmask.load(path), stripes("rgb"), masks=128)


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    model = unmask.load(copier(tmp_path_factory.mktemp("copier")))
    said = unmask.text("the dog <saw> anna & went home")
    return unmask.explain(model, said, unmask.answer("anna went"), masks=64)


def test_a_report_has_a_button_for_each_target_and_what_it_shows(line, text):
    page = unmask.report([line, text])
    for number, made in enumerate((line, text)):
        asked = re.findall(rf'data-shows="(e{number}t\d+)"', page)
        there = re.findall(rf'<article id="(e{number}t\d+)">', page)
        assert asked == there == [f"e{number}t{place}" for place in range(len(made.targets))]
    assert "<article><h3>" not in page


def test_others_have_no_buttons():
    street = unmask.demo.pictures()["street"]
    page = unmask.report([unmask.explain("demo", street, ["heart", "star"], masks=64)])
    assert "data-shows" not in page
    assert page.count("<article><h3>") == 2


def test_the_figures_of_a_line_stand_below_each_other(line, text):
    assert 'class="figures below"' in unmask.report([line])


def test_a_notebook_shows_one_at_a_time_without_a_script(line, text):
    for made in (line, text):
        page = made._repr_html_()
        count = len(made.targets)
        assert page.count("<input type=radio") == page.count('<div class="shown') == count
        assert page.count(" checked") == 1
        assert "<script" not in page
    assert line._repr_html_().count("data:image/png") == 4
    page = text._repr_html_()
    assert "&lt;saw&gt;" in page
    change = text.map[3] - text.levels[0]
    assert f'title="{change:+.3g} ± ' in page


def test_nothing_else_is_shown_so():
    street = unmask.demo.pictures()["street"]
    assert unmask.explain("demo", street, masks=64)._repr_html_() is None


def test_many_tokens_are_not_all_in_a_notebook(tmp_path):
    model = unmask.load(copier(tmp_path))
    made = unmask.explain(
        model, unmask.text("anna saw the dog"), unmask.answer("anna saw " * 40), masks=16
    )
    assert len(made.targets) == 81
    page = made._repr_html_()
    assert page.count("<input type=radio") == 64
    assert "and 17 more tokens" in page
    assert np.isfinite(made.maps).all()
