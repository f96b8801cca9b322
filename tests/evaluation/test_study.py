"""Evaluations that are kept in a folder, explainers side by side, and what batch wrote."""

import json

import numpy as np
import pytest
from PIL import Image

import unmask
from unmask import demo, evaluation, metrics
from unmask.errors import FileError, ImageError, SettingError
from unmask.evaluation import Study, read_evidence
from unmask.reports import stored

pytest.importorskip("onnxruntime")
pytest.importorskip("pyarrow")
pytestmark = pytest.mark.filterwarnings("ignore::unmask.UnmaskWarning")

QUICK = "unmask,masks=64,grid=3"
WANTED = ["deletion", "sparseness"]


@pytest.fixture
def pictures(tmp_path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number in range(3):
        scene = demo.scene(number, 11, size=(60, 90))
        Image.fromarray(scene.picture).save(folder / f"{number}.png")
    (folder / "notes.txt").write_text("no picture")
    return folder


def study(tmp_path, pictures, **more):
    return Study(tmp_path / "out", "demo", [pictures], QUICK, **{"wanted": WANTED, **more})


@pytest.mark.slow
def test_rows_are_those_of_evaluate(tmp_path, pictures):
    made = study(tmp_path, pictures)
    assert made.left == made.names
    assert made.left_out == {".txt": 1}
    rows = list(made)
    paths = sorted(pictures.glob("*.png"))
    again = list(evaluation.evaluate("demo", paths, QUICK, wanted=WANTED))
    assert [row["picture"] for row in rows] == list(map(str, paths)) == list(made.names)
    for row, one in zip(rows, again, strict=True):
        assert (row["label"], row["class"], row["score"]) == (one.label, one.index, one.score)
        assert {name: row[name] for name in WANTED} == one.values
        np.testing.assert_array_equal(row["deletion_scores"], one.curves["deletion"].scores)
    assert made.summary() == evaluation.summarize(again)
    area = made.curves()["deletion"].area
    assert area == pytest.approx(made.summary()["deletion"].value)
    assert set(made.curves()) == {"deletion"}


@pytest.mark.slow
def test_what_was_made_is_not_made_again_and_what_changed_is(tmp_path, pictures):
    first = study(tmp_path, pictures)
    one = next(iter(first))
    assert first.left == first.names[1:]
    kept = first.table.path.read_bytes()
    second = study(tmp_path, pictures)
    assert second.rows == [one]
    assert [row["picture"] for row in second] == list(second.names[1:])
    assert second.table.path.read_bytes().startswith(kept)
    assert study(tmp_path, pictures).left == ()
    Image.new("RGB", (90, 60), "teal").save(pictures / "1.png")
    assert study(tmp_path, pictures).left == (str(pictures / "1.png"),)


@pytest.mark.slow
@pytest.mark.parametrize(
    "changed",
    [
        {"seed": 1},
        {"target": "heart"},
        {"wanted": ["deletion"]},
        {"evidence": {"0.png": [1, 2, 30, 40]}},
        {"settings": {"model options": "other"}},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_other_settings_are_refused_and_nothing_is_lost(tmp_path, pictures, changed):
    made = study(tmp_path, pictures)
    next(iter(made))
    kept = made.table.path.read_bytes()
    with pytest.raises(SettingError, match="begun with other settings"):
        study(tmp_path, pictures, **changed)
    assert made.table.path.read_bytes() == kept


def test_evidence_is_known_by_its_values_and_functions_by_their_name(tmp_path, pictures):
    def blind(model, image, target):
        return np.random.default_rng(0).random(image.shape[:2])

    boxes = {"0.png": np.array([1, 2, 30, 40])}
    for _ in range(2):
        made = Study(tmp_path / "out", "demo", [pictures], blind, wanted=["energy"], evidence=boxes)
    assert "blind" in json.loads(made.table.path.read_text())["settings"]["explainer"]
    boxes["0.png"][0] = 2
    with pytest.raises(SettingError, match="evidence was"):
        Study(tmp_path / "out", "demo", [pictures], blind, wanted=["energy"], evidence=boxes)


def test_bad_input_begins_no_folder(tmp_path, pictures):
    bare = tmp_path / "bare"
    bare.mkdir()
    (tmp_path / "boxes.csv").write_text("picture,left\na.png,3\n")
    for error, given in (
        (SettingError, {"wanted": ["acuracy"]}),
        (SettingError, {"wanted": ["sanity"]}),
        (SettingError, {"evidence": tmp_path / "boxes.csv"}),
        (FileError, {"evidence": tmp_path / "none.csv"}),
        (SettingError, {"maps": Maps([], {})}),
    ):
        with pytest.raises(error):
            study(tmp_path, pictures, **given)
    with pytest.raises(ImageError, match="no pictures in this folder"):
        study(tmp_path, bare)
    with pytest.raises(SettingError, match="give pictures to explain, or maps="):
        Study(tmp_path / "out", "demo")
    assert not (tmp_path / "out").exists()


class Maps:
    """Explanations at hand, as `unmask.results.open` gives those of batch."""

    url = "somewhere"

    def __init__(self, explanations, failures):
        self.all, self.failures = explanations, failures

    @property
    def ids(self):
        return [one.image for one in self.all]

    def explanations(self, only=None):
        return (one for one in self.all if only is None or one.image in only)

    def place(self, name):
        return f"file:///here/{name}" if name != "2.png" else ""


@pytest.fixture
def maps(pictures):
    made = [
        unmask.explain("demo", path, masks=64, grid=3) for path in sorted(pictures.glob("*.png"))
    ]
    return Maps(made[::-1], {"bad.png": "ImageError: no picture"})


@pytest.mark.slow
def test_maps_that_are_there_are_measured_and_failures_are_rows(tmp_path, pictures, maps):
    made = Study(tmp_path / "out", "demo", maps=maps, wanted=WANTED)
    rows = {row["picture"]: row for row in made}
    fresh = evaluation.evaluate("demo", sorted(pictures.glob("*.png")), QUICK, wanted=WANTED)
    for row in fresh:
        assert {name: rows[row.picture][name] for name in WANTED} == row.values
    assert rows["bad.png"]["error"] == "bad.png failed in batch: ImageError: no picture"
    assert Study(tmp_path / "out", "demo", maps=maps, wanted=WANTED).left == ()
    with pytest.raises(FileError, match="somewhere: batch has finished no picture"):
        Study(tmp_path / "none", "demo", maps=Maps([], {}))
    with pytest.raises(SettingError, match="exclude each other"):
        Study(tmp_path / "none", "demo", explainer="rise", maps=maps)


@pytest.mark.slow
def test_another_model_than_the_one_of_the_maps_is_refused(tmp_path, pictures, maps):
    def dark(batch):
        return 255 - batch.mean((1, 2))

    made_of = (
        r"another model, picture or preprocessing\. The maps were made of unmask demo \(demo\)"
    )
    with pytest.raises(SettingError, match=made_of):
        Study(tmp_path / "out", unmask.load("demo", activation="softmax"), maps=maps)
    # It has three classes, and what is explained is a later one.
    few = unmask.explain("demo", sorted(pictures.glob("*.png"))[0], 5, masks=64, grid=3)
    with pytest.raises(SettingError, match="The maps were made of unmask demo"):
        Study(tmp_path / "out", unmask.load(dark), maps=Maps([few], {}))
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_what_batch_wrote_becomes_a_report_in_the_order_of_names(maps):
    found = stored(maps, most=2)
    assert [one.image for one in found.explanations] == ["0.png", "1.png"]
    assert [one.image for one in found.recipes] == ["/here/0.png", "/here/1.png"]
    assert found.notes == (
        "2 of 3 pictures of somewhere; most= takes more.",
        "1 pictures of somewhere failed and are left out.",
    )
    assert stored(maps).recipes[2].image == "2.png"
    page = unmask.report(found.explanations, recipes=found.recipes)
    assert "/here/1.png" in page
    with pytest.raises(FileError, match="no picture is explained"):
        stored(Maps([], {}))


@pytest.mark.slow
def test_compared_maps_are_the_explainers_own(pictures):
    path = pictures / "1.png"
    case = metrics.case("demo", path, "heart")
    first, second = evaluation.compare(case, [QUICK, "occlusion,masks=16"], seed=3)
    made = unmask.explain("demo", path, "heart", masks=64, grid=3, seed=3)
    np.testing.assert_array_equal(first.values, made.map)
    for name, curve in metrics.both(case, made.model_maps[0]).items():
        np.testing.assert_array_equal(first.curves[name].scores, curve.scores)
    titles = "unmask (adaptive, 64 masks, grid 3)", "occlusion (16 places)"
    assert (first.title, second.title) == titles
    assert second.values.shape == made.map.shape
    with pytest.raises(SettingError, match="explainer 'lime'"):
        evaluation.compare(case, ["lime"])


def test_boxes_of_one_picture_are_read_together(tmp_path):
    path = tmp_path / "boxes.csv"
    path.write_text("picture,left,top,right,bottom\nx/a.png,1,2,3,4\na.png,5,6,7,8.5\n")
    (name, boxes), *rest = read_evidence(path).items()
    assert (name, rest) == ("a.png", [])
    np.testing.assert_array_equal(boxes, [[1, 2, 3, 4], [5, 6, 7, 8.5]])


def test_a_folder_says_what_it_was_begun_with_as_version_0_1_0_did(tmp_path, pictures):
    """So that a command that was stopped under that version goes on."""
    pytest.importorskip("typer")
    from typer.testing import CliRunner

    from unmask._base.files import sha256
    from unmask.cli import app

    words = ["evaluate", pictures / "0.png", "-e", QUICK, "--metric", "drop", "--resize", "crop"]
    words += ["--channels", "3", "-o", tmp_path / "out"]
    ran = CliRunner().invoke(app, list(map(str, words)))
    assert ran.exit_code == 0, ran.output
    header = json.loads((tmp_path / "out" / "results.jsonl").read_text().splitlines()[0])
    assert header["settings"] == {
        "model": "unmask demo",
        "model file": sha256(demo.MODEL)[:16],
        "model options": [None, None, None, None, None, None, "crop", "channels=3"],
        "explainer": QUICK,
        "target": None,
        "metrics": ["drop"],
        "evidence": None,
        "seed": 0,
        "unmask": unmask.__version__,
    }
