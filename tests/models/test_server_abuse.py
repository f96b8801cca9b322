"""Inference servers that never stop, drip, boast or lie: errors in words, soon, in little space."""

import contextlib
import json
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import zlib

import numpy as np
import pytest

import unmask
from helpers.v2_server import Server
from unmask.errors import ModelError, ModelOutputError, SettingError, UnmaskError

pytest.importorskip("httpx")

from unmask.models.server import protocol

H, W = 6, 10
VALUES = np.random.default_rng(1).normal(size=(3, H, W)).astype(np.float32)
METADATA = {
    "name": "linear",
    "inputs": [{"name": "image", "datatype": "FP32", "shape": [-1, 3, H, W]}],
    "outputs": [{"name": "scores", "datatype": "FP32", "shape": [-1, 4]}],
}


class Wild:
    """A server that answers inference by a function of its own, on the bare socket."""

    def __init__(self, wild, metadata=METADATA, at="POST"):
        self.wild, self.metadata, self.at = wild, metadata, at
        self.ending = threading.Event()

    def __enter__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self.accept, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}/v2/models/linear"
        return self

    def __exit__(self, *_):
        self.ending.set()
        self.listener.close()

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                one, _ = self.listener.accept()
                threading.Thread(target=self.serve, args=(one,), daemon=True).start()

    def serve(self, one):
        with one, contextlib.suppress(OSError):
            while head := self.request(one):
                if head.startswith(self.at.encode()):
                    self.wild(self, one)
                    return
                body = json.dumps(self.metadata if b"/models/" in head else {}).encode()
                one.sendall(answered(body))

    @staticmethod
    def request(one):
        data = b""
        while b"\r\n\r\n" not in data:
            if not (part := one.recv(2**16)):
                return b""
            data += part
        head, _, rest = data.partition(b"\r\n\r\n")
        length = re.search(rb"(?i)content-length: (\d+)", head)
        while length and len(rest) < int(length[1]):
            rest += one.recv(2**16)
        return head


def answered(body, **headers):
    named = {"Content-Length": len(body), **{k.replace("_", "-"): v for k, v in headers.items()}}
    lines = "".join(f"{name}: {value}\r\n" for name, value in named.items())
    return f"HTTP/1.1 200 OK\r\n{lines}\r\n".encode() + body


# --- what a server may do with its socket


def silent(server, _):
    server.ending.wait(60)


def dripping_head(server, one):
    for letter in b"HTTP/1.1 200 OK\r\nX: " + b"x" * 10_000:
        one.sendall(bytes([letter]))
        server.ending.wait(0.02)


