"""What was computed is not lost, whatever ends a run or stands in the way of its files."""

import errno
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import unmask
from helpers.toy_models import NOISE, bright, explained
from unmask import demo
from unmask.errors import FileError, SettingError, UnmaskWarning
from unmask.run import checkpoint

STREET = str(demo.pictures()["street"])
pytestmark = pytest.mark.filterwarnings("ignore::unmask.errors.DoubtWarning")


@pytest.fixture
def often(monkeypatch):
    """A checkpoint after every batch."""
    monkeypatch.setattr(checkpoint.recorded, "__defaults__", (0.0,))


def full(*_, **__):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.usefixtures("often")
def test_a_full_disk_costs_the_checkpoint_and_not_the_map(tmp_path, monkeypatch):
    path = tmp_path / "c"
    calls = []

    def model(batch):
        calls.append(len(batch))
        if len(calls) == 4:
            monkeypatch.setattr(os, "fsync", full)
        return bright(batch)

    model.__name__ = model.__qualname__ = "bright"
    with pytest.warns(UnmaskWarning, match="the run goes on without: .*No space left") as warned:
        made = explained(path, model)
    assert len([one for one in warned if "checkpoint" in str(one.message)]) == 1
    assert made.complete
    assert np.array_equal(made.maps, explained(None).maps)
    (note,) = [note for note in made.notes if "checkpoint" in note]
    kept = int(re.search(r"it holds the scores of (\d+) masks", note)[1])
    monkeypatch.undo()
    again = explained(path)
    assert 0 < kept == made.model_calls - again.model_calls < 150
    assert np.array_equal(again.maps, made.maps)


@pytest.mark.usefixtures("often")
def test_a_disk_that_has_room_again_leaves_no_note(tmp_path, monkeypatch):
    calls = []

    def model(batch):
        calls.append(len(batch))
        monkeypatch.setattr(os, "fsync", full if len(calls) in (4, 5) else lambda _: None)
        return bright(batch)

    model.__name__ = model.__qualname__ = "bright"
    with pytest.warns(UnmaskWarning, match="goes on without"):
        made = explained(tmp_path / "c", model)
    assert not [note for note in made.notes if "checkpoint" in note]
    assert explained(tmp_path / "c").model_calls == made.model_calls - 150


@pytest.mark.usefixtures("often")
def test_a_vanished_folder_costs_neither_a_map_nor_an_error(tmp_path):
    (tmp_path / "there").mkdir()
    calls = []

    def failing(batch):
        calls.append(len(batch))
        if len(calls) == 4:
            (tmp_path / "there" / "c").unlink()
            (tmp_path / "there").rmdir()
        if len(calls) == 7:
            raise RuntimeError("the power is gone")
        return bright(batch)

    with (
        pytest.warns(UnmaskWarning, match="no folder"),
        pytest.raises(unmask.ModelError, match="power") as error,
    ):
        explained(tmp_path / "there" / "c", failing)
    assert error.value.explanation.masks == sum(one == 16 for one in calls[:-1]) * 16


@pytest.mark.usefixtures("often")
def test_it_goes_on_also_where_warnings_are_errors(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "fsync", full)
    made = explained(tmp_path / "c")
    assert made.complete
    assert [note for note in made.notes if "it holds no new scores" in note]


@pytest.mark.parametrize("kind", ["folder", "pipe"])
def test_a_checkpoint_that_cannot_be_is_told_before_the_model_is_asked(tmp_path, kind):
    path = tmp_path / "c"
    path.mkdir() if kind == "folder" else os.mkfifo(path)

    def never(_):
        raise AssertionError

    with pytest.raises(FileError, match=f"this is a {kind}"):
        explained(path, never)


def test_endless_seconds_are_no_limit(tmp_path):
    made = explained(None, masks=40, max_seconds=float("inf"))
    assert made.plan.seconds is None
    assert unmask.Explanation.load(made.save(tmp_path / "e.npz")).plan == made.plan
    with pytest.raises(SettingError, match="max_seconds"):
        explained(None, max_seconds=float("nan"))


def command(*words, **options):
    environment = {**os.environ, "COLUMNS": "300"}
    return subprocess.Popen(
        [sys.executable, "-m", "unmask", *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
        text=True,
        **options,
    )


def ran(*words, **options):
    process = command(*words, **options)
    said = process.communicate(timeout=120)
    return process.returncode, *said


def ran_here(*words):
    """As `ran`, in this process: for what ends before anything runs."""
    pytest.importorskip("typer")
    from typer.testing import CliRunner

    from unmask.cli import app

    done = CliRunner().invoke(app, list(map(str, words)), env={"COLUMNS": "300"})
    assert not isinstance(done.exception, Exception), done.exception
    return done.exit_code, done.stdout, done.stderr


def masks_of(path):
    with np.load(path) as archive:
        return int(archive["counts"].sum())


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_whatever_ends_it_keeps_the_map_so_far(tmp_path, number):
    path = tmp_path / "c"
    process = command("explain", STREET, "-n", 10**6, "-o", tmp_path / "out", "--checkpoint", path)
    deadline = time.monotonic() + 60
    while not path.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "Traceback" not in err
    kept = unmask.Explanation.load(tmp_path / "out" / "street.npz")
    assert not kept.complete
    assert kept.masks == masks_of(path) > 0
    assert re.search(r"Incomplete: [\d,]+ of 1,000,000 masks", err)


@pytest.mark.slow
def test_ctrl_c_at_any_moment_shows_no_traceback(tmp_path):
    started = time.perf_counter()
    assert ran("--version")[0] == 0
    whole = 3 * (time.perf_counter() - started)
    for part in np.linspace(0.02, 1, 6):
        process = command("explain", STREET, "-n", 10**6, "-o", tmp_path)
        time.sleep(part * whole)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
        # Only Python's own start, before the first lines of ours, may speak, and end with 1.
        assert process.returncode in (130, -signal.SIGINT, 1), err
        ours = re.findall(r'unmask/(\S+)", line', err)
        assert set(ours) <= {"__init__.py"}, err
        assert "site-packages" not in err


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "says"),
    [("street.npz", "this is a folder"), ("street-triangle.png", "this is a folder")],
)
def test_a_place_that_cannot_be_written_costs_no_mask(tmp_path, name, says):
    (tmp_path / name).mkdir()
    code, out, err = ran_here("explain", STREET, "-n", 64, "-t", "triangle", "-o", tmp_path)
    assert code == 2
    assert says in err
    assert "Masks" not in out
    assert len(err.strip().splitlines()) == 1


