"""The web application over real sockets, from people who mean no good: all others are served."""

import asyncio
import contextlib
import json
import os
import re
import resource
import runpy
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

import unmask
from helpers.places import ROOT
from unmask.inputs import encoding

httpx = pytest.importorskip("httpx")
pytest.importorskip("starlette")
pytest.importorskip("uvicorn")
client = pytest.importorskip("websockets.sync.client")

from unmask.app import bodies, connections  # noqa: E402
from unmask.app.bodies import Bodies  # noqa: E402
from unmask.app.server import _bound as bound  # noqa: E402
from unmask.app.server import build  # noqa: E402

PICTURE = encoding.png(np.random.default_rng(0).integers(0, 255, (30, 50, 3), np.uint8))


@contextlib.contextmanager
def served(app=None):
    """A server in a thread of this process, at an address."""
    with bound("127.0.0.1", 0) as listener:
        running = connections.server(app or build())
        thread = threading.Thread(target=running.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            running.should_exit = True
            thread.join()


def opened(port, data=b""):
    one = socket.create_connection(("127.0.0.1", port), timeout=20)
    try:
        one.sendall(data)
    except OSError:
        one.close()
        raise
    return one


def head(path, port, method="GET", **headers):
    named = {"Host": f"127.0.0.1:{port}", **{k.replace("_", "-"): v for k, v in headers.items()}}
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in named.items())]
    return "\r\n".join([*lines, "", ""]).encode()


def is_closed(one):
    """Whether the other side closed a connection; it may take a while."""
    try:
        return one.recv(1) == b""
    except ConnectionError:
        return True


def use_a_page(port):
    """All that a page does: load, picture, explain, look, download."""
    address = f"http://127.0.0.1:{port}"
    with httpx.Client(base_url=address, timeout=60) as http:
        for path in ("/", "/app.js", "/app.css", "/api/about"):
            assert http.get(path).status_code == 200
        own = f"/api/session/{http.post('/api/sessions').json()['token']}"
        assert http.put(f"{own}/picture", content=PICTURE).status_code == 200
        with client.connect(address.replace("http", "ws") + f"{own}/live") as live:
            wish = {"settings": {"masks": 32}}
            assert http.post(f"{own}/explain", json=wish).status_code == 202
            for message in live:
                text = message
                if isinstance(message, bytes):
                    text = message[4 : 4 + struct.unpack("<I", message[:4])[0]]
                if json.loads(text)["state"] == "done":
                    break
        assert http.get(f"{own}/download/npz").status_code == 200


