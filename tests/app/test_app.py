"""The web application over real requests: pictures, runs, turns, and what must be refused."""

import html
import inspect
import io
import json
import pickle
import re
import socket
import struct
import time
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import unmask
from unmask.app import uploads
from unmask.app.scheduler import Scheduler
from unmask.app.sessions import PATIENCE, Sessions
from unmask.inputs import encoding, images

pytest.importorskip("httpx")
testclient = pytest.importorskip("starlette.testclient")

from unmask.app.address import Address  # noqa: E402
from unmask.app.assets import PAGE  # noqa: E402
from unmask.app.server import _bound as bound  # noqa: E402
from unmask.app.server import build, serve  # noqa: E402
from unmask.run.preview import shrunk  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore::unmask.UnmaskWarning")

STREET = unmask.demo.pictures()["street"]
HEADERS = {"host": "127.0.0.1:8808"}


class Page:
    """One page, without a browser."""

    def __init__(self, client):
        self.client = client
        self.token = client.post("/api/sessions", headers=HEADERS).json()["token"]

    def __call__(self, path, json=None, method="POST", **more):
        own = f"/api/session/{self.token}/{path}"
        return self.client.request(method, own, json=json, headers=HEADERS, **more)

    def upload(self, data, name="picture.png"):
        return self("picture", method="PUT", content=data, params={"name": name})

    def follow(self, until):
        """Read the socket until a state; return all looks, decoded, and the last state."""
        looks = []
        path = f"/api/session/{self.token}/live"
        with self.client.websocket_connect(path, headers=HEADERS) as socket:
            while True:
                message = socket.receive()
                if message.get("bytes"):
                    looks.append(decoded(message["bytes"]))
                    state = looks[-1]
                else:
                    state = json.loads(message["text"])
                if state["state"] in until:
                    return looks, state

    def numbers(self, tmp_path):
        answer = self("download/npz", method="GET")
        assert answer.status_code == 200, answer.text
        path = tmp_path / "numbers.npz"
        path.write_bytes(answer.content)
        return unmask.Explanation.load(path)


