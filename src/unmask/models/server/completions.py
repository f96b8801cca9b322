"""The way to a server of completions and back: at once, again where it fails, in a budget.

HTTP by the standard library. A request that meets a full or failing server (429, 5xx), a dropped
connection or a timeout is sent again, with waits that double and vary at random; what was answered
is never asked again, and each answer is put where its request belongs.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import queue
import random
import threading
import time
import weakref
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from unmask.errors import ModelError, ModelOutputError, SettingError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Refused", "Wire", "in_parts"]

FIRST_WAIT, LONGEST_WAIT = 0.1, 10.0
AGAIN = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})
MOST = 2**26  # bytes of an answer
REASON = 300  # characters of a server's own words
LETTERS = 4  # of a token, about, where a server does not count them


class Refused(ModelError):  # noqa: N818 - what happened
    """The server says that a request is not for it; `status` is what it answered."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class _Failed(Exception):  # noqa: N818 - what happened, in a sentence
    """There is no answer; another try may succeed."""

    def __init__(self, reason: str, wait: float = 0.0) -> None:
        super().__init__(reason)
        self.wait = wait


class Wire:
    """The connections to a server.

    Parameters
    ----------
    address : str
        ``http://host:port/v1``, below which ``/completions`` is.
    key : str
        Name of the environment variable that holds the key; it may be unset.
    concurrency : int
        Requests at once.
    timeout : float
        Seconds without a byte.
    patience : float
        Seconds, from its first failure, that a request is tried again.
    budget : int or None
        Tokens that may be sent and written in all.

    Attributes
    ----------
    calls, tokens : int
        What was answered so far: prompts, and tokens as the server counted them.
    """

    def __init__(
        self,
        address: str,
        key: str,
        *,
        concurrency: int,
        timeout: float,
        patience: float,
        budget: int | None,
    ) -> None:
        parts = urlsplit(address)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise SettingError(
                f"base_url={address!r}: expected the address of a server, such as "
                "http://localhost:8000/v1"
            )
        self.address, self.key = address.rstrip("/"), key
        self.host, self.port, self.path = parts.hostname, parts.port, parts.path.rstrip("/")
        secure = parts.scheme == "https"
        self.kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
        self.concurrency, self.timeout, self.patience = concurrency, timeout, patience
        self.budget, self.calls, self.tokens = budget, 0, 0
        self._promised = 0  # tokens of requests that are on their way
        self._lock = threading.Lock()
        self._idle: queue.SimpleQueue[http.client.HTTPConnection] = queue.SimpleQueue()
        weakref.finalize(self, _close, self._idle)

    def ask(self, requests: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """Send requests, so many at once as are allowed; return their answers in order.

        Raises
        ------
        Refused
            The server says that a request is not for it.
        ModelError
            It fails for longer than patience lasts, or the budget is spent.
        """
        if len(requests) == 1:
            return [self._patiently(requests[0], threading.Event())]
        stop = threading.Event()
        pool = ThreadPoolExecutor(min(self.concurrency, len(requests)), "unmask-completions")
        try:
            return list(pool.map(lambda one: self._patiently(one, stop), requests))
        finally:
            stop.set()
            pool.shutdown(wait=False, cancel_futures=True)

    def _patiently(self, request: dict[str, Any], stop: threading.Event) -> dict[str, Any]:
        """Send a request until it is answered."""
        wait, until = FIRST_WAIT, 0.0
        expected = self._promise(request)
        try:
            while True:
                try:
                    answer = self._once(request)
                    self._count(request, answer, expected)
                    return answer
                except _Failed as failure:
                    now = time.monotonic()
                    until = until or now + self.patience
                    pause = max(wait * random.uniform(0.5, 1.0), failure.wait)
                    if now + pause > until or stop.wait(pause):
                        raise ModelError(
                            f"{self.address} gives no answer ({failure}), tried again for "
                            f"{self.patience:g} s; patience= waits longer, concurrency= asks less "
                            "at once"
                        ) from failure
                    wait = min(2 * wait, LONGEST_WAIT)
        finally:
            with self._lock:
                self._promised -= expected

    def _promise(self, request: dict[str, Any]) -> int:
        """Set tokens of the budget aside for a request."""
        prompts = request["prompt"]
        expected = sum(len(one) // LETTERS + int(request["max_tokens"]) for one in prompts)
        with self._lock:
            spent = self.tokens + self._promised
            if self.budget is not None and spent + expected > self.budget:
                raise ModelError(
                    f"the budget of {self.budget:,} tokens is spent: {self.tokens:,} were used "
                    f"in {self.calls:,} calls, and the next take about {expected:,}. budget= gives "
                    "more"
                )
            self._promised += expected
        return expected

    def _count(self, request: dict[str, Any], answer: dict[str, Any], expected: int) -> None:
        usage = answer.get("usage")
        total = usage.get("total_tokens") if isinstance(usage, dict) else None
        with self._lock:
            self.calls += len(request["prompt"])
            self.tokens += total if isinstance(total, int) else expected

    def _once(self, request: dict[str, Any]) -> dict[str, Any]:
        """Send a request once; a connection that was answered is kept for the next."""
        try:
            connection = self._idle.get_nowait()
        except queue.Empty:
            connection = self.kind(self.host, self.port, timeout=self.timeout)
        secret = os.environ.get(self.key, "")
        headers = {"Content-Type": "application/json", "Accept-Encoding": "identity"}
        if secret:
            headers["Authorization"] = f"Bearer {secret}"
        try:
            body = json.dumps(request).encode()
            connection.request("POST", f"{self.path}/completions", body, headers)
            answer = connection.getresponse()
            content = answer.read(MOST + 1)
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            raise _Failed(f"{type(error).__name__}: {error}") from error
        if len(content) > MOST:
            connection.close()
            raise ModelOutputError(f"an answer of {self.address} has more than {MOST:,} bytes")
        self._idle.put(connection)
        if answer.status in AGAIN and not _for_good(content):
            raise _Failed(f"{answer.status}: {_reason(content, secret)}", _later(answer))
        if answer.status != 200:
            said = _reason(content, secret)
            raise Refused(f"{self.address} answers {answer.status}: {said}", answer.status)
        return _read(content, self.address)


def _close(idle: queue.SimpleQueue[http.client.HTTPConnection]) -> None:
    with contextlib.suppress(queue.Empty):
        while True:
            idle.get_nowait().close()


def _later(answer: http.client.HTTPResponse) -> float:
    """Return the seconds after which a server wants to be asked again."""
    with contextlib.suppress(ValueError):
        return min(max(float(answer.headers.get("Retry-After", 0)), 0.0), 60.0)
    return 0.0


def _for_good(content: bytes) -> bool:
    """Whether a server that says that it failed means that it never will do this."""
    return b"echo" in content


def _reason(content: bytes, secret: str) -> str:
    """Return what a server says of a failure, without the key."""
    said = content[: 4 * REASON].decode("utf-8", "replace")
    with contextlib.suppress(ValueError, TypeError, AttributeError):
        found = json.loads(content)
        error = found.get("error", found.get("message"))
        said = str(error.get("message") if isinstance(error, dict) else error or said)
    said = " ".join(said.split())[:REASON] or "no reason given"
    return said.replace(secret, "…") if secret else said


def _read(content: bytes, address: str) -> dict[str, Any]:
    try:
        found = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise _Failed("an answer that breaks off, or is no JSON") from error
    if not isinstance(found, dict) or not isinstance(found.get("choices"), list):
        raise ModelOutputError(
            f"{address} answers without choices: is this a server of completions, and its /v1?"
        )
    return found


def in_parts(count: int, parts: int, most: int = 16) -> list[slice]:
    """Return where a batch is cut into requests.

    Examples
    --------
    >>> [(part.start, part.stop) for part in in_parts(10, 4)]
    [(0, 3), (3, 6), (6, 9), (9, 10)]
    """
    size = max(1, min(most, -(-count // parts)))
    return [slice(first, min(first + size, count)) for first in range(0, count, size)]
