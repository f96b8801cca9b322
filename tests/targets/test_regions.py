"""Regions of a segmentation: what is looked at, what is refused, and where it is drawn."""

import json
import warnings

import numpy as np
import pytest
from PIL import Image, ImageDraw
from scipy.ndimage import binary_dilation

import unmask
from helpers.places import SHARED
from unmask.errors import FileError, ModelError, TargetError
from unmask.inputs.frame import Frame
from unmask.models.outputs import classes_axis
from unmask.reports.reproduce import reproduction
from unmask.targets.places import Places

# 24 x 36: red left of column 12, green from column 24 on in the upper half, else blue.
PICTURE = np.zeros((24, 36, 3), np.uint8)
PICTURE[:, :12, 0] = PICTURE[:12, 24:, 1] = 250
PICTURE[..., 2] = 250 - PICTURE[..., 0] - PICTURE[..., 1]
LABELS = ["red", "green", "background"]
QUICK = {"masks": 128, "grid": (3, 4), "fill": "black", "batch_size": 16}


def shares(batch):
    """Share of each color at every place of 6 x 9: (n, 6, 9, 3)."""
    means = batch.reshape(len(batch), 6, 4, 9, 4, 3).mean(axis=(2, 4), dtype=np.float64)
    return (means + 20) / (means + 20).sum(axis=3, keepdims=True)


def network(last=True, **options):
    """Return it as a model, with its classes along the last or the second axis."""

    def run(batch):
        found = shares(np.asarray(batch))
        return found if last else np.moveaxis(found, 3, 1)

    said = {"labels": LABELS, "size": (24, 36), **options}
    return unmask.load(run, name="colors", **said).changed(task="regions")


def explained(target=None, model=None, **settings):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return unmask.explain(model or network(), PICTURE, target, **{**QUICK, **settings})


@pytest.mark.parametrize("last", [True, False])
@pytest.mark.parametrize(
    ("target", "function"),
    [
        ("red", lambda out: out[:, :, :3, 0].mean(axis=(1, 2))),
        ("region:green@24,0,36,10", lambda out: np.average(
            out[:, :3, 6:, 1].mean(axis=2), axis=1, weights=[4, 4, 2])),
        (unmask.region("green", (30, 6)), lambda out: out[:, 1, 7, 1]),
        (unmask.region("background", PICTURE[..., 0] > 0),
         lambda out: out[:, :, :3, 2].mean(axis=(1, 2))),
        ("dice:red", lambda out: 2 * out[:, :, :3, 0].sum(axis=(1, 2))
         / (out[..., 0].sum(axis=(1, 2)) + 18)),
        ("dice:red@0,0,24,12", lambda out: 2 * out[:, :3, :3, 0].sum(axis=(1, 2))
         / (out[:, :3, :6, 0].sum(axis=(1, 2)) + 9)),
    ],
)  # fmt: skip
def test_the_score_is_what_is_said_of_the_places(target, function, last):
    made = explained(target, network(last))

    def own(outputs):
        return function(outputs if last else np.moveaxis(outputs, 1, 3))

    np.testing.assert_allclose(made.estimate.scores, explained(own, network(last)).estimate.scores)


def test_the_answers_parts_are_listed_the_largest_first():
    found = unmask.predict(network(), PICTURE)
    assert [(one.label, one.share) for one in found] == [
        ("red", pytest.approx(18 / 54)),
        ("green", pytest.approx(9 / 54)),
        ("background", 0.5),  # no thing, so last
    ]
    assert found[1].box == (24, 0, 36, 12)
    assert found[0].score == pytest.approx(270 / 310)
    # Also of a function that nobody said a word of.
    plain = unmask.predict(unmask.load(shares, size=(24, 36)), PICTURE)
    assert [one.index for one in plain] == [2, 0, 1]


def test_all_and_the_largest_are_read_from_one_pass():
    made = explained("all")
    assert [target.label for target in made.targets] == ["red", "green"]
    assert made.model_calls == explained("top:1").model_calls
    assert explained().targets[0].request == "region:0"
    assert [target.label for target in explained("top:9").targets] == ["red", "green"]
    both = explained(["red", "region:red", unmask.region(0), 1])
    assert [target.label for target in both.targets] == ["red", "green"]


def test_the_map_lies_on_the_region():
    for number, part in enumerate((np.s_[:, :12], np.s_[:12, 24:])):
        map_ = explained("all", masks=512).maps[number]
        assert map_[part].mean() > map_.mean() + 0.02


