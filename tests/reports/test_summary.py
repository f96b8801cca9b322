"""Many explanations summed up: means, groups, what is doubtful and what is surprising."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import unmask
from unmask.reports.summary import groups_of, resized, summarize
from unmask.reports.summary_page import summary_page


@pytest.fixture(scope="module")
def one():
    street = unmask.demo.pictures()["street"]
    return unmask.explain("demo", street, "heart", masks=256)


def made(one, name, values, label="heart", reliability=0.9):
    """Return an explanation like one, with a map of one's own."""
    target = replace(one.targets[0], label=label)
    level = float(one.levels[0])
    maps = (np.asarray(values) + level).astype(np.float32)[None]
    return replace(
        one, image=name, targets=(target,), model_maps=maps, reliabilities=(reliability,)
    )


def blob(row, column, noise=0.02, seed=0, shape=(48, 64)):
    y, x = np.mgrid[: shape[0], : shape[1]]
    found = np.exp(-((y - row) ** 2 + (x - column) ** 2) / 60)
    return found + np.random.default_rng(seed).normal(0, noise, shape)


@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 50))
@settings(max_examples=40, deadline=None)
def test_resizing_keeps_the_mean(height, width, side):
    values = np.random.default_rng(height * width).normal(size=(height, width))
    small = resized(values, side)
    assert small.shape == (min(side, height), min(side, width))
    assert small.mean() == pytest.approx(values.mean(), abs=1e-9)
    np.testing.assert_allclose(resized(values, max(height, width)), values, atol=1e-12)


@pytest.mark.parametrize("seed", range(8))
def test_a_class_that_is_seen_by_two_things_has_two_groups(seed):
    """A third of the pictures are recognized by what stands in a corner."""
    rng = np.random.default_rng(seed)
    there = rng.permutation([0] * 14 + [1] * 7)
    places = {0: (24, 30), 1: (6, 56)}
    maps = np.stack(
        [
            resized(blob(*(np.array(places[kind]) + rng.normal(0, 2, 2)), seed=i), 12)
            for i, kind in enumerate(there)
        ]
    )
    groups = groups_of(maps)
    assert set(groups) == {0, 1}
    assert len(set(zip(groups, there, strict=True))) == 2


@pytest.mark.parametrize("seed", range(8))
def test_maps_that_are_alike_are_one_group(seed):
    rng = np.random.default_rng(seed)
    maps = [resized(blob(24 + rng.normal(), 30 + rng.normal(), 0.2, i), 12) for i in range(20)]
    assert set(groups_of(np.stack(maps))) == {0}


def test_few_maps_and_flat_ones_are_one_group():
    assert groups_of(np.random.default_rng(0).random((7, 4, 4))).tolist() == [0] * 7
    assert set(groups_of(np.zeros((12, 4, 4)))) == {0}


def test_means_doubts_and_surprises(one):
    many = [made(one, f"{i}.jpg", blob(24, 30, seed=i)) for i in range(5)]
    odd = made(one, "odd.jpg", blob(5, 5, seed=9))
    doubtful = made(one, "doubtful.jpg", blob(24, 30, seed=10), reliability=0.3)
    alone = made(one, "alone.jpg", blob(9, 9), label="star")
    found = summarize(iter([*many, odd, doubtful, alone]))
    assert [(own.label, len(own.entries)) for own in found.classes] == [("heart", 7), ("star", 1)]
    assert found.least_reliable(1)[0].image == "doubtful.jpg"
    assert found.most_surprising(1)[0].image == "odd.jpg"
    assert [entry.image for entry in found.entries if np.isnan(entry.likeness)] == ["alone.jpg"]
    heart, star = found.classes
    np.testing.assert_allclose(star.mean, resized(blob(9, 9), 48), atol=1e-5)
    middle = np.unravel_index(heart.mean.argmax(), heart.mean.shape)
    assert abs(middle[0] - 24) <= 2


def test_nothing_and_what_is_no_picture_are_refused(one):
    with pytest.raises(unmask.SettingError, match="there is nothing to sum up"):
        summarize([])
    with pytest.raises(unmask.SettingError, match="is none of height and width"):
        summarize([replace(one, model_maps=np.zeros((1, 9), np.float32))])


def test_the_page_holds_all_and_asks_for_nothing(one):
    names = [f"<b>{i}.jpg" for i in range(12)]
    places = [(24, 30)] * 8 + [(5, 56)] * 4
    maps = zip(names, places, strict=True)
    page = summary_page(
        summarize(made(one, name, blob(*place, seed=i)) for i, (name, place) in enumerate(maps))
    )
    assert "12 maps of 1 classes" in page
    assert "group 1: 8 maps" in page
    assert "group 2: 4 maps" in page
    assert page.count("no influence") == 3  # once under each map
    assert "<section class=wide>" in page
    assert "<b>0.jpg" not in page
    assert "&lt;b&gt;0.jpg" in page
    assert "http" not in page.split("</style>")[1].replace("http-equiv", "").replace("arXiv", "")


def test_the_command_sums_up_files(tmp_path, one):
    pytest.importorskip("typer")
    from typer.testing import CliRunner

    from unmask.cli import app

    page, files = tmp_path / "summary.html", [tmp_path / "a.npz", tmp_path / "b.npz"]
    for path in files:
        one.save(path)
    command = ["report", *map(str, files), "--summary", "-o", str(page)]
    found = CliRunner().invoke(app, command)
    assert found.exit_code == 0, found.output
    assert "2 maps of 1 classes" in page.read_text("utf-8")
    found = CliRunner().invoke(app, [*command, "--curves"])
    assert found.exit_code == 2
    assert "--summary goes without --curves" in found.output
