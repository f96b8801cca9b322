"""The server: what a page may ask for. Everything it is given is untrusted."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import socket
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from unmask._base.blas import one_blas_thread
from unmask.app.address import Address
from unmask.app.choices import Choice, choices
from unmask.app.scheduler import Scheduler
from unmask.app.sessions import Sessions
from unmask.errors import MissingExtra, SettingError, UnmaskWarning, warn

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence
    from pathlib import Path

    from starlette.applications import Starlette

    from unmask.app.security import SameOrigin

__all__ = ["EXPOSED", "build", "serve"]

EXPOSED = (
    "others than this machine can reach this page. Whoever has the link can use the model: it "
    "holds a token that is new at every start. What travels is not encrypted"
)
SWEEP = 5.0  # seconds between two looks for pages that went away


def serve(
    model: Any = "demo",
    *,
    host: str = "127.0.0.1",
    port: int = 8808,
    source: str | None = None,
    options: Mapping[str, Any] | None = None,
    examples: Sequence[str | Path] = (),
    ready: Callable[[str], None] | None = None,
) -> None:
    """Serve the web page until Ctrl-C.

    Parameters
    ----------
    model : Model, path-like, "demo" or callable
        What `unmask.load` takes. The embedded model can be chosen on the page as well.
    host : str, default "127.0.0.1"
        Another address than a loopback lets others in: whoever has the link, which holds a token,
        can use the models, and nothing else. "" listens on all addresses.
    port : int, default 8808
        0 takes a free one.
    source : str, optional
        Where `model` is, as the command line takes it, to be shown in the code that does the same;
        by default where `unmask.load` had it from.
    options : mapping, optional
        With which options it was loaded, likewise.
    examples : sequence of path-like, optional
        Pictures to choose from, beside the demo's.
    ready : callable, optional
        Called with the page's address once it can be opened.

    Raises
    ------
    SettingError
        The port is taken, or there is no such address.
    ImageError
        An example that cannot be read.
    MissingExtra
        Starlette, uvicorn or websockets is not installed.

    Warns
    -----
    UnmaskWarning
        Others than this machine can reach it.
    """
    try:
        from unmask.app.connections import server
    except ImportError as error:
        raise MissingExtra(error.name or "uvicorn", "app") from None
    with _bound(host, port) as listener:
        bound, port, *_ = listener.getsockname()
        address = Address(host, bound, port)
        if not address.is_loopback:
            address = replace(address, token=secrets.token_urlsafe(24))
            warn(EXPOSED, UnmaskWarning)
        app = build(model, address=address, source=source, options=options, examples=examples)
        if ready is not None:
            ready(address.url)
        server(app).run(sockets=[listener])


def build(
    model: Any = "demo",
    *,
    address: Address | None = None,
    source: str | None = None,
    options: Mapping[str, Any] | None = None,
    examples: Sequence[str | Path] = (),
    scheduler: Scheduler | None = None,
    sessions: Sessions | None = None,
) -> SameOrigin:
    """Make the ASGI application.

    Parameters
    ----------
    model, source, options, examples
        As for `serve`.
    address : Address, optional
        Where it will listen, by default on this machine alone: only requests that name it and know
        its token are answered.
    scheduler : Scheduler, optional
    sessions : Sessions, optional

    Returns
    -------
    SameOrigin
        Before a Starlette application.
    """
    try:
        import websockets  # noqa: F401 - uvicorn needs it, and would say so at the first socket
        from starlette.applications import Starlette
    except ImportError as error:
        raise MissingExtra(error.name or "starlette", "app") from None
    from unmask.app.routes import HANDLERS, routes
    from unmask.app.security import SameOrigin

    known: list[Choice] = choices(model, source, options or {})

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        # Around all explanations, which run in threads of their own.
        with one_blas_thread():
            app.state.scheduler = scheduler or Scheduler()
            app.state.sessions = sessions or Sessions()
            sweeper = asyncio.create_task(_sweep(app.state.sessions))
            try:
                yield
            finally:
                sweeper.cancel()
                await asyncio.to_thread(app.state.scheduler.close)

    app = Starlette(routes=routes(known, examples), exception_handlers=HANDLERS, lifespan=lifespan)
    return SameOrigin(app, address or Address())


async def _sweep(sessions: Sessions) -> None:
    while True:
        await asyncio.sleep(SWEEP)
        sessions.sweep()


@contextlib.contextmanager
def _bound(host: str, port: int) -> Any:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
            listener.listen(128)
        except (OSError, OverflowError, ValueError) as error:  # a name may be no name at all
            reason = getattr(error, "strerror", None) or error
            raise SettingError(
                f"cannot listen on {host} port {port}: {reason}; port 0 takes a free one"
            ) from error
        yield listener