@pytest.mark.slow
@pytest.mark.parametrize("where", ["/proc/nowhere", "/dev/null", "/dev/null/x"])
@pytest.mark.parametrize("what", ["explain", "converge", "compare", "report", "merge"])
def test_an_output_that_cannot_be_is_told_at_once(tmp_path, where, what):
    given = STREET
    if what in ("report", "merge"):
        given = explained(None, masks=40).save(tmp_path / "e.npz")
    code, out, err = ran_here(what, given, "-o", where)
    assert code == 2
    assert "Masks" not in out
    assert len(err.strip().splitlines()) == 1
    assert err.startswith("Error: cannot ")


@pytest.mark.parametrize("name", ["../x", "/tmp/x", "..", ".", "", "a/b", "a\\b"])
def test_merged_files_stay_in_their_folder(tmp_path, name):
    one = explained(None, masks=40).save(tmp_path / "e.npz")
    before = sorted(tmp_path.rglob("*"))
    code, _, err = ran_here("merge", one, "--name", name, "-o", tmp_path / "out")
    assert code == 2
    assert "expected a name such as" in err
    assert sorted(tmp_path.rglob("*")) == before


def test_an_explanation_that_cannot_be_written_at_last_is_kept_elsewhere(tmp_path, monkeypatch):
    pytest.importorskip("typer")
    from unmask.cli import figures

    made, elsewhere = explained(None, masks=40), tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(elsewhere))
    with pytest.raises(FileError, match=r"The explanation is saved as .*elsewhere.*\.npz"):
        figures._saved(made, tmp_path / "gone" / "e.npz")
    (kept,) = elsewhere.iterdir()
    assert np.array_equal(unmask.Explanation.load(kept).maps, made.maps)


@pytest.mark.slow
def test_explain_leaves_no_filter_of_warnings_behind(tmp_path):
    # Those of others, such as SciPy, are there before.
    code = (
        "import warnings, numpy, PIL.Image, onnxruntime, scipy.special, sys\n"
        "before = list(warnings.filters)\n"
        "import unmask\n"
        "made = unmask.explain('demo', sys.argv[1], masks=256)\n"
        "unmask.report([made]); made.plot(); made.save(sys.argv[2])\n"
        "unmask.evaluation.evaluate('demo', [sys.argv[1]], 'unmask,masks=64')\n"
        "new = [one for one in warnings.filters if one not in before]\n"
        "assert not new, new"
    )
    subprocess.run([sys.executable, "-c", code, STREET, tmp_path / "e.npz"], check=True)


@pytest.mark.slow
def test_no_part_stays_where_a_run_was_killed(tmp_path):
    path = tmp_path / "c"
    code = (
        "import sys, unmask; from unmask import demo; from unmask.run import checkpoint\n"
        "checkpoint.recorded.__defaults__ = (0.0,)\n"
        "unmask.explain('demo', sys.argv[1], masks=10**6, checkpoint=sys.argv[2])"
    )
    for _ in range(5):
        process = subprocess.Popen([sys.executable, "-W", "ignore", "-c", code, STREET, path])
        deadline = time.monotonic() + 60
        while not path.exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(0.1)
        process.kill()
        process.wait()
    checkpoint.save(path, unmask.prepare(bright, NOISE, 0), explained(None, masks=40).estimate)
    assert [one.name for one in Path(tmp_path).iterdir()] == ["c"]


@pytest.mark.slow
def test_a_batch_that_is_told_to_end_writes_what_it_has_and_shows_no_stack(tmp_path, monkeypatch):
    pytest.importorskip("ray")
    monkeypatch.setenv("UNMASK_FLUSH_SECONDS", "0.2")
    (tmp_path / "pictures").mkdir()
    for number in range(60):
        (tmp_path / "pictures" / f"{number}.png").write_bytes(Path(STREET).read_bytes())
    out = tmp_path / "out"
    words = ("batch", tmp_path / "pictures", "-o", out, "-n", 1000, "--workers", 1)
    process = command(*words)
    deadline = time.monotonic() + 120
    while not list(out.glob("rows/*.parquet")) and time.monotonic() < deadline:
        time.sleep(0.1)
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert len(err.strip().splitlines()) == 1
    assert "Interrupted" in err
    assert len(unmask.results.open(out)) > 0
