"""A connection to a server that may do anything: answers come whole and in time, or not at all."""

from __future__ import annotations

import contextlib
import math
import socket
import time
from typing import TYPE_CHECKING, Any, NamedTuple

import httpx

from unmask.errors import ModelOutputError

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping


__all__ = ["Answer", "Connection", "Failed"]


CONNECT = 10.0  # seconds
REFUSAL = 2**16  # bytes of an answer that is no success: a reason is read, no more


class Failed(Exception):  # noqa: N818 - what happened, in a sentence
    """There is no answer, and why; another try may succeed."""


class Answer(NamedTuple):
    """What a server said.

    Attributes
    ----------
    status : int
    headers : mapping of str to str
        Names in any case.
    content : bytes
    """

    status: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def is_success(self) -> bool:
        """Whether the status is 200 to 299."""
        return 200 <= self.status < 300


class Connection:
    """A client for one request at a time.

    A timeout of a socket is for each of its reads: a server that sends a byte a second keeps within
    any. So somebody else has to call `expire` now and then, which shuts the socket when the time is
    over, and with it ends whatever waits for it.

    Parameters
    ----------
    timeout : float
        Seconds for a whole answer, from the request on.
    headers : mapping of str to str
        Sent along.
    context : ssl.SSLContext

    Raises
    ------
    ValueError, TypeError
        Headers that cannot be sent.
    """

    def __init__(self, timeout: float, headers: Mapping[str, str], context: ssl.SSLContext) -> None:
        self.timeout = timeout
        # What is not compressed needs no guess at how much it becomes.
        plain = {"Accept-Encoding": "identity", **headers}
        self.client = httpx.Client(
            headers=plain,
            timeout=httpx.Timeout(timeout, connect=min(timeout, CONNECT)),
            limits=httpx.Limits(max_connections=1),
            verify=context,
        )
        self._socket: Any = None
        self._late = self._given_up = False
        self._end = math.inf  # when the request at work has to be answered

    def ask(
        self,
        method: str,
        address: str,
        limit: int,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send a request, and read its answer.

        Parameters
        ----------
        method, address : str
        limit : int
            Bytes that the answer has at most.
        content, headers : optional
            Of the request.

        Raises
        ------
        Failed
            No connection, no whole answer in time, or one that breaks off.
        ModelOutputError
            An answer that is too large, or compressed though that was not asked for.
        """
        self._late = self._given_up = False
        self._end = time.monotonic() + self.timeout
        try:
            with self.client.stream(
                method, address, content=content, headers=headers, extensions={"trace": self._trace}
            ) as answer:
                body = _read(answer, limit)
            if not self._late:
                return Answer(answer.status_code, answer.headers, body)
            raise self._too_late()
        except httpx.TimeoutException as error:
            connected = not isinstance(error, httpx.ConnectTimeout | httpx.PoolTimeout)
            raise (self._too_late() if connected else Failed("no connection in time")) from error
        except (httpx.TransportError, httpx.InvalidURL, UnicodeError) as error:
            fault = Failed(f"{type(error).__name__}: {error}")
            raise (self._too_late() if self._late else fault) from error
        finally:
            self._end = math.inf

    def expire(self) -> None:
        """End the request that is at work if its time is over, from another thread; it fails."""
        if time.monotonic() > self._end:
            self._late = True
            self._shut()

    def cut(self) -> None:
        """End the request that is at work, from another thread; it fails."""
        if self._end < math.inf:
            self._given_up = True
            self._shut()

    def close(self) -> None:
        """Close the connection."""
        self.client.close()

    def _too_late(self) -> Failed:
        return Failed(f"no whole answer within {self.timeout:g} s")

    def _shut(self) -> None:
        if self._socket is not None:
            # Not the method of an encrypted socket, which would send a closing message first.
            with contextlib.suppress(OSError):
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)

    def _trace(self, event: str, info: Mapping[str, Any]) -> None:
        stream = info.get("return_value")
        if event.endswith(("connect_tcp.complete", "start_tls.complete")):
            self._socket = stream.get_extra_info("socket") if stream is not None else None
            if self._late or self._given_up:  # while it connected
                self._shut()


def _read(answer: httpx.Response, limit: int) -> bytes:
    success = answer.is_success
    coding = answer.headers.get("Content-Encoding", "identity").lower()
    if success and coding != "identity":
        raise ModelOutputError(
            f"the server's answer is compressed ({coding[:40]!r}), which was not asked for"
        )
    most = limit if success else REFUSAL
    length = answer.headers.get("Content-Length", "")
    if success and length.isdecimal() and int(length[:20]) > most:
        raise _too_large(most, f"{int(length[:20]):,} bytes")
    parts, size = [], 0
    for part in answer.iter_raw():
        parts.append(part)
        size += len(part)
        if size > most:
            if success:
                raise _too_large(most, "more")
            break
    return b"".join(parts)[:most]


def _too_large(most: int, size: str) -> ModelOutputError:
    return ModelOutputError(
        f"the server's answer has {size}, and at most {most:,} bytes are read: its outputs are not "
        "what its metadata or its first answer said, or larger than scores are"
    )
