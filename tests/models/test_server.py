"""Models on a server: what travels, what is tried again, and that every mask counts once."""

import gc
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import venv
from pathlib import Path

import numpy as np
import pytest

import unmask
from helpers.v2_server import Server
from unmask.errors import MissingExtra, ModelError, SettingError, UnmaskWarning

pytest.importorskip("httpx")

H, W = 6, 10
SHAPE = (-1, 3, H, W)


@pytest.fixture
def weights():
    return np.random.default_rng(0).normal(size=(3 * H * W, 4))


@pytest.fixture
def values():
    return np.random.default_rng(1).normal(size=(3, H, W)).astype(np.float32)


@pytest.fixture(autouse=True, scope="module")
def frameworks_are_left_out():
    """What other tests have imported is not gone through at the end of each test."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture(autouse=True)
def connections_are_closed():
    """A model that is let go leaves no socket open (an unclosed one would fail the test)."""
    yield
    gc.collect()


def load(server, **options):
    return unmask.load(server.url, **{"preprocess": "raw", "patience": 5} | options)


def explained(model, values, **options):
    options = {"masks": 160, "grid": (3, 5), "batch_size": 24, "seed": 3} | options
    return unmask.explain(model, values, [1, 2], **options)


def undisturbed(server, values, **options):
    """The same model, as a function."""
    model = unmask.load(server.scores, layout="NCHW", activation="probabilities")
    return explained(model, values, **options)


# --- what travels ---


@pytest.mark.slow
@pytest.mark.parametrize("binary", [True, False])
@pytest.mark.parametrize("datatype", ["FP32", "FP64"])
def test_scores_arrive_bit_by_bit(weights, values, binary, datatype):
    with Server(weights, SHAPE, binary=binary, datatype=datatype) as server:
        model = load(server)
        assert (model.input.layout, model.input.size, model.input.channels) == ("NCHW", (H, W), 3)
        assert (model.classes, model.name, model.versions) == (4, "linear", {"small": "0.1"})
        why = explained(model, values)
        assert set(server.wire) == {"binary" if binary else "json"}
        expected = undisturbed(server, values)
    np.testing.assert_array_equal(why.estimate.scores, expected.estimate.scores)
    np.testing.assert_array_equal(why.maps, expected.maps)


def test_batches_travel_as_so_many_requests_at_once(weights, values):
    with Server(weights, SHAPE) as server:
        server.seconds = 0.05
        model = load(server, concurrency=3)
        model(np.repeat(values[None], 25, axis=0))
        assert sorted(server.answered) == [7, 9, 9]
        assert server.most == 3
        server.most = 0
        load(server, concurrency=1)(np.repeat(values[None], 4, axis=0))
        assert server.most == 1


def test_a_server_of_one_batch_size_gets_it(weights, values):
    with Server(weights, (4, 3, H, W)) as server:
        why = explained(load(server), values, batch_size=10)
        assert set(server.answered) == {4}
        expected = undisturbed(server, values)
    np.testing.assert_array_equal(why.maps, expected.maps)


def test_pictures_go_to_servers_of_pixels(weights, picture):
    # Small, as scores of pixels up to 255 would not vary.
    with Server(weights / 1000, (-1, H, W, 3), datatype="UINT8") as server:
        model = unmask.load(server.url)
        assert (model.input.layout, model.input.preprocess.name, model.notes) == ("NHWC", "raw", ())
        assert unmask.explain(model, picture, 1, masks=64, grid=2).map.shape == picture.shape[:2]
    with Server(weights, SHAPE) as server, pytest.warns(UnmaskWarning, match="assumed preproc"):
        unmask.predict(unmask.load(server.url), picture)


@pytest.mark.parametrize(
    ("shape", "options", "given"),
    [
        ((-1, 180), {"size": (H, W)}, (H, W, 3)),
        ((-1, 180), {"size": (9, 20)}, (9, 20)),
        ((-1, 180), {"size": (180,), "layout": "NT"}, (180,)),
        ((-1, 60, 3), {"layout": "NTC"}, (60, 3)),
        ((-1, 3, -1, 6, 2), {"layout": "NCDHW", "size": (5, 6, 2)}, (3, 5, 6, 2)),
        ((-1, 3, -1, -1), {"size": (H, W)}, (3, H, W)),
        ((-1, 3, -1, -1), {}, (3, H, W)),
    ],
)
def test_rows_series_volumes_and_free_sizes(weights, shape, options, given):
    image = np.random.default_rng(2).normal(size=given).astype(np.float32)
    with Server(weights, shape) as server:
        why = unmask.explain(load(server, **options), image, 2, masks=64, grid=2)
        expected = server.scores(image[None])[0, 2]
    assert why.targets[0].score == pytest.approx(float(expected), rel=1e-6)


def test_a_server_that_describes_nothing(weights, values):
    with Server(weights, SHAPE, inputs=[], outputs=[]) as server:
        with pytest.raises(ModelError, match=r"does not describe.*give input="):
            load(server)
        model = load(server, input="image", size=(H, W))
        expected = server.scores(values[None])
        np.testing.assert_array_equal(model(values[None]), expected)


# --- what fails, and is tried again ---

FAULTS = {2: 503, 3: "drop", 4: "drop", 7: 429, 9: 502, 10: 500, 14: "drop", 15: 503, 16: 504}


@pytest.mark.slow
@pytest.mark.parametrize("binary", [True, False])
def test_nothing_is_lost_or_counted_twice_when_requests_fail(weights, values, binary):
    with Server(weights, SHAPE, binary=binary, faults=FAULTS) as server:
        why = explained(load(server), values)
        expected = undisturbed(server, values)
        # Five more before the masks; what failed was answered when it came again.
        assert sum(server.answered) == 165
        assert server.requests == len(server.answered) + len(FAULTS)
    assert why.masks == 160
    assert why.complete
    np.testing.assert_array_equal(why.estimate.scores, expected.estimate.scores)
    np.testing.assert_array_equal(why.maps, expected.maps)


@pytest.mark.parametrize("status", [400, 401, 404, 413])
def test_a_refusal_is_never_tried_again(weights, values, status):
    with Server(weights, SHAPE, faults={0: status}) as server:
        with pytest.raises(ModelError, match=rf"refuses .* with {status}: planned to fail$"):
            explained(load(server), values)
        assert server.requests == 1


@pytest.mark.slow
def test_a_refusal_ends_what_is_still_being_tried(weights, values):
    faults = {1: 503, 2: 503, 3: 400, 4: 503} | dict.fromkeys(range(5, 400), 503)
    with Server(weights, SHAPE, faults=faults) as server:
        start = time.monotonic()
        with pytest.raises(ModelError, match="refuses") as error:
            explained(load(server, patience=60), values)
        assert time.monotonic() - start < 10
        assert error.value.explanation is None
        seen = server.requests
        time.sleep(0.5)
        assert server.requests <= seen + 3


@pytest.mark.slow
def test_a_fault_of_the_models_own_is_tried_three_times(weights, values):
    with Server(weights, SHAPE, faults=dict.fromkeys(range(1, 99), 500)) as server:
        model = load(server, concurrency=1)
        with pytest.raises(ModelError, match=r"failed 3 times in .*500: planned to fail"):
            explained(model, values)
        assert server.requests == 4


@pytest.mark.slow
def test_patience_ends_and_what_was_scored_is_kept(weights, values):
    with Server(weights, SHAPE, faults=dict.fromkeys(range(13, 999), 503)) as server:
        with pytest.raises(ModelError, match=r"failed \d+ times in .*503") as error:
            explained(load(server, patience=0.3), values)
        assert error.value.explanation.masks == 48
        assert not error.value.explanation.complete


@pytest.mark.slow
def test_a_server_that_does_not_answer_in_time(weights, values):
    with Server(weights, SHAPE) as server:
        model = load(server, timeout=0.1, patience=0.2)
        server.seconds = 1.0
        with pytest.raises(ModelError, match=r"failed \d+ times in .*no whole answer within 0.1 s"):
            explained(model, values)


# --- one clear line each ---


@pytest.mark.parametrize(
    ("change", "options", "words"),
    [
        ({}, {"input": "picture"}, "linear: there is no input 'picture'; the inputs are: image"),
        ({}, {"output": "logits"}, "there is no output 'logits'; the outputs are: scores"),
        ({}, {"size": (5, 5)}, r"size=\(5, 5\): linear takes \(6, 10\) only"),
        ({"shape": (-1, 180)}, {}, "rows of flattened pixels perhaps: give size="),
        ({"shape": (-1, 180)}, {"size": (7, 5)}, "no whole number of channels of 7 x 5"),
        ({"shape": (-1, 60, 3)}, {}, "expected four axes"),
        ({"shape": (-1, 60, 3)}, {"layout": "NDHW"}, "layout='NDHW' does not fit"),
        ({"datatype": "BYTES"}, {}, "input image is BYTES; expected one of FP32"),
        (
            {"inputs": [{"name": n, "datatype": "FP32", "shape": [1, 2]} for n in "ab"]},
            {},
            r"has 2 inputs \(a, b\): expected one",
        ),
        ({}, {"concurrency": 0}, "concurrency=0"),
        ({}, {"timeout": 0}, "timeout=0"),
        ({}, {"autocast": "bfloat16"}, "autocast= does not apply to http://HOST"),
    ],
)
def test_what_does_not_fit_is_said_at_once(weights, change, options, words):
    with Server(weights, **{"shape": SHAPE} | change) as server:
        with pytest.raises((ModelError, SettingError), match=words) as error:
            load(server, **options)
        assert "\n" not in str(error.value)
        assert server.requests == 0


def test_an_image_of_another_shape_costs_no_request(weights, values):
    with Server(weights, SHAPE) as server:
        with pytest.raises(unmask.ImageError, match=r"wants \(6, 10\)"):
            explained(load(server), values[:, :5])
        assert server.requests == 0


def test_a_server_that_lies_about_its_shape_refuses_once(weights, values):
    with Server(weights, (-1, 3, -1, -1)) as server:
        with pytest.raises(ModelError, match=r"refuses .*400: expected image, got \[1, 3, 5, 10\]"):
            explained(load(server), values[:, :5])
        assert server.requests == 1


def test_no_server_no_model_no_protocol(weights):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(ModelError, match=rf"no server answers at http://127.0.0.1:{port}/v2/mo"):
        unmask.load(f"http://127.0.0.1:{port}/v2/models/linear")
    with Server(weights, SHAPE) as server:
        with pytest.raises(ModelError, match=r"has no model at .*no model at /v2/models/other"):
            unmask.load(f"{server.host}/v2/models/other")
        with pytest.raises(ModelError, match="does not answer with metadata"):
            unmask.load(f"{server.host}/v2/models/page")
        model = unmask.load(f"{server.url}/versions/1/infer", preprocess="raw")
        assert model(np.zeros((1, 3, H, W), np.float32)).shape == (1, 4)
    with pytest.raises(ModelError, match=r"no server answers at .*InvalidURL"):
        unmask.load("http://host:abc/v2/models/m")
    for url in ("http://host/model", "https://host:1/v2/models/", "http://host/v2"):
        with pytest.raises(ModelError, match="expected the address of a model"):
            unmask.load(url)


def test_server_down_on_the_command_line_is_one_line(tmp_path, picture):
    typer_testing = pytest.importorskip("typer.testing")
    from PIL import Image

    from unmask.cli import app

    Image.fromarray(picture).save(tmp_path / "p.png")
    words = ["explain", str(tmp_path / "p.png"), "-m", "http://127.0.0.1:9/v2/models/m"]
    result = typer_testing.CliRunner().invoke(app, words)
    assert result.exit_code == 2
    assert "no server answers at http://127.0.0.1:9/v2/models/m" in result.output
    assert "Traceback" not in result.output


def test_missing_httpx_names_its_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "httpx", None)
    with pytest.raises(MissingExtra, match=r"pip install 'unmask\[server\]'"):
        unmask.load("http://127.0.0.1:9/v2/models/m")


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ({"outputs": [{"name": "a", "datatype": "FP32", "shape": [2], "data": [1]}]}, "Protocol"),
        ({"outputs": [{"name": "a", "datatype": "TEXT", "shape": [1], "data": [1]}]}, "Protocol"),
        ({}, "does not follow the Open Inference Protocol"),
        ({"id": "unmask-8", "outputs": []}, "answered request 'unmask-8', and 'unmask-7' was"),
        ({"outputs": []}, "no output 'b'; the outputs are: none"),
    ],
)
def test_answers_that_are_none(answer, words):
    from unmask.models.server.protocol import decode

    with pytest.raises(ModelError, match=words):
        decode(json.dumps(answer).encode(), {}, "b", "unmask-7")


# --- a real server, killed in the middle ---

RUNTIME = """
import numpy as np
from mlserver import MLModel
from mlserver.codecs import NumpyCodec
from mlserver.types import InferenceResponse


