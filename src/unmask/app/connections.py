"""Connections that cost nothing to open: closed when they idle, and bounded in number.

uvicorn closes a connection that idles after an answer. One that never asks anything, or that never
reads its answer, it keeps for ever; and when the process has no descriptor left, asyncio tries
again at once and logs every try.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import logging
from typing import TYPE_CHECKING, Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from unmask.app.security import HEADERS

if TYPE_CHECKING:
    import socket

__all__ = ["IDLE", "STALLED", "Connection", "Server", "most_connections", "server"]

IDLE = 10.0  # seconds for a request's head to arrive, from the connection or the last answer on
STALLED = 30.0  # seconds in which nothing of an answer is taken
LOOK = 1.0  # seconds between two looks at a connection
SETTLING = 0.1  # seconds before one too many is looked at
MOST = 1024
# Also how often asyncio tries to accept before it waits a second, where descriptors run out.
BACKLOG = 128
LOG = logging.getLogger("uvicorn.error.live")
# uvicorn takes a refused socket for a fault of the application's.
LOG.addFilter(lambda record: "without completing handshake" not in record.getMessage())


def most_connections() -> int:
    """How many connections may be open: half of the descriptors that the process may have."""
    try:
        import resource
    except ImportError:  # Windows
        return MOST
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MOST if soft == resource.RLIM_INFINITY else max(8, min(MOST, soft // 2))


class Connection(H11Protocol):
    """An HTTP connection that is closed when it idles; also under a socket of a page."""

    most = MOST
    cycle: Any  # None before the first request

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin; where there are too many connections, close the one that idles for longest."""
        super().connection_made(transport)
        self._idle = self._moved = self.loop.time()
        self._unsent = 0
        if len(self.connections) > self.most:
            # Not at once: whoever has just come may have asked something that is not read yet.
            self.loop.call_later(SETTLING, self._make_room)
        self.loop.call_later(LOOK, self._look)

    @property
    def idle_since(self) -> float | None:
        """Since when no request is at work; None where one is."""
        busy = self.cycle is not None and not self.cycle.response_complete
        if busy or self.transport.get_protocol() is not self:
            return None
        return self._idle

    def on_response_complete(self) -> None:
        """Count the time to the next request."""
        self._idle = self.loop.time()
        super().on_response_complete()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP, with the policy that every answer carries."""
        body = msg.encode()
        head = [
            "HTTP/1.1 400 Bad Request",
            "Content-Type: text/plain; charset=utf-8",
            f"Content-Length: {len(body)}",
            "Connection: close",
            *(f"{name}: {value}" for name, value in HEADERS.items()),
        ]
        # An answer that has begun cannot begin anew.
        if self.cycle is None or self.cycle.response_complete or not self.cycle.response_started:
            self.transport.write("\r\n".join([*head, "", ""]).encode() + body)
        self.transport.close()

    def _should_upgrade(self) -> bool:
        # Other upgrades are not offered, and a broken handshake is answered as any other request.
        headers = dict(self.headers)
        try:
            key = base64.b64decode(headers.get(b"sec-websocket-key", b""), validate=True)
        except binascii.Error:
            return False
        right = len(key) == 16 and headers.get(b"sec-websocket-version") == b"13"
        return right and self._get_upgrade() == b"websocket" and self.scope["method"] == "GET"

    def _make_room(self) -> None:
        while len(self.connections) > self.most:
            if not drop_idle(self.connections):
                self.transport.abort()
                return

    def _look(self) -> None:
        transport, now = self.transport, self.loop.time()
        unsent = transport.get_write_buffer_size()
        if unsent == 0 or unsent < self._unsent:
            self._moved = now
        self._unsent = unsent
        if unsent and now - self._moved >= STALLED:
            transport.abort()
        if transport.is_closing() and not transport.get_write_buffer_size():
            return
        idle = self.idle_since
        if idle is not None and now - idle >= IDLE and not unsent:
            transport.abort()
            return
        self.loop.call_later(LOOK, self._look)


class Live(WebSocketsSansIOProtocol):
    """A page's socket; messages from the page are dropped unread."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self.logger = LOG

    def send_receive_event_to_app(self) -> None:
        """Forget a message."""
        self.frames = []


def drop_idle(connections: set[Any]) -> bool:
    """Cut off the connection that idles for longest; return whether there was one."""
    idle = [
        (connection.idle_since, id(connection), connection)
        for connection in connections
        if isinstance(connection, Connection) and connection.idle_since is not None
    ]
    if idle:
        victim = min(idle)[2]
        connections.discard(victim)
        victim.transport.abort()
    return bool(idle)


def server(app: Any) -> Server:
    """Return a server of an ASGI application, to be run on a socket that is bound.

    Parameters
    ----------
    app : ASGI application
    """
    Connection.most = most_connections()
    return Server(
        uvicorn.Config(
            app,
            loop="asyncio",
            http=Connection,
            backlog=BACKLOG,
            ws=Live,
            ws_max_size=2**16,
            # Maps are noise to a compressor, and its time is the model's.
            ws_per_message_deflate=False,
            # What strangers can cause is no news: a request that is no HTTP, a socket that is gone.
            log_level="error",
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=2,
        )
    )


class Server(uvicorn.Server):
    """A server that survives a lack of descriptors, and logs it once."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to accept connections."""
        self._said = False
        asyncio.get_running_loop().set_exception_handler(self._failed)
        await super().startup(sockets=sockets)

    def _failed(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        if "_start_serving" in repr(context.get("handle")):
            return  # asyncio tries to accept again, and the server has ended meanwhile
        if "socket.accept()" not in context["message"]:
            loop.default_exception_handler(context)
            return
        # asyncio tries again in a second.
        drop_idle(self.server_state.connections)
        if not self._said:
            self._said = True
            logging.getLogger("uvicorn.error").error(
                "No file descriptors are left (ulimit -n): new connections wait."
            )
