"""The embedded classifier says first where a picture is none of what it knows; of scenes never."""

import io
import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import unmask
from helpers.places import SHARED
from unmask import demo
from unmask.demo.familiar import is_scene
from unmask.errors import DoubtWarning
from unmask.evaluation import metrics
from unmask.inputs import images

KNOWS = "the embedded demo knows eight drawn shapes"
SIZES = [(128, 128), (96, 160), (140, 110), (64, 64), (32, 40), (48, 180)]
OBJECTS = [(1, 4), (1, 1), (6, 6)]
shared = pytest.mark.skipif(not SHARED.is_dir(), reason="needs the photographs of ../shared")


def gradient():
    """A picture of many colors, that nobody drew for the demo."""
    y, x = np.mgrid[:60, :90]
    smooth = np.stack([y * 4, x * 2.8, 255 - x - y], axis=2)
    noise = np.random.default_rng(0).integers(-9, 10, smooth.shape)
    return np.clip(smooth + noise, 0, 255).astype(np.uint8)


def said(function):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        function()
    return [str(one.message) for one in caught]


@pytest.mark.slow
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("objects", OBJECTS)
def test_no_scene_is_ever_called_strange(size, objects):
    for number in range(5):
        drawn = demo.scene(number, seed=sum(size) + objects[0], size=size, objects=objects)
        assert is_scene(drawn.picture), (number, size, objects)


@pytest.mark.slow
def test_the_four_pictures_are_scenes():
    assert all(is_scene(images.read(path)) for path in demo.pictures().values())


def photographs():
    return sorted((SHARED / "images").glob("**/*.jpg")) if SHARED.is_dir() else []


@pytest.mark.slow
@shared
def test_every_photograph_is_told_from_them():
    found = photographs()
    assert len(found) >= 20
    assert [path.name for path in found if is_scene(images.read(path))] == []
    gray = [images.read(Image.open(path).convert("L")) for path in found[::4]]
    assert not any(map(is_scene, gray))


@pytest.mark.parametrize(
    "picture",
    [
        np.full((30, 40, 3), 200, np.uint8),
        np.random.default_rng(1).integers(0, 256, (60, 80, 3), np.uint8),
        np.repeat(np.random.default_rng(1).integers(0, 256, (60, 80, 1), np.uint8), 3, axis=2),
        np.zeros((1, 1, 3), np.uint8),
        np.zeros((1, 5, 3), np.uint8),
        gradient(),
    ],
    ids=["flat", "noise", "gray", "pixel", "row", "gradient"],
)
@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_other_pictures_are_none(picture):
    assert not is_scene(picture)


@pytest.mark.slow
def test_python_warns_first_and_the_explanation_remembers():
    calls = [
        lambda: unmask.predict("demo", gradient()),
        lambda: unmask.prepare("demo", gradient()),
        lambda: unmask.explain(unmask.load("demo", resize="crop"), gradient(), masks=64),
        lambda: unmask.explain(demo.MODEL, gradient(), masks=64),
    ]
    for call in calls:
        first, *rest = said(call)
        assert first.startswith(KNOWS)
        assert "star, disc, cross, moon, heart, triangle, square and bolt" in first
        assert "unmask.load(FILE)" in first
        assert not [one for one in rest if one.startswith(KNOWS)]
    with pytest.warns(DoubtWarning, match=KNOWS):
        made = unmask.explain("demo", gradient(), masks=64)
    assert made.notes[0].startswith(KNOWS)
    assert KNOWS in unmask.report([made])


@pytest.mark.slow
def test_scenes_and_other_models_are_not_spoken_of():
    street = demo.pictures()["street"]
    drawn = demo.scene(5, seed=8, size=(90, 120)).picture
    model = unmask.load(lambda b: b.mean(axis=(1, 2)) / 255, name="unmask demo")
    for call in (
        lambda: unmask.predict("demo", street),
        lambda: unmask.explain("demo", drawn, masks=512),
        lambda: unmask.predict(model, gradient()),
        lambda: metrics.case("demo", street),
    ):
        assert not [one for one in said(call) if KNOWS in one]


@pytest.fixture
def run(tmp_path, monkeypatch):
    pytest.importorskip("typer")
    from typer.testing import CliRunner

    from unmask.cli import app

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "300")
    Path("pictures").mkdir()
    Image.fromarray(gradient()).save("pictures/mine.png")
    Path("street.png").write_bytes(demo.pictures()["street"].read_bytes())

    def run(*words):
        result = CliRunner().invoke(app, list(words))
        assert result.exit_code == 0, result.output
        return result.output

    return run


QUICK = ["-n", "64", "--grid", "3"]


@pytest.mark.slow
@pytest.mark.parametrize(
    "words",
    [
        ["explain", "PICTURE", *QUICK],
        ["predict", "PICTURE"],
        ["converge", "PICTURE", "--at", "64"],
        ["compare", "PICTURE", "-e", "occlusion,masks=4"],
        ["evaluate", "PICTURE", "-e", "occlusion,masks=4", "--metric", "sparseness"],
    ],
    ids=lambda words: words[0],
)
def test_the_command_says_it_first(run, words):
    output = run(*[word.replace("PICTURE", "pictures/mine.png") for word in words]).strip()
    assert output.startswith(f"Note: {KNOWS}")
    assert output.count(KNOWS) == 1
    assert "--model FILE" in output
    assert KNOWS not in run(*[word.replace("PICTURE", "street.png") for word in words])


def test_the_page_says_it_with_the_picture():
    pytest.importorskip("httpx")
    testclient = pytest.importorskip("starlette.testclient")
    from unmask.app.server import build

    buffer = io.BytesIO()
    Image.fromarray(gradient()).save(buffer, "PNG")
    headers = {"host": "127.0.0.1:8808"}
    with testclient.TestClient(build()) as client:
        token = client.post("/api/sessions", headers=headers).json()["token"]
        own = f"/api/session/{token}"
        shown = client.put(f"{own}/picture", content=buffer.getvalue(), headers=headers)
        assert shown.json()["notes"][0].startswith(KNOWS)
        shown = client.post(f"{own}/example", json={"name": "night"}, headers=headers)
        assert shown.json()["notes"] == []
