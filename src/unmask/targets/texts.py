"""Targets that are texts, for a model that compares pictures with texts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from unmask.errors import TargetError
from unmask.targets.class_specs import DIFFERENCE, NUMBER, RANKED, TOP, Contrast, WithinTop
from unmask.targets.classes import Classes

if TYPE_CHECKING:
    from unmask.inputs.sample import Sample
    from unmask.models.model import Model
    from unmask.targets.class_specs import TargetSpec
    from unmask.targets.classes import ClassTargets
    from unmask.targets.target import Target


__all__ = ["Texts", "with_same_texts", "with_texts"]

TEXT = "text:"  # what a request for a text begins with


def with_texts(model: Model, target: Any) -> tuple[Model, Any]:
    """Give a model the texts among the targets, beside those that it has.

    Parameters
    ----------
    model : Model
        Any; one that does not compare pictures with texts (`Model.texts`) is returned as it is.
    target
        As for `unmask.explain`.

    Returns
    -------
    model : Model
        Its labels are its texts, then those of the targets.
    target
        The same, with the number of its label in place of each text.

    Raises
    ------
    TargetError
        There is no text at all.
    """
    if model.texts is None:
        return model, target
    have = list(model.labels or ())
    texts = list(dict.fromkeys([*have, *(text for text in _texts(target) if text not in have)]))
    if not texts:
        raise TargetError(
            f"{model.name} compares pictures with texts, and has none: give some as targets, for "
            "instance 'a photo of an elephant', or as labels"
        )
    if texts != have:
        model = replace(model, **model.texts(texts))
    return model, _numbered(target, texts)


def with_same_texts(
    model: Model, texts: Sequence[str] | None, targets: Sequence[Target] = ()
) -> Model:
    """Give a model all the texts that an explanation was made with.

    A score is a share among all texts, so what was not explained counts as well.

    Parameters
    ----------
    model : Model
        Any; one that does not compare pictures with texts is returned as it is.
    texts : sequence of str or None
        `Explanation.texts`. None: files of version 0.1.0 name only what was explained.
    targets : sequence of Target
        What was explained.

    Returns
    -------
    Model

    Raises
    ------
    TargetError
        They are not known.
    """
    if model.texts is None:
        return model
    if texts is None:
        known = dict(enumerate(model.labels or ()))
        known |= {target.index: target.label for target in targets if target.index is not None}
        if sorted(known) != list(range(len(known))) or not known:
            raise TargetError(
                f"{model.name} compares pictures with texts, and this explanation does not name "
                "all that it was made with: give them to unmask.load, as labels, in their order"
            )
        texts = [known[number] for number in range(len(known))]
    same = tuple(texts) == tuple(model.labels or ())
    return model if same else replace(model, **model.texts(texts))


def _texts(target: Any) -> list[str]:
    match target:
        case str():
            if target.startswith(TEXT):
                return [target.removeprefix(TEXT)]
            asked = target.strip().lower()
            other = any(form.fullmatch(asked) for form in (TOP, NUMBER, DIFFERENCE, RANKED))
            return [] if other else [target]
        case Contrast(first, second):
            return _texts(first) + _texts(second)
        case WithinTop(inner, _):
            return _texts(inner)
        case Sequence():
            return [text for item in target for text in _texts(item)]
    return []


def _numbered(target: Any, texts: Sequence[str]) -> Any:
    match target:
        case str():
            text = target.removeprefix(TEXT)
            return texts.index(text) if text in texts else target
        case Contrast(first, second):
            return Contrast(_numbered(first, texts), _numbered(second, texts))
        case WithinTop(inner, top):
            return WithinTop(_numbered(inner, texts), top)
        case Sequence():
            return [_numbered(item, texts) for item in target]
    return target


class Texts(Classes):
    """Texts that a picture is compared with, as a task: its classes are those texts."""

    name = "texts"

    def accepts(self, model: Model) -> bool:
        """Whether a model compares pictures with texts, and does not look for them in one."""
        return model.texts is not None and model.detector is None

    def parse(
        self, model: Model, asked: Any, top: int | None = None
    ) -> tuple[Model, tuple[TargetSpec, ...]]:
        """Read texts, of which the model then knows all; see `with_texts`."""
        model, numbered = with_texts(model, asked)
        return super().parse(model, numbered, top)

    def resolve(
        self, specs: tuple[TargetSpec, ...], outputs: Any, model: Model, sample: Sample
    ) -> ClassTargets:
        """Fix them, each to be asked for again by its text."""
        found = super().resolve(specs, outputs, model, sample)
        named = (
            target
            if target.index is None or target.top is not None
            else replace(target, request=TEXT + target.label)
            for target in found.targets
        )
        return replace(found, targets=tuple(named))
