"""Similarity to a picture, a text or an embedding: scores, refusals, files, both ways round."""

import json
import warnings

import numpy as np
import pytest
from PIL import Image

import unmask
from helpers.places import SHARED
from unmask.errors import FileError, ImageError, ModelOutputError, SettingError, TargetError
from unmask.inputs import images
from unmask.reports.reproduce import reproduction

RNG = np.random.default_rng(5)
# A yellow patch is in both: left above in the first, of 18 x 27, right below in the other, 20 x 16.
FIRST, OTHER = np.full((18, 27, 3), 40, np.uint8), np.full((20, 16, 3), (30, 60, 90), np.uint8)
FIRST[2:9, 3:12] = OTHER[11:18, 8:15] = (250, 220, 0)
QUICK = {"masks": 128, "grid": (3, 4), "fill": "black", "batch_size": 16}
WEIGHTS = RNG.normal(size=(3, 8))


def embedding(batch):
    """Mean of what is bright in each color, turned: (n, 8)."""
    return np.maximum(np.asarray(batch, np.float64) - 30, 0).mean(axis=(1, 2)) @ WEIGHTS


def explained(target, model=embedding, picture=FIRST, **settings):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return unmask.explain(model, picture, target, **{**QUICK, **settings})


def cosine(a, b):
    return (a @ b) / np.linalg.norm(a, axis=-1) / np.linalg.norm(b)


HERS = embedding(OTHER[None])[0]


@pytest.mark.parametrize(
    ("metric", "function", "quantity"),
    [
        ("cosine", lambda out: cosine(out, HERS), "cosine"),
        ("dot", lambda out: out @ HERS, "dot product"),
        ("euclidean", lambda out: -np.linalg.norm(out - HERS, axis=1), "negative distance"),
    ],
)
def test_the_score_is_the_metric_of_the_two_embeddings(metric, function, quantity):
    made = explained(unmask.similar_to(OTHER, metric), fill="white")
    own = explained(lambda out: function(np.asarray(out)), fill="white")
    np.testing.assert_allclose(made.estimate.scores, own.estimate.scores, rtol=1e-9)
    assert made.targets[0].quantity == quantity
    assert made.model_calls == own.model_calls + 1  # about the other


def test_pictures_paths_and_embeddings_are_the_same(tmp_path):
    Image.fromarray(OTHER).save(tmp_path / "other.png")
    path = str(tmp_path / "other.png")
    ways = [OTHER, Image.fromarray(OTHER), tmp_path / "other.png", path, HERS, HERS.tolist()]
    maps = [explained(unmask.similar_to(way)).map for way in ways] + [
        explained(f"similar:{path}").map
    ]
    for other in maps[1:]:
        np.testing.assert_allclose(other, maps[0], rtol=1e-5)


def test_several_are_compared_in_one_pass():
    made = explained([unmask.similar_to(OTHER), unmask.similar_to(HERS[::-1])])
    assert [one.label for one in made.targets] == [
        "similar to a picture",
        "similar to an embedding",
    ]
    assert made.model_calls == explained(unmask.similar_to(OTHER)).model_calls


def test_the_map_lies_on_what_both_show():
    pair = unmask.compare_pictures(embedding, FIRST, OTHER, metric="dot", **QUICK)
    for made, part in ((pair.first, np.s_[2:9, 3:12]), (pair.second, np.s_[11:18, 8:15])):
        inside = np.zeros(made.map.shape, bool)
        inside[part] = True
        assert made.map[inside].mean() > made.map[~inside].mean()
    assert pair.first.targets[0].score == pytest.approx(pair.second.targets[0].score)
    assert pair.similarity == pytest.approx(embedding(FIRST[None])[0] @ HERS)
    figure = pair.plot()
    texts = " ".join(text.get_text() for text in figure.texts)
    assert texts.count("over the picture") == 2
    assert "dot product while visible" in texts
    for name in ("target", "checkpoint"):
        with pytest.raises(SettingError, match=f"without {name}="):
            unmask.compare_pictures(embedding, FIRST, OTHER, **{name: "x"})


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: unmask.similar_to(OTHER, "hamming"), SettingError, "metric='hamming'"),
        (lambda: unmask.similar_to([]), TargetError, "expected an embedding"),
        (lambda: unmask.similar_to([1.0, np.nan]), TargetError, "expected an embedding"),
        (lambda: unmask.similar_to(["a", "b"]), TargetError, "expected an embedding"),
        (
            lambda: unmask.similar_to(np.zeros(5)),
            TargetError,
            "zeros has no direction",
        ),
        (lambda: unmask.similar_to(np.zeros((3, 4, 5, 6))), ImageError, "holds float64"),
        (lambda: unmask.similar_to(3.5), ImageError, "picture cannot be made"),
        (lambda: unmask.similar_to(" "), TargetError, "expected a picture, a text"),
    ],
)
def test_what_cannot_be_compared_with_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_before_the_model_is_asked():
    def never(batch):
        raise AssertionError

    for target, message in (
        (["similar:nowhere.png", 3], "target 3 beside a similarity"),
        ([unmask.similar_to(OTHER), 3], "target 3 beside a similarity"),
    ):
        with pytest.raises(TargetError, match=message):
            unmask.prepare(never, FIRST, target)
    lamp = unmask.load(lambda _: [], detector="function", labels=["lamp"])
    with pytest.raises(TargetError, match="is a detector"):
        unmask.prepare(lamp, FIRST, unmask.similar_to(OTHER))


