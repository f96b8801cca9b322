"""The way to a server and back: requests at once, and again where they fail."""

from __future__ import annotations

import itertools
import random
import threading
import time
import weakref
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, Any

import numpy as np

from unmask.errors import MissingExtra, ModelError, ModelOutputError
from unmask.models.protocol import DTYPES, Tensor, decode, encode

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Wire"]

# An answer of 500 is most often the model's own fault, which no patience heals.
TRIES_AT_500 = 3
FIRST_WAIT, LONGEST_WAIT = 0.1, 5.0
CONNECT = 10.0


class Wire:
    """The connections to a server: a batch in, its outputs back, whatever happens between."""

    def __init__(
        self, address: str, concurrency: int, timeout: float, headers: dict[str, str]
    ) -> None:
        try:
            import httpx
        except ImportError:
            raise MissingExtra("httpx", "server") from None
        self.address, self.concurrency = address, concurrency
        self.transport_errors = (httpx.TransportError, httpx.InvalidURL)
        self.client = httpx.Client(
            headers=headers,
            timeout=httpx.Timeout(timeout, connect=min(timeout, CONNECT)),
            limits=httpx.Limits(max_connections=concurrency),
        )
        self.pool = ThreadPoolExecutor(concurrency, thread_name_prefix="unmask-server")
        self.numbers = itertools.count()
        weakref.finalize(self, _close, self.client, self.pool)

    def metadata(self, address: str) -> dict[str, Any]:
        """Ask once, without patience: whoever starts a run wants to know at once."""
        try:
            answer = self.client.get(address)
        except self.transport_errors as error:
            raise ModelError(
                f"no server answers at {address}: {type(error).__name__}: {error}. Is it running, "
                "and is this its HTTP port?"
            ) from error
        if answer.status_code == 404 and address == self.address:
            raise ModelError(f"the server has no model at {address}: {_reason(answer)}")
        if answer.status_code == 404:
            return {}  # the server's own metadata is optional
        if not answer.is_success:
            raise ModelError(f"{address} answers {answer.status_code}: {_reason(answer)}")
        try:
            content = answer.json()
        except ValueError:
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
        """
        self.entry, self.output, self.binary = entry, output, binary
        self.patience, self.fixed, self.flat = patience, fixed, flat

    def __call__(self, batch: NDArray[np.float32]) -> NDArray[Any]:
        """Score a batch, in as many requests at once as are allowed.

        Returns
        -------
        ndarray, shape (n, ...)
            In the batch's order, however often a part of it had to be sent.

        Raises
        ------
        ModelError
            The server refuses, or fails for longer than patience lasts.
        ModelOutputError
            An answer that does not follow the protocol.
        """
        n = len(batch)
        step = self.fixed or -(-n // self.concurrency)
        stop = threading.Event()
        futures = [
            self.pool.submit(self._part, batch[i : i + step], stop) for i in range(0, n, step)
        ]
        try:
            done, _ = wait(futures, return_when=FIRST_EXCEPTION)
            for future in done:
                future.result()  # raises what went wrong, rather than what was given up for it
            return np.concatenate([future.result() for future in futures])
        finally:
            # After a failure, and at Ctrl-C: nothing more is sent, and nobody waits to try again.
            stop.set()
            for future in futures:
                future.cancel()

    def _part(self, part: NDArray[np.float32], stop: threading.Event) -> NDArray[Any]:
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
        answer = self._asked(body, headers, stop)
        output = decode(answer.content, answer.headers, self.output, number)
        if output.ndim == 0 or len(output) != len(values):
            raise ModelOutputError(
                f"the server returned an array of shape {output.shape} for a batch of {len(values)}"
            )
        return output[:n]

    def _asked(self, body: bytes, headers: dict[str, str], stop: threading.Event) -> Any:
        """Send a request until it is answered, refused, or patience ends."""
        began: float | None = None
        for attempt in itertools.count(1):
            answer, fault = None, ""
            try:
                answer = self.client.post(f"{self.address}/infer", content=body, headers=headers)
            except self.transport_errors as error:
                fault = f"{type(error).__name__}: {error}"
            else:
                if answer.is_success:
                    return answer
                fault = f"{answer.status_code}: {_reason(answer)}"
                if answer.status_code != 429 and answer.status_code < 500:
                    raise ModelError(f"the server refuses {self.address}/infer with {fault}")
            began = began or time.monotonic()
            waited = time.monotonic() - began
            own_fault = answer is not None and answer.status_code == 500
            if waited >= self.patience or (own_fault and attempt >= TRIES_AT_500):
                raise ModelError(
                    f"{self.address}/infer failed {attempt} times in {waited:.0f} s, last with "
                    f"{fault}"
                )
            pause = min(LONGEST_WAIT, FIRST_WAIT * 2 ** (attempt - 1))
            # At random, so that the requests in flight do not all come back at once.
            pause = min(random.uniform(pause / 2, pause), self.patience - waited)
            if stop.wait(max(pause, _retry_after(answer))):
                break
        raise ModelError("another request of this batch failed")


def _close(client: Any, pool: ThreadPoolExecutor) -> None:
    pool.shutdown(wait=False, cancel_futures=True)
    client.close()


def _reason(answer: Any) -> str:
    """Return what a refusal says, in a line."""
    try:
        text = answer.json()["error"]
    except (ValueError, KeyError, TypeError):
        text = answer.text or answer.reason_phrase
    return " ".join(str(text).split())[:300]


def _retry_after(answer: Any) -> float:
    """Return the seconds that a server asks to wait, up to the longest wait."""
    text = "" if answer is None else answer.headers.get("Retry-After", "")
    return min(float(text), LONGEST_WAIT) if text.isdecimal() else 0.0