class Linear(MLModel):
    async def load(self):
        self.weights = np.random.default_rng(0).normal(size=(180, 4))
        return True

    async def predict(self, payload):
        batch = NumpyCodec.decode_input(payload.inputs[0])
        logits = batch.reshape(len(batch), -1).astype(np.float64) @ self.weights
        scores = np.exp(logits - logits.max(axis=1, keepdims=True))
        scores = (scores / scores.sum(axis=1, keepdims=True)).astype(np.float32)
        output = NumpyCodec.encode_output("scores", scores)
        return InferenceResponse(model_name=self.name, id=payload.id, outputs=[output])
"""


@pytest.fixture(scope="session")
def mlserver(pytestconfig):
    """MLServer's command, in a virtual environment of its own that is kept between runs."""
    folder = Path(pytestconfig.cache.mkdir("mlserver"))
    command = folder / "bin" / "mlserver"
    if not command.exists():
        venv.create(folder, clear=True)
        pip = [sys.executable, "-m", "pip", "--python", folder / "bin" / "python"]
        # Compiled is what is used, when it is.
        words = ["install", "--quiet", "--no-compile", "mlserver>=1.6"]
        done = subprocess.run([*pip, *words], capture_output=True, text=True, check=False)
        if done.returncode:
            reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
            pytest.skip(f"MLServer cannot be installed here: {reason}")
    return command


