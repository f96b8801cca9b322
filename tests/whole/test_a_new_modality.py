"""A modality is one file: here sentences, of words that are shown or hidden.

Nothing of the package knows of it, and it is explained, saved, read, gone on with, merged, measured
and reported like a picture.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import pytest

import unmask
from unmask import evaluation
from unmask._base.schema import listed, text
from unmask.inputs import Modality
from unmask.inputs.sample import MODALITIES, register

WORTH = {"good": 2.0, "awful": -1.5, "film": 0.25}


@dataclass(frozen=True)
class Sentence:
    """What a user gives."""

    words: tuple[str, ...]


@dataclass(frozen=True)
class Original:
    words: tuple[str, ...]
    kind: ClassVar[str] = "sentence"

    @property
    def shape(self):
        return (len(self.words),)

    @property
    def given(self):
        return Sentence(self.words)

    def back(self, values, outside):
        return values

    def forward(self, values, outside):
        return np.asarray(values, np.float64)

    def header(self):
        return {"words": list(self.words)}

    def arrays(self):
        return {}

    def same(self, other):
        return self == other


@dataclass(frozen=True, eq=False)
class Sample:
    """The model takes a list of lists of words; `array` tells one sentence from another."""

    original: Original
    array: np.ndarray
    nothing: ClassVar[str] = "gap"
    spatial: ClassVar[tuple] = ()
    units: ClassVar[tuple] = (0,)
    defaults: ClassVar[Mapping] = {"shift": False, "fill": "gap"}

    @property
    def shape(self):
        return self.original.shape

    def whole(self):
        return self._sentences(np.ones((1, *self.shape)))

    def controls(self):
        return np.stack([np.zeros_like(self.array), self.array[::-1]])

    def fill(self, asked, seed):
        return np.zeros_like(self.array)

    def sent(self, send):
        return self

    def bare(self):
        return self

    def masked(self, mask, fill):
        return self._sentences(mask)

    def steps(self, start, end, order, edges, size):
        shown = 1.0 if np.any(start) else 0.0
        for first in range(0, len(edges), size):
            few = edges[first : first + size]
            mask = np.full((len(few), *self.shape), shown)
            for one, edge in zip(mask, few, strict=True):
                one[order[:edge]] = 1 - shown
            yield self._sentences(mask)

    def _sentences(self, mask):
        # As numbers: what a word is worth to the model, where it is there.
        return (mask > 0.5) * self.array


def read(spec, name, given, raw):
    values = np.array([WORTH.get(word, 0.0) for word in given.words], np.float32)
    return Sample(Original(given.words), values)


SENTENCES = Modality(
    "sentence",
    lambda spec, given, raw: isinstance(given, Sentence),
    read,
    lambda header, arrays, shape: Original(tuple(header["words"])),
    {"words": listed(text)},
)
REVIEW = Sentence(("what", "a", "good", "and", "awful", "film"))


def liked(batch):
    """How much a review likes its film: what its words are worth, together."""
    return np.asarray(batch, np.float64).sum(axis=1)


@pytest.fixture(autouse=True)
def sentences():
    register(SENTENCES)
    yield
    del MODALITIES["sentence"]


@pytest.fixture
def model():
    return unmask.load(liked, layout="NT", preprocess="raw", name="liked")


def explained(model, **settings):
    chosen = {"masks": 128, "grid": 6, "estimator": "centered", **settings}
    # So few units would be taken in every combination.
    return unmask.explain(model, REVIEW, 0, **{"design": "balanced", **chosen})


def test_the_map_is_what_the_words_are_worth(model):
    made = explained(model)
    assert made.map.shape == (6,)
    # E[f | word] - E[f] is half of a word's worth, exactly, with whole balanced blocks.
    worth = [WORTH.get(word, 0.0) / 2 for word in REVIEW.words]
    np.testing.assert_allclose(made.map - made.estimate.mean, worth, atol=1e-6)


def test_it_is_saved_and_read(model, tmp_path):
    made = explained(model)
    read_again = unmask.Explanation.load(made.save(tmp_path / "review.npz"))
    assert read_again.original.words == REVIEW.words
    np.testing.assert_array_equal(read_again.maps, made.maps)


def test_it_is_gone_on_with(model, tmp_path):
    first = unmask.Explanation.load(explained(model).save(tmp_path / "review.npz"))
    more = unmask.extend(first, model, masks=64)
    assert more.masks == 192
    np.testing.assert_array_equal(more.maps, explained(model, masks=192).maps)


def test_shards_are_merged_and_others_are_not(model):
    parts = [explained(model, masks=1024, shard=(number, 2)) for number in (1, 2)]
    whole = explained(model, masks=1024)
    np.testing.assert_array_equal(parts[0].merge(parts[1]).maps, whole.maps)
    other = replace(parts[1], original=Original(("another", *REVIEW.words[1:])))
    with pytest.raises(unmask.SettingError, match="cannot merge"):
        parts[0].merge(other)


def test_a_checkpoint_is_gone_on_with(model, tmp_path):
    path = tmp_path / "scores"
    explained(model, masks=64, checkpoint=path)
    made = explained(model, masks=128, checkpoint=path)
    np.testing.assert_array_equal(made.maps, explained(model).maps)


def test_it_is_measured(model):
    made = explained(model)
    case = unmask.metrics.case(model, REVIEW, 0)
    curves = unmask.metrics.both(case, made.map, step=1)
    # Without "good" the sum falls from 0.75 to -1.25, and so on, in the order of the map.
    np.testing.assert_allclose(curves["deletion"].scores[:2], [0.75, -1.25])
    np.testing.assert_allclose(curves["insertion"].scores[[0, 1, -1]], [0.0, 2.0, 0.75])
    (row,) = evaluation.evaluate_stored(model, [made], wanted=["deletion", "sparseness"], step=1)
    assert not row.error
    assert row.values["deletion"] == pytest.approx(curves["deletion"].area)


def test_it_is_reported(model):
    page = unmask.report([explained(model)])
    assert "liked" in page
    assert "128 of" in page or "128 masks" in page or "<td>128" in page