@pytest.mark.slow
def test_pages_beside_idle_sockets_are_all_served():
    idle, pages = 400, 20
    with served() as port, contextlib.ExitStack() as stack:
        for number in range(idle):
            # Silent ones, and ones that stop within a request's head.
            stack.enter_context(opened(port, b"GET / HTTP/1.1\r\nHost: " * (number % 2)))
        done = []

        def one():
            use_a_page(port)
            done.append(1)

        threads = [threading.Thread(target=one) for _ in range(pages)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(done) == pages


@pytest.mark.slow
def test_a_socket_that_asks_nothing_is_closed(monkeypatch):
    monkeypatch.setattr(connections, "IDLE", 0.3)
    monkeypatch.setattr(connections, "LOOK", 0.1)
    with served() as port:
        # Also one that begins, one that drips, and one that was answered and then drips.
        silent, begun, answered = (opened(port) for _ in range(3))
        begun.sendall(b"GET / HTTP/1.1\r\nHo")
        answered.sendall(head("/icon.svg", port))
        assert answered.recv(15) == b"HTTP/1.1 200 OK"
        dripping = opened(port)
        with contextlib.suppress(ConnectionError):
            for letter in b"GET / HTTP/1.1\r\nHost: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa":
                dripping.sendall(bytes([letter]))
                time.sleep(0.03)
        for one in (silent, begun, dripping):
            with one:
                assert is_closed(one)
        with answered:
            answered.sendall(b"GET")
            while answered.recv(2**16):
                pass


@pytest.mark.slow
def test_an_answer_that_nobody_takes_is_dropped(monkeypatch):
    monkeypatch.setattr(connections, "STALLED", 0.5)
    monkeypatch.setattr(connections, "LOOK", 0.1)

    async def large(scope, _, send):
        if scope["type"] == "http":
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": bytes(64 * 2**20)})

    with served(large) as port, opened(port, head("/", port)) as one:
        time.sleep(1.5)
        assert sum(iter(lambda: len(one.recv(2**20)), 0)) < 32 * 2**20


@pytest.mark.slow
def test_what_is_open_is_bounded_and_the_longest_idle_goes_first(monkeypatch):
    monkeypatch.setattr(connections, "most_connections", lambda: 12)
    with served() as port, contextlib.ExitStack() as stack:
        address = f"http://127.0.0.1:{port}"
        own = f"/api/session/{httpx.post(f'{address}/api/sessions').json()['token']}"
        body = json.dumps({"name": "street"}).encode()
        asked = head(f"{own}/example", port, "POST", Content_Length=str(len(body)))
        busy = stack.enter_context(opened(port, asked + body[:5]))
        idle = [stack.enter_context(opened(port)) for _ in range(30)]
        assert httpx.get(f"{address}/icon.svg").status_code == 200
        assert is_closed(idle[0])
        idle[-1].sendall(head("/icon.svg", port))
        assert idle[-1].recv(15) == b"HTTP/1.1 200 OK"
        busy.sendall(body[5:])
        assert busy.recv(15) == b"HTTP/1.1 200 OK"


# --- uploads that do not end


def unfinished(port, own, size, sent):
    return opened(port, head(f"{own}/picture", port, "PUT", Content_Length=str(size)) + bytes(sent))


@pytest.mark.slow
def test_uploads_that_stop_are_given_up(monkeypatch):
    monkeypatch.setattr(bodies, "STALLED", 0.3)
    with served() as port:
        address = f"http://127.0.0.1:{port}"
        own = f"/api/session/{httpx.post(f'{address}/api/sessions').json()['token']}"
        with unfinished(port, own, 10**6, 10**5) as one:
            # The same page goes on meanwhile: its newest picture is what counts.
            assert httpx.put(f"{address}{own}/picture", content=PICTURE).status_code == 200
            answer = b""
            while part := one.recv(2**16):
                answer += part
            assert answer.startswith(b"HTTP/1.1 408 ")
            assert b"send it again" in answer
        assert httpx.post(f"{address}{own}/class", json={"text": "0"}).status_code == 200


@pytest.mark.slow
def test_uploads_that_drip_are_given_up(monkeypatch):
    monkeypatch.setattr(bodies, "WHOLE", 0.5)
    with served() as port:
        token = httpx.post(f"http://127.0.0.1:{port}/api/sessions").json()["token"]
        with unfinished(port, f"/api/session/{token}", 10**6, 10) as one:
            begun = time.monotonic()
            with contextlib.suppress(ConnectionError):
                while time.monotonic() - begun < 10:
                    one.sendall(b"x")
                    time.sleep(0.02)
            assert time.monotonic() - begun < 10


def test_uploads_at_once_are_bounded_in_bytes():
    class Request:
        def __init__(self, *parts, then=None):
            self.parts, self.then = parts, then

        async def stream(self):
            for part in self.parts:
                yield part
            if self.then is not None:
                await self.then.wait()

    async def tried():
        held = Bodies(most=1000)
        go = asyncio.Event()

        async def stopped():
            async with held.received(Request(bytes(400), bytes(300), then=go), 900) as data:
                return len(data)

        first = asyncio.create_task(stopped())
        await asyncio.sleep(0)
        await asyncio.sleep(0.01)
        assert held.held == 700
        async with held.received(Request(bytes(300)), 900):
            assert held.held == 1000
        with pytest.raises(unmask.UnmaskError, match="try again"):
            async with held.received(Request(bytes(200), bytes(200), bytes(9)), 900):
                pass
        assert held.held == 700  # what did not fit counts no longer
        go.set()
        assert await first == 700
        with pytest.raises(unmask.ImageError, match="smaller"):
            async with held.received(Request(bytes(600), bytes(600)), 900):
                pass
        assert held.held == 0

    asyncio.run(tried())


# --- a process of its own: what it logs, its descriptors, its memory


@contextlib.contextmanager
def command(*words, files=None):
    """`unmask app` as it is started by hand, with so many descriptors at most."""

    def limited():
        if files is not None:
            resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))

    call = [sys.executable, "-u", "-m", "unmask", "app", "--port", "0", *words]
    process = subprocess.Popen(
        call, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=limited
    )
    try:
        line = process.stdout.readline()
        yield process, int(re.search(r":(\d+)/", line)[1]), line
    finally:
        process.send_signal(signal.SIGINT)
        said = process.communicate(timeout=30)[1]
        process.said = said.replace("Interrupted: there is nothing more to save.\n", "")


