"""Numbers and points: what is read of any outputs, what is refused, and where points are drawn."""

import json
import warnings

import numpy as np
import pytest

import unmask
from helpers.places import SHARED
from unmask.errors import ModelError, SettingError, TargetError
from unmask.reports.reproduce import reproduction
from unmask.targets.entries import BODY

# 24 x 36, dark with two bright spots: around (x, y) = (9, 6), and a smaller one around (30, 18).
Y, X = np.mgrid[:24, :36] + 0.5
SPOTS = ((9, 6, 240, 3), (30, 18, 200, 2))
PICTURE = np.zeros((24, 36, 3), np.uint8)
for _x, _y, _high, _wide in SPOTS:
    shape = _high * np.exp(-((X - _x) ** 2 + (Y - _y) ** 2) / 2 / _wide**2)
    PICTURE = np.maximum(PICTURE, shape[..., None].astype(np.uint8))
QUICK = {"masks": 128, "grid": (3, 4), "fill": "black", "batch_size": 16}


def halves(batch):
    """Return the brightest place of each half: (n, 2, 3) of y, x and brightness, 0 to 1."""
    gray = np.asarray(batch).mean(axis=3)
    found = np.zeros((len(batch), 2, 3))
    for number, part in enumerate((gray[:, :, :18], gray[:, :, 18:])):
        flat = part.reshape(len(part), -1)
        rows, columns = np.divmod(flat.argmax(axis=1), 18)
        places = (rows + 0.5) / 24, (columns + 0.5 + 18 * number) / 36, flat.max(axis=1) / 255
        found[:, number] = np.stack(places, axis=1)
    return found


def heatmaps(batch):
    """Return the brightness of each half as heatmaps, (n, 2, 6, 9)."""
    gray = np.asarray(batch).mean(axis=3).reshape(len(batch), 6, 4, 9, 4).mean(axis=(2, 4)) / 255
    left, right = gray.copy(), gray.copy()
    left[:, :, 5:], right[:, :, :4] = 0, 0
    return np.stack([left, right], axis=1)


def pose(**options):
    return unmask.load(halves, labels=["sun", "moon"], size=(24, 36), points="yx", **options)


def heads(batch):
    sums = np.asarray(batch).mean(axis=(1, 2, 3))
    return {
        "age": sums[:, None],
        "pose": halves(batch),
        "deep": np.stack([sums] * 6).T.reshape(-1, 2, 3, 1),
    }


def explained(target, model, **settings):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return unmask.explain(model, PICTURE, target, **{**QUICK, **settings})


def near(outputs, number, within, place):
    distance = np.square(outputs[:, number, :2] - place).sum(axis=1)
    return np.exp(-distance / 2 / within**2)


FIRST = halves(PICTURE[None])[0]


@pytest.mark.parametrize(
    ("target", "function"),
    [
        ("output:sun", lambda out: near(out, 0, 0.05, FIRST[0, :2]) * out[:, 0, 2]),
        (unmask.output("moon", "closeness"), lambda out: near(out, 1, 0.05, FIRST[1, :2])),
        ("closeness:1@0.2", lambda out: near(out, 1, 0.2, FIRST[1, :2])),
        ("confidence:MOON", lambda out: out[:, 1, 2]),
        (unmask.output((1, 0)), lambda out: out[:, 1, 0]),  # a single one of its numbers
    ],
)
def test_points_are_scored_as_is_said(target, function):
    made, own = explained(target, pose()), explained(lambda out: function(np.asarray(out)), pose())
    np.testing.assert_allclose(made.estimate.scores, own.estimate.scores, rtol=1e-12)


@pytest.mark.parametrize(
    ("target", "function"),
    [
        ("output:sun", lambda out: out[:, 0, 1, 2]),  # where its peak is: (9, 6) / 4
        ("value:1", lambda out: out[:, 1, 4, 7]),
        ("confidence:moon", lambda out: out[:, 1].max(axis=(1, 2))),
        ("closeness:sun", lambda out: np.exp(-np.square(np.divmod(
            out[:, 0].reshape(-1, 54).argmax(axis=1), 9) / np.array([[6], [9]])
            - np.array([[1 / 6], [2 / 9]])).sum(axis=0) / 2 / 0.05**2)),
    ],
)  # fmt: skip
def test_heatmaps_are_scored_as_is_said(target, function):
    model = unmask.load(heatmaps, labels=["sun", "moon"], size=(24, 36))
    made = explained(target, model)
    np.testing.assert_allclose(made.estimate.scores, explained(function, model).estimate.scores)
    (((x, y),),) = made.targets[0].outline
    assert (x, y) == ((10, 6) if "sun" in target else (30, 18))


