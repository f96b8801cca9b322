"""Sessions: a bounded number of pages, each with one picture and one job."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from unmask.app.choices import picture_of
from unmask.errors import UnmaskError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import numpy as np
    from numpy.typing import NDArray

    from unmask.app.jobs import Job
    from unmask.run.prepare import Run

__all__ = ["Crowded", "Session", "Sessions", "waker"]

MAX_SESSIONS = 64
MAX_HELD = 512 * 2**20  # bytes of pictures, of all pages
PATIENCE = 15.0  # seconds after which the job of a page that went away is stopped
MEMORY = 300.0  # seconds after which it is forgotten, as a phone may come back; if it said so, 15


class Crowded(UnmaskError):  # noqa: N818 - a state
    """There is no room for another page, or for another picture."""


@dataclass(eq=False)
class Session:
    """One page.

    Attributes
    ----------
    token : str
        Names it; cannot be guessed.
    model : str
        Key of the model chosen.
    name : str
        Of the picture, for people only.
    example : bool
        The picture is one that the server offered.
    thumbnail : bytes
        A small JPEG of it.
    run : Run or None
        Of the whole picture: what the model says of it.
    job : Job or None
    seen : float
        When it last asked for something, by `time.monotonic`.
    certain : bool
        The page shows where its map is significant.
    sockets : int
        How many are open.
    left : bool
        The last that was closed said that the page is gone, and not only silent.
    chosen : int
        How often another picture or model was asked for: the last counts.
    reserved : int
        Bytes of a picture that is on its way in.
    lock : asyncio.Lock
        Held by whoever changes its picture or its job.
    changed : asyncio.Event
        There is something to send.
    """

    token: str
    model: str
    name: str = ""
    example: bool = False
    thumbnail: bytes = b""
    run: Run | None = None
    job: Job | None = None
    seen: float = field(default_factory=time.monotonic)
    certain: bool = False
    sockets: int = 0
    left: bool = False
    chosen: int = 0
    reserved: int = 0
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def held(self) -> int:
        """Bytes of its picture, or of the one that takes its place."""
        return max(self.reserved, 0 if self.picture is None else self.picture.nbytes)

    def choose(self) -> int:
        """Count a choice of another picture or model; return its number."""
        self.chosen += 1
        return self.chosen

    def show(self, name: str, run: Run, thumbnail: bytes, *, example: bool) -> None:
        """Take another picture; what belonged to the last one goes."""
        self.drop_job()
        self.name, self.thumbnail, self.example = name, thumbnail, example
        self.run = replace(run, image=name)

    @property
    def picture(self) -> NDArray[np.uint8] | None:
        """The picture, uint8 of shape (H, W, 3)."""
        return None if self.run is None else picture_of(self.run)

    def drop_job(self) -> None:
        """Stop the job, if there is one, and forget it."""
        if self.job is not None:
            self.job.stop()
        self.job = None

    def waker(self) -> Callable[[], None]:
        """Return a function that wakes the page's socket from any thread."""
        return waker(self.changed)


def waker(event: asyncio.Event) -> Callable[[], None]:
    """Return a function that sets an event of the loop at work from any thread."""
    loop = asyncio.get_running_loop()

    def wake() -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(event.set)

    return wake


class Sessions:
    """All pages, by token.

    Parameters
    ----------
    limit : int, default 64
    held : int, default 512 MiB
        Bytes of all their pictures.
    """

    def __init__(self, limit: int = MAX_SESSIONS, held: int = MAX_HELD) -> None:
        self._all: dict[str, Session] = {}
        self._limit, self._held = limit, held

    def new(self, model: str) -> Session:
        """Make a session; the one gone for longest makes room where there is none.

        Raises
        ------
        Crowded
            Every session has a page.
        """
        if len(self._all) >= self._limit and not self._evict():
            raise Crowded(f"{self._limit} pages are open already; close one and load this again")
        session = Session(secrets.token_urlsafe(24), model)
        self._all[session.token] = session
        return session

    def get(self, token: str) -> Session | None:
        """Return a session, or None where there is none (any more)."""
        session = self._all.get(token)
        if session is not None:
            session.seen = time.monotonic()
        return session

    @contextlib.contextmanager
    def admitted(self, session: Session, size: int) -> Iterator[None]:
        """Make room for a picture of so many bytes in place of the session's own.

        It counts from here on, so that many pictures that wait for the model take no more than
        many that are shown.

        Raises
        ------
        Crowded
            The pages that are open hold too much already.
        """
        while sum(other.held for other in self._all.values()) - session.held + size > self._held:
            if not self._evict(session):
                raise Crowded(
                    "too many large pictures are open; close a page, or use a smaller one"
                )
        session.reserved = size
        try:
            yield
        finally:
            session.reserved = 0

    def sweep(self) -> None:
        """Stop the jobs of pages that went away, and in the end forget these."""
        now = time.monotonic()
        for session in list(self._all.values()):
            away = 0.0 if session.sockets else now - session.seen
            if away > PATIENCE and session.job is not None and not session.job.finished:
                session.job.stop()
            if away > (PATIENCE if session.left else MEMORY):
                self._forget(session)

    def _evict(self, but: Session | None = None) -> bool:
        gone = [other for other in self._all.values() if not other.sockets and other is not but]
        if gone:
            self._forget(min(gone, key=lambda one: one.seen))
        return bool(gone)

    def _forget(self, session: Session) -> None:
        session.drop_job()
        session.run = None
        del self._all[session.token]
