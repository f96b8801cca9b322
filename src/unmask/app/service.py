"""Explanations for programs: a picture in, numbers or a figure out, in one request.

It stands in the same queue as the pages, under the same limits and behind the same token.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from unmask._version import __version__
from unmask.app import choices, downloads
from unmask.app.form import fields, parse
from unmask.app.jobs import Job
from unmask.app.sessions import waker
from unmask.app.uploads import ACCEPT, MAX_BYTES, decode
from unmask.errors import SettingError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from starlette.requests import Request

    from unmask.app.bodies import Bodies
    from unmask.app.choices import Choice
    from unmask.run.explanation import Explanation

__all__ = ["Service"]

FORMATS = ("json", "npz", "png", "html")
WAITING = 16  # jobs in the queue, pages' among them, above which no more is taken
TIMEOUT, LONGEST = 120.0, 600.0  # seconds
OWN = ("model", "target", "format", "timeout", "maps", "name")
MAX_NAME = 200
BUSY = {"Retry-After": "5"}


class Service:
    """The handlers.

    Parameters
    ----------
    models : mapping of str to Choice
    bodies : Bodies
        All that arrive, the pages' among them.
    work : callable
        Awaits what a function returns that takes a while, little at a time.
    """

    def __init__(
        self,
        models: Mapping[str, Choice],
        bodies: Bodies,
        work: Callable[[Callable[[], Any]], Awaitable[Any]],
    ) -> None:
        self.models, self.bodies, self.work = models, bodies, work

    def routes(self) -> list[Route]:
        """Return what can be asked."""
        return [
            Route("/api/explain", self.explain, methods=["POST"]),
            Route("/api/openapi.json", self.openapi, methods=["GET"]),
        ]

    async def explain(self, request: Request) -> Response:
        """Explain the picture in the body."""
        asked = request.query_params
        choice = self._choice(asked.get("model"))
        kind = asked.get("format", "json")
        if kind not in FORMATS:
            raise SettingError(f"format={kind[:40]!r}: expected one of {', '.join(FORMATS)}")
        seconds = _seconds(asked.get("timeout"))
        given = {name: _value(text) for name, text in asked.items() if name not in OWN}
        settings, scheduler = parse(choice.model, given), request.app.state.scheduler
        if scheduler.length >= WAITING:
            raise HTTPException(503, f"{WAITING} explanations are waiting: try again", BUSY)
        async with self.bodies.received(request, MAX_BYTES) as data:
            picture = await self.work(lambda: decode(bytes(data)))
        run = await scheduler.called(lambda: choices.look(choice, picture))
        targets = asked.getlist("target")
        ready = await scheduler.called(lambda: choices.started(run, targets, settings))
        job = await self._finished(request, scheduler, ready, seconds)
        if job.explanation is None:
            raise HTTPException(
                500 if job.state == "failed" else 504, job.error or "no mask was scored in time"
            )
        made, name = job.explanation, asked.get("name", "picture")[:MAX_NAME]
        if kind == "json":
            maps = asked.get("maps", "1") != "0"
            notes = [*ready.notes, *([job.error] if job.error else [])]
            body = await self.work(lambda: _body(made, notes, job.state, maps=maps))
            return JSONResponse(body)
        wanted = downloads.wanted(kind, {})
        content = await self.work(lambda: downloads.file(wanted, made, choice))
        place = {"Content-Disposition": f'attachment; filename="{wanted.name(name)}"'}
        return Response(content, media_type=wanted.media, headers=place)

    async def _finished(self, request: Request, scheduler: Any, ready: Any, seconds: float) -> Job:
        """Run a job in the queue; it stops when its time is over, or the client has left."""
        loop, changed = asyncio.get_running_loop(), asyncio.Event()
        job = Job(ready, waker(changed))
        scheduler.add(job)
        end = loop.time() + seconds
        try:
            while True:
                changed.clear()
                if job.finished:
                    return job
                if loop.time() >= end or await request.is_disconnected():
                    job.stop()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(0.5):
                        await changed.wait()
        finally:
            job.stop()

    async def openapi(self, request: Request) -> Response:
        """Return what can be asked as OpenAPI 3.1."""
        parameters = [
            _parameter("model", "string", "Which model.", enum=[*self.models]),
            {
                **_parameter(
                    "target",
                    "array",
                    "What is explained: the number of a class or a box, "
                    "contrast:A-B, region:LABEL, output:NAME; may be repeated. The model's best "
                    "by default.",
                ),
                "explode": True,
            },
            _parameter("format", "string", "What is returned.", enum=FORMATS, default="json"),
            _parameter(
                "timeout",
                "number",
                "Seconds after which the map so far is returned.",
                default=TIMEOUT,
                minimum=1,
                maximum=LONGEST,
            ),
            _parameter("maps", "integer", "0 leaves the maps out of JSON.", default=1),
            _parameter("name", "string", "Of the picture, for files.", maxLength=MAX_NAME),
            _parameter("masks", "integer", "So many, in place of until and max_masks."),
        ]
        known: dict[str, Any] = {}
        for choice in self.models.values():
            known |= {field.name: asdict(field) for field in fields(choice.model)}
        parameters += [_of_field(field) for field in known.values()]
        media = {"schema": {"type": "string", "format": "binary"}}
        answers = {
            "200": {"description": "The explanation.", "content": _contents()},
            **{
                code: {"description": text}
                for code, text in (
                    ("400", "Something asked for is out of range; `error` says what."),
                    ("403", "Without the address's token."),
                    ("503", "Too many are waiting; see Retry-After."),
                    ("504", "No mask was scored in time."),
                )
            },
        }
        return JSONResponse(
            {
                "openapi": "3.1.0",
                "info": {"title": "unmask", "version": __version__},
                "servers": [{"url": str(request.base_url).rstrip("/")}],
                "paths": {
                    "/api/explain": {
                        "post": {
                            "summary": "Explain a picture",
                            "parameters": parameters,
                            "requestBody": {
                                "required": True,
                                "content": dict.fromkeys(ACCEPT.split(","), media),
                            },
                            "responses": answers,
                        }
                    }
                },
            }
        )

    def _choice(self, key: str | None) -> Choice:
        if key is None:
            return next(iter(self.models.values()))
        if key not in self.models:
            raise SettingError(f"model={key[:40]!r}: expected one of {', '.join(self.models)}")
        return self.models[key]


def _seconds(text: str | None) -> float:
    try:
        seconds = TIMEOUT if text is None else float(text)
    except ValueError:
        seconds = float("nan")
    if not 1 <= seconds <= LONGEST:
        raise SettingError(f"timeout={str(text)[:40]!r}: expected 1 to {LONGEST:g} seconds")
    return seconds


def _value(text: str) -> int | float | str | None:
    """Read a setting's value as JSON would have it."""
    if text in ("null", "none"):
        return None
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _body(made: Explanation, notes: list[str], state: str, *, maps: bool) -> dict[str, Any]:
    """Return an explanation as JSON values: maps at the model's size, float32 in base64."""
    targets = []
    for number, target in enumerate(made.targets):
        own = {
            "label": target.label,
            "index": target.index,
            "box": None if target.box is None else list(target.box),
            "score": target.score,
            "reliability": made.reliabilities[number],
            "level": float(made.levels[number]),
        }
        if maps:
            error = made.model_stderrs[number]
            own |= {"map": _packed(made.model_maps[number]), "stderr": _packed(error)}
        targets.append({name: _plain(value) for name, value in own.items()})
    return {
        "model": made.model,
        "masks": made.masks,
        "calls": made.model_calls,
        "seconds": made.seconds,
        "complete": state == "done",
        "shape": list(made.model_maps.shape[1:]),
        "targets": targets,
        "notes": notes,
    }


