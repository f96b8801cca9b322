"""The live socket: sends a map while it is computed."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from typing import TYPE_CHECKING, Any

from starlette.websockets import WebSocketDisconnect

from unmask.app.updates import facts, update

if TYPE_CHECKING:
    from starlette.websockets import WebSocket

    from unmask.app.sessions import Session
    from unmask.run.explanation import Explanation

__all__ = ["live"]


MAX_SOCKETS = 8  # of one page
SHARE = 0.05  # of the time of a run, at most, for saying how sure its map is
BEAT = 1.0  # seconds; a page that hears nothing for thrice as long says so (server.js)
GONE = (1000, 1001)  # codes with which a socket is closed on purpose, or with its page


async def live(socket: WebSocket) -> None:
    """Send a page what is new of its job until it goes away."""
    session = socket.app.state.sessions.get(socket.path_params["token"])
    await socket.accept()
    if session is None:
        await socket.close(4404)  # refused at once, a page could not tell why
        return
    if session.sockets >= MAX_SOCKETS:
        await socket.close(1013)
        return
    session.sockets += 1
    session.left = False
    pushing = asyncio.create_task(_push(socket, session))
    try:
        while True:  # nothing is expected; it ends when the page goes away
            await socket.receive_text()
    except WebSocketDisconnect as end:
        session.left = end.code in GONE
    except (KeyError, RuntimeError):
        pass
    finally:
        pushing.cancel()
        session.sockets -= 1
        session.seen = time.monotonic()
        with contextlib.suppress(asyncio.CancelledError, WebSocketDisconnect, RuntimeError):
            await pushing


async def _push(socket: WebSocket, session: Session) -> None:
    """Send what is new, and how things stand every second, so that a page hears who is gone.

    Updates that a slow page has no time for are dropped, never queued.
    """
    told: dict[str, Any] = {}
    seen: tuple[Explanation | None, bool] = None, False
    free = 0.0  # when it may be said again how sure the map is
    while True:
        session.changed.clear()
        job = session.job
        state = facts(job)
        explanation = None if job is None else job.explanation
        start = time.monotonic()
        certain = session.certain and job is not None and (job.finished or start >= free)
        newer = explanation is not seen[0] or (certain and not seen[1])
        if job is not None and explanation is not None and newer:
            curve = [[masks, *errors] for masks, errors in job.curve]
            data = await asyncio.to_thread(update, explanation, certain, **state, curve=curve)
            await socket.send_bytes(data)
            seen, told = (explanation, certain), state
            if certain:
                end = time.monotonic()
                free = end + (end - start) / SHARE
        elif state != told:
            await socket.send_text(json.dumps(state))
            told = state
        try:
            async with asyncio.timeout(BEAT):  # wait_for may swallow that it is cancelled
                await session.changed.wait()
        except TimeoutError:
            told = {}
