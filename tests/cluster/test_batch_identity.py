"""A batch that is gone on with: its rows belong to the model that made them."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import unmask
from unmask.cluster.driver import _before
from unmask.cluster.sources import Fetcher, find
from unmask.cluster.store import Store
from unmask.cluster.worker import Worker
from unmask.models.source import ModelSource

pytest.importorskip("pyarrow")
SETTINGS = {"masks": 64, "target": ["heart", "star"]}


@pytest.fixture
def begun(tmp_path):
    """A folder of results with one row group, and what it was made from."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    shutil.copy(unmask.demo.pictures()["street"], folder / "street.png")
    (folder / "broken.png").write_bytes(b"no picture")
    found = find(str(folder))
    store = Store(str(tmp_path / "results"))
    store.begin(found.name, found.root, {})
    worker = Worker(ModelSource("demo"), SETTINGS, "grid")
    for name, place in zip(found.spans[0].ids, found.spans[0].places, strict=True):
        store.append(worker.rows(name, place))
    return store, Fetcher({"source": str(folder), "root": found.root}), folder


@pytest.mark.slow
def test_the_same_model_goes_on(begun):
    store, fetcher, _ = begun
    before = _before(store, fetcher)
    assert before.name == "street.png"
    assert [target.label for target in before.targets] == ["heart", "star"]
    assert Worker(ModelSource("demo"), SETTINGS, "grid", before=before).fatal == ""


@pytest.mark.slow
def test_another_model_of_the_same_name_is_refused(begun):
    store, fetcher, _ = begun
    before = _before(store, fetcher)

    def retrained(batch):
        return unmask.load("demo").run(batch[:, :, ::-1].copy())[:, ::-1]

    model = unmask.load("demo")
    other = replace(model, run=retrained)
    fatal = Worker(ModelSource(other), SETTINGS, "grid", before=before).fatal
    assert "the rows there are not this model's: of street.png" in fatal
    assert "another output folder" in fatal
    assert Worker(ModelSource(other), SETTINGS, "grid", before=before)({"task": [b""]})[
        "fatal"
    ] == [fatal]


def test_a_picture_that_is_gone_is_no_reason_to_stop(begun):
    store, fetcher, folder = begun
    Path(folder / "street.png").unlink()
    assert _before(store, fetcher) is None


def test_a_file_is_known_by_its_content(tmp_path, onnx_models):
    path = onnx_models.linear(tmp_path / "m.onnx", np.ones((3, 4)))
    assert ModelSource(str(path)).is_file()
    assert not ModelSource("demo").is_file()
    assert not ModelSource("hf:folder").is_file()


def test_targets_that_are_more_than_texts_are_told_apart_as_json():
    """A contrast, a box by hand, a class held to the best few."""
    asked = [
        unmask.contrast("heart", "star"),
        unmask.contrast("star", "heart"),
        unmask.box((1, 2, 3, 4), "dog"),
        unmask.within_top(3, 2),
    ]
    said = [json.dumps(ModelSource([one]).describe()) for one in asked]
    assert len(set(said)) == len(asked)
    assert "heart" in said[0]
