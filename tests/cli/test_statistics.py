"""Stopping, checkpoints, shards, merging and certainty from the command line."""

import numpy as np
import pytest
from PIL import Image

import unmask
from helpers.command_line import words
from helpers.pictures import small
from unmask.draw.canvas import pixels

pytest.importorskip("typer")
pytest.importorskip("rich")
pytest.importorskip("onnxruntime")

from typer.testing import CliRunner

from unmask import cli


@pytest.fixture
def run(tmp_path):
    small().save(tmp_path / "street.png")

    def run(*options, command="explain", output="out"):
        first = [str(tmp_path / "street.png")] if command == "explain" else []
        arguments = [command, *first, *map(str, options), "-o", str(tmp_path / output)]
        return CliRunner().invoke(cli.app, arguments)

    return run


@pytest.mark.slow
def test_until_stops_and_says_so(run, tmp_path):
    result = run("--until", "0.9")
    assert result.exit_code == 0, result.output
    found = unmask.Explanation.load(tmp_path / "out" / "street.npz")
    assert found.masks < 4000
    assert found.reliability >= 0.9
    assert "a reliability of 0.9 was reached" in words(result)


@pytest.mark.slow
def test_max_masks_is_a_ceiling(run, tmp_path):
    result = run("--until", "0.99999", "--max-masks", "300")
    assert result.exit_code == 0, result.output
    assert unmask.Explanation.load(tmp_path / "out" / "street.npz").masks == 300
    assert "not reached" in words(result)


@pytest.mark.slow
def test_max_seconds_ends_it(run, tmp_path):
    result = run("--masks", "1000000", "--max-seconds", "0.3")
    assert result.exit_code == 0, result.output
    assert 0 < unmask.Explanation.load(tmp_path / "out" / "street.npz").masks < 1_000_000
    assert "0.3 s" in words(result)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--until", "1.5"), "between 0 and 1"),
        (("--until", "0"), "between 0 and 1"),
        (("--masks", "10", "--max-masks", "20"), "give one of them"),
        (("--max-seconds", "-1"), "above 0"),
        (("--masks", "many"), "--masks"),
    ],
)
def test_bad_values_are_refused(run, tmp_path, options, says):
    result = run(*options)
    assert result.exit_code == 2, result.output
    assert "Traceback" not in result.output
    assert says in words(result)
    assert not list(tmp_path.rglob("*.npz"))


@pytest.mark.slow
def test_a_checkpoint_is_gone_on_from(run, tmp_path):
    kept = tmp_path / "kept"
    assert run("--masks", "96", "--grid", "3", "--checkpoint", kept).exit_code == 0
    assert run("--masks", "96", "--grid", "3", "--checkpoint", kept, output="again").exit_code == 0
    one, two = (unmask.Explanation.load(tmp_path / d / "street.npz") for d in ("out", "again"))
    assert two.model_calls == 5  # about the whole picture: all masks were in the file
    assert np.array_equal(one.maps, two.maps)


def test_a_foreign_checkpoint_is_refused_and_left(run, tmp_path):
    kept = tmp_path / "thesis.txt"
    kept.write_text("years of work")
    result = run("--masks", "64", "--checkpoint", kept)
    assert result.exit_code == 2
    assert "left as it is" in words(result)
    assert kept.read_text() == "years of work"


@pytest.mark.slow
def test_shards_are_merged_into_the_whole(run, tmp_path):
    assert run("--masks", "96", "--grid", "3").exit_code == 0
    parts = []
    for number in (1, 2):
        assert (
            run(
                "--masks", "96", "--grid", "3", "--shard", f"{number}/2", output=f"s{number}"
            ).exit_code
            == 0
        )
        parts += sorted((tmp_path / f"s{number}").glob("*.npz"))
    result = run(*parts[::-1], command="merge", output="merged")
    assert result.exit_code == 0, result.output
    merged = unmask.Explanation.load(tmp_path / "merged" / "merged.npz")
    whole = unmask.Explanation.load(tmp_path / "out" / "street.npz")
    assert np.array_equal(merged.maps, whole.maps)
    twice = run(parts[0], parts[0], command="merge", output="twice")
    assert twice.exit_code == 2
    assert "Traceback" not in twice.output
    assert "in both" in words(twice)


@pytest.mark.slow
def test_certainty_draws_another_figure(run, tmp_path):
    assert run("--masks", "96", "--grid", "3").exit_code == 0
    assert run("--masks", "96", "--grid", "3", "--certainty", output="sure").exit_code == 0
    (plain,), (sure,) = ((tmp_path / d).glob("*.png") for d in ("out", "sure"))
    found = unmask.Explanation.load(tmp_path / "sure" / "street.npz")
    with Image.open(sure) as figure:
        np.testing.assert_array_equal(np.asarray(figure), pixels(found.plot(certainty=True)))
    assert plain.read_bytes() != sure.read_bytes()
