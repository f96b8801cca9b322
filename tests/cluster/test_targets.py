"""Rows of regions, numbers, points and similarities: what a worker writes is what is read again."""

import json

import numpy as np
import pytest
from PIL import Image

import unmask
from unmask.cluster import ModelSource, results
from unmask.cluster.worker import Worker

pytest.importorskip("pyarrow")
pytest.importorskip("fsspec")

from unmask.cluster.driver import _fingerprint
from unmask.cluster.sources import find
from unmask.cluster.store import Store

RNG = np.random.default_rng(3)


def maps(batch):
    """Share of each color at 6 x 9 places."""
    means = batch.reshape(len(batch), 6, 4, 9, 4, 3).mean(axis=(2, 4), dtype=np.float64) + 20
    return means / means.sum(axis=3, keepdims=True)


def heads(batch):
    return {"age": batch.mean(axis=(1, 2, 3)), "parts": batch.mean(axis=2)[:, :5]}


def colors(batch):
    return batch.mean(axis=(1, 2))


@pytest.fixture
def pictures(tmp_path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    for name in "ab":
        Image.fromarray(RNG.integers(0, 255, (24, 36, 3), np.uint8)).save(folder / f"{name}.png")
    return folder


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("model", "asked"),
    [
        (maps, ["region:1@3,2,20,14", "dice:0", "region:2@30.5,20"]),
        (heads, ["output:age", "closeness:parts/2/1"]),
        (colors, ["similar:{}/b.png", "similar-dot:{}/a.png"]),
    ],
)
def test_rows_are_read_as_they_were_made(pictures, tmp_path, model, asked):
    asked = [one.format(pictures) for one in asked]
    settings = {
        "target": asked,
        "masks": 64,
        "grid": (2, 3),
        "link": np.sqrt if model is heads else None,
    }
    source, store = find(str(pictures)), Store(str(tmp_path / "out"))
    store.begin(source.name, source.root, {"masks": 64})
    recipe = ModelSource(model, {"size": (24, 36)})
    worker = Worker(recipe, {name: one for name, one in settings.items() if one}, "full")
    for name, place in zip(source.spans[0].ids, source.spans[0].places, strict=True):
        store.append(worker.rows(name, place))
    made = {one.image: one for one in results.open(tmp_path / "out")}
    assert sorted(made) == ["a.png", "b.png"]
    alone = unmask.explain(recipe.load(), pictures / "a.png", **settings)
    assert made["a.png"].targets == alone.targets
    assert made["a.png"].plan.link == alone.plan.link
    np.testing.assert_allclose(made["a.png"].maps, alone.maps, rtol=2e-3)


def test_a_run_is_told_by_what_its_targets_compare_with(pictures):
    def said(target):
        found = _fingerprint(ModelSource("demo"), target, "grid", None, None, {})
        return json.dumps(found)  # as it is written

    path = pictures / "a.png"
    texts = [f"similar:{path}", unmask.similar_to(path)]
    before = [said([one]) for one in texts]
    Image.fromarray(RNG.integers(0, 255, (24, 36, 3), np.uint8)).save(path)
    assert all(said([one]) != then for one, then in zip(texts, before, strict=True))
    masks = [unmask.region("dog", RNG.random((4, 6)) > 0.5) for _ in range(2)]
    assert said(masks[0]) == said(masks[0]) != said(masks[1])
