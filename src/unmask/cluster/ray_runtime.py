"""Ray: a connection, and what it says when it is lost."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import socket
import threading
from typing import TYPE_CHECKING, Any

from unmask.errors import MissingExtra, SettingError

if TYPE_CHECKING:
    from collections.abc import Iterator


__all__ = ["connected", "died", "require"]

# Of this machine's memory; tasks are small, so little is ever in there.
OBJECT_STORE = 256 * 2**20


def require() -> Any:
    """Import Ray, or say which extra it needs."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    # A driver that is told to end shows no stack of C++.
    os.environ.setdefault("RAY_DISABLE_FAILURE_SIGNAL_HANDLER", "1")
    try:
        import pyarrow  # noqa: F401
        import ray
        import ray.data
    except ImportError as error:
        raise MissingExtra("ray", "cluster") from error
    return ray


def died() -> tuple[type[BaseException], ...]:
    """Return the errors that mean that a worker or its machine is gone."""
    from ray import exceptions

    return (
        exceptions.RayActorError,
        exceptions.WorkerCrashedError,
        exceptions.NodeDiedError,
        exceptions.ObjectLostError,
        exceptions.OutOfMemoryError,
    )


@contextlib.contextmanager
def connected(address: str | None) -> Iterator[None]:
    """Use the Ray there is, that at `address`, or one of our own that ends with us."""
    ray = require()
    if ray.is_initialized():
        there = str(ray.get_runtime_context().gcs_address)
        if address not in (None, "auto", "local", there) and "://" not in str(address):
            raise SettingError(
                f"no Ray cluster at {address} for this process, which is connected to that at "
                f"{there}: leave the address out, or call ray.shutdown() first"
            )
        yield
        return
    _reachable(address)
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
    told = signal.getsignal(signal.SIGTERM)
    alone = threading.current_thread() is threading.main_thread() and told is not None
    try:
        if address is None:
            # Not whatever cluster happens to run here: that one is --ray auto.
            ray.init(
                address="local",
                include_dashboard=False,
                object_store_memory=OBJECT_STORE,
                **quiet,
            )
        else:
            ray.init(address=address, **quiet)
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise SettingError(f"no Ray cluster at {address!r}: {error}") from error
    if alone and callable(told):
        signal.signal(signal.SIGTERM, told)  # Ray took it for itself
    try:
        yield
    finally:
        ray.shutdown()
        if alone:
            signal.signal(signal.SIGTERM, told)


def _reachable(address: str | None) -> None:
    """Fail at once where nothing listens: Ray itself tries for two minutes."""
    host, _, port = (address or "").rpartition(":")
    if not host or "//" in host or not port.isdecimal():
        return
    try:
        socket.create_connection((host, int(port)), timeout=10).close()
    except OSError as error:
        raise SettingError(f"no Ray cluster at {address}: {error.strerror or error}") from error