class MLServer:
    """A process of MLServer on loopback, with a model of its own."""

    def __init__(self, command, folder):
        self.command, self.folder = command, folder
        ports = []
        for _ in range(3):
            with socket.socket() as free:
                free.bind(("127.0.0.1", 0))
                ports.append(free.getsockname()[1])
        self.port = ports[0]
        (folder / "linear.py").write_text(RUNTIME)
        settings = {
            "host": "127.0.0.1",
            "http_port": ports[0],
            "grpc_port": ports[1],
            "metrics_port": ports[2],
            "parallel_workers": 0,
            "debug": False,
        }
        (folder / "settings.json").write_text(json.dumps(settings))
        model = {
            "name": "linear",
            "implementation": "linear.Linear",
            "inputs": [{"name": "image", "datatype": "FP32", "shape": list(SHAPE)}],
            "outputs": [{"name": "scores", "datatype": "FP32", "shape": [-1, 4]}],
        }
        (folder / "model-settings.json").write_text(json.dumps(model))

    def start(self):
        environment = os.environ | {"PYTHONPATH": str(self.folder)}
        self.log = (self.folder / "log").open("ab")
        self.process = subprocess.Popen(
            [self.command, "start", str(self.folder)],
            stdout=self.log,
            stderr=subprocess.STDOUT,
            env=environment,
            cwd=self.folder,
            start_new_session=True,
        )

    def kill(self):
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.log.close()

    def model(self, **options):
        end = time.monotonic() + 60
        while True:
            try:
                return unmask.load(
                    f"http://127.0.0.1:{self.port}/v2/models/linear", preprocess="raw", **options
                )
            except ModelError:
                if time.monotonic() > end or self.process.poll() is not None:
                    pytest.fail(f"MLServer did not start: {(self.folder / 'log').read_text()}")
                time.sleep(0.2)


