"""Explanations for programs, over real requests: one picture in, numbers or a figure out."""

import base64
import io
import threading
import time

import numpy as np
import pytest
from PIL import Image

import unmask

pytest.importorskip("httpx")
testclient = pytest.importorskip("starlette.testclient")

from unmask.app.address import Address  # noqa: E402
from unmask.app.server import build  # noqa: E402
from unmask.app.service import WAITING  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore::unmask.UnmaskWarning")

STREET = unmask.demo.pictures()["street"]
HEADERS = {"host": "127.0.0.1:8808"}


@pytest.fixture(scope="module")
def client():
    with testclient.TestClient(build()) as client:
        yield client


def asked(client, data=None, **query):
    content = STREET.read_bytes() if data is None else data
    return client.post("/api/explain", content=content, params=query, headers=HEADERS)


def values(packed, shape):
    return np.frombuffer(base64.b64decode(packed), "<f4").reshape(shape)


def test_the_same_map_as_explain_makes(client):
    found = asked(client, target=["1", "5"], masks=300, grid=6, seed=4)
    assert found.status_code == 200, found.text
    body = found.json()
    made = unmask.explain("demo", STREET, [1, 5], masks=300, grid=6, seed=4)
    assert body["complete"]
    assert body["masks"] == 300
    for number, target in enumerate(body["targets"]):
        assert target["label"] == made.targets[number].label
        assert target["score"] == pytest.approx(made.targets[number].score)
        assert target["reliability"] == pytest.approx(made.reliabilities[number])
        shape = tuple(body["shape"])
        np.testing.assert_array_equal(values(target["map"], shape), made.model_maps[number])
        np.testing.assert_array_equal(values(target["stderr"], shape), made.model_stderrs[number])


def test_files(client, tmp_path):
    numbers = asked(client, masks=100, format="npz", name="my fox.jpg")
    assert 'filename="my-fox.npz"' in numbers.headers["content-disposition"]
    path = tmp_path / "numbers.npz"
    path.write_bytes(numbers.content)
    assert unmask.Explanation.load(path).masks == 100
    figure = asked(client, masks=100, format="png")
    assert figure.headers["content-type"] == "image/png"
    assert Image.open(io.BytesIO(figure.content)).size[0] > 900
    assert b"<!doctype html>" in asked(client, masks=100, format="html").content


def test_maps_are_left_out_when_not_wanted(client):
    (target,) = asked(client, masks=100, maps=0).json()["targets"]
    assert "map" not in target
    assert target["label"] == "triangle"


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"masks": "many"}, "masks"),
        ({"grid": 1000}, "grid"),
        ({"colour": 1}, "there is no setting"),
        ({"format": "gif"}, "expected one of json, npz, png, html"),
        ({"timeout": 0}, "expected 1 to 600 seconds"),
        ({"timeout": "soon"}, "expected 1 to 600 seconds"),
        ({"model": "other"}, "expected one of demo"),
        ({"target": "unicorn"}, "expected the number of a class"),
        ({"target": ["1"] * 9}, "at most 8"),
    ],
)
def test_what_is_out_of_range_is_said(client, query, said):
    found = asked(client, **query)
    assert found.status_code == 400
    assert said in found.json()["error"]


@pytest.mark.parametrize("data", [b"", b"no picture", b"\x89PNG\r\n\x1a\n"])
def test_what_is_no_picture_is_said(client, data):
    found = asked(client, data)
    assert found.status_code == 400
    assert found.json()["error"]


def test_a_map_that_is_not_done_in_time_is_given_as_far_as_it_came():
    def slow(batch):
        time.sleep(0.05)
        return batch.mean((1, 2, 3))[:, None] / 255

    with testclient.TestClient(build(slow)) as client:
        body = asked(client, model="own", masks=8000, timeout=1, target="0").json()
    assert not body["complete"]
    assert 0 < body["masks"] < 8000
    assert len(body["targets"]) == 1


def test_no_more_wait_than_the_queue_holds():
    release = threading.Event()

    def stuck(batch):
        if len(batch) > 4:
            release.wait(20)
        return batch.mean((1, 2, 3))[:, None] / 255

    app = build(stuck)
    with testclient.TestClient(app) as client:
        threads = [
            threading.Thread(target=asked, args=(client,), kwargs={"masks": 64, "target": "0"})
            for _ in range(WAITING + 1)
        ]
        scheduler = app.app.state.scheduler if hasattr(app, "app") else app.state.scheduler
        # The first job blocks the model's thread, so the others' looks at their pictures wait for
        # it: the queue is filled by hand.
        threads[0].start()
        end = time.monotonic() + 10
        while scheduler.length == 0 and time.monotonic() < end:
            time.sleep(0.01)
        (job,) = scheduler._line
        scheduler._line.extend([job] * (WAITING - 1))
        found = asked(client, masks=64)
        for _ in range(WAITING - 1):
            scheduler._line.pop()
        release.set()
        threads[0].join()
    assert found.status_code == 503
    assert found.headers["retry-after"] == "5"
    assert "try again" in found.json()["error"]


def test_beyond_loopback_the_token_is_asked_for():
    address = Address("0.0.0.0", "0.0.0.0", 8808, token="secret")
    with testclient.TestClient(build(address=address)) as client:
        given = {"params": {"masks": 50}, "content": STREET.read_bytes(), "headers": HEADERS}
        assert client.post("/api/explain", **given).status_code == 403
        assert client.post("/secret/api/explain", **given).status_code == 200


def test_openapi_names_what_is_taken_and_returned(client):
    said = client.get("/api/openapi.json", headers=HEADERS).json()
    assert said["openapi"].startswith("3.")
    post = said["paths"]["/api/explain"]["post"]
    names = {one["name"]: one["schema"] for one in post["parameters"]}
    assert {"target", "format", "timeout", "masks", "grid", "seed", "fill"} <= set(names)
    assert names["grid"]["maximum"] == 32
    assert "image/png" in post["requestBody"]["content"]
    returned = post["responses"]["200"]["content"]["application/json"]["schema"]["properties"]
    assert set(returned) == set(asked(client, masks=50).json())
