"""A small server of the Open Inference Protocol, from the standard library alone.

It runs a real model, a linear softmax in NumPy, speaks JSON and binary tensors, and fails at
planned moments: by request number, "drop" closes the connection after the request was read, a
number is answered as that status.
"""

import json
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np

TYPES = {"FP32": "<f4", "FP64": "<f8", "UINT8": "u1", "FP16": "<f2"}


class Server:
    """``with Server(...) as server:`` serves `weights` as model "linear" at `server.url`."""

    def __init__(self, weights, shape, *, binary=True, datatype="FP32", faults=(), **about):
        self.weights = weights
        self.binary, self.faults = binary, dict(faults)
        self.metadata = {
            "name": "linear",
            "versions": ["1"],
            "platform": "numpy",
            "inputs": [{"name": "image", "datatype": datatype, "shape": list(shape)}],
            "outputs": [{"name": "scores", "datatype": "FP32", "shape": [-1, weights.shape[1]]}],
        } | about
        self.lock = threading.Lock()
        self.requests, self.answered, self.in_flight, self.most = 0, [], 0, 0
        self.wire = []
        self.seconds = 0.0

    def __enter__(self):
        handler = type("Handler", (Handler,), {"model": self})
        self.http = Quiet(("127.0.0.1", 0), handler)
        self.http.daemon_threads = True
        self.thread = threading.Thread(target=self.http.serve_forever, args=(0.01,))
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.http.shutdown()
        self.http.server_close()
        self.thread.join()

    @property
    def host(self):
        return f"http://127.0.0.1:{self.http.server_port}"

    @property
    def url(self):
        return f"{self.host}/v2/models/linear"

    def scores(self, batch):
        logits = batch.reshape(len(batch), -1).astype(np.float64) @ self.weights
        exponent = np.exp(logits - logits.max(axis=1, keepdims=True))
        return (exponent / exponent.sum(axis=1, keepdims=True)).astype(np.float32)


class Quiet(ThreadingHTTPServer):
    """A client that hangs up, as some tests do, is no error to be printed beside other tests."""

    def handle_error(self, request, client_address):
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_):
        pass

    def do_GET(self):
        model = self.model
        if self.path in ("/v2/models/linear", "/v2/models/linear/versions/1"):
            self.answer(200, model.metadata)
        elif self.path == "/v2":
            extensions = ["binary_tensor_data"] if model.binary else []
            self.answer(200, {"name": "small", "version": "0.1", "extensions": extensions})
        elif self.path == "/v2/models/page":
            self.send(200, b"<html>", {})
        else:
            self.answer(404, {"error": f"no model at {self.path}"})

    def do_POST(self):
        model = self.model
        body = self.rfile.read(int(self.headers["Content-Length"]))
        with model.lock:
            number, model.requests = model.requests, model.requests + 1
            model.in_flight += 1
            model.most = max(model.most, model.in_flight)
        try:
            time.sleep(model.seconds)
            fault = model.faults.get(number)
            if fault == "drop":
                self.close_connection = True
            elif fault is not None:
                self.answer(fault, {"error": "planned\nto fail"})
            else:
                self.infer(body)
        finally:
            with model.lock:
                model.in_flight -= 1

    def infer(self, body):
        model = self.model
        length = self.headers.get("Inference-Header-Content-Length")
        head = json.loads(body if length is None else body[: int(length)])
        (entry,) = head["inputs"]
        declared = model.metadata["inputs"][0] if model.metadata["inputs"] else {"name": "image"}
        dtype = TYPES[entry["datatype"]]
        if length is None:
            values = np.array(entry["data"], dtype)
        else:
            assert model.binary
            raw = body[int(length) :]
            assert entry["parameters"]["binary_data_size"] == len(raw)
            values = np.frombuffer(raw, dtype)
        batch = values.reshape(entry["shape"])
        if entry["name"] != declared["name"] or batch[0].size != len(model.weights):
            self.answer(400, {"error": f"expected {declared['name']}, got {entry['shape']}"})
            return
        scores = model.scores(batch)
        with model.lock:
            model.answered.append(len(batch))
            model.wire.append("json" if length is None else "binary")
        output = {"name": "scores", "datatype": "FP32", "shape": list(scores.shape)}
        answer = {"model_name": "linear", "id": head["id"], "outputs": [output]}
        if not head.get("parameters", {}).get("binary_data_output"):
            output["data"] = scores.ravel().tolist()
            self.answer(200, answer)
            return
        raw = scores.astype("<f4").tobytes()
        output["parameters"] = {"binary_data_size": len(raw)}
        first = json.dumps(answer).encode()
        self.send(200, first + raw, {"Inference-Header-Content-Length": str(len(first))})

    def answer(self, status, content):
        self.send(status, json.dumps(content).encode(), {"Content-Type": "application/json"})

    def send(self, status, body, headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
