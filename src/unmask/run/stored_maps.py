"""Stored explanations, as studies and reports read them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from unmask.run.explanation import Explanation

__all__ = ["StoredMaps"]


class StoredMaps(Protocol):
    """Explanations by the name of their picture; `unmask.cluster.open` gives such."""

    @property
    def url(self) -> str:
        """Where they are."""

    @property
    def ids(self) -> Collection[str]:
        """The pictures that are explained."""

    @property
    def failures(self) -> Mapping[str, str]:
        """Those that failed, and why."""

    def explanations(self, only: Collection[str] | None = None) -> Iterator[Explanation]:
        """Yield explanations, of all pictures or of some."""

    def place(self, name: str) -> str:
        """Where a picture lies, as a URL; empty where that is not known."""
