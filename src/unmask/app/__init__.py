"""The web page: a map shown while it is computed. It needs `unmask[app]` and no network."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from unmask.errors import MissingExtra

if TYPE_CHECKING:
    from unmask.app.server import serve

__all__ = ["needed", "serve"]

PACKAGES = ("starlette", "uvicorn", "websockets")


def needed() -> None:
    """Refuse where what the page is made with is not installed.

    Raises
    ------
    MissingExtra
    """
    for package in PACKAGES:
        try:
            importlib.import_module(package)
        except ImportError:
            raise MissingExtra(package, "app") from None


def __getattr__(name: str) -> Any:
    if name != "serve":
        raise AttributeError(f"module 'unmask.app' has no attribute {name!r}")
    needed()
    return importlib.import_module("unmask.app.server").serve