def dripping_body(server, one):
    one.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n{")
    while not server.ending.wait(0.02):
        one.sendall(b" ")


def never_ready(server, one):
    while not server.ending.wait(0.001):
        one.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")


LATE = [silent, dripping_head, dripping_body, never_ready]


def endless(server, one):
    one.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while not server.ending.is_set():
        one.sendall(b"10000\r\n" + b" " * 2**16 + b"\r\n")


def boasting(_, one):
    one.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999\r\n\r\n{")


def bomb(_, one):
    packer = zlib.compressobj(9, wbits=31)
    body = b"".join([*(packer.compress(bytes(2**20)) for _ in range(64)), packer.flush()])
    one.sendall(answered(body, Content_Encoding="gzip"))


@pytest.mark.slow
@pytest.mark.parametrize("wild", LATE)
def test_the_timeout_is_for_the_whole_answer(wild):
    with Wild(wild) as server:
        model = unmask.load(server.url, preprocess="raw", timeout=0.4, patience=0.5)
        begun = time.monotonic()
        with pytest.raises(ModelError, match=r"failed \d times in .*no whole answer within 0.4 s"):
            unmask.explain(model, VALUES, 0, masks=64, grid=2)
        assert time.monotonic() - begun < 5


@pytest.mark.slow
@pytest.mark.parametrize("wild", LATE)
def test_metadata_comes_in_time_too(wild):
    with Wild(wild, at="GET") as server:
        begun = time.monotonic()
        with pytest.raises(ModelError, match=r"no server answers at .*no whole answer within 0.4"):
            unmask.load(server.url, timeout=0.4)
        assert time.monotonic() - begun < 5


@pytest.mark.slow
@pytest.mark.parametrize("at", ["GET", "POST"])
@pytest.mark.parametrize(
    ("wild", "words"),
    [
        (endless, "the server's answer has more, and at most"),
        (boasting, "the server's answer has 99,999,999,999,999 bytes, and at most"),
        (bomb, "compressed .'gzip'., which was not asked for"),
    ],
)
def test_answers_are_bounded_before_they_are_read(wild, words, at, more_memory):
    with Wild(wild, at=at) as server:
        with pytest.raises(ModelOutputError, match=words):
            unmask.predict(unmask.load(server.url, preprocess="raw"), VALUES)
        # Kilobytes; the most that metadata of four classes allows is little over one megabyte.
        assert more_memory() < 50


def test_a_refusal_that_never_ends_is_cut():
    def refusing(server, one):
        one.sendall(b"HTTP/1.1 400 No\r\nTransfer-Encoding: chunked\r\n\r\n")
        while not server.ending.is_set():
            one.sendall(b"10000\r\n" + b"no " * 2**14 + b"    " * 2**12 + b"\r\n")

    with Wild(refusing) as server, pytest.raises(ModelError, match=r"refuses .* with 400: no no"):
        unmask.predict(unmask.load(server.url, preprocess="raw"), VALUES)


@pytest.mark.slow
@pytest.mark.parametrize("wild", [silent, dripping_body, endless])
@pytest.mark.parametrize("at", ["GET", "POST"])
def test_control_c_ends_within_two_seconds(wild, at):
    program = (
        "import sys, numpy, unmask\n"
        f"values = numpy.zeros((3, {H}, {W}), numpy.float32)\n"
        "print('go', flush=True)\n"
        "model = unmask.load(sys.argv[1], preprocess='raw', timeout=50)\n"
        "unmask.predict(model, values)\n"
    )
    with Wild(wild, at=at) as server:
        server.metadata = {**METADATA, "outputs": []}
        command = [sys.executable, "-c", program, server.url]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            process.stdout.readline()
            time.sleep(1)
            if process.poll() is None:  # what never stops was cut already
                process.send_signal(signal.SIGINT)
            begun = time.monotonic()
            said = process.communicate(timeout=30)[1].decode()
            assert time.monotonic() - begun < 2
    assert re.search(r"KeyboardInterrupt|at most [\d,]+ bytes are read", said), said


@pytest.mark.slow
def test_what_was_scored_before_control_c_is_kept():
    weights = np.random.default_rng(0).normal(size=(3 * H * W, 4))
    with Server(weights, (-1, 3, H, W)) as server:
        model = unmask.load(server.url, preprocess="raw", timeout=30, concurrency=2)
        main = threading.main_thread().ident
        run = unmask.prepare(model, VALUES, 0, masks=512, grid=2, batch_size=64)
        for estimate in unmask.stream(run):
            if estimate.count == 128:
                server.seconds = 20
                threading.Timer(0.5, signal.pthread_kill, [main, signal.SIGINT]).start()
            last = estimate
            begun = time.monotonic()
            if estimate.count == 128:
                break
        with pytest.raises(KeyboardInterrupt):
            next(unmask.stream(run, last))
        assert time.monotonic() - begun < 2.5
        server.seconds = 0
        # The same model goes on, on new connections.
        assert run.explanation(last).masks == 128
        (*_, more) = unmask.stream(run, last)
        assert more.count == 512


# --- what a server may say of itself

ANY = [
    None, True, 0, -1, 1e400, -7.5, "", "x", "\x1b[31mred", "9" * 400, [], {}, [None], [[]],
    {"a": 1}, [1, 2], ["a"] * 3000, [{}], [{"name": 1}], [{"name": "a", "shape": "abc"}], 10**30,
    [{"name": "a", "datatype": None, "shape": [1, 3, 4, 5]}],
    [{"name": "image", "datatype": "FP32", "shape": [-1, 3, 40_000, 40_000]}],
    [{"name": "image", "datatype": "FP32", "shape": [10**9, 3, 6, 10]}],
    [{"name": "image", "datatype": "FP32", "shape": [-1, 10**9]}],
    [{"name": "image", "datatype": "FP32", "shape": [10**400, 3, 6, 10]}],
    [{"name": "image", "datatype": "FP32", "shape": [True, 3, 6, 10]}],
    [{"name": "image", "datatype": "FP32", "shape": [1e3, 3, 6, 10]}],
    [{"name": "image", "datatype": "FP32", "shape": [-1] * 40}],
    [{"name": "image", "datatype": "FP32", "shape": {"a": 1}}],
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("field", ["inputs", "outputs"])
def test_metadata_of_any_shape_gives_a_message(field):
    with Wild(silent) as server:
        for value in ANY:
            server.metadata = {**METADATA, field: value}
            for options in ({}, {"size": (H, W)}, {"input": "image", "size": (H, W)}):
                said = ""
                try:
                    unmask.load(server.url, preprocess="raw", concurrency=1, **options)
                except UnmaskError as error:
                    said = str(error)
                assert len(said) < 700
                assert "\x1b" not in said


@pytest.mark.slow
@pytest.mark.parametrize("value", ANY, ids=range(len(ANY)))
def test_a_server_of_any_kind_gives_a_message(value):
    with Wild(silent) as server:
        server.metadata = value
        with pytest.raises(ModelError):
            unmask.load(server.url, preprocess="raw")
    with Server(np.zeros((180, 4)), (-1, 3, H, W)) as server:
        server.metadata |= {"name": value, "versions": value, "platform": value}
        assert unmask.load(server.url, preprocess="raw").name == "linear"


def test_too_large_an_input_is_said_before_it_is_made():
    with Wild(silent) as server:
        server.metadata = {**METADATA, "inputs": ANY[-8]}
        with pytest.raises(ModelError, match=r"input would have 4,800,000,000 numbers .*at most"):
            unmask.load(server.url, preprocess="raw")


@pytest.mark.parametrize(
    "options",
    [
        {"timeout": True}, {"timeout": "5"}, {"timeout": 0}, {"timeout": np.nan},
        {"timeout": np.inf}, {"patience": True}, {"patience": [5]}, {"concurrency": 0},
        {"concurrency": True}, {"concurrency": 10**9}, {"size": (6.5, 10)}, {"size": (True, 10)},
        {"headers": {"a": "b\nc: d"}}, {"headers": {"é": "é"}}, {"headers": {"a": 5}},
    ],
    ids=str,
)  # fmt: skip
def test_options_that_are_none(options):
    with Wild(silent) as server, pytest.raises((SettingError, ModelError)) as error:
        unmask.load(server.url, preprocess="raw", **options)
    assert next(iter(options)) in str(error.value) or "no server answers" in str(error.value)


# --- what an answer may hold


def mutated(rng, value, depth=0):
    """Change something, somewhere, in a JSON value."""
    if rng.random() < 0.15 or depth > 6 or value in ([], {}):
        return ANY[rng.integers(0, len(ANY))]
    if isinstance(value, dict):
        key = list(value)[rng.integers(0, len(value))]
        changed = {**value, key: mutated(rng, value[key], depth + 1)}
        if rng.random() < 0.2:
            del changed[key]
        return changed
    if isinstance(value, list):
        at = rng.integers(0, len(value))
        return [*value[:at], mutated(rng, value[at], depth + 1), *value[at + 1 :]]
    return ANY[rng.integers(0, len(ANY))]


@pytest.mark.slow
def test_any_answer_gives_scores_or_a_message():
    rng = np.random.default_rng(16)
    raw = np.arange(8, dtype="<f4").tobytes()
    plain = {"name": "scores", "datatype": "FP32", "shape": [2, 4], "data": list(range(8))}
    binary = {"name": "scores", "datatype": "FP32", "shape": [2, 4]}
    binary["parameters"] = {"binary_data_size": len(raw)}
    read = 0
    for number in range(6000):
        tensor = (plain, binary)[number % 2]
        answer = {"id": "7", "model_name": "linear", "outputs": [tensor]}
        head = json.dumps(mutated(rng, answer) if rng.random() < 0.8 else answer).encode()
        length = ANY[rng.integers(0, 10)] if rng.random() < 0.1 else len(head)
        body = bytearray(head + raw * (number % 2))
        for _ in range(rng.integers(0, 3)):
            body[rng.integers(0, len(body))] = rng.integers(0, 256)
        if rng.random() < 0.1:
            del body[rng.integers(0, len(body)) :]
        headers = {protocol.HEADER_LENGTH: str(length)} if number % 2 else {}
        with contextlib.suppress(ModelOutputError, ModelError):
            values = protocol.decode(bytes(body), headers, "scores", "7")
            assert values.dtype.kind in "fiub"
            read += 1
    assert read > 100
    with pytest.raises(ModelOutputError, match="does not follow"):
        protocol.decode(b'{"outputs":' * 50_000, {}, None, "7")
