"""What can be asked, and the answers: JSON, pictures and files.

No part of an address is ever a path: pages, examples and sessions are looked up in tables.
"""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute

from unmask import demo
from unmask._version import __version__
from unmask.app import choices, downloads
from unmask.app.assets import assets
from unmask.app.bodies import Bodies, text_of
from unmask.app.form import MAX_TARGETS, parse
from unmask.app.jobs import Job
from unmask.app.live import live
from unmask.app.service import Service
from unmask.app.sessions import Crowded
from unmask.app.updates import facts
from unmask.app.uploads import ACCEPT, MAX_BYTES, MAX_PIXELS, NAMED, decode
from unmask.errors import SettingError, UnmaskError, silent
from unmask.inputs import images
from unmask.inputs.encoding import jpeg
from unmask.reports.reproduce import DEMO
from unmask.run.wording import on_page

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray
    from starlette.requests import Request
    from starlette.types import ExceptionHandler

    from unmask.app.choices import Choice
    from unmask.app.sessions import Session

__all__ = ["HANDLERS", "routes"]

T = TypeVar("T")

MAX_NAME = 200  # characters of a picture's name, or of a class's
PREVIEW, THUMBNAIL = 1200, 240  # longest sides of what the page shows, in pixels
BUSY = 2  # pictures that are decoded or drawn at a time


def routes(known: Sequence[Choice], examples: Sequence[str | Path]) -> list[Any]:
    """Return all routes of the application.

    Parameters
    ----------
    known : sequence of Choice
        The models; the first is chosen at first.
    examples : sequence of path-like
        Read now, so that one that is no picture is said at once.
    """
    table = _Table(known, examples)
    own = [
        Route("/picture", table.preview, methods=["GET"]),
        Route("/picture", table.upload, methods=["PUT"]),
        Route("/example", table.example, methods=["POST"]),
        Route("/model", table.model, methods=["POST"]),
        Route("/class", table.option, methods=["POST"]),
        Route("/code", table.code, methods=["POST"]),
        Route("/explain", table.explain, methods=["POST"]),
        Route("/stop", table.stop, methods=["POST"]),
        Route("/more", table.more, methods=["POST"]),
        Route("/certainty", table.certainty, methods=["POST"]),
        Route("/download/{kind}", table.download, methods=["GET"]),
        WebSocketRoute("/live", live),
    ]
    return [
        *assets(),
        Route("/api/about", table.about, methods=["GET"]),
        Route("/api/sessions", table.new, methods=["POST"]),
        Route("/api/examples/{name}", table.thumbnail, methods=["GET"]),
        *Service(table.models, table.bodies, table.work).routes(),
        Mount("/api/session/{token}", routes=own),
    ]