@pytest.mark.slow
def test_mlserver_killed_and_started_again_in_the_middle(tmp_path, mlserver, values):
    server = MLServer(mlserver, tmp_path)
    server.start()
    try:
        model = server.model()
        assert (model.input.layout, model.input.size, model.classes) == ("NCHW", (H, W), 4)
        assert "mlserver" in model.versions
        undisturbed = explained(model, values, masks=480)

        run = unmask.prepare(model, values, [1, 2], masks=480, grid=(3, 5), batch_size=24, seed=3)
        started = None
        for estimate in unmask.stream(run):
            if estimate.count == 120:
                server.kill()
                # Nobody listens while the next batch is sent; the server comes back under it.
                started = threading.Timer(1.0, server.start)
                started.start()
        started.join()
        again = run.explanation(estimate)
        with pytest.raises(ModelError, match="there is no input 'x'; the inputs are: image"):
            unmask.load(f"http://127.0.0.1:{server.port}/v2/models/linear", input="x")
    finally:
        server.kill()
    assert again.masks == 480
    assert again.complete
    np.testing.assert_array_equal(again.estimate.scores, undisturbed.estimate.scores)
    np.testing.assert_array_equal(again.maps, undisturbed.maps)
    weights = np.random.default_rng(0).normal(size=(180, 4))
    local = explained(
        unmask.load(Server(weights, SHAPE).scores, layout="NCHW", activation="probabilities"),
        values,
        masks=480,
    )
    np.testing.assert_allclose(again.maps, local.maps, atol=1e-6)
