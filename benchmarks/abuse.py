"""Abuse for longer than tests may take: messages to the page, answers of servers, many at once.

Each part says how many it tried, and ends with 1 where anything but an answer in words came. The
page runs as its own process; its memory and what it logs are looked at.
"""

from __future__ import annotations

import contextlib
import json
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import numpy as np
from common import parser, start, verdict
from odd_json import value

import unmask
from unmask.errors import ModelError, ModelOutputError
from unmask.models.server import protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

PATHS = ("class", "code", "explain", "more", "stop", "model", "example")
MEGABYTES, SECONDS = 2000.0, 60.0  # the bars


def broken(rng: np.random.Generator, body: bytes) -> bytes:
    """Change a few bytes, cut, or repeat."""
    data = bytearray(body)
    for _ in range(rng.integers(0, 4)):
        data[rng.integers(0, len(data))] = rng.integers(0, 256)
    if rng.random() < 0.1:
        del data[rng.integers(0, len(data)) :]
    return bytes(data) * int(rng.choice([1, 1, 1, 1, 40]))


@contextlib.contextmanager
def page(log: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Start `unmask app`; its process and address."""
    command = [sys.executable, "-u", "-m", "unmask", "app", "--port", "0"]
    with (
        log.open("w") as errors,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True) as process,
    ):
        assert process.stdout is not None
        found = re.search(r"http://\S+", process.stdout.readline())
        assert found is not None
        try:
            yield process, found[0]
        finally:
            process.send_signal(signal.SIGINT)


def memory(process: subprocess.Popen[str]) -> float:
    """Most megabytes that a process has held."""
    text = Path(f"/proc/{process.pid}/status").read_text()
    return int(re.findall(r"VmHWM:\s+(\d+)", text)[0]) / 1000


def messages(address: str, rng: np.random.Generator, count: int) -> tuple[int, float]:
    """Return how many messages were not answered in words, and the longest time of one."""
    wrong, slowest = 0, 0.0
    with httpx.Client(base_url=address, timeout=SECONDS) as client:
        own = f"api/session/{client.post('api/sessions').json()['token']}"
        client.post(f"{own}/example", json={"name": "street"})
        for _ in range(count):
            body = broken(rng, json.dumps(value(rng)).encode())
            begun = time.perf_counter()
            answer = client.post(f"{own}/{PATHS[rng.integers(0, len(PATHS))]}", content=body)
            slowest = max(slowest, time.perf_counter() - begun)
            if answer.status_code >= 500 or (
                answer.is_error and len(answer.json()["error"]) > 1000
            ):
                wrong += 1
                print(f"  {answer.status_code} for {body[:200]!r}")
    return wrong, slowest


def answers(rng: np.random.Generator, count: int) -> int:
    """Return how many answers of a server ended in anything but scores or a message."""
    raw, wrong = np.arange(8, dtype="<f4").tobytes(), 0
    for number in range(count):
        tensor: dict[str, Any] = {"name": "scores", "datatype": "FP32", "shape": [2, 4]}
        if number % 2:
            tensor["parameters"] = {"binary_data_size": len(raw)}
        else:
            tensor["data"] = list(range(8))
        answer: dict[str, Any] = {"id": "7", "outputs": [tensor]}
        where = [answer, tensor, tensor.setdefault("parameters", {})][rng.integers(0, 3)]
        if where:
            where[list(where)[rng.integers(0, len(where))]] = value(rng)
        head = json.dumps(answer).encode()
        headers = {protocol.HEADER_LENGTH: str(len(head))} if number % 2 else {}
        try:
            protocol.decode(broken(rng, head + raw * (number % 2)), headers, "scores", "7")
        except (ModelError, ModelOutputError):
            pass
        except Exception as error:
            wrong += 1
            print(f"  {type(error).__name__}: {error}")
    return wrong


def crowd(address: str, pages: int, idle: int) -> int:
    """Return how many of so many pages at once, beside idle sockets, were not served."""
    host, port = re.findall(r"//([^:/]+):(\d+)", address)[0]
    picture = unmask.demo.pictures()["street"].read_bytes()
    served: list[int] = []

    def one() -> None:
        with httpx.Client(base_url=address, timeout=120) as client:
            own = f"api/session/{client.post('api/sessions').json()['token']}"
            client.put(f"{own}/picture", content=picture).raise_for_status()
            wish = {"settings": {"masks": 512}}
            client.post(f"{own}/explain", json=wish).raise_for_status()
            while client.get(f"{own}/download/npz").is_error:
                time.sleep(0.2)
            client.post(f"{own}/stop").raise_for_status()
            served.append(1)

    with contextlib.ExitStack() as stack:
        for number in range(idle):
            sleeper = stack.enter_context(socket.create_connection((host, int(port))))
            sleeper.sendall(b"GET / HTTP/1.1\r\nHost: " * (number % 2))
        threads = [threading.Thread(target=one) for _ in range(pages)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    return pages - len(served)


def main() -> int:
    """Try, and compare with the bars."""
    flags = parser(__doc__)
    flags.add_argument("--seed", type=int, default=0)
    flags.add_argument("--messages", type=int, default=10_000)
    flags.add_argument("--answers", type=int, default=100_000)
    flags.add_argument("--pages", type=int, default=40)
    flags.add_argument("--idle", type=int, default=400)
    arguments = flags.parse_args()
    start(arguments)
    rng = np.random.default_rng(arguments.seed)
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        with page(log) as (process, address):
            wrong, slowest = messages(address, rng, arguments.messages)
            begun = time.perf_counter()
            left = crowd(address, arguments.pages, arguments.idle)
            print(f"{arguments.pages} pages in {time.perf_counter() - begun:.1f} s")
            most = memory(process)
        said = log.read_text().replace("Interrupted: there is nothing more to save.\n", "")
    bad = answers(rng, arguments.answers)
    results = [
        verdict("messages without an answer in words", wrong, 0, "{:.0f}".format, True),
        verdict("the slowest of them", slowest, SECONDS, "{:.2f} s".format, True),
        verdict("pages that were not served", left, 0, "{:.0f}".format, True),
        verdict("memory of the page", most, MEGABYTES, "{:.0f} MB".format, True),
        verdict("lines in its log", said.count("\n"), 0, "{:.0f}".format, True),
        verdict("answers of a server without a message", bad, 0, "{:.0f}".format, True),
    ]
    return int(not all(results))


if __name__ == "__main__":
    sys.exit(main())
