# ruff: noqa: D102
"""What a model declares about its input."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from unmask.inputs.frame import Interpolation, Mode
    from unmask.inputs.preprocess import Preprocess

__all__ = ["InputSpec"]


class InputSpec(Protocol):
    """As `unmask.Model` has it."""

    @property
    def name(self) -> str: ...
    @property
    def layout(self) -> str: ...
    @property
    def size(self) -> tuple[int, ...] | None: ...
    @property
    def channels(self) -> int | None: ...
    @property
    def preprocess(self) -> Preprocess: ...
    @property
    def resize(self) -> Mode: ...
    @property
    def crop(self) -> float: ...
    @property
    def interpolation(self) -> Interpolation: ...
    @property
    def spatial(self) -> tuple[int, ...]: ...
    @property
    def takes_pictures(self) -> bool: ...
