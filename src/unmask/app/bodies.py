"""What pages send: bounded in bytes, all of them together, and in time."""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import TYPE_CHECKING, Any

from starlette.exceptions import HTTPException

from unmask.app.sessions import Crowded
from unmask.errors import ImageError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from starlette.requests import Request

__all__ = ["Bodies", "text_of"]

MAX_HELD = 128 * 2**20  # bytes of all bodies that arrive or are worked on
MAX_JSON = 2**16
MAX_DEPTH = 64  # brackets opened in a JSON text
STALLED = 10.0  # seconds without a byte after which a body is given up
WHOLE = 180.0  # seconds that one may take in all: 20 MB at 1 Mbit/s

CLOSE = {"Connection": "close"}


class Bodies:
    """The request bodies in memory.

    Parameters
    ----------
    most : int, default 128 MiB
        Bytes of all together. One that does not fit is refused when it is sent, with what to do.
    """

    def __init__(self, most: int = MAX_HELD) -> None:
        self.most, self.held = most, 0

    @contextlib.asynccontextmanager
    async def received(self, request: Request, limit: int) -> AsyncIterator[bytearray]:
        """Read a request's body of at most `limit` bytes; it counts until the block ends.

        Raises
        ------
        ImageError
            It is longer.
        Crowded
            The bodies that are there already leave no room for it.
        HTTPException
            It stopped on the way, or took too long: 408.
        """
        data, size, full = bytearray(), 0, False
        held = 0
        try:
            parts = request.stream()
            end = asyncio.get_running_loop().time() + WHOLE
            while (part := await _next(parts, end)) is not None:
                size += len(part)
                if size > 4 * limit:
                    break  # politeness ends here: the connection is cut
                if full or size > limit or self.held + len(part) > self.most:
                    # Read on, since a browser that is cut off while it sends does not read the
                    # answer; but nothing is kept.
                    full = full or size <= limit
                    data.clear()
                    self.held, held = self.held - held, 0
                    continue
                data += part
                self.held, held = self.held + len(part), held + len(part)
            if size > limit:
                raise ImageError(
                    f"more than {limit / 2**20:g} MB were sent; make the picture smaller"
                )
            if full:
                raise Crowded("too much is being sent at once; try again in a few seconds")
            yield data
        finally:
            self.held -= held

    async def json(self, request: Request) -> dict[str, Any]:
        """Read a JSON object.

        Raises
        ------
        HTTPException
            400: no JSON object, nested too deeply, or with text that is no Unicode.
        """
        async with self.received(request, MAX_JSON) as data:
            if data.count(b"[") + data.count(b"{") > MAX_DEPTH:
                raise HTTPException(400, f"expected JSON of at most {MAX_DEPTH} lists and objects")
            try:
                values = json.loads(data, parse_constant=_no_number)
                json.dumps(values, ensure_ascii=False).encode()  # half a surrogate is no text
            except (ValueError, RecursionError) as error:
                raise HTTPException(400, "expected JSON") from error
        if not isinstance(values, dict):
            raise HTTPException(400, "expected a JSON object")
        return values


def text_of(values: Mapping[str, Any], name: str, most: int) -> str:
    """Return a text of at most so many characters out of what a page sent."""
    value = values.get(name)
    if not isinstance(value, str) or len(value) > most:
        raise HTTPException(400, f"{name}: expected a text of at most {most} characters")
    return value


async def _next(parts: Any, end: float) -> bytes | None:
    now = asyncio.get_running_loop().time()
    try:
        async with asyncio.timeout(max(0.0, min(STALLED, end - now))):
            part: bytes = await anext(parts)
            return part
    except StopAsyncIteration:
        return None
    except TimeoutError:
        raise HTTPException(408, "the upload stopped on its way: send it again", CLOSE) from None


def _no_number(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")
