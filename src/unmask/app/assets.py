"""The page's own files, as they are."""

from __future__ import annotations

from importlib import resources
from typing import TYPE_CHECKING

from starlette.responses import Response
from starlette.routing import Route

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request

__all__ = ["PAGE", "assets"]


KINDS = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8"}
PAGE = {
    "": ("index.html", "text/html; charset=utf-8"),
    **{
        file.name: (file.name, kind)
        for file in (resources.files("unmask.app") / "page").iterdir()
        for ending, kind in KINDS.items()
        if file.name.endswith(ending)
    },
    "icon.svg": ("icon.svg", "image/svg+xml"),
}


def assets() -> list[Route]:
    """Return their routes."""
    return [Route(f"/{name}", _constant(_asset(file), kind)) for name, (file, kind) in PAGE.items()]


def _asset(name: str) -> bytes:
    return (resources.files("unmask.app") / "page" / name).read_bytes()


def _constant(body: bytes, kind: str) -> Callable[[Request], Awaitable[Response]]:
    async def handler(request: Request) -> Response:  # noqa: ARG001
        return Response(body, media_type=kind, headers=headers)

    # A browser fetches the icon anew whenever the address changes, unless it may keep it.
    headers = {"Cache-Control": "max-age=3600"} if kind == "image/svg+xml" else {}
    return handler
