"""unmask batch with Ray on one machine: nothing lost, nothing twice, whatever dies."""

import os
import signal
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from unmask.cluster import driver, results
from unmask.cluster.driver import batch
from unmask.errors import ModelError, SettingError

pytest.importorskip("pyarrow")
pytest.importorskip("ray")

import ray

from helpers.batches import SETTINGS, rows, same
from helpers.command_line import found
from helpers.pictures import small

# Ray itself leaves sockets and processes to the garbage collector.
pytestmark = [
    pytest.mark.slow,
    pytest.mark.usefixtures("here", "one_picture_a_task"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]


def test_one_machine_then_nothing_left_to_do(pictures, undisturbed, tmp_path):
    seen = []
    ended = batch(pictures, tmp_path / "out", progress=seen.append, **SETTINGS)
    assert (ended.total, ended.before, ended.done, ended.failed) == (25, 0, 25, 1)
    assert [one.done for one in seen] == sorted(one.done for one in seen)
    same(rows(tmp_path / "out"), undisturbed)
    again = batch(pictures, tmp_path / "out", **SETTINGS)
    assert (again.before, again.done) == (25, 0)
    opened = results.open(tmp_path / "out")
    assert len(opened) == 24
    assert "not a picture" in opened.failures["broken.jpg"]


def test_texts_of_a_file_go_the_same_way(tmp_path):
    def positive(texts):
        return [[0.9 * ("good" in text), 0.1] for text in texts]

    (tmp_path / "reviews.txt").write_text("a good film\nnot bad at all\n\ndull\n")
    kwargs = {"kind": "text", "given": {"units": "words"}, "masks": 32, "workers": 1}
    ended = batch(tmp_path / "reviews.txt", tmp_path / "out", positive, **kwargs)
    assert (ended.done, ended.failed, ended.many) == (3, 1, "texts")
    opened = results.open(tmp_path / "out")
    assert [one.original.string for one in opened] == ["a good film", "not bad at all"]
    assert "single word" in opened.failures["reviews.txt:2"]
    with pytest.raises(SettingError, match="other settings"):
        batch(tmp_path / "reviews.txt", tmp_path / "out", positive, **kwargs | {"given": {}})


def test_a_model_that_always_fails_stops_the_run(pictures, tmp_path):
    with pytest.raises(ModelError, match=r"all failed in the same way.*no label 'nothing'"):
        batch(pictures, tmp_path / "out", masks=48, target="nothing", workers=1)
    assert list((tmp_path / "out" / "rows").iterdir()) == []
    few = list(pictures.glob("*.png"))[: driver.HOPELESS - 2]
    (tmp_path / "few.txt").write_text("\n".join(map(str, few)))
    with pytest.raises(ModelError, match=r"cannot be loaded.*no model file"):
        batch(tmp_path / "few.txt", tmp_path / "other", "nowhere.onnx", workers=1)


def test_a_worker_killed_again_and_again(pictures, undisturbed, tmp_path):
    killed = []

    def kill(state):
        # Whichever worker of the pool comes first.
        if len(killed) < 2 and state.done >= (4, 12)[len(killed)]:
            victims = workers_here()
            if victims:
                os.kill(victims[0], signal.SIGKILL)
                killed.append(victims[0])

    ended = batch(pictures, tmp_path / "out", progress=kill, **SETTINGS)
    assert len(killed) == 2
    assert ended.restarts >= 1
    same(rows(tmp_path / "out"), undisturbed)


def workers_here():
    """Process numbers of Ray's workers of a pool, by the names Ray gives them."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            line = (entry / "cmdline").read_bytes()
        except OSError:
            continue
        if line.startswith(b"ray::MapWorker") and is_ours(entry):
            found.append(int(entry.name))
    return found


def is_ours(entry):
    """Whether a worker belongs to this process's Ray: other sessions may run on this machine."""
    session = ray._private.worker._global_node.get_session_dir_path()
    return session.encode() in (entry / "environ").read_bytes() or any(
        session in str(one.readlink()) for one in (entry / "fd").iterdir()
    )


def test_the_command_says_what_it_did(pictures, tmp_path):
    from unmask.cli import app

    (tmp_path / "two.txt").write_text(f"{pictures / '00.png'}\n{pictures / 'broken.jpg'}\n")
    command = ["batch", str(tmp_path / "two.txt"), "-o", str(tmp_path / "out"), "-n", "64"]
    command += ["--workers", "1"]
    ran = CliRunner().invoke(app, command)
    assert ran.exit_code == 0, ran.output
    assert "2 pictures in" in ran.output
    assert "1 pictures failed" in ran.output.replace("\n", " ")
    ran = CliRunner().invoke(app, [*command, "--seed", "9"])
    assert ran.exit_code == 2
    assert "seed was 0 and is 9" in ran.output.replace("\n", " ")


def test_its_results_as_json(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    small().save("p.png")
    one = found("batch", "p.png", "-o", "out", "-n", "128", "--grid", "3")
    assert (one["pictures"], one["failed"]) == (1, 0)
    assert one["written"] == ["out"]


def test_a_picture_that_kills_its_worker_is_a_row(tmp_path, monkeypatch):
    monkeypatch.setattr(driver, "PATIENCE", 1)  # each more is one more pool to begin
    folder = tmp_path / "pictures"
    folder.mkdir()
    rng = np.random.default_rng(5)
    for number in range(5):
        pixels = rng.integers(0, 256, (20, 30, 3), np.uint8)
        # A crash in native code; all it takes is a picture of one color.
        Image.fromarray(pixels if number != 2 else pixels * 0 + 7).save(folder / f"{number}.png")

    def model(batch):
        if np.ptp(batch[0]) == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return batch.mean(axis=(1, 2))

    ended = batch(folder, tmp_path / "out", model, 0, masks=64, grid=3, workers=1)
    assert (ended.done, ended.failed) == (5, 1)
    opened = results.open(tmp_path / "out")
    assert sorted(opened.ids) == ["0.png", "1.png", "3.png", "4.png"]
    assert "its worker died whenever it was tried, at last alone" in opened.failures["2.png"]