def decoded(data):
    (length,) = struct.unpack("<I", data[:4])
    header = json.loads(data[4 : 4 + length])
    at, size = 4 + length, header["height"] * header["width"]
    for target in header["targets"]:
        for name in ("map", "stderr", "doubt"):
            if name in target:
                side = target[name]
                whole = np.frombuffer(data, "<u2", size, at).astype(float)
                side["values"] = side["low"] + whole / 65535 * (side["high"] - side["low"])
                at += 2 * size
    for target in header["targets"] if header["certain"] else ():
        bits = np.unpackbits(np.frombuffer(data, np.uint8, 2 * -(-size // 16), at))
        target["significant"] = bits[:size].astype(bool)
        at += 2 * -(-size // 16)
    assert at == len(data)
    return header


@pytest.fixture(scope="module")
def client():
    with testclient.TestClient(build()) as client:
        yield client


@pytest.fixture
def page(client):
    return Page(client)


def png(width=60, height=40, **more):
    buffer = io.BytesIO()
    Image.fromarray(np.random.default_rng(3).integers(0, 255, (height, width, 3), np.uint8)).save(
        buffer, "PNG", **more
    )
    return buffer.getvalue()


def bomb(width, height):
    """A PNG of a few bytes that says it is huge."""

    def chunk(kind, body):
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")


# --- a run


@pytest.mark.slow
def test_notes_are_shown_whatever_the_process_does_with_warnings(page):
    """Its filters are shared by all threads: a server neither needs nor touches them."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", unmask.UnmaskWarning)
        before = list(warnings.filters)
        said = page.upload(png()).json()
        page("explain", {"settings": {"masks": 128, "grid": 3}})
        _, state = page.follow({"done", "failed"})
        assert list(warnings.filters) == before
    assert said["notes"]
    assert state["state"] == "done"


@pytest.mark.slow
def test_a_run_gives_the_map_that_python_gives(page, tmp_path):
    said = page.upload(STREET.read_bytes(), "street.png").json()
    assert (said["width"], said["height"], said["name"]) == (480, 360, "street.png")
    best = unmask.predict("demo", STREET)[0]
    assert said["options"][0]["label"] == best.label
    assert said["options"][0]["score"] == pytest.approx(best.score)

    keys = [one["key"] for one in said["options"][:2]]
    settings = {"masks": 400, "grid": 6, "seed": 5, "fill": "#336699", "keep": 0.4}
    assert page("explain", {"targets": keys, "settings": settings}).status_code == 202
    looks, last = page.follow({"done"})
    assert last["done"] == last["total"] == 400

    # The whole and the live map are the library's own.
    expected = unmask.explain("demo", STREET, list(map(int, keys)), masks=400, grid=6, seed=5,
                              fill="#336699", keep=0.4)  # fmt: skip
    got = page.numbers(tmp_path)
    np.testing.assert_array_equal(got.maps, expected.maps)
    np.testing.assert_array_equal(got.stderrs, expected.stderrs)
    assert got.image == "street.png"
    for target, whole in zip(looks[-1]["targets"], expected.maps, strict=True):
        seen = target["map"]["values"].reshape(192, 256)
        coarse = np.asarray(Image.fromarray(whole).resize((256, 192), Image.Resampling.BOX))
        assert np.abs(seen - coarse).max() < 0.05 * np.ptp(whole)
    assert looks[-1]["targets"][1]["reliability"] == pytest.approx(expected.reliabilities[1])


@pytest.mark.slow
def test_the_error_is_the_noise_over_the_maps_spread(page, tmp_path):
    page.upload(STREET.read_bytes())
    page("explain", {"settings": {"masks": 512}})
    looks, _ = page.follow({"done"})
    masks, error = looks[-1]["curve"][-1]
    whole = page.numbers(tmp_path)
    from unmask.estimate.estimators import finalize

    maps = finalize(whole.plan.estimator, whole.estimate)
    noise = np.mean(maps.stderr**2) - maps.offset_stderr[0] ** 2
    assert masks == 512
    # The page's own, over the posterior mean's spread or that of the truth: 1% of each other.
    assert error == pytest.approx(np.sqrt(noise / maps.value.var()), rel=0.01)


@pytest.mark.slow
def test_stopped_and_gone_on_with_is_the_same_as_at_once(page, tmp_path):
    page.upload(STREET.read_bytes())
    page("explain", {"targets": ["4"], "settings": {"masks": 50_000}})
    page.follow({"running"})
    page("stop")
    looks, last = page.follow({"stopped"})
    kept = page.numbers(tmp_path)
    assert 0 < kept.masks == last["done"] < 50_000
    assert not kept.complete

    total = kept.masks + 333
    assert page("more", {"masks": total}).status_code == 202
    page.follow({"done"})
    got = page.numbers(tmp_path)
    assert got.complete
    assert got.masks == total
    np.testing.assert_array_equal(got.maps, unmask.explain("demo", STREET, 4, masks=total).maps)
    assert looks


def test_more_needs_a_finished_map_and_a_larger_number(page):
    page.upload(png())
    assert page("more", {"masks": 500}).status_code == 409
    page("explain", {"settings": {"masks": 64}})
    page.follow({"done"})
    assert page("more", {"masks": 64}).status_code == 409
    assert page("more", {"masks": "all"}).status_code == 400


@pytest.mark.slow
def test_it_stops_by_itself_as_the_command_line_does(page, tmp_path):
    page.upload(STREET.read_bytes(), "street.png")
    page("explain", {"targets": ["4"], "settings": {"until": 0.9, "max_masks": 3000}})
    _, last = page.follow({"done"})
    expected = unmask.explain("demo", STREET, 4, until=0.9, max_masks=3000)
    assert last["done"] == expected.masks < 3000
    assert last["reason"] == expected.stopped == "a reliability of 0.9 was reached"
    np.testing.assert_array_equal(page.numbers(tmp_path).maps, expected.maps)
    # There is nothing to go on to but masks that are asked for.
    assert page("more", {}).status_code == 409
    assert page("more", {"masks": last["done"] + 100}).status_code == 202
    _, last = page.follow({"done"})
    assert last["done"] == expected.masks + 100
    assert last["until"] is None


@pytest.mark.slow
def test_a_run_that_was_stopped_goes_on_to_where_it_was_going(page, tmp_path):
    page.upload(STREET.read_bytes(), "street.png")
    page("explain", {"targets": ["4"], "settings": {"until": 0.995, "max_masks": 50_000}})
    page.follow({"running"})
    page("stop")
    _, stopped = page.follow({"stopped"})
    assert page("more", {}).status_code == 202
    looks, last = page.follow({"done"})
    expected = unmask.explain("demo", STREET, 4, until=0.995, max_masks=50_000)
    assert stopped["done"] < last["done"] == expected.masks
    np.testing.assert_array_equal(page.numbers(tmp_path).maps, expected.maps)
    seen = [look for look in looks if look["state"] == "running"]
    assert all(look["done"] <= look["goal"] <= 50_000 and (look["left"] or 0) >= 0 for look in seen)


@pytest.mark.slow
def test_how_sure_a_map_is_comes_when_it_is_asked_for(page, tmp_path):
    page.upload(STREET.read_bytes(), "street.png")
    page("explain", {"targets": ["4", "contrast:4-0"], "settings": {"masks": 512}})
    looks, _ = page.follow({"done"})
    assert not looks[-1]["certain"]
    assert "doubt" not in looks[-1]["targets"][0]
    page("certainty", {"shown": True})
    (look, *_), _ = page.follow({"done"})
    expected = page.numbers(tmp_path)
    for number, target in enumerate(look["targets"]):
        small = shrunk(expected, 256)
        np.testing.assert_array_equal(target["significant"], small.significant(number).reshape(-1))
        np.testing.assert_allclose(
            target["doubt"]["values"], small.influence_stderr(number).reshape(-1), atol=1e-5
        )
        scale = expected.scaled(number)
        assert target["scale"] == {"low": scale.low, "high": scale.high, "level": scale.level}
    contrast = look["targets"][1]
    assert contrast["measure"] == "difference of scores while visible"
    ends = contrast["scale"]
    assert ends["high"] - ends["level"] == pytest.approx(ends["level"] - ends["low"])


def test_fewer_than_two_blocks_of_a_picture_that_was_cropped(tmp_path):
    """The error of the mean score, which is that of what was cut off, is not known then."""
    with testclient.TestClient(build(unmask.load("demo", resize="crop"))) as client:
        page = Page(client)
        page.upload(STREET.read_bytes())
        page("certainty", {"shown": True})
        page("explain", {"targets": ["4"], "settings": {"masks": 64}})
        looks, last = page.follow({"done"})
        assert last["done"] == 64
        assert "stderr" not in looks[-1]["targets"][0]


def test_a_contrast_is_asked_for(page):
    page("example", {"name": "night"})
    said = page("class", {"text": "contrast:4-0"}).json()
    assert (said["key"], said["label"], said["box"]) == ("contrast:4-0", "heart − star", None)
    code = page("code", {"targets": [said["key"]]}).json()
    assert "unmask.contrast" in code["python"] or "contrast:4-0" in code["python"]
    assert page("class", {"text": "contrast:4-99"}).status_code == 400


@pytest.mark.slow
def test_the_code_says_what_was_asked(page):
    page("example", {"name": "street"})
    wish = {"targets": ["4", "0"], "settings": {"masks": 900, "fill": "#102030"}}
    said = page("code", wish).json()
    assert "-t heart -t star --masks 900" in said["command"]
    # The command stops by itself at what is usual, as the page does.
    usual = page("code", {"targets": ["4"], "settings": {"until": 0.98, "max_masks": 4000}}).json()
    assert not re.search("--(masks|until|max-masks)", usual["command"])
    other = page("code", {"targets": ["4"], "settings": {"until": 0.9, "max_masks": 999}}).json()
    assert "--until 0.9 --max-masks 999" in other["command"]
    assert "--fill '#102030'" in said["command"]
    names: dict = {}
    code = said["python"].replace("explanation.save", "print").replace("900", "64")
    exec(compile(code, "code", "exec"), names)
    assert [one.label for one in names["explanation"].targets] == ["heart", "star"]


def test_a_class_is_found_by_name(page):
    page("example", {"name": "night"})
    assert page("class", {"text": "Heart"}).json()["key"] == "4"
    answer = page("class", {"text": "hart"})
    assert answer.status_code == 400
    assert "heart" in answer.json()["error"]


@pytest.mark.slow
def test_downloads(page, tmp_path):
    page("example", {"name": "garden"})
    assert page("download/png", method="GET").status_code == 409
    page("explain", {"targets": ["1", "3"], "settings": {"masks": 128}})
    page.follow({"done"})
    figure = page(
        "download/png", method="GET", params={"target": 1, "cmap": "viridis", "style": "heat"}
    )
    assert Image.open(io.BytesIO(figure.content)).format == "PNG"
    report = page("download/html", method="GET")
    assert "attachment" in report.headers["content-disposition"]
    code = [*map(html.unescape, re.findall(r"<code>(.*?)</code>", report.text, re.DOTALL))]
    assert "unmask.demo.pictures()" in code[0]
    assert str(STREET.parent) not in report.text
    names: dict = {}
    exec(code[1].replace("explanation.save", "print"), names)
    np.testing.assert_array_equal(names["explanation"].maps, page.numbers(tmp_path).maps)
    shown = {}
    for query in (
        {},
        {"style": "heat", "cmap": "jet"},
        {"opacity": 0.2},
        {"keep": 0.1},
        {"certainty": "true"},
    ):
        shown[str(query)] = page("download/png", method="GET", params=query).content
    assert len(set(shown.values())) == 5
    for query in (
        {"target": 2},
        {"target": -1},
        {"target": "x"},
        {"cmap": "../x"},
        {"style": "x"},
        {"opacity": 7},
        {"keep": 0},
        {"keep": "nan"},
    ):
        assert page("download/png", method="GET", params=query).status_code == 400, query
    assert page("download/pickle", method="GET").status_code == 400


def test_another_model_looks_at_the_same_picture():
    def bright(batch):
        return batch.mean(axis=(1, 2, 3))[:, None] * np.array([1.0, -1.0])

    model = unmask.load(bright, preprocess="unit", name="bright", labels=["light", "dark"])
    with testclient.TestClient(build(model)) as client:
        page = Page(client)
        models = client.get("/api/about", headers=HEADERS).json()["models"]
        assert [one["name"] for one in models] == ["bright", "unmask demo"]
        # The demo's pictures are for the demo.
        assert [one["examples"] for one in models] == [[], list(unmask.demo.pictures())]
        assert page.upload(png()).json()["options"][0]["label"] == "light"
        said = page("model", {"model": "demo"}).json()
        assert said["options"][0]["label"] in unmask.demo.LABELS
        assert page("model", {"model": "other"}).status_code == 404


def test_boxes_of_a_detector(tmp_path):
    from unmask.models.detections import Detections

    def lamp(images):
        # The less of it is seen, the narrower is the box.
        shares = [float(one[4:16, 8:20].mean()) / 240 for one in images]
        return [Detections([[8, 4, 9 + 11 * share, 16]], [[0.9]]) for share in shares]

    picture = np.full((30, 48, 3), 20, np.uint8)
    picture[4:16, 8:20] = 240
    model = unmask.load(lamp, detector="function", labels=["lamp"])
    with testclient.TestClient(build(model)) as client:
        page = Page(client)
        (one,) = page.upload(encoding.png(picture)).json()["options"]
        assert one["label"] == "lamp"
        assert one["box"] == pytest.approx([8, 4, 20, 16])
        # And one that was drawn by hand, of a class or of any.
        drawn = page("class", {"text": "lamp:9.0,5.0,21.5,17.0"}).json()
        assert (drawn["key"], drawn["drawn"]) == ("0:9.0,5.0,21.5,17.0", True)
        assert drawn["box"] == [9, 5, 21.5, 17]
        assert 0 < drawn["score"] < 1
        assert page("class", {"text": "9,5,21,17"}).json()["label"] == "box"
        for text in ("lamp", "dog:1,2,3,4", "5,5,4,4", "100,100,120,120", "1,2,3"):
            assert page("class", {"text": text}).status_code == 400, text
        keys = [one["key"], drawn["key"]]
        page("explain", {"targets": keys, "settings": {"masks": 640}})
        looks, _ = page.follow({"done", "failed"})
        assert looks[-1]["targets"][0]["box"] == one["box"]
        assert looks[-1]["targets"][1]["box"] == drawn["box"]
        assert looks[-1]["targets"][0]["measure"] == "similarity while visible"
        got = page.numbers(tmp_path)
        assert got.map[10, 14] > got.map[25, 40]


def test_regions_of_a_segmentation(tmp_path):
    def colors(batch):
        return (batch + 20) / (batch + 20).sum(axis=3, keepdims=True)

    picture = np.zeros((24, 36, 3), np.uint8)
    picture[:, :12, 0] = picture[:, 12:, 2] = 200
    names = ["red", "green", "background"]
    model = unmask.load(colors, labels=names, size=(24, 36)).changed(task="regions")
    with testclient.TestClient(build(model)) as client:
        page = Page(client)
        said = page.upload(encoding.png(picture)).json()["options"]
        assert [(one["key"], one["label"]) for one in said] == [
            ("region:0", "red"),
            ("region:2", "background"),
        ]
        there = page("class", {"text": "region:green@30,6"}).json()
        assert there["key"] == "region:1@30.0,6.0"
        assert page("class", {"text": "red"}).json()["key"] == "region:0"
        # Whoever opens the page may not have the server's files compared with.
        for text in ("teal", "similar:/etc/hostname", "green"):
            assert page("class", {"text": text}).status_code == 400, text
        bad = page("explain", {"targets": ["similar:p.png"], "settings": {"masks": 64}})
        assert bad.status_code == 400
        page("explain", {"targets": ["region:0", there["key"]], "settings": {"masks": 320}})
        looks, _ = page.follow({"done", "failed"})
        first, second = looks[-1]["targets"]
        assert max(x for x, _ in first["outline"][0]) == 12
        assert second["outline"] == [[[30, 6]]]
        assert first["measure"] == "mean probability while visible"


@pytest.mark.slow
def test_a_failing_model_says_so_and_keeps_what_there_is(tmp_path):
    calls = []

    def moody(batch):
        calls.append(len(batch))
        if sum(calls) > 300:
            raise RuntimeError("out of coffee")
        return batch.mean(axis=(1, 2, 3))

    model = unmask.load(moody, preprocess="unit", name="moody")
    with testclient.TestClient(build(model)) as client:
        page = Page(client)
        page.upload(png())
        page("explain", {"settings": {"masks": 900}})
        _, last = page.follow({"failed"})
        assert "out of coffee" in last["error"]
        assert 0 < page.numbers(tmp_path).masks < 300
        page("model", {"model": "demo"})
        page("explain", {"settings": {"masks": 64}})
        assert page.follow({"done"})[1]["done"] == 64


# --- pictures that are none


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "no JPEG"),
        (b"just a text", "no JPEG"),
        (pickle.dumps(np.zeros((3, 4, 3))), "no JPEG"),
        (b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>', "no JPEG"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "no JPEG"),
        (png()[:300], "broken"),
        (png()[:60], "picture"),
        (bomb(60_000, 60_000), "pixels"),
        (bomb(2**31 - 1, 2**31 - 1), "pixels"),
        (bomb(6_000, 5_000), "at most"),
        (bomb(0, 0), "picture"),
    ],
    ids=["empty", "text", "pickle", "svg", "eps", "cut", "header", "bomb", "huge", "large", "none"],
)
def test_what_is_no_picture_gets_a_message(page, data, words):
    answer = page.upload(data)
    assert answer.status_code == 400
    assert words in answer.json()["error"]
    assert page("explain", {}).status_code == 409
    assert page.upload(png()).status_code == 200  # the app lives


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF", "AVIF"])
def test_pictures_that_are_read(page, client, kind):
    if kind not in images.readable():
        pytest.skip(f"this Pillow reads no {kind}")
    buffer = io.BytesIO()
    Image.new("RGB", (30, 20), "teal").save(buffer, kind)
    assert page.upload(buffer.getvalue()).json()["width"] == 30
    about = client.get("/api/about", headers=HEADERS).json()
    assert Image.MIME[kind] in about["accept"].split(",")
    assert kind.lower() in about["formats"].lower()


def test_too_many_bytes(page):
    answer = page.upload(b"x" * (uploads.MAX_BYTES + 1))
    assert answer.status_code == 400
    assert "MB" in answer.json()["error"]


# --- what is refused


@pytest.mark.slow
@pytest.mark.parametrize(
    "wish",
    [
        {"settings": {"masks": 0}},
        {"settings": {"masks": 10**9}},
        {"settings": {"masks": 12.5}},
        {"settings": {"masks": True}},
        {"settings": {"grid": 4000}},
        {"settings": {"keep": 1}},
        {"settings": {"fill": "/etc/passwd"}},
        {"settings": {"batch_size": 10**9}},
        {"settings": []},
        {"targets": ["99"]},
        {"targets": ["top:8"]},
        {"targets": "4"},
        {"targets": [4]},
        {"targets": [*"01234567", "07", "06"]},
    ],
    ids=str,
)
def test_bad_wishes_are_refused_in_words(page, wish):
    page("example", {"name": "street"})
    answer = page("explain", wish)
    assert answer.status_code == 400
    assert len(answer.json()["error"]) > 15


@pytest.mark.parametrize("body", [b"", b"{", b"[1]", b"x" * 70_000, b'"\\ud800"'])
def test_bodies_that_are_no_wish(page, body):
    assert page("explain", content=body).status_code == 400


def test_other_sites_and_other_names_are_refused(client):
    assert client.get("/", headers={"host": "evil.example"}).status_code == 400
    for host in ("localhost:8808", "127.0.0.1", "[::1]:8808"):
        assert client.get("/", headers={"host": host}).status_code == 200
    for origin in ("http://evil.example", "null", "http://127.0.0.1:1"):
        refused = client.post("/api/sessions", headers={**HEADERS, "origin": origin})
        assert refused.status_code == 403
    own = {**HEADERS, "origin": "http://127.0.0.1:8808"}
    assert client.post("/api/sessions", headers=own).status_code == 200


def test_a_socket_of_another_site_is_refused(page):
    path = f"/api/session/{page.token}/live"
    with pytest.raises(testclient.WebSocketDenialResponse) as refused:  # noqa: SIM117
        with page.client.websocket_connect(
            path, headers={**HEADERS, "origin": "http://evil.example"}
        ) as socket:
            socket.receive()
    assert refused.value.status_code == 403


def test_a_server_for_the_network_answers_to_its_link_alone():
    address = Address("0.0.0.0", token="secret")
    with testclient.TestClient(build(address=address), follow_redirects=False) as client:
        mine = {"host": f"{socket.gethostname()}:8808"}
        for host in (mine["host"], "192.168.3.4:8808", "[fe80::1]:8808", "localhost"):
            assert client.get("/secret/", headers={"host": host}).status_code == 200, host
        for host in ("evil.example", "", "a@b", "[", "127.0.0.1:x"):
            assert client.get("/secret/", headers={"host": host}).status_code == 400, host
        moved = client.get("/secret", headers=mine)
        assert (moved.status_code, moved.headers["location"]) == (307, "/secret/")
        for path in ("/", "/app.js", "/api/about", "/Secret/", "/secre/", "/secret2/", "/%73ecre"):
            answer = client.get(path, headers=mine)
            assert (answer.status_code, answer.text) == (
                403,
                "open the link that unmask app printed",
            ), path
            assert "content-security-policy" in answer.headers
        assert client.post("/api/sessions", headers=mine).status_code == 403
        token = client.post("/secret/api/sessions", headers=mine).json()["token"]
        own = f"/secret/api/session/{token}"
        assert client.post(f"{own}/example", headers=mine, json={"name": "street"}).json()["name"]
        with client.websocket_connect(f"{own}/live", headers=mine) as live:
            assert live.receive_json()["state"] == "none"
        with pytest.raises(testclient.WebSocketDenialResponse):  # noqa: SIM117
            with client.websocket_connect(f"{own}/live".removeprefix("/secret"), headers=mine):
                pass


@pytest.mark.parametrize(
    ("address", "loopback", "yes", "no"),
    [
        (Address("127.0.0.2"), True, ["127.0.0.2", "localhost:1", "[::1]:8"], ["evil", "10.0.0.1"]),
        (Address("::1"), True, ["[::1]:8808", "localhost"], ["::1", "[::1", "[fe80::1]"]),
        (Address("localhost", "127.0.0.1"), True, ["localhost", "127.0.0.1"], ["gpu7"]),
        (Address("gpu7", "127.0.1.1"), True, ["gpu7:8808", "GPU7", "localhost"], ["gpu8"]),
        (Address("gpu7", "10.0.0.7"), False, ["gpu7", "10.0.0.7:9"], ["localhost", "127.0.0.1"]),
        (Address("10.0.0.7"), False, ["10.0.0.7"], ["10.0.0.8", "localhost", "gpu7"]),
        (Address(""), False, ["10.0.0.8", "localhost"], ["evil.example", ""]),
        (Address("::", "::"), False, ["10.0.0.8", "[::1]"], ["evil.example"]),
    ],
    ids=lambda value: value.host if isinstance(value, Address) else "",
)
def test_which_names_an_address_goes_by(address, loopback, yes, no):
    assert address.is_loopback == loopback
    assert [host for host in yes if not address.answers_to(host)] == []
    assert [host for host in no if address.answers_to(host)] == []


def test_the_link_that_is_printed_can_be_opened():
    assert Address("::1", port=9).url == "http://[::1]:9/"
    assert Address("gpu7", "10.0.0.7", 80, "t").url == "http://gpu7:80/t/"
    # All addresses have no name of their own: one by which others reach this machine.
    link = re.fullmatch(r"http://([0-9.]+):8808/t/", Address("", "0.0.0.0", 8808, "t").url)
    assert link
    assert link[1] != "0.0.0.0"


@pytest.mark.parametrize(
    "path",
    [
        "/../pyproject.toml",
        "/..%2f..%2f..%2fetc%2fpasswd",
        "/app.js/../server.py",
        "/server.py",
        "/api/examples/..%2fdemo.onnx",
        "/api/examples/%2fetc%2fpasswd",
        "/page/",
    ],
)
def test_no_path_reaches_the_disk(client, path):
    assert client.get(path, headers=HEADERS).status_code == 404


@pytest.mark.slow
@pytest.mark.parametrize("name", ["../../evil.png", "/tmp/evil.png", "evil\0.png", "C:\\evil.png"])
def test_no_name_is_ever_a_path(page, tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    assert page.upload(png(), name).json()["name"] == name
    page("explain", {"settings": {"masks": 128}})
    page.follow({"done"})
    for kind in ("png", "npz", "html"):
        answer = page(f"download/{kind}", method="GET")
        offered = answer.headers["content-disposition"]
        assert re.fullmatch(r'attachment; filename="[\w-]+\.' + kind + '"', offered), offered
    # Nothing is left behind, here or anywhere that was named.
    assert list(tmp_path.iterdir()) == []
    assert not Path("/tmp/evil.png").exists()


@pytest.mark.slow
def test_numbers_hold_no_pickle(page):
    page.upload(png())
    page("explain", {"settings": {"masks": 128}})
    page.follow({"done"})
    answer = page("download/npz", method="GET")
    with np.load(io.BytesIO(answer.content), allow_pickle=False) as arrays:
        assert all(arrays[name].dtype.kind in "biufU" for name in arrays.files)


def test_it_listens_to_this_machine_alone():
    assert inspect.signature(serve).parameters["host"].default == "127.0.0.1"
    pytest.importorskip("typer")
    from unmask.cli.app import app

    assert inspect.signature(app).parameters["host"].default == "127.0.0.1"
    with bound("127.0.0.1", 0) as listener:
        address, port = listener.getsockname()
        assert address == "127.0.0.1"
        with socket.create_connection(("127.0.0.1", port), timeout=5):
            pass
        # Another address of the same machine is another's already.
        with pytest.raises(OSError, match="refused"):
            socket.create_connection(("127.0.0.2", port), timeout=5)
        with (
            pytest.raises(unmask.SettingError, match="port 0 takes a free one"),
            bound("127.0.0.1", port),
        ):
            pass


def test_every_answer_carries_the_policy(client):
    for path in ("/", "/app.js", "/api/about", "/nothing"):
        policy = client.get(path, headers=HEADERS).headers["content-security-policy"]
        assert policy.startswith("default-src 'self'")
        assert "unsafe" not in policy


def test_the_page_asks_nothing_of_other_machines(client):
    text = "".join(client.get(f"/{name}", headers=HEADERS).text for name in PAGE)
    assert "//" in text
    without = text.replace('"http://www.w3.org/2000/svg"', "").replace('replace("http", "ws")', "")
    assert "http" not in without.replace("Without https on", "").replace("maximum-scale", "")
    assert "innerHTML" not in text
    assert "eval(" not in text


def test_a_session_that_is_gone_says_what_to_do(client):
    answer = client.post("/api/session/unknown/explain", json={}, headers=HEADERS)
    assert answer.status_code == 410
    assert "load it again" in answer.json()["error"]


# --- many at once


def test_pages_and_pictures_are_bounded():
    with testclient.TestClient(build(sessions=Sessions(limit=3, held=40 * 60 * 3 * 2))) as client:
        pages = [Page(client) for _ in range(4)]
        # The first has no socket, so it made room.
        assert pages[0]("code", {}).status_code == 410
        assert pages[1].upload(png()).status_code == 200
        assert pages[2].upload(png()).status_code == 200
        assert pages[3].upload(png()).status_code == 200
        assert [one("code", {}).status_code for one in pages[1:]].count(410) == 1
        assert pages[3].upload(png(600, 400)).status_code == 503


@pytest.mark.slow
def test_who_waits_is_told_the_place_and_gets_its_turn(tmp_path):
    with testclient.TestClient(build(scheduler=Scheduler(active=1, quantum=0.1))) as client:
        pages = [Page(client) for _ in range(3)]
        for page in pages:
            page.upload(STREET.read_bytes())
            page("explain", {"targets": ["4"], "settings": {"masks": 300}})
        _, state = pages[2].follow({"waiting"})
        assert state["place"] in (1, 2)
        for page in reversed(pages):
            page.follow({"done"})
        expected = unmask.explain("demo", STREET, 4, masks=300).maps
        for page in pages:
            np.testing.assert_array_equal(page.numbers(tmp_path).maps, expected)


@pytest.mark.slow
def test_a_page_that_is_closed_is_soon_forgotten(monkeypatch):
    sessions = Sessions()
    with testclient.TestClient(build(sessions=sessions)) as client:
        closed, silent, open_ = (Page(client) for _ in range(3))
        for page in (closed, silent):
            page.upload(png())
            page("explain", {"settings": {"masks": 64}})
        closed.follow({"done"})  # and closes its socket
        with client.websocket_connect(f"/api/session/{open_.token}/live", headers=HEADERS):
            later = time.monotonic() + PATIENCE + 1
            monkeypatch.setattr("unmask.app.sessions.time.monotonic", lambda: later)
            sessions.sweep()
            assert [page("code", {}).status_code for page in (closed, silent, open_)] == [
                410,
                200,
                200,
            ]