def test_before_the_first_mask():
    calls = []

    def counted(batch):
        calls.append(len(batch))
        return embedding(batch)

    with pytest.raises(TargetError, match="embedding of 5 numbers, and counted returns 8"):
        unmask.prepare(counted, FIRST, unmask.similar_to(np.ones(5)))
    dark = np.zeros_like(OTHER)
    with pytest.raises(TargetError, match=r"of a picture is all zeros.*metric='euclidean'"):
        unmask.prepare(counted, FIRST, unmask.similar_to(dark))
    with pytest.raises(TargetError, match="of the whole input is all zeros"):
        unmask.prepare(counted, dark, unmask.similar_to(OTHER))
    with pytest.raises(TargetError, match="no such file, and counted does not know texts"):
        unmask.prepare(counted, FIRST, "similar:nowhere.png")
    assert calls == [1] * 6
    unmask.prepare(counted, FIRST, unmask.similar_to(dark, "euclidean"))
    maps = unmask.load(lambda b: np.zeros((len(b), 3, 4, 5)))
    with pytest.raises(TargetError, match=r"shape \(1, 3, 4, 5\), and embeddings \(n, d\)"):
        unmask.prepare(maps, FIRST, unmask.similar_to(OTHER))
    odd = unmask.load(lambda b: embedding(b) * (np.nan if b.shape[1] == 20 else 1))
    with pytest.raises(ModelOutputError, match="no embedding of a picture"):
        unmask.prepare(odd, FIRST, unmask.similar_to(OTHER))


def test_a_masked_picture_without_an_embedding_is_like_nothing():
    made = explained(unmask.similar_to(OTHER), keep=0.25)  # some masks hide the patch: zeros
    assert made.estimate.scores.min() == 0


def test_scores_are_the_same_in_any_batch():
    one, other = (explained(unmask.similar_to(OTHER), batch_size=size).map for size in (1, 7))
    np.testing.assert_allclose(one, other, rtol=1e-6)


def test_it_is_saved_gone_on_with_and_told_apart(tmp_path):
    Image.fromarray(OTHER).save(tmp_path / "other.png")
    asked = f"similar:{tmp_path / 'other.png'}"
    first = unmask.Explanation.load(explained(asked).save(tmp_path / "one.npz"))
    assert first.targets[0].request == asked
    assert first.targets[0].label == "similar to other.png"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        more = unmask.extend(first, embedding, masks=64)
    np.testing.assert_array_equal(more.maps, explained(asked, masks=192).maps)
    assert f"-t {asked}" in reproduction(first).command()
    assert unmask.metrics.curves(first, embedding)[0]["deletion"].area < 1
    scores = tmp_path / "scores"
    explained(unmask.similar_to(HERS), checkpoint=scores, masks=64)
    with pytest.raises(FileError, match="belongs to another run"):
        explained(unmask.similar_to(HERS + 1), checkpoint=scores)
    with pytest.raises(TargetError, match="give it again"):
        unmask.extend(explained(unmask.similar_to(HERS)), embedding, masks=64)


def test_no_note_takes_an_embedding_for_classes():
    made = unmask.explain(embedding, FIRST, unmask.similar_to(OTHER), **QUICK)
    assert not any("logits" in note or "tells this picture" in note for note in made.notes)


def test_texts_are_compared_by_a_model_of_texts():
    def letters(texts):
        return [[1.0 + text.count(letter) for letter in "abcdefgh"] for text in texts]

    words = unmask.text("a bad cab had a dad")
    made = unmask.explain(letters, words, unmask.similar_to("dad had"))
    hers = np.array(letters(["dad had"])[0])
    assert made.targets[0].score == pytest.approx(
        cosine(np.array(letters([words.string])[0]), hers)
    )


# --- the command line, and a real network


@pytest.fixture
def network():
    if not SHARED.is_dir():
        pytest.skip("needs the real embedding of ../shared")
    return SHARED / "real" / "embedding" / "mobilenet_v1_embedding.onnx"


def test_on_the_command_line(network, tmp_path, monkeypatch):
    pytest.importorskip("typer")
    from typer.testing import CliRunner

    from unmask import cli

    monkeypatch.chdir(tmp_path)
    pixels = images.read(SHARED / "images" / "imagenet_red_fox.jpg")
    Image.fromarray(pixels).save("fox.png")
    Image.fromarray(pixels[:150, :180]).save("part.png")
    model = ("-m", str(network), "--preprocess", "tf", "-n", "64", "--grid", "3")

    def ran(*words):
        return CliRunner().invoke(cli.app, [*words, *model])

    said = json.loads(ran("explain", "fox.png", "--similar-to", "part.png", "--json").stdout)
    assert said["targets"][0]["target"] == "similar:part.png"
    assert said["targets"][0]["quantity"] == "cosine"
    both = json.loads(ran("compare-pictures", "fox.png", "part.png", "--json").stdout)
    assert both["similarity"] == pytest.approx(said["targets"][0]["score"])
    assert both["first"]["picture"] == "fox.png"
    names = {path.name for path in (tmp_path / "unmask-output").iterdir()}
    assert {"fox-and-part.png", "fox-like-part.npz", "part-like-fox.npz"} <= names
    wrong = ran("explain", "fox.png", "--similar-to", "none.png")
    assert (wrong.exit_code, "no such file" in " ".join(wrong.output.split())) == (2, True)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["red_fox", "African_elephant", "jay"])
def test_a_picture_is_like_its_part_by_that_part(network, name):
    pixels = images.read(SHARED / "images" / f"imagenet_{name}.jpg")
    height, width = pixels.shape[:2]
    top, left = 3 * height // 10, width // 4
    part = np.s_[top : top + height // 2, left : left + width // 2]
    model = unmask.load(network, preprocess="tf")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = unmask.explain(model, pixels, unmask.similar_to(pixels[part]), masks=256)
    inside = np.zeros((height, width), bool)
    inside[part] = True
    assert inside[np.unravel_index(made.map.argmax(), made.map.shape)]
