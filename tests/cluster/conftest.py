"""Pictures for batches, the rows that they give without Ray, and a Ray on this machine."""

import os

import numpy as np
import pytest
from PIL import Image

from helpers.pictures import small
from unmask import demo


@pytest.fixture(scope="session")
def pictures(tmp_path_factory):
    """Two dozen pictures of different sizes, and one that is none."""
    folder = tmp_path_factory.mktemp("pictures")
    shots = [np.asarray(small(name, (164, 124))) for name in demo.pictures()]
    for number in range(24):
        moved = np.roll(shots[number % 4], (3 * number, 7 * number), (0, 1))
        Image.fromarray(moved[: 100 + number]).save(folder / f"{number:02}.png")
    (folder / "broken.jpg").write_bytes(b"no picture")
    return folder


@pytest.fixture(scope="session")
def undisturbed(pictures):
    """Rows of a run without Ray: one worker, one picture after another."""
    from helpers.batches import SETTINGS, in_order
    from unmask.cluster import records, sources, worker
    from unmask.models.source import ModelSource

    one = worker.Worker(ModelSource("demo"), SETTINGS, "grid")
    made = []
    for span in sources.find(str(pictures)).spans:
        for name, place in zip(span.ids, span.places, strict=True):
            made += one.rows(name, place)
    return in_order(records.table(made))


@pytest.fixture
def one_picture_a_task(monkeypatch):
    """Whatever is killed has pictures in hand then, though they need few masks."""
    from unmask.cluster import pipeline

    monkeypatch.setattr(pipeline, "TASK_MASKS", 1)


@pytest.fixture(scope="session")
def _ray_ends():
    yield
    import ray

    ray.shutdown()


@pytest.fixture
def here(_ray_ends):
    """Ray on this machine, begun where none runs, for all tests of a worker."""
    ray = pytest.importorskip("ray")
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    if not ray.is_initialized():
        ray.init(
            num_cpus=2,
            include_dashboard=False,
            object_store_memory=200 * 2**20,
            log_to_driver=False,
        )
