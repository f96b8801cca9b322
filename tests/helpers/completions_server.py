"""A server of completions on loopback, which may be as bad as servers are."""

import contextlib
import json
import re
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np

from helpers.answer_models import SHARP, WORDS


class Copies:
    """Says what it has read, word by word: 4 for each time that a word was there."""

    def pieces(self, text):
        return re.findall(r" ?\S+|\s", text)

    def likely(self, text):
        said = text.split()
        logits = SHARP * np.array([float(said.count(word)) for word in WORDS])
        logs = logits - np.log(np.exp(logits).sum())
        return {f" {word}": float(value) for word, value in zip(WORDS, logs, strict=True)}

    def scores(self, text):
        pieces, before, found = self.pieces(text), "", []
        for piece in pieces:
            likely = self.likely(before)
            found.append(likely.get(f" {piece.strip()}", -30.0) if before else None)
            before += piece
        return pieces, found


class Tokens:
    """A language model of unmask's own, as a server would have it."""

    def __init__(self, network):
        self.network = network

    def scores(self, text):
        net = self.network
        ids = net.encode(text)
        values = net.scores([ids[:1]], ids[1:-1], list(enumerate(ids[1:])))[0]
        pieces, before = [], ""
        start = len(net.decode(ids[:1])) + 1  # and the blank that it puts in front
        for end in range(2, len(ids) + 1):
            now = net.decode(ids[:end])[start:]
            pieces.append(now[len(before) :])
            before = now
        return pieces, values.tolist()

    def likely(self, text):
        raise NotImplementedError


@contextlib.contextmanager
def serving(model=None, fault=None, echo=True, key=None):
    """Serve completions; yield an object with `url`, `prompts` that were answered, `requests`.

    `fault` is called with the number of a request, and returns None or one of: "drop", "slow",
    "broken", an HTTP status, or a function that changes the answer.
    """
    model = model or Copies()
    state = type("Served", (), {"prompts": [], "requests": 0, "seen": [], "together": 0})()
    lock, working = threading.Lock(), [0]

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_):
            pass

        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            with lock:
                number, state.requests = state.requests, state.requests + 1
                working[0] += 1
                state.together = max(state.together, working[0])
                state.seen.append((self.path, self.headers.get("Authorization")))
            try:
                self.answer(body, fault(number) if fault else None)
            finally:
                with lock:
                    working[0] -= 1

        def answer(self, body, wrong):
            if key is not None and self.headers.get("Authorization") != f"Bearer {key}":
                return self.send(401, {"error": {"message": f"wrong key, not {key}"}})
            if wrong == "drop":
                self.connection.shutdown(socket.SHUT_RDWR)
                self.close_connection = True
                return None
            if wrong == "slow":
                time.sleep(0.5)
            if isinstance(wrong, int):
                return self.send(wrong, {"error": {"message": "too much at once"}})
            if body.get("echo") and not echo:
                return self.send(400, {"error": {"message": "Only no echo is supported"}})
            made = [self.choice(n, prompt, body) for n, prompt in enumerate(body["prompt"])]
            tokens = sum(len(prompt.split()) for prompt in body["prompt"])
            usage = {"total_tokens": tokens + len(made) * body["max_tokens"]}
            answer = {"choices": made[::-1], "usage": usage}
            if callable(wrong):
                answer = wrong(answer)
            with lock:
                state.prompts += body["prompt"]
            return self.send(200, answer, short=wrong == "broken")

        def choice(self, number, prompt, body):
            text = prompt
            written = ""
            for _ in range(body["max_tokens"]):
                likely = model.likely(text) if hasattr(model, "pieces") else {" ": 0.0}
                token = max(likely, key=likely.get)
                written, text = written + token, text + token
            said = {"index": number, "text": written, "finish_reason": "length"}
            if not body.get("logprobs"):
                return said
            if body.get("echo"):
                tokens, values = model.scores(prompt)
                said["text"] = prompt + written
                offsets = np.cumsum([0, *map(len, tokens)])[:-1].tolist()
                said["logprobs"] = {
                    "tokens": [*tokens, written],
                    "token_logprobs": [*values, -1.0],
                    "text_offset": [*offsets, len(prompt)],
                }
                return said
            likely = model.likely(prompt)
            best = dict(sorted(likely.items(), key=lambda one: -one[1])[: body["logprobs"]])
            said["logprobs"] = {"tokens": [written], "top_logprobs": [best]}
            return said

        def send(self, status, content, short=False):
            data = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data[: len(data) // 2] if short else data)
            if short:
                self.close_connection = True

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(
        target=server.serve_forever, daemon=True, kwargs={"poll_interval": 0.02}
    )
    thread.start()
    state.url = f"http://127.0.0.1:{server.server_address[1]}/v1"
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