@pytest.mark.parametrize(
    ("target", "function", "label"),
    [
        ("output:age", lambda out: out["age"][:, 0], "age"),
        ("output:0", lambda out: out["age"][:, 0], "age"),
        ("closeness:pose/moon", lambda out: near(out["pose"], 1, 0.05, FIRST[1, :2]), "moon"),
        (unmask.output(("deep", 1, 2)), lambda out: out["deep"][:, 1, 2, 0], "deep/1/2"),
        ("closeness:age@5", lambda out: np.exp(
            -np.square((out["age"][:, 0] - PICTURE.mean()) / 5) / 2), "age"),
    ],
)  # fmt: skip
def test_one_of_several_outputs_is_found_by_its_path(target, function, label):
    model = unmask.load(heads, labels=["sun", "moon"], size=(24, 36))
    made = explained(target, model)
    assert made.targets[0].label == label
    own = explained(function, model)
    np.testing.assert_allclose(made.estimate.scores, own.estimate.scores, rtol=1e-6)
    parts = unmask.load(lambda b: tuple(heads(b).values()), labels=["sun", "moon"], size=(24, 36))
    place = {"age": "0", "pose": "1", "deep": "2"}
    text = made.targets[0].request
    for name, number in place.items():
        text = text.replace(name, number)
    np.testing.assert_array_equal(explained(text, parts).map, made.map)


def test_entries_of_a_regression_are_named():
    def three(batch):
        return np.asarray(batch).mean(axis=(1, 2)) * [1.0, 2.0, -3.0] - 7

    named = unmask.load(three, labels=["a", "b", "c"], activation="logits")
    made = explained(["output:c", unmask.output(1), "closeness:b"], named)
    assert [one.label for one in made.targets] == ["c", "b", "b"]
    assert [one.index for one in made.targets] == [2, 1, 1]
    assert [one.quantity for one in made.targets] == ["value", "value", "closeness"]
    assert made.targets[2].score == 1
    np.testing.assert_array_equal(
        made.estimate.scores[:, 0], explained("c", named).estimate.scores[:, 0]
    )
    one = unmask.load(lambda b: np.asarray(b).mean(axis=(1, 2, 3)), labels=["age"])
    for text in ("output:age", "output:0"):
        assert explained(text, one).targets[0].label == "age"


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("output:mars", "no label 'mars'"),
        ("output:2", "output 2: expected a place from 0 to 1"),
        ("value:sun", "sun is a point and has no single value"),
        ("output:0/1/2", r"array of shape \(2, 3\): say an entry"),
        ("confidence:0/1", "is a number, and has no confidence"),
    ],
)
def test_what_is_not_among_the_outputs_is_told_before_the_first_mask(target, message):
    calls = []

    def run(batch):
        calls.append(len(batch))
        return halves(batch)

    with pytest.raises(TargetError, match=message):
        unmask.prepare(unmask.load(run, labels=["sun", "moon"], size=(24, 36)), PICTURE, target)
    assert calls == [1]


def test_other_outputs_are_told():
    several = unmask.load(heads, size=(24, 36))
    for target, message in (
        ("output:weight", "there is no 'weight': say one of age, pose, deep"),
        ("output:pose", r"array of shape \(2, 3\)"),
        ("output:pose/sun", "2 entries of heads have no names: give a place from 0 to 1"),
    ):
        with pytest.raises(TargetError, match=message):
            unmask.prepare(several, PICTURE, target, **QUICK)
    flat = unmask.load(lambda b: np.zeros((len(b), 2, 2)), size=(24, 36))
    with pytest.raises(TargetError, match="has no confidence"):
        unmask.prepare(flat, PICTURE, "confidence:1", **QUICK)
    zero = unmask.load(lambda b: np.zeros((len(b), 4)))
    with pytest.raises(TargetError, match=r"is 0 for the whole input.*'closeness:1@0\.5'"):
        unmask.prepare(zero, PICTURE, "closeness:1", **QUICK)
    lamp = unmask.load(lambda _: [], detector="function", labels=["lamp"])
    with pytest.raises(TargetError, match="is a detector"):
        unmask.prepare(lamp, PICTURE, "output:lamp")


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda: unmask.output("a", "speed"), SettingError),
        (lambda: unmask.output("a", within=0), TargetError),
        (lambda: unmask.output("a", "value", within=2), TargetError),
        (lambda: unmask.output([]), TargetError),
        (lambda: unmask.output(2.5), TargetError),
        (lambda: unmask.output(True), TargetError),
    ],
)
def test_what_is_no_output_is_refused(call, error):
    with pytest.raises(error, match=r"expected|is for score"):
        call()


def test_points_are_drawn_listed_and_kept(tmp_path):
    model = pose().changed(task="outputs")
    found = unmask.predict(model, PICTURE)
    assert [(one.label, one.x, one.y) for one in found] == [
        ("sun", pytest.approx(9, abs=1), pytest.approx(6, abs=1)),
        ("moon", pytest.approx(30, abs=1), pytest.approx(18, abs=1)),
    ]
    made = explained(None, model)  # all of them
    assert [one.label for one in made.targets] == ["sun", "moon"]
    assert [one.label for one in explained("top:1", model).targets] == ["sun"]
    assert explained("moon", model).targets == (made.targets[1],)
    marks = [line for ax in made.plot(1).axes for line in ax.lines if line.get_marker() == "o"]
    assert tuple(marks[0].get_xydata()[0]) == (found[1].x, found[1].y)
    assert '<svg class="outline"' in unmask.report([made])
    again = unmask.Explanation.load(made.save(tmp_path / "one.npz"))
    assert again.targets == made.targets
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        more = unmask.extend(again, model, masks=64)
    np.testing.assert_array_equal(more.maps, explained(None, model, masks=192).maps)
    assert "-t output:0 -t output:1" in reproduction(made).command()
    assert unmask.metrics.curves(made, model)[1]["insertion"].area > 0


