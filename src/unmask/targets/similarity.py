"""Similarity as a target: how like another picture, a text or an embedding an input is."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from unmask._base.files import expanded
from unmask._base.spelling import named
from unmask.errors import ModelOutputError, TargetError
from unmask.inputs import TextOriginal, read
from unmask.models.outputs import described
from unmask.targets.similarity_specs import asks, parse_similar
from unmask.targets.target import Target

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from unmask.inputs.sample import Sample
    from unmask.models.model import Model
    from unmask.targets.similarity_specs import Metric, SimilarTo

    Array = NDArray[np.float64]


__all__ = ["SimilarTargets", "Similarity"]


MEASURES = {"cosine": "cosine", "dot": "dot product", "euclidean": "negative distance"}


@dataclass(frozen=True, eq=False)
class SimilarTargets:
    """Embeddings, and how others are compared with them; see `Targets`.

    Attributes
    ----------
    targets : tuple of Target
    references : ndarray of float64, shape (k, d)
    metrics : tuple of str
    calls : int
        Inputs that the model was asked about for them.
    """

    targets: tuple[Target, ...]
    references: Array
    metrics: tuple[Metric, ...]
    calls: int = 0

    def __len__(self) -> int:
        return len(self.targets)

    @property
    def content(self) -> tuple[Array, ...]:
        """What a fingerprint has to know beside the targets."""
        return (self.references,)

    def score(self, outputs: Any, n: int) -> Array:
        """Score a batch; see `Targets.score`.

        Raises
        ------
        ModelOutputError
            Outputs that are no embeddings of the same size.
        """
        given = _embeddings(outputs)
        if given is None or given.shape != (n, self.references.shape[1]):
            raise ModelOutputError(
                f"outputs are {described(outputs)} for a batch of {n}: expected embeddings "
                f"({n}, {self.references.shape[1]})"
            )
        pairs = zip(self.references, self.metrics, strict=True)
        scores = np.stack([_alike(given, one, metric) for one, metric in pairs], axis=1)
        if not np.isfinite(scores).all():
            raise ModelOutputError("the model's embeddings are not all finite")
        return scores


def _alike(given: Array, reference: Array, metric: Metric) -> Array:
    """Compare embeddings with one, row by row, so that a score has the same bits in any batch."""
    if metric == "euclidean":
        return np.asarray(-np.sqrt(np.square(given - reference).sum(axis=1)))
    products = (given * reference).sum(axis=1)
    if metric == "dot":
        return np.asarray(products)
    lengths = np.sqrt(np.square(given).sum(axis=1) * np.square(reference).sum())
    cosines = np.divide(products, lengths, out=np.zeros_like(products), where=lengths > 0)
    return np.asarray(cosines)


def _embeddings(outputs: Any) -> Array | None:
    """Return outputs as vectors, (n, d); None of others."""
    if not isinstance(outputs, np.ndarray) or outputs.dtype.kind not in "fiub" or outputs.ndim < 2:
        return None
    sides = [side for side in outputs.shape[1:] if side > 1]
    if len(sides) > 1:
        return None
    return outputs.reshape(len(outputs), -1).astype(np.float64)


class Similarity:
    """Similarity to something else as a task."""

    name = "similarity"
    single = None

    def accepts(self, model: Model) -> bool:  # noqa: ARG002
        """Whether a model says so: none does, as embeddings look like scores of classes."""
        return False

    def claims(self, model: Model, asked: Any) -> bool:
        """Whether a similarity is asked for, whatever the model says."""
        return asks(asked, model.labels)

    def parse(
        self, model: Model, asked: Any, top: int | None = None
    ) -> tuple[Model, tuple[SimilarTo, ...]]:
        """Read what is compared with, of which a model that knows texts returns embeddings."""
        if model.detector is not None:
            raise TargetError(f"{model.name} is a detector, and returns no embeddings")
        if top is not None:
            raise TargetError("a similarity has no rank among classes")
        specs = parse_similar(asked)
        if model.embeddings is not None:
            model = replace(model, **model.embeddings())
        return model, specs

    def resolve(
        self,
        specs: tuple[SimilarTo, ...],
        outputs: Any,
        model: Model,
        sample: Sample,
    ) -> SimilarTargets:
        """Ask the model about what is compared with, and compare the whole input.

        Raises
        ------
        TargetError
            The outputs are no embeddings; one is all zeros, or of another size.
        """
        own = _embeddings(outputs)
        if own is None:
            raise TargetError(
                f"{model.name} returned {described(outputs)}, and embeddings (n, d) are what is "
                "compared: choose them with output=, or give a function that returns them"
            )
        references = []
        for spec in specs:
            reference = _reference(spec, model, sample)
            if reference.shape != own[0].shape:
                raise TargetError(
                    f"an embedding of {len(reference)} numbers, and {model.name} returns "
                    f"{own.shape[1]}"
                )
            for vector, name in ((own[0], "the whole input"), (reference, _called(spec))):
                if spec.metric == "cosine" and not vector.any():
                    raise TargetError(
                        f"the embedding of {name} is all zeros, which have no cosine to others: is "
                        f"{model.name} given its pixels as it was trained? metric='euclidean' "
                        "compares them nonetheless"
                    )
            references.append(reference)
        targets = tuple(
            Target(
                f"similar to {_called(spec)}",
                None,
                0.0,
                request=_request(spec),
                measure=MEASURES[spec.metric],
            )
            for spec in specs
        )
        metrics = tuple(spec.metric for spec in specs)
        calls = sum(_is_asked(spec, model) for spec in specs)
        found = SimilarTargets(targets, np.stack(references), metrics, calls)
        rows = zip(targets, found.score(outputs, 1)[0].tolist(), strict=True)
        return replace(found, targets=tuple(replace(one, score=score) for one, score in rows))

    def found(
        self,
        outputs: Any,  # noqa: ARG002
        model: Model,  # noqa: ARG002
        sample: Sample,  # noqa: ARG002
        top: int | None = None,  # noqa: ARG002
    ) -> list[Any]:
        """Return nothing: an embedding names no classes."""
        return []


def _is_asked(spec: SimilarTo, model: Model) -> bool:
    """Whether the model itself has to be asked about it, as about pictures."""
    if isinstance(spec.what, str):
        return model.embed_texts is None or expanded(spec.what).is_file()
    return bool(spec.what.ndim > 1)


def _reference(spec: SimilarTo, model: Model, sample: Sample) -> Array:
    """Return the embedding of what is compared with.

    Raises
    ------
    TargetError
        A name of no file, for a model that takes no texts.
    """
    if not _is_asked(spec, model):
        if isinstance(spec.what, str):
            assert model.embed_texts is not None
            return np.asarray(model.embed_texts([spec.what])[0], np.float64)
        return np.asarray(spec.what)
    text = isinstance(sample.original, TextOriginal) and isinstance(spec.what, str)
    if isinstance(spec.what, str) and not text and not expanded(spec.what).is_file():
        raise TargetError(
            f"similar to {spec.what!r}: there is no such file, and {model.name} does not know texts"
        )
    one = [spec.what] if text else read(model.input, model.name, spec.what).whole()
    found = _embeddings(np.array(model(model.sent(one))))
    if found is None or not np.isfinite(found).all():
        raise ModelOutputError(f"{model.name} returned no embedding of {_called(spec)}")
    return np.asarray(found[0])


def _called(spec: SimilarTo) -> str:
    if isinstance(spec.what, str):
        path = Path(spec.what)
        return named(path.name) if expanded(spec.what).is_file() else repr(spec.what)
    return "a picture" if spec.what.ndim > 1 else "an embedding"


def _request(spec: SimilarTo) -> str | None:
    """Return the text by which it is asked for again; what was given as an array has none."""
    if not isinstance(spec.what, str):
        return None
    return f"similar{'' if spec.metric == 'cosine' else f'-{spec.metric}'}:{spec.what}"
