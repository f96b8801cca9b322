"""The way to a server and back: requests at once, and again where they fail."""

from __future__ import annotations

import functools
import itertools
import json
import queue
import random
import threading
import time
import weakref
from concurrent.futures import FIRST_EXCEPTION, Future, wait
from typing import TYPE_CHECKING, Any

import numpy as np

from unmask.errors import MissingExtra, ModelError, ModelOutputError, SettingError
from unmask.models.server.protocol import DTYPES, Tensor, decode, encode

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from unmask.models.server.connection import Answer, Connection


__all__ = ["Wire"]


# An answer of 500 is most often the model's own fault, which no patience heals.
TRIES_AT_500 = 3
FIRST_WAIT, LONGEST_WAIT = 0.1, 5.0
TICK = 0.25  # seconds between two looks at the clock
# Bytes of metadata; of a number written out in an answer; beside the numbers; of an answer whose
# size nobody has said, which is that for the whole input; and of any.
METADATA, DIGITS, HEAD, FIRST, MOST = 2**20, 32, 2**20, 2**24, 2**28


class Wire:
    """The connections to a server: a batch in, its outputs back, whatever happens between."""

    def __init__(
        self, address: str, concurrency: int, timeout: float, headers: dict[str, str]
    ) -> None:
        try:
            import httpx  # noqa: F401 - what a connection is made of
        except ImportError:
            raise MissingExtra("httpx", "server") from None
        from unmask.models.server.connection import Connection, Failed

        self.address, self.failed = address, Failed
        try:
            connections = [Connection(timeout, headers, _context()) for _ in range(concurrency)]
        except (AttributeError, TypeError, ValueError) as error:
            raise SettingError(f"headers: expected names and values to send ({error})") from error
        self.connections, self.tick = connections, min(TICK, timeout / 4)
        self.work: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self.numbers = itertools.count()
        self.each: int | None = None
        for connection in connections:
            # Daemons: at Ctrl-C nobody waits for a server that does not answer.
            threading.Thread(
                target=_worker, args=(self.work, connection), daemon=True, name="unmask-server"
            ).start()
        weakref.finalize(self, _close, self.work, concurrency)

    def metadata(self, address: str) -> dict[str, Any]:
        """Ask once, without trying again: an error at the start is reported at once."""
        try:
            answer = self._watched([self._put(_get, address)])[0]
        except self.failed as error:
            raise ModelError(
                f"no server answers at {address}: {error}. Is it running, and is this its HTTP "
                "port?"
            ) from error
        if answer.status == 404 and address == self.address:
            raise ModelError(f"the server has no model at {address}: {_reason(answer)}")
        if answer.status == 404:
            return {}  # the server's own metadata is optional
        if not answer.is_success:
            raise ModelError(f"{address} answers {answer.status}: {_reason(answer)}")
        try:
            content = json.loads(answer.content)
        except (ValueError, RecursionError):
            content = None
        if not isinstance(content, dict):
            raise ModelError(
                f"{address} does not answer with metadata of the Open Inference Protocol"
            )
        return content

    def prepare(
        self,
        entry: Tensor,
        output: str | None,
        *,
        binary: bool,
        patience: float,
        fixed: int | None,
        flat: bool,
        numbers: int | None,
    ) -> None:
        """Say what is to be sent, before the first batch.

        Parameters
        ----------
        entry : Tensor
            The model's input.
        output : str or None
            The output to read; None for the first.
        binary : bool
            Whether the server takes tensors as bytes.
        patience : float
            Seconds that a failing request is tried again.
        fixed : int or None
            The one batch size that the model takes; None takes any.
        flat : bool
            Whether the model takes rows of flattened pixels.
        numbers : int or None
            How many the output has for each input, where that is known.
        """
        self.each = None if numbers is None else numbers * DIGITS
        self.entry, self.output, self.binary = entry, output, binary
        self.patience, self.fixed, self.flat = patience, fixed, flat

    def __call__(self, batch: NDArray[np.float32]) -> NDArray[Any]:
        """Score a batch, in as many requests at once as are allowed.

        Returns
        -------
        ndarray, shape (n, ...)
            In the batch's order, however often a part of it was sent.

        Raises
        ------
        ModelError
            The server refuses, or fails for longer than patience lasts.
        ModelOutputError
            An answer that does not follow the protocol.
        """
        n = len(batch)
        step = self.fixed or -(-n // len(self.connections))
        stop = threading.Event()
        futures = [self._put(self._part, batch[i : i + step], stop) for i in range(0, n, step)]
        try:
            return np.concatenate(self._watched(futures))
        finally:
            # After a failure, and at Ctrl-C: nothing more is sent, and nobody waits to try again.
            stop.set()

    def _put(self, function: Callable[..., Any], *given: Any) -> Future[Any]:
        """Let one of the connections' threads call ``function(connection, *given)``."""
        future: Future[Any] = Future()
        self.work.put((future, function, *given))
        return future

    def _watched(self, futures: Sequence[Future[Any]]) -> list[Any]:
        """Wait for all, and meanwhile end requests whose time is over."""
        try:
            left = set(futures)
            while left:
                done, left = wait(left, self.tick, FIRST_EXCEPTION)
                for future in done:
                    future.result()  # raises what went wrong, rather than what was given up for it
                for connection in self.connections:
                    connection.expire()
            return [future.result() for future in futures]
        finally:
            for future in futures:
                future.cancel()
            if not all(future.done() for future in futures):
                for connection in self.connections:
                    connection.cut()

    def _part(
        self, connection: Connection, part: NDArray[np.float32], stop: threading.Event
    ) -> NDArray[Any]:
        n = len(part)
        if self.fixed is not None and n < self.fixed:
            part = part[np.minimum(np.arange(self.fixed), n - 1)]
        dtype = np.dtype(DTYPES[self.entry.datatype])
        if dtype.kind in "iu":
            # The model's own type leaves no choice; rounding beats cutting off.
            limits = np.iinfo(dtype)
            part = np.clip(np.rint(part), limits.min, limits.max)
        values = part.astype(dtype)
        if self.flat:
            values = values.reshape(len(values), -1)
        number = f"unmask-{next(self.numbers)}"
        body, headers = encode(values, self.entry, self.output, number, binary=self.binary)
        answer = self._asked(connection, body, headers, len(values), stop)
        output = decode(answer.content, answer.headers, self.output, number)
        if output.ndim == 0 or len(output) != len(values):
            raise ModelOutputError(
                f"the server returned an array of shape {output.shape} for a batch of {len(values)}"
            )
        # The first answer's size says that of all; in JSON, numbers have more digits or fewer.
        self.each = self.each or 4 * len(answer.content) // len(values) + 1
        return output[:n]

    def _most(self, n: int) -> int:
        """Bytes that an answer for n inputs may have."""
        return min(MOST, FIRST if self.each is None else HEAD + n * self.each)

    def _asked(
        self,
        connection: Connection,
        body: bytes,
        headers: dict[str, str],
        n: int,
        stop: threading.Event,
    ) -> Answer:
        """Send a request until it is answered, refused, or patience ends."""
        address, most = f"{self.address}/infer", self._most(n)
        began: float | None = None
        for attempt in itertools.count(1):
            answer, fault = None, ""
            if stop.is_set():
                break
            try:
                answer = connection.ask("POST", address, most, body, headers)
            except self.failed as error:
                fault = str(error)
            else:
                if answer.is_success:
                    return answer
                fault = f"{answer.status}: {_reason(answer)}"
                if answer.status != 429 and answer.status < 500:
                    raise ModelError(f"the server refuses {address} with {fault}")
            began = began or time.monotonic()
            waited = time.monotonic() - began
            own_fault = answer is not None and answer.status == 500
            if waited >= self.patience or (own_fault and attempt >= TRIES_AT_500):
                raise ModelError(
                    f"{address} failed {attempt} times in {waited:.0f} s, last with {fault}"
                )
            pause = min(LONGEST_WAIT, FIRST_WAIT * 2 ** (attempt - 1))
            # At random, so that the requests in flight do not all come back at once.
            pause = min(random.uniform(pause / 2, pause), self.patience - waited)
            if stop.wait(max(pause, _retry_after(answer))):
                break
        raise ModelError("another request of this batch failed")


@functools.cache
def _context() -> ssl.SSLContext:
    import httpx

    context: ssl.SSLContext = httpx.create_ssl_context()  # takes longer than a request
    return context


def _get(connection: Connection, address: str) -> Answer:
    return connection.ask("GET", address, METADATA)


def _worker(work: queue.SimpleQueue[Any], connection: Connection) -> None:
    while (job := work.get()) is not None:
        _done(connection, *job)
        del job  # a model that is let go is not held here
    connection.close()


def _done(
    connection: Connection, future: Future[Any], function: Callable[..., Any], *given: Any
) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        future.set_result(function(connection, *given))
    except BaseException as error:  # it belongs to whoever waits
        future.set_exception(error)


def _close(work: queue.SimpleQueue[Any], workers: int) -> None:
    for _ in range(workers):
        work.put(None)


def _reason(answer: Answer) -> str:
    """Return what a refusal says, in a line."""
    try:
        text = json.loads(answer.content)["error"]
    except (ValueError, KeyError, TypeError, RecursionError):
        text = answer.content[:1000].decode(errors="replace") or "no reason given"
    return " ".join(str(text)[:1000].split())[:300]


def _retry_after(answer: Answer | None) -> float:
    """Return the seconds that a server asks to wait, up to the longest wait."""
    text = "" if answer is None else answer.headers.get("Retry-After", "")
    return min(float(text[:9]), LONGEST_WAIT) if text.isdecimal() else 0.0