def test_scores_are_the_same_in_any_batch():
    one, other = (explained(["all", "dice:red"], batch_size=size) for size in (1, 7))
    np.testing.assert_array_equal(one.maps, other.maps)


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("region:blue", "no label 'blue'"),
        ("region:7", "expected a class index from 0 to 2"),
        (unmask.contrast("red", "green"), "regions are explained one by one"),
        ([], "the list of targets is empty"),
        (True, "expected a class"),
        (2.5, "target is a float: expected a class, unmask.region"),
        (unmask.within_top("red"), "regions are explained one by one"),
    ],
)
def test_what_is_no_region_is_told_before_the_model_is_asked(target, message):
    def never(batch):
        raise AssertionError

    model = unmask.load(never, labels=LABELS, size=(24, 36)).changed(task="regions")
    with pytest.raises(TargetError, match=message):
        unmask.prepare(model, PICTURE, target)


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ((1, 2, 3), "expected a box of four numbers .* a point of two"),
        ((9, 2, 3, 8), "has no area"),
        ((np.nan, 3), "expected a box"),
        (np.zeros((24, 36), bool), "has no pixel"),
        ("here", "expected a box"),
    ],
)
def test_where_is_a_box_a_point_or_a_mask(where, message):
    with pytest.raises(TargetError, match=message):
        unmask.region("red", where)


@pytest.mark.parametrize(
    ("target", "message"),
    [
        (unmask.region("red", (90, 3)), "point 90,3 is none .* 36 x 24 pixels"),
        (unmask.region("red", (40, 3, 60, 9)), "box 40,3,60,9 covers nothing"),
        (unmask.region("red", np.ones((36, 24))), r"mask of shape \(36, 24\)"),
        ("dice:red@25,0,36,12", "no 'red' is in the answer in 25,0,36,12: the answer has"),
    ],
)
def test_what_the_picture_does_not_have_is_told_before_the_first_mask(target, message):
    calls = []

    def run(batch):
        calls.append(len(batch))
        return shares(batch)

    model = unmask.load(run, labels=LABELS, size=(24, 36)).changed(task="regions")
    with pytest.raises(TargetError, match=message):
        unmask.prepare(model, PICTURE, target, **QUICK)
    assert calls == [1]


def test_a_class_that_is_not_there_is_explained_where_it_should_be():
    blue = np.zeros_like(PICTURE) + np.uint8([0, 0, 200])
    with pytest.raises(
        TargetError, match=r"no 'red'.*has background \(100\.0%\).*'region:red@LEFT"
    ):
        unmask.prepare(network(), blue, "red", **QUICK)
    with pytest.raises(TargetError, match="nothing is to be seen in this picture"):
        unmask.prepare(network(), blue, **QUICK)
    assert unmask.prepare(network(), blue, "region:red@3,4", **QUICK).targets.targets[0].score < 0.2


def test_outputs_of_other_shapes_are_told():
    flat = unmask.load(lambda b: b.mean(axis=(1, 2)), labels=LABELS)
    with pytest.raises(TargetError, match=r"array of shape \(1, 3\), and a region is explained by"):
        unmask.prepare(flat, PICTURE, unmask.region("red"), **QUICK)
    with pytest.raises(ModelError, match="returned 3 classes, but 2 labels"):
        unmask.prepare(network(labels=["a", "b"]), PICTURE, "a", **QUICK)
    lamp = unmask.load(lambda _: [], detector="function", labels=["lamp"])
    with pytest.raises(TargetError, match=r"no model of segmentation.*unmask\.box"):
        unmask.prepare(lamp, PICTURE, "region:lamp")
    # A function's outputs are told what they look like, and a region may be asked of them.
    plain = unmask.load(shares, labels=LABELS, size=(24, 36))
    with pytest.raises(TargetError, match=r"unmask\.region\(label\) explains a class where"):
        unmask.prepare(plain, PICTURE, **QUICK)
    assert explained(unmask.region("red"), plain).targets[0].label == "red"


def test_logits_are_told_and_activated():
    def logits(batch):
        return np.log(shares(batch))

    odd = unmask.load(logits, labels=LABELS, size=(24, 36))
    with pytest.warns(unmask.UnmaskWarning, match="look like logits"):
        run = unmask.prepare(odd, PICTURE, unmask.region("red"), **QUICK)
    assert run.targets.targets[0].score < 0
    soft = explained("region:red", unmask.load(odd, activation="softmax"))
    np.testing.assert_allclose(soft.estimate.scores, explained("red").estimate.scores)


def test_a_single_class_is_there_where_it_is_likelier_than_not():
    model = unmask.load(lambda b: shares(b)[..., :1], labels=["red"], size=(24, 36))
    made = explained(unmask.region("red"), model)
    np.testing.assert_allclose(made.estimate.scores, explained("red").estimate.scores)


# --- places over pictures