class _Table:
    """The handlers, and what they look things up in."""

    def __init__(self, known: Sequence[Choice], examples: Sequence[str | Path]) -> None:
        self.models = {choice.key: choice for choice in known}
        # By model: what is given is for the first, and the demo's pictures are for the demo.
        offered: dict[str, dict[str, Path]] = {choice.key: {} for choice in known}
        offered[known[0].key] |= {Path(path).name: Path(path) for path in examples}
        if DEMO in offered:
            offered[DEMO] |= demo.pictures()
        self.examples: dict[str, NDArray[np.uint8]] = {
            name: images.read(path) for some in offered.values() for name, path in some.items()
        }
        self.thumbnails = {
            name: jpeg(picture, THUMBNAIL) for name, picture in self.examples.items()
        }
        about = {
            "version": __version__,
            "models": [{**choice.about(), "examples": [*offered[choice.key]]} for choice in known],
            "colormaps": choices.color_tables(),
            "accept": ACCEPT,
            "formats": NAMED,
            "max_bytes": MAX_BYTES,
            "max_pixels": MAX_PIXELS,
        }
        self.about_body = JSONResponse(about).body  # tens of kilobytes, encoded once
        self.busy = asyncio.Semaphore(BUSY)
        self.bodies = Bodies()

    async def about(self, request: Request) -> Response:  # noqa: ARG002
        return Response(self.about_body, media_type="application/json")

    async def thumbnail(self, request: Request) -> Response:
        picture = self.thumbnails.get(request.path_params["name"])
        if picture is None:
            raise HTTPException(404, "there is no such example")
        return Response(picture, media_type="image/jpeg")

    async def new(self, request: Request) -> Response:
        session = request.app.state.sessions.new(next(iter(self.models)))
        return JSONResponse({"token": session.token})

    async def preview(self, request: Request) -> Response:
        session = _session(request)
        if session.run is None:
            raise HTTPException(404, "there is no picture yet")
        return Response(session.thumbnail, media_type="image/jpeg")

    async def upload(self, request: Request) -> Response:
        session = _session(request)
        choice = session.choose()
        name = request.query_params.get("name", "picture")[:MAX_NAME]
        async with self.bodies.received(request, MAX_BYTES) as data:
            picture = await self.work(lambda: decode(bytes(data)))
        async with _latest(session, choice):
            return await self._shown(request, name, picture, example=False)

    async def example(self, request: Request) -> Response:
        session = _session(request)
        choice = session.choose()
        name = text_of(await self.bodies.json(request), "name", MAX_NAME)
        if name not in self.examples:
            raise HTTPException(404, "there is no such example")
        async with _latest(session, choice):
            return await self._shown(request, name, self.examples[name], example=True)

    async def model(self, request: Request) -> Response:
        session = _session(request)
        choice = session.choose()
        key = text_of(await self.bodies.json(request), "model", MAX_NAME)
        if key not in self.models:
            raise HTTPException(404, "there is no such model")
        async with _latest(session, choice):
            session.model = key
            if session.run is None or session.picture is None:
                return JSONResponse({})
            name, example = session.name, session.example
            return await self._shown(request, name, session.picture, example=example)

    async def _shown(
        self, request: Request, name: str, picture: NDArray[np.uint8], *, example: bool
    ) -> Response:
        session, choice = _session(request), self.models[_session(request).model]
        with request.app.state.sessions.admitted(session, picture.nbytes):
            small = session.thumbnail
            if picture is not session.picture:
                small = await self.work(lambda: jpeg(picture, PREVIEW))
            run = await _call(request, lambda: choices.look(choice, picture))
            options = await self.work(lambda: choices.options(run))
            session.show(name, run, small, example=example)
        session.changed.set()
        return JSONResponse(
            {
                "name": name,
                "height": picture.shape[0],
                "width": picture.shape[1],
                "options": options,
                "notes": list(map(on_page, run.notes)),
            }
        )

    async def option(self, request: Request) -> Response:
        session = _session(request)
        text = text_of(await self.bodies.json(request), "text", MAX_NAME)
        run = session.run
        if run is None:
            raise HTTPException(409, "give a picture first")
        return JSONResponse(await self.work(lambda: choices.option(run, text)))

    async def code(self, request: Request) -> Response:
        session = _session(request)
        targets, settings = self._wish(session, await self.bodies.json(request))
        choice = self.models[session.model]
        name = session.name or "picture.jpg"
        example = session.example
        recipe = await self.work(
            lambda: choices.recipe_of(choice, name, example, targets, settings)
        )
        return JSONResponse({"command": recipe.command(), "python": recipe.python()})

    async def explain(self, request: Request) -> Response:
        session = _session(request)
        targets, settings = self._wish(session, await self.bodies.json(request))
        async with session.lock:
            run = session.run
            if run is None:
                raise HTTPException(409, "give a picture first")
            if session.job is not None and not session.job.finished:
                raise HTTPException(409, "a map is being made already: stop it first")
            ready = await _call(request, lambda: choices.started(run, targets, settings))
            session.job = Job(ready, session.waker())
            request.app.state.scheduler.add(session.job)
            session.changed.set()
            return JSONResponse(facts(session.job), 202)

    async def stop(self, request: Request) -> Response:
        session = _session(request)
        if session.job is not None:
            session.job.stop()
        return JSONResponse(facts(session.job))

    async def more(self, request: Request) -> Response:
        session = _session(request)
        choice = self.models[session.model]
        given = await self.bodies.json(request)
        count = None
        if given.get("masks") is not None:
            count = parse(choice.model, {"masks": given["masks"]})["masks"]
        async with session.lock:
            job = session.job
            if job is None or not job.finished or job.masks >= (count or job.run.plan.count):
                fewer = "" if count is None else f" of fewer than {count} masks"
                raise HTTPException(409, f"there is no finished map{fewer} to go on with")
            if count is None and job.state == "done":
                raise HTTPException(409, "the map is as reliable as was asked: say how many masks")
            await _call(request, lambda: job.extend(count))
            request.app.state.scheduler.add(job)
            session.changed.set()
            return JSONResponse(facts(job), 202)

    async def certainty(self, request: Request) -> Response:
        session = _session(request)
        session.certain = (await self.bodies.json(request)).get("shown") is True
        session.changed.set()
        return JSONResponse({})

    async def download(self, request: Request) -> Response:
        session = _session(request)
        if session.job is None or session.job.explanation is None:
            raise HTTPException(409, "there is no map yet")
        wanted = downloads.wanted(request.path_params["kind"], request.query_params)
        choice, explanation = self.models[session.model], session.job.explanation
        example = session.example
        body = await self.work(lambda: downloads.file(wanted, explanation, choice, example=example))
        return Response(
            body,
            media_type=wanted.media,
            headers={"Content-Disposition": f'attachment; filename="{wanted.name(session.name)}"'},
        )

    async def work(self, function: Callable[[], T]) -> T:
        """Do what takes a while in a thread of its own, little at a time."""
        async with self.busy:
            with silent():  # notes are shown on the page
                return await asyncio.to_thread(function)

    def _wish(self, session: Session, given: Mapping[str, Any]) -> tuple[list[str], dict[str, Any]]:
        targets, settings = given.get("targets", []), given.get("settings", {})
        if not isinstance(targets, list) or not all(isinstance(text, str) for text in targets):
            raise SettingError("targets: expected a list of texts")
        if len(targets) > MAX_TARGETS or any(len(text) > MAX_NAME for text in targets):
            raise SettingError(f"targets: expected at most {MAX_TARGETS} numbers")
        if not isinstance(settings, dict):
            raise SettingError("settings: expected names and values")
        return targets, parse(self.models[session.model].model, settings)


