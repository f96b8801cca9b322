"""The smallest part that keeps an answer, and the smallest whose hiding loses it."""

import json

import numpy as np
import pytest

import unmask

HEIGHT, WIDTH = 48, 80


def model_of(*boxes):
    """Return a model whose score is the product over boxes of how much of each is seen."""

    def score(batch):
        seen = [
            batch[:, top:bottom, left:right].mean((1, 2, 3)) / 255
            for top, left, bottom, right in boxes
        ]
        return np.prod(seen, axis=0)

    return score


@pytest.fixture(scope="module")
def white():
    return np.full((HEIGHT, WIDTH, 3), 255, np.uint8)


def explained(model, picture, **settings):
    return unmask.explain(model, picture, 0, masks=1024, fill="black", **settings)


@pytest.mark.parametrize("keep", [0.5, 0.9])
def test_the_part_covers_what_the_model_needs_and_little_else(white, keep):
    model = model_of((6, 10, 18, 30))
    made = explained(model, white)
    part = made.sufficient(model, keep=keep)
    assert part.reached
    assert part.score >= keep - 1e-6
    assert part.mask.shape == (HEIGHT, WIDTH)
    # The model itself says so, asked by hand.
    shown = np.where(part.mask[..., None], white, 0)
    assert model(shown[None])[0] == pytest.approx(part.score, abs=1e-6)
    assert part.share < 2 * 12 * 20 / (HEIGHT * WIDTH)


def test_evidence_in_two_places_needs_both_and_loses_by_either(white):
    """Shown alone the answer needs both boxes; hidden, a part of one is enough."""
    model = model_of((4, 6, 14, 20), (30, 56, 42, 74))
    made = explained(model, white)
    part = made.sufficient(model, keep=0.8)
    assert part.mask[4:14, 6:20].mean() > 0.6
    assert part.mask[30:42, 56:74].mean() > 0.6
    other = made.necessary(model, lose=0.5)
    assert other.reached
    assert other.score <= 0.5 + 1e-6
    assert other.share < 0.7 * part.share
    hidden = np.where(other.mask[..., None], 0, white)
    assert model(hidden[None])[0] == pytest.approx(other.score, abs=1e-6)


def test_no_cell_of_the_part_can_be_left_out(white):
    model = model_of((4, 6, 14, 20), (30, 56, 42, 74))
    made = explained(model, white)
    part = made.sufficient(model, keep=0.8)
    rows = np.arange(HEIGHT) * 8 // HEIGHT
    columns = np.arange(WIDTH) * 8 // WIDTH
    cells = rows[:, None] * 8 + columns
    for cell in np.unique(cells[part.mask]):
        fewer = part.mask & (cells != cell)
        assert model(np.where(fewer[..., None], white, 0)[None])[0] < part.goal


def test_words_alone_are_cells():
    def good(texts):
        return [0.1 + 0.4 * ("good" in text) + 0.4 * ("film" in text) for text in texts]

    made = unmask.explain(good, unmask.text("it is a good and honest film of his"), 0)
    part = made.sufficient(good, keep=1.0)
    words = [word for word, kept in zip(made.original.words, part.mask, strict=True) if kept]
    assert words == ["good", "film"]
    assert "22.2% of it, shown alone, keep a score of 0.9 of 0.9" in str(part)
    lost = made.necessary(good, lose=0.5)
    assert lost.mask.sum() == 1


def test_a_goal_that_nothing_reaches_is_said(white):
    """Half of what is seen counts for, the rest against: all of it is worth less than a part."""
    made = explained(model_of((6, 10, 18, 30)), white)
    calls = []

    def other(batch):
        calls.append(len(batch))
        return np.full(len(batch), 0.25)

    other.__name__ = "score"
    with pytest.raises(unmask.TargetError, match="no part of it keeps what is not there"):
        made.sufficient(other)


@pytest.mark.parametrize("keep", [0, -1, 1.5, "all", float("nan")])
def test_shares_out_of_range_are_refused(white, keep):
    model = model_of((6, 10, 18, 30))
    with pytest.raises(unmask.SettingError, match=r"keep=.*: expected a share above 0"):
        explained(model, white).sufficient(model, keep=keep)


def test_another_model_is_refused(white):
    made = explained(model_of((6, 10, 18, 30)), white)
    with pytest.raises(unmask.SettingError, match="give the same one"):
        made.sufficient(lambda batch: batch.mean((1, 2, 3)))


def test_a_fill_of_ones_own_is_given_again(white):
    model = model_of((6, 10, 18, 30))
    made = unmask.explain(model, white, 0, masks=512, fill=lambda picture, mask: picture * 0)
    with pytest.raises(unmask.SettingError):
        made.sufficient(model)
    assert made.sufficient(model, fill="black").reached


def test_the_command_draws_and_says_both(tmp_path, white):
    pytest.importorskip("typer")
    from typer.testing import CliRunner

    from unmask.cli import app

    picture = unmask.demo.pictures()["street"]
    arguments = ["explain", str(picture), "--model", "demo", "--masks", "512"]
    found = CliRunner().invoke(app, [*arguments, "--parts", "--json", "-o", str(tmp_path)])
    assert found.exit_code == 0, found.output
    said = json.loads(found.stdout)
    assert [row["kind"] for row in said["parts"]] == ["sufficient", "necessary"]
    assert all(0 < row["share"] < 0.2 and row["reached"] for row in said["parts"])
    names = sorted(path.name for path in tmp_path.glob("*ent.png")) + sorted(
        path.name for path in tmp_path.glob("*ary.png")
    )
    assert len(names) == 2
    page = tmp_path / "report.html"
    numbers = str(next(tmp_path.glob("*.npz")))
    arguments = ["report", numbers, "--model", "demo", "--parts", "-o", str(page)]
    found = CliRunner().invoke(app, arguments)
    assert found.exit_code == 0, found.output
    text = page.read_text("utf-8")
    assert "The smallest part that keeps the answer: " in text
    assert "The smallest part whose hiding loses it: hiding " in text
