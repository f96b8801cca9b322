"""The web page: see a map come out of the noise. It needs `unmask[app]` and no network."""

from __future__ import annotations

from unmask.app.server import serve

__all__ = ["serve"]