def _session(request: Request) -> Session:
    session: Session | None = request.app.state.sessions.get(request.path_params["token"])
    if session is None:
        raise HTTPException(410, "this page has been away for too long: load it again")
    return session


async def _call(request: Request, function: Callable[[], Any]) -> Any:
    return await request.app.state.scheduler.called(function)


@contextlib.asynccontextmanager
async def _latest(session: Session, choice: int) -> AsyncIterator[None]:
    """Let one request at a time change a page's picture, unless a later one was made since."""
    async with session.lock:
        if choice != session.chosen:
            raise HTTPException(409, "another picture or model was chosen since")
        yield


async def _user_error(request: Request, error: Exception) -> Response:  # noqa: ARG001
    return JSONResponse({"error": on_page(str(error))}, 503 if isinstance(error, Crowded) else 400)


async def _http_error(request: Request, error: Exception) -> Response:  # noqa: ARG001
    assert isinstance(error, HTTPException)
    return JSONResponse({"error": error.detail}, error.status_code, error.headers)


async def _gone(request: Request, error: Exception) -> Response:  # noqa: ARG001
    return Response(status_code=400)  # nobody reads it: the sender has left


HANDLERS: Mapping[Any, ExceptionHandler] = {
    UnmaskError: _user_error,
    HTTPException: _http_error,
    ClientDisconnect: _gone,
}
