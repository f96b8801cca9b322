"""What every request passes: those of other sites are refused, and answers have a strict policy."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, RedirectResponse, Response

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from unmask.app.address import Address


__all__ = ["HEADERS", "SameOrigin"]


HEADERS = {
    # Nothing is run, shown or fetched that the server itself did not send.
    "Content-Security-Policy": "default-src 'self'; img-src 'self' blob: data:; object-src 'none'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class SameOrigin:
    """The outermost ASGI application, so that no answer leaves without the policy.

    A request has to name this server (its Host header), to come from its own pages where a browser
    says where it comes from (Origin), and to know the address's token.
    """

    def __init__(self, app: ASGIApp, address: Address) -> None:
        self.app, self.address = app, address

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return

        async def sending(message: Message) -> None:
            if message["type"].endswith("http.response.start"):  # a socket's refusal as well
                out = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    out.setdefault(name, value)
            await send(message)

        scope, refusal = self._admitted(scope)
        await (refusal or self.app)(scope, receive, sending)

    def _admitted(self, scope: Scope) -> tuple[Scope, Response | None]:
        headers = Headers(scope=scope)
        hosts = headers.getlist("host")
        if len(hosts) != 1 or not self.address.answers_to(hosts[0]):
            text = (
                "unmask app does not go by this name. Open the link that it printed, or give the "
                "name with --host"
            )
            return scope, PlainTextResponse(text, 400)
        origin = headers.get("origin")
        if origin is not None and _site(origin) != hosts[0]:
            return scope, PlainTextResponse("requests of other sites are refused", 403)
        token = self.address.token
        if not token:
            return scope, None
        given, slash, _ = scope["path"][1:].partition("/")
        if not secrets.compare_digest(given.encode(errors="replace"), token.encode()):
            return scope, PlainTextResponse("open the link that unmask app printed", 403)
        if not slash:
            return scope, RedirectResponse(f"/{token}/")
        return {**scope, "root_path": f"/{token}"}, None


def _site(origin: str) -> str | None:
    try:
        return urlsplit(origin).netloc
    except ValueError:  # as of "http://["
        return None
