"""The report: it holds all that it shows, and nothing in it is taken for HTML."""

import base64
import hashlib
import html
import re
import shlex
from dataclasses import dataclass, replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

import unmask
from helpers.pictures import small
from unmask.draw.curves import INKS, OF_METRICS
from unmask.estimate.uncertainty import format_reliability
from unmask.evaluation import metrics
from unmask.models.detections import Detections
from unmask.reports.html import report
from unmask.reports.reproduce import Reproduction, reproduction

STREET = unmask.demo.pictures()["street"]
MARKUP = "<script>alert('x')</script>&\"<img src=http://evil.example/x>"


@dataclass
class Curve:
    fractions: np.ndarray
    scores: np.ndarray


class Reader(HTMLParser):
    """Notes every element, and every attribute that could fetch something."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.references, self.texts, self.attributes = [], [], [], []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        self.references += [
            value
            for name, value in attrs
            if name in ("src", "href", "srcset", "data", "action", "poster", "xlink:href")
        ]

    def handle_data(self, data):
        self.texts.append(data)


@pytest.fixture(scope="module")
def explanation():
    return unmask.explain("demo", STREET, ["heart", "star"], masks=512)


@pytest.mark.slow
def test_nothing_is_outside(explanation):
    page = report([explanation, replace(explanation, image="other.png")])
    reader = Reader(page)
    assert len(reader.references) > 10
    assert all(re.match(r"data:image/(png|jpeg);base64,|#e\d$", r) for r in reader.references)
    assert not {"link", "iframe", "object", "embed", "base", "form"} & set(reader.tags)
    assert "@import" not in page
    assert all(url.startswith("data:image/jpeg;") for url in re.findall(r"url\(([^)]*)", page))
    assert "http" not in re.sub(r"http-equiv", "", page)


@pytest.mark.slow
def test_the_policy_allows_its_own_script_and_style_alone(explanation):
    page = unmask.report([explanation])
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', page)[1]
    assert policy.startswith("default-src 'none'")
    for tag in ("script", "style"):
        (content,) = re.findall(f"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy
    # No inline handler or style is left for the policy to refuse.
    assert not [name for name, _ in Reader(page).attributes if name.startswith("on")]
    assert "style" not in [name for name, _ in Reader(page).attributes]


@pytest.mark.slow
def test_what_strangers_wrote_is_text(explanation):
    targets = tuple(replace(target, label=MARKUP) for target in explanation.targets)
    evil = replace(
        explanation,
        targets=targets,
        model=MARKUP,
        image=MARKUP,
        notes=(MARKUP,),
        versions={MARKUP: MARKUP},
        plan=replace(explanation.plan, fill=MARKUP),
    )
    curve = Curve(np.array([0, 1.0]), np.array([1.0, 0]))
    curves = [[{MARKUP: curve}, {MARKUP: curve}]] * 2
    plain = Reader(report([explanation] * 2, curves=[None] * 2))
    reader = Reader(report([evil, evil], curves=curves, title=MARKUP))
    assert reader.tags.count("script") == plain.tags.count("script") == 1
    assert reader.tags.count("img") == plain.tags.count("img")
    assert not [r for r in reader.references if "evil" in r]
    assert "".join(reader.texts).count(MARKUP) >= 12


def test_it_says_what_was_done(explanation):
    page = unmask.report([explanation])
    for words in (
        "heart", "star", "street.png", "512 of 512", "8 × 8", "balanced", "adaptive",
        f"reliability {format_reliability(explanation.reliabilities[1])}",
        f"numpy {np.__version__}",
        "-t 4 -t 0 --masks 512 --grid 8", "standard error",
        "unmask.demo.pictures()['street'],\n    [4, 0],\n    masks=512,",
    ):  # fmt: skip
        assert words in html.unescape(page), words


@pytest.mark.slow
def test_few_masks_have_no_standard_error():
    with pytest.warns(unmask.UnmaskWarning, match="one block"):
        few = unmask.explain("demo", STREET, masks=64, estimator="centered")
    page = unmask.report([few])
    assert "hardly known" in page
    assert "<figcaption>standard error" not in page


def test_curves_are_drawn(explanation):
    curve = Curve(np.linspace(0, 1, 5), np.array([1, 0.5, 0.25, 0, 0]))
    page = unmask.report([explanation], curves=[[{"deletion": curve, "insertion": curve}, {}]])
    assert page.count('class="curve"') == 2
    assert "deletion 0.312" in page
    # As compare and evaluate draw them: blue is insertion, the other is deletion.
    drawn = re.findall(r'class="curve".*?var\(--(\w+)\)', page, re.DOTALL)
    assert drawn == ["other", "accent"]
    assert {"deletion": INKS[1], "insertion": INKS[0]} == OF_METRICS


def test_an_array_is_reported_without_a_picture():
    model = unmask.load(lambda b: b.mean(axis=(1, 2)), layout="NTC", preprocess="raw", name="mean")
    series = np.random.default_rng(0).normal(size=(40, 2)).astype(np.float32)
    page = unmask.report([unmask.explain(model, series, 0, masks=200, grid=5)])
    assert "cannot be drawn" in page
    assert "the input, which is an array" in page


def test_counts_must_fit(explanation):
    for more in ({"recipes": [reproduction(explanation)] * 2}, {"curves": [None, None]}):
        with pytest.raises(unmask.SettingError, match="expected at least one"):
            report([explanation], **more)
    with pytest.raises(unmask.SettingError, match="2 targets, and curves of 1"):
        unmask.report([explanation], curves=[[{}]])
    with pytest.raises(unmask.SettingError):
        report([])


@pytest.mark.slow
@pytest.mark.parametrize("beside", [{}, {"grid": (5, 8), "estimator": "adaptive", "fill": "blur"}])
def test_the_recipe_of_a_preset_makes_the_same_map(beside, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    small().save(tmp_path / "street.png")
    made = unmask.explain(
        "demo", Path("street.png"), "star", preset="notebook", masks=150, seed=2, **beside
    )
    again = reproduction(made)
    assert again.unsaid == ()
    made_again(again, made, tmp_path)


@pytest.mark.slow
def test_what_no_option_says_is_told():
    made = unmask.explain("demo", STREET, unmask.within_top("star", 2), masks=256, shift=False)
    assert [text.split(",")[0] for text in reproduction(made).unsaid] == [
        "masks without shift",
    ]


@pytest.mark.slow
def test_the_recipe_makes_the_same_map(explanation, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "street.png").write_bytes(STREET.read_bytes())
    made_again(reproduction(explanation), explanation, tmp_path)


def made_again(again, explanation, folder):
    names: dict = {}
    exec(compile(again.python(), "recipe", "exec"), names)
    np.testing.assert_array_equal(names["explanation"].maps, explanation.maps)

    pytest.importorskip("typer")
    from typer.testing import CliRunner

    from unmask.cli import app

    result = CliRunner().invoke(app, [*shlex.split(again.command())[1:], "-o", "out"])
    assert result.exit_code == 0, result.output
    loaded = unmask.Explanation.load(folder / "out" / "street.npz")
    np.testing.assert_array_equal(loaded.maps, explanation.maps)


@pytest.mark.parametrize("name", ["my fox.jpg", "a'b.png", "$(rm -rf x).png", "-o.png", 'q"`.jpg'])
def test_names_are_quoted(name):
    words = shlex.split(Reproduction(name, (name,), {"fill": name}).command())
    assert words[2] in (name, f"./{name}")
    assert words[4] == words[6] == name
    compile(Reproduction(name, (name,), {"fill": name}).python(), "recipe", "exec")


def test_boxes_are_said_in_both():
    again = Reproduction("a.jpg", ("dog:10,20.5,200,180",))
    assert "-t dog:10,20.5,200,180" in again.command()
    assert "unmask.box((10, 20.5, 200, 180), label='dog')" in again.python()


@pytest.mark.slow
def test_the_command_writes_one_file(explanation, tmp_path):
    pytest.importorskip("typer")
    from typer.testing import CliRunner

    from unmask.cli import app

    first = explanation.save(tmp_path / "one.npz")
    out = tmp_path / "all.html"
    result = CliRunner().invoke(app, ["report", str(first), str(first), "-o", str(out)])
    assert result.exit_code == 0, result.output
    page = out.read_text("utf-8")
    assert page.count("<section") == 2
    assert report([explanation] * 2) == page

    result = CliRunner().invoke(app, ["report", str(tmp_path / "none.npz")])
    assert result.exit_code == 2
    assert "no file" in result.output


@pytest.mark.slow
def test_curves_are_those_of_the_metrics(explanation, tmp_path):
    loaded = unmask.Explanation.load(explanation.save(tmp_path / "one.npz"))
    found = metrics.curves(loaded, "demo", step=0.1)
    for position, target in enumerate(("heart", "star")):
        case = metrics.case("demo", STREET, target)
        expected = metrics.both(case, explanation.model_maps[position], step=0.1)
        for name, curve in expected.items():
            np.testing.assert_array_equal(found[position][name].scores, curve.scores)


def test_curves_want_the_model_that_was_explained(explanation):
    other = unmask.load(lambda batch: batch.mean(axis=(1, 2)), preprocess="unit", name="other")
    with pytest.raises(unmask.SettingError, match="explained for unmask demo"):
        metrics.curves(explanation, other)
    with pytest.raises(unmask.SettingError, match="no input"):
        metrics.curves(replace(explanation, original=None), "demo")
    unknown = tuple(replace(target, index=None, request=None) for target in explanation.targets)
    with pytest.raises(unmask.TargetError, match="is a function"):
        metrics.curves(replace(explanation, targets=unknown), "demo")
    smaller = replace(explanation, model_maps=explanation.model_maps[:, ::2])
    with pytest.raises(unmask.SettingError, match="at the size"):
        metrics.curves(smaller, "demo")


def test_a_box_is_measured_as_that_box():
    def lamp(images):
        # The less of it is seen, the narrower is the box.
        shares = [float(one[4:16, 8:20].mean()) / 240 for one in images]
        return [Detections([[8, 4, 9 + 11 * share, 16]], [[0.9]]) for share in shares]

    picture = np.full((30, 48, 3), 20, np.uint8)
    picture[4:16, 8:20] = 240
    model = unmask.load(lamp, detector="function", labels=["lamp"])
    boxed = unmask.explain(model, picture, masks=640)
    (found,) = metrics.curves(boxed, model)
    assert found["deletion"].area < 0.5 < found["insertion"].area


@pytest.mark.slow
def test_the_command_measures_curves(explanation, tmp_path):
    pytest.importorskip("typer")
    from typer.testing import CliRunner

    from unmask.cli import app

    first, out = explanation.save(tmp_path / "one.npz"), tmp_path / "all.html"
    result = CliRunner().invoke(app, ["report", str(first), "--curves", "-o", str(out)])
    assert result.exit_code == 0, result.output
    page = out.read_text("utf-8")
    assert page.count('class="curve"') == 4
    area = metrics.curves(explanation, "demo")[0]["deletion"].area
    said = re.search(r"deletion (\d\.\d+)", page)
    assert float(said[1]) == pytest.approx(area, abs=6e-4)

    other = replace(explanation, model="mobilenet").save(tmp_path / "other.npz")
    result = CliRunner().invoke(app, ["report", str(other), "--curves", "-o", str(out)])
    assert result.exit_code == 2
    assert "mobilenet" in result.output