def megabytes(process):
    text = Path(f"/proc/{process.pid}/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+)", text)[1]) / 1000


def seconds(process):
    """Of processor time."""
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@pytest.mark.slow
def test_out_of_descriptors_it_waits_and_recovers():
    with command(files=100) as (process, port, _):
        idle = []
        for _ in range(300):
            with contextlib.suppress(OSError):
                idle.append(opened(port))
        before = seconds(process)
        time.sleep(1.5)
        assert seconds(process) - before < 1.0
        for one in idle:
            one.close()
        assert httpx.get(f"http://127.0.0.1:{port}/icon.svg", timeout=20).status_code == 200
    assert process.said.count("\n") <= 1


@pytest.mark.slow
def test_strangers_leave_no_trace_in_the_log():
    noise = np.random.default_rng(0)
    with command() as (process, port, _):
        token = httpx.post(f"http://127.0.0.1:{port}/api/sessions").json()["token"]
        own = f"/api/session/{token}"
        for path in (f"{own}/picture", f"{own}/explain", f"{own}/class"):
            with unfinished(port, path.removesuffix("/picture"), 1000, 10):
                pass
            with opened(port, head(path, port, "POST", Content_Length="99") + b"{"):
                pass
        with unfinished(port, own, 10**6, 10**5):
            pass
        upgrade = {
            "Connection": "Upgrade", "Upgrade": "websocket", "Sec_WebSocket_Version": "13",
            "Sec_WebSocket_Key": "MDEyMzQ1Njc4OWFiY2RlZg==",
        }  # fmt: skip
        frames = [
            b"\x81\x84\0\0\0\0\xff\xfe\xfd\xfc",  # no UTF-8
            b"\x81\x82\0\0\0\0\xed\xa0",
            b"\xff\xff" + bytes(20),  # no frame
            b"\x81\x05hello",  # not masked
            b"\x82\xff\x7f" + b"\xff" * 7 + bytes(4),  # huge
            b"\x01\x80\0\0\0\0" * 50 + b"\x09\x80\0\0\0\0",  # never ends
            b"\x88\x82\0\0\0\0\x00\x00",  # closes with no such code
        ]
        for frame in frames:
            with opened(port, head(f"{own}/live", port, **upgrade)) as live:
                assert live.recv(12) == b"HTTP/1.1 101"
                live.sendall(frame)
                time.sleep(0.02)
        for change in (
            {"Upgrade": "h2c"}, {"Sec_WebSocket_Key": "x"}, {"Sec_WebSocket_Version": "8"},
            {"Origin": "http://["}, {"Host": "evil"}, {"Host": "["}, {"Connection": "close"},
        ):  # fmt: skip
            with opened(port, head(f"{own}/live", port, **upgrade | change)) as one:
                answer = one.recv(2**16).decode("latin-1").lower()
                assert re.match(r"http/1.1 4\d\d", answer), answer
                assert "content-security-policy" in answer
        for data in (b"\x16\x03\x01", b"\0" * 99, b"GET http://[/ HTTP/9", noise.bytes(999)):
            with opened(port, data + b"\r\n\r\n") as one:
                assert b"400 Bad" in (answer := one.recv(2**16))
                assert b"Content-Security-Policy" in answer
        assert httpx.get(f"http://127.0.0.1:{port}/icon.svg").status_code == 200
    assert process.said == ""