def test_the_order_of_a_points_numbers_is_said_or_noted():
    plain = unmask.load(halves, labels=["sun", "moon"], size=(24, 36))
    made = explained("output:moon", plain)
    (note,) = [note for note in made.notes if "points=" in note]
    assert "drawn as (y, x)" in note
    pixels = unmask.load(
        lambda b: (halves(b)[..., [1, 0, 2]] * [36, 24, 1]), labels=["sun", "moon"],
        size=(24, 36), points="xy",
    )  # fmt: skip
    assert explained("output:moon", pixels).targets[0].outline == made.targets[0].outline
    with pytest.raises(SettingError, match="points='zy': expected one of xy, yx"):
        unmask.load(halves, points="zy")


def test_seventeen_points_are_those_of_a_body():
    model = unmask.load(lambda b: np.full((len(b), 17, 3), 0.5), size=(24, 36))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        run = unmask.prepare(model, PICTURE, "output:left wrist", **QUICK)
    assert run.targets.targets[0].label == BODY[9] == "left wrist"


# --- the first of two classes, of which a model has one score


@pytest.mark.parametrize(
    ("activation", "first", "second"),
    [
        ("probabilities", lambda x: 1 - x, lambda x: x),
        ("sigmoid", lambda x: 1 / (1 + np.exp(x)), lambda x: 1 / (1 + np.exp(-x))),
        ("logits", lambda x: -x, lambda x: x),
    ],
)
def test_both_classes_of_one_score_are_explained(activation, first, second):
    def score(batch):
        return np.asarray(batch).mean(axis=(1, 2, 3))[:, None] / 255

    model = unmask.load(score, labels=["night", "day"], activation=activation)
    made = explained(["night", "day"], model)
    own = explained([lambda o: o[:, 0], lambda o: o[:, 1]], model)
    np.testing.assert_array_equal(made.estimate.scores, own.estimate.scores)
    plain = explained(0, unmask.load(score)).estimate.scores[:, 0]
    np.testing.assert_allclose(made.estimate.scores, np.stack([first(plain), second(plain)], 1))
    assert {one.label for one in unmask.predict(model, PICTURE)} == {"night", "day"}


def test_of_one_score_it_has_to_be_said_what_it_is():
    model = unmask.load(lambda b: b.mean(axis=(1, 2, 3)), labels=["night", "day"])
    with pytest.raises(
        ModelError, match="activation='sigmoid', 'probabilities' or 'logits', and both"
    ):
        unmask.prepare(model, PICTURE, "day")


# --- the command line, and a real network


@pytest.fixture
def movenet():
    if not SHARED.is_dir():
        pytest.skip("needs the real pose of ../shared")
    return (
        SHARED / "real" / "pose" / "movenet_lightning_w8.onnx",
        SHARED / "real" / "pose" / "squat.jpg",
    )


def test_a_real_pose_is_recognized_and_listed(movenet, tmp_path):
    pytest.importorskip("typer")
    from typer.testing import CliRunner

    from unmask import cli

    model, picture = map(str, movenet)

    def ran(*words):
        return CliRunner().invoke(cli.app, [*words, "-m", model, "--preprocess", "raw"])

    said = json.loads(ran("predict", picture, "--json").stdout)
    assert len(said["points"]) == 5
    assert "nose" in ran("predict", picture, "--top", "17").output
    got = ran("explain", picture, "-n", "64", "--value", "left wrist", "-t", "confidence:nose",
              "-o", str(tmp_path), "--json")  # fmt: skip
    targets = json.loads(got.stdout)["targets"]
    assert [one["label"] for one in targets] == ["nose", "left wrist"]
    assert [one["quantity"] for one in targets] == ["confidence", "closeness x confidence"]
    wrong = ran("explain", picture, "--value", "tail")
    assert (wrong.exit_code, "no label 'tail'" in " ".join(wrong.output.split())) == (2, True)


@pytest.mark.slow
def test_what_a_real_point_needs_is_seen_beside_it(movenet):
    path, picture = movenet
    model = unmask.load(path, preprocess="raw")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = unmask.explain(model, picture, masks=512)
    beside = 0
    height, width = made.picture.shape[:2]
    for target, map_ in zip(made.targets, made.maps, strict=True):
        row, column = np.unravel_index(map_.argmax(), map_.shape)
        (((x, y),),) = target.outline
        beside += abs(row - y) <= height / 8 and abs(column - x) <= width / 8
    assert len(made.targets) == 17
    assert beside >= 12
