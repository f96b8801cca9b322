"""A task is one file: here the height of the brightest row, asked for as "peak:NUMBER".

Nothing of the package knows of it, and its targets are explained, saved, gone on with, merged,
measured and reported like classes.
"""

import re
from dataclasses import dataclass

import numpy as np
import pytest

import unmask
from unmask import evaluation
from unmask.targets import Target
from unmask.targets.task import TASKS, register

PICTURE = np.random.default_rng(2).integers(0, 200, (24, 36, 3), np.uint8)


@dataclass(frozen=True)
class Peaks:
    """Brightness at rows of the output, which is a profile (n, rows)."""

    targets: tuple[Target, ...]
    rows: tuple[int, ...]

    def __len__(self):
        return len(self.targets)

    def score(self, outputs, n):
        return np.asarray(outputs["profile"], np.float64)[:, self.rows]


class PeakTask:
    name = "peaks"
    single = "peak:0"

    def accepts(self, model):
        return model.name == "profile"

    def parse(self, model, asked, top=None):
        asked = [asked] if isinstance(asked, str) else asked or ["peak:0"]
        found = [re.fullmatch(r"peak:([0-9]+)", one) for one in asked]
        if not all(found):
            raise unmask.TargetError(f"target {asked}: expected peak:NUMBER")
        return model, tuple(int(one[1]) for one in found)

    def resolve(self, specs, outputs, model, sample):
        order = np.argsort(-outputs["profile"][0], kind="stable")
        rows = tuple(int(order[number]) for number in specs)
        targets = tuple(
            Target(f"row {row}", None, float(outputs["profile"][0, row]), request=f"peak:{number}")
            for number, row in zip(specs, rows, strict=True)
        )
        return Peaks(targets, rows)

    def found(self, outputs, model, sample, top=None):
        return []


@pytest.fixture(autouse=True)
def peaks():
    register(PeakTask())
    yield
    del TASKS["peaks"]


@pytest.fixture
def model():
    return unmask.load(lambda batch: {"profile": batch.mean(axis=(2, 3)) / 255}, name="profile")


def explained(model, target="peak:0", **settings):
    return unmask.explain(model, PICTURE, target, **{"masks": 256, "grid": (6, 4), **settings})


def test_the_map_lies_on_the_row(model):
    made = explained(model, ["peak:0", "peak:3"])
    brightness = PICTURE.mean(axis=(1, 2))
    for number, place in ((0, 0), (1, 3)):
        row = int(np.argsort(-brightness, kind="stable")[place])
        assert made.targets[number].label == f"row {row}"
        assert abs(int(made.maps[number].mean(axis=1).argmax()) - row) <= 2


def test_what_is_asked_is_checked_before_the_model_is(model):
    with pytest.raises(unmask.TargetError, match="expected peak:NUMBER"):
        explained(model, "top:3")


def test_it_is_saved_gone_on_with_and_merged(model, tmp_path):
    first = unmask.Explanation.load(explained(model, "peak:2").save(tmp_path / "one.npz"))
    assert first.targets[0].request == "peak:2"
    more = unmask.extend(first, model, masks=128)
    np.testing.assert_array_equal(more.maps, explained(model, "peak:2", masks=384).maps)
    parts = [explained(model, masks=512, shard=(number, 2)) for number in (1, 2)]
    merged = parts[0].merge(parts[1])
    np.testing.assert_array_equal(merged.maps, explained(model, masks=512).maps)


def test_it_is_measured_and_reported(model):
    made = explained(model, ["peak:1", "peak:0"])
    curves = unmask.metrics.curves(made, model)
    assert [sorted(one) for one in curves] == [["deletion", "insertion"]] * 2
    (row,) = evaluation.evaluate_stored(model, [made], target=1, wanted=["deletion"])
    assert row.values["deletion"] == pytest.approx(curves[1]["deletion"].area)
    case = unmask.metrics.case(model, PICTURE)
    assert case.target.request == "peak:0"
    page = unmask.report([made], curves=[curves])
    assert made.targets[0].label in page
    assert "peak:1" in page