@pytest.mark.slow
def test_forty_uploads_that_stop_take_little_memory():
    with command() as (process, port, _), contextlib.ExitStack() as stack:
        address = f"http://127.0.0.1:{port}"
        before = megabytes(process)
        for _ in range(40):
            token = httpx.post(f"{address}/api/sessions").json()["token"]
            own = f"/api/session/{token}"
            with contextlib.suppress(OSError):
                stack.enter_context(unfinished(port, own, 20 * 10**6, 19 * 10**6))
        assert httpx.get(f"{address}/icon.svg", timeout=20).status_code == 200
        # 128 MiB of bodies in all, and what sockets hold.
        assert megabytes(process) - before < 300
    assert process.said == ""


@pytest.mark.slow
def test_the_command_warns_where_others_can_reach_it():
    with command("--host", "0.0.0.0") as (process, port, line):
        link = re.search(rf"http://\S+:{port}/([\w-]{{32}})/", line)
        assert link
        assert httpx.get(link[0]).status_code == 200
        assert httpx.get(f"http://127.0.0.1:{port}/{link[1]}/").status_code == 200
        assert httpx.get(f"http://127.0.0.1:{port}/").status_code == 403
    assert "Whoever has the link can use the model" in process.said
    with command("--host", "127.0.0.2") as (process, port, line):
        assert re.search(r"http://127.0.0.2:\d+/ ", line)
        assert httpx.get(f"http://127.0.0.2:{port}/").status_code == 200
    assert process.said == ""


# --- messages: whatever a page sends


@pytest.fixture(scope="module")
def page():
    from starlette.testclient import TestClient

    with TestClient(build(), raise_server_exceptions=False) as http:
        host = {"host": "127.0.0.1:8808"}
        own = f"/api/session/{http.post('/api/sessions', headers=host).json()['token']}"
        http.post(f"{own}/example", json={"name": "street"}, headers=host)
        yield lambda path, **more: http.post(f"{own}/{path}", headers=host, **more)


DEEP = 100_000
LONG = "🦊" * 15_000


@pytest.mark.slow
@pytest.mark.parametrize(
    "body",
    [
        b"[" * DEEP, b'{"a":' * 10_000, b'{"text": "\\ud800"}', b'{"targets": ["\\udfff"]}',
        b'{"settings": {"\\ud800": 1}}', b'{"settings": {"keep": NaN}}', b'{"text": Infinity}',
        b'{"settings": {"masks": ' + b"9" * 5000 + b"}}", b'{"settings": {"keep": 1e999}}',
        b"\xff\xfe", b"\xef\xbb\xbf{}x", b"\0", b'{"text": "' + b"a" * 60_000 + b'"}',
        json.dumps({"targets": ["1"] * 9000}).encode(),
        json.dumps({"targets": [LONG]}).encode(),
        json.dumps({"settings": {LONG: 1}}).encode(),
        json.dumps({"settings": {"fill": LONG}}).encode(),
        json.dumps({"settings": {"masks": [LONG] * 2}}).encode()[:60_000],
    ],
    ids=range(18),
)  # fmt: skip
@pytest.mark.parametrize("path", ["class", "code", "explain", "more"])
def test_messages_that_are_too_long_too_deep_or_no_text(page, path, body):
    begun = time.monotonic()
    answer = page(path, content=body)
    # What is sent beside what is asked for is not looked at.
    beside = b'"text": "a' in body and path in ("code", "explain")
    assert answer.status_code in ((200, 202) if beside else (400, 409)), answer.text
    assert beside or len(answer.json()["error"]) < 500
    assert time.monotonic() - begun < 5


@pytest.mark.slow
def test_any_message_gets_an_answer_in_words(page):
    value = runpy.run_path(str(ROOT / "benchmarks" / "odd_json.py"))["value"]
    rng = np.random.default_rng(16)
    paths = ["class", "code", "explain", "more", "stop", "model", "example"]
    for _ in range(800):
        body = json.dumps(value(rng)).encode()
        if rng.random() < 0.3:
            at = rng.integers(0, len(body))
            body = body[:at] + rng.bytes(2) + body[at + 2 :]
        answer = page(paths[rng.integers(0, len(paths))], content=body)
        assert answer.status_code < 500, (body, answer.text)
        json.loads(answer.content)