@pytest.mark.parametrize("mode", ["stretch", "letterbox", "crop", "squash"])
def test_a_box_and_its_mask_are_the_same_places(mode):
    places = Places((5, 7), (40, 56), Frame((90, 70), (40, 56), mode))
    mask = np.zeros((90, 70), bool)
    mask[30:60, 14:49] = True
    box = places.of_box((14, 30, 49, 60))
    # Resampled, a mask has soft edges.
    np.testing.assert_allclose(places.of_mask(mask), box, atol=0.12)
    np.testing.assert_allclose(places.of_mask(mask).sum(), box.sum(), rtol=0.05)
    left, top, right, bottom = places.bounds(box > 0)
    assert left <= 14 < 49 <= right
    assert top <= 30 < 60 <= bottom


def test_bars_of_a_letterbox_are_no_region():
    places = Places((4, 4), (8, 8), Frame((10, 20), (8, 8), "letterbox"))
    assert places.shown().tolist() == [[False] * 4, [True] * 4, [True] * 4, [False] * 4]
    assert places.of_point(0, 0).nonzero() == (1, 0)


def test_what_a_crop_leaves_out_is_told():
    places = Places((4, 4), (8, 8), Frame((10, 40), (8, 8), "crop", crop=1))
    for ask in (lambda: places.of_point(2, 5), lambda: places.of_box((0, 0, 5, 9))):
        with pytest.raises(TargetError, match="model sees"):
            ask()


def test_lines_around_places_come_home():
    places = Places((6, 9), (24, 36), Frame((48, 108), (24, 36)))
    weights = places.of_box((36, 16, 72, 40))
    ((*ring,),) = places.rings(weights)
    x, y = np.transpose(ring)
    assert (x.min(), x.max(), y.min(), y.max()) == (36, 72, 16, 40)


def test_ragged_regions_have_lines_of_a_thousand_points_or_so():
    noise = np.random.default_rng(0).random((300, 400)) > 0.5
    noise[50:200, 50:300] = True
    rings = Places((300, 400), (300, 400)).rings(noise)
    assert 800 < sum(map(len, rings)) < 1500
    assert all(ring[0] == ring[-1] for ring in rings)


@pytest.mark.parametrize(
    ("shape", "size", "layout", "axis"),
    [
        ((1, 9, 21, 31), (84, 124), "NCHW", 1),
        ((1, 21, 31, 9), (84, 124), "NCHW", 3),
        (("n", "h", "w", 9), None, "NHWC", 3),
        ((1, 1, 21, 31), (84, 124), "NCHW", None),  # of a single class, or depth
        ((1, 1000, 1, 1), (224, 224), "NCHW", None),
        ((1, 21), (84, 124), "NCHW", None),
        ((1, 21, 31, 9), None, "NTC", None),
    ],
)
def test_outputs_of_places_are_told_by_their_shape(shape, size, layout, axis):
    assert classes_axis(shape, size, layout) == axis


# --- stored, drawn, asked for again


def test_it_is_saved_gone_on_with_and_merged(tmp_path):
    asked = ["red", "region:green@24,0,36,10", "dice:red", "region:green@30.5,6"]
    made = explained(asked)
    first = unmask.Explanation.load(made.save(tmp_path / "one.npz"))
    assert first.targets == made.targets
    assert [one.request for one in first.targets] == [
        "region:0", "region:1@24.0,0.0,36.0,10.0", "dice:0", "region:1@30.5,6.0"
    ]  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        more = unmask.extend(first, network(), masks=64)
    np.testing.assert_array_equal(more.maps, explained(asked, masks=192).maps)
    parts = [explained(asked, shard=(number, 2)) for number in (1, 2)]
    np.testing.assert_array_equal(parts[0].merge(parts[1]).maps, made.maps)


def test_a_mask_is_given_again_and_tells_checkpoints_apart(tmp_path):
    masks = PICTURE[..., 0] > 0, PICTURE[..., 1] > 0
    one, other = (unmask.region("red", mask) for mask in masks)
    first = explained(one, checkpoint=tmp_path / "scores", masks=64)
    assert first.targets[0].request is None
    with pytest.raises(FileError, match="belongs to another run"):
        explained(other, checkpoint=tmp_path / "scores")
    with pytest.raises(TargetError, match="give it again"):
        unmask.extend(first, network(), masks=64)