def _packed(values: Any) -> str:
    return base64.b64encode(np.ascontiguousarray(values, "<f4").tobytes()).decode()


def _plain(value: Any) -> Any:
    """Return a number as JSON has it: none that is infinite."""
    return None if isinstance(value, float) and not np.isfinite(value) else value


def _parameter(name: str, kind: str, about: str, **more: Any) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": kind, **more}
    if kind == "array":
        schema["items"] = {"type": "string"}
    return {"name": name, "in": "query", "description": about, "schema": schema}


def _of_field(field: Mapping[str, Any]) -> dict[str, Any]:
    default = field["default"]
    kind = (
        "string"
        if isinstance(default, str)
        else "integer"
        if isinstance(default, int)
        else "number"
    )
    ends = {"minimum": field["low"], "maximum": field["high"]}
    more = {name: end for name, end in ends.items() if end is not None}
    return _parameter(field["name"], kind, field["help"], default=default, **more)


def _contents() -> dict[str, Any]:
    number, text = {"type": "number"}, {"type": "string"}
    packed = {**text, "contentEncoding": "base64", "description": "float32, little-endian"}
    target = {
        "label": text,
        "index": {"type": ["integer", "null"]},
        "box": {"type": ["array", "null"], "items": number},
        "score": number,
        "reliability": {"type": ["number", "null"]},
        "level": number,
        "map": packed,
        "stderr": packed,
    }
    whole = {"type": "integer"}
    body = {
        "model": text,
        "masks": whole,
        "calls": whole,
        "seconds": number,
        "complete": {"type": "boolean"},
        "shape": {"type": "array", "items": whole},
        "targets": {"type": "array", "items": {"type": "object", "properties": target}},
        "notes": {"type": "array", "items": text},
    }
    files: dict[str, Any] = {kind: {} for kind in downloads.KINDS.values()}
    return {"application/json": {"schema": {"type": "object", "properties": body}}, **files}