def test_metrics_and_report_and_code():
    made = explained(["red", "region:green@24,0,36,10", "region:green@30,6"])
    curves = unmask.metrics.curves(made, network())
    assert [sorted(one) for one in curves] == [["deletion", "insertion"]] * 3
    page = unmask.report([made], curves=curves and [curves])
    assert page.count('<svg class="outline" viewBox="0 0 36 24"') == 3
    assert "mean probability while visible" in page
    assert "-t region:1@24.0,0.0,36.0,10.0" in reproduction(made).command()
    assert "'region:1@24.0,0.0,36.0,10.0'" in reproduction(made).python()
    from unmask.evaluation.explainers import asked_of

    assert asked_of(made.targets[1]) == "region:1@24.0,0.0,36.0,10.0"


def test_the_region_is_drawn():
    made = explained(["red", "region:green@30,6"])
    figure = made.plot("red")
    outlined = [ax for ax in figure.axes if any(len(line.get_xdata()) > 4 for line in ax.lines)]
    assert len(outlined) == 2  # the picture, and the map over it
    (line,) = outlined[0].lines
    assert np.max(line.get_xdata()) == 12
    marked = [line for ax in made.plot(1).axes for line in ax.lines if line.get_marker() == "o"]
    assert [tuple(map(float, line.get_xydata()[0])) for line in marked] == [(30, 6)] * 2


def test_on_the_command_line(tmp_path, monkeypatch):
    pytest.importorskip("typer")
    onnx = pytest.importorskip("onnx")
    from typer.testing import CliRunner

    from unmask import cli

    # Its channels are its classes: 24 x 36 pixels of 3 colors, as they are.
    node = onnx.helper.make_node("Softmax", ["image"], ["maps"], axis=1)
    sides = ["n", 3, 24, 36]
    entries = [
        onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, sides)
        for name in ("image", "maps")
    ]
    graph = onnx.helper.make_graph([node], "colors", entries[:1], entries[1:])
    opset = onnx.helper.make_opsetid("", 17)
    onnx.save(
        onnx.helper.make_model(graph, opset_imports=[opset], ir_version=8), tmp_path / "c.onnx"
    )
    Image.fromarray(PICTURE).save(tmp_path / "p.png")
    (tmp_path / "labels.txt").write_text("\n".join(LABELS))
    monkeypatch.chdir(tmp_path)
    model = ("-m", "c.onnx", "--labels", "labels.txt", "--preprocess", "unit")

    def ran(*words):
        return CliRunner().invoke(cli.app, [*words, *model])

    said = json.loads(ran("predict", "p.png", "--json").stdout)
    assert [one["label"] for one in said["segments"]] == ["red", "green", "background"]
    assert said["segments"][1]["box"] == [24, 0, 36, 12]
    assert "33.3%" in ran("predict", "p.png").output
    got = ran("explain", "p.png", "-n", "64", "--region", "green@30,6", "-t", "all", "--json")
    targets = json.loads(got.stdout)["targets"]
    assert [one["target"] for one in targets] == ["region:0", "region:1", "region:1@30.0,6.0"]
    assert targets[2]["quantity"] == "mean probability"
    assert len(list((tmp_path / "unmask-output").glob("*.png"))) == 3
    wrong = ran("explain", "p.png", "--region", "teal")
    assert (wrong.exit_code, "no label 'teal'" in wrong.output) == (2, True)
    several = ran("compare", "p.png", "--region", "red", "-t", "green")
    assert "--target and --region: one thing is explained here" in " ".join(several.output.split())


# --- a real network


@pytest.mark.slow
@pytest.mark.skipif(not SHARED.is_dir(), reason="needs the real segmentation of ../shared")
@pytest.mark.parametrize("name", ["dog", "bird"])
def test_the_influence_on_a_real_region_lies_on_it(name):
    folder = SHARED / "real" / "segmentation"
    labels = (folder / "pascal_voc_segmentation_labels.txt").read_text("utf-8").split()[:21]
    model = unmask.load(folder / "deeplab_mnv2_pascal.onnx", labels=labels, preprocess="tf")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = unmask.explain(model, folder / f"{name}_segmentation.png", masks=128)
    assert made.targets[0].label == name
    height, width = made.picture.shape[:2]
    drawn = Image.new("1", (width, height))
    for ring in made.targets[0].outline:
        ImageDraw.Draw(drawn).polygon(ring, fill=1)
    inside = np.asarray(drawn)
    truth = np.asarray(
        Image.open(folder / f"{name}_segmentation_mask.png").resize((width, height), 0)
    )
    real = truth == {"dog": 0, "bird": 3}[name] if truth.ndim == 2 else None
    if real is not None:
        assert (inside & real).sum() / (inside | real).sum() > 0.8
    cells = np.ones((2 * (height // 8) + 1, 2 * (width // 8) + 1))
    # With 512 masks 90%: benchmarks/tasks.py.
    influence = np.clip(made.map - made.levels[0], 0, None)
    assert influence[binary_dilation(inside, cells)].sum() > 0.85 * influence.sum()
