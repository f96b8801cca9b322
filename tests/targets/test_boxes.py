"""Boxes as targets: D-RISE's similarity, what may be asked for, and maps of a detector."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import unmask
from helpers.toy_models import plain_iou, random_detections
from unmask.draw.canvas import pixels
from unmask.errors import ModelOutputError, SettingError, TargetError
from unmask.models.detections import Detections
from unmask.targets.box_similarity import similarity
from unmask.targets.box_specs import parse_boxes


@given(st.integers(0, 1000), st.lists(st.integers(0, 5), max_size=6))
@settings(max_examples=40)
def test_similarity_is_d_rises(seed, counts):
    """Against three plain loops."""
    rng = np.random.default_rng(seed)
    explained = random_detections(rng, 3)
    found = [random_detections(rng, m) for m in counts]
    expected = np.zeros((len(counts), 3))
    for i, image in enumerate(found):
        for k in range(3):
            for j in range(len(image)):
                u, v = explained.scores[k], image.scores[j]
                cosine = u @ v / np.linalg.norm(u) / np.linalg.norm(v)
                overlap = plain_iou(explained.boxes[k], image.boxes[j])
                expected[i, k] = max(expected[i, k], overlap * cosine * image.objectness[j])
    got = similarity(explained, found)
    np.testing.assert_allclose(got, expected, atol=1e-12)
    assert (got >= 0).all()
    assert (got <= 1 + 1e-12).all()


def test_a_box_without_classes_is_of_any_class_and_one_found_without_is_of_none():
    box = [[0, 0, 10, 4]]
    any_class = Detections(box, [[0.0, 0.0]])
    assert similarity(any_class, [Detections(box, [[0.2, 0.7]], [0.5])])[0, 0] == 0.5
    assert similarity(Detections(box, [[1.0, 0.0]]), [Detections(box, [[0.0, 0.0]])])[0, 0] == 0


def test_other_numbers_of_classes_are_refused():
    with pytest.raises(ModelOutputError, match="of 2 classes, where 3"):
        similarity(Detections([[0, 0, 1, 1]], [[1, 0, 0]]), [Detections([[0, 0, 1, 1]], [[1, 0]])])


# --- a detector of bright patches, exact to the pixel ---

PATCHES = {"lamp": (8, 6, 28, 18), "moon": (44, 20, 60, 34)}
PICTURE = np.full((40, 70, 3), 40, np.uint8)
for left, top, right, bottom in PATCHES.values():
    PICTURE[top:bottom, left:right] = 240


def patches(batch):
    """Each patch as sure as it is bright; dim ones are not found."""
    found = []
    for one in batch:
        boxes, scores = [], []
        for kind, (left, top, right, bottom) in enumerate(PATCHES.values()):
            sure = (one[top:bottom, left:right].mean() - 40) / 200
            if sure > 0.1:
                boxes.append([left, top, right, bottom])
                scores.append(np.eye(2)[kind] * sure)
        found.append(Detections(boxes, np.reshape(scores, (-1, 2)), [s.max() for s in scores]))
    return found


@pytest.fixture
def model():
    return unmask.load(patches, detector="function", labels=["lamp", "moon"], name="patches")


def test_detect_lists_boxes_surest_first(model):
    found = unmask.detect(model, PICTURE)
    assert [one.label for one in found] == ["lamp", "moon"]
    assert found[1].box == PATCHES["moon"]
    assert [one.number for one in found] == [0, 1]
    with pytest.raises(unmask.ModelError, match="no detector"):
        unmask.detect(lambda batch: batch.mean(axis=(1, 2, 3)), PICTURE)


@pytest.mark.parametrize(
    ("target", "labels"),
    [
        (None, ["lamp", "moon"]),
        ("all", ["lamp", "moon"]),
        ("top:1", ["lamp"]),
        (1, ["moon"]),
        ("1", ["moon"]),
        ("Moon", ["moon"]),
        (["moon", 0, 1], ["moon", "lamp"]),
        ((44, 20, 60, 34), ["box"]),
        (np.array([44, 20, 60, 34.0]), ["box"]),
        ([unmask.box((44, 20, 60, 34), label="moon"), 0], ["lamp", "moon"]),
        ([unmask.box((44, 20, 60, 34)), (44, 20, 60, 34), "top:1", 0], ["lamp", "box"]),
    ],
)
def test_targets_are_boxes(model, target, labels):
    explanation = unmask.explain(model, PICTURE, target, masks=64, grid=4)
    assert [one.label for one in explanation.targets] == labels
    assert explanation.maps.shape == (len(labels), 40, 70)
    assert all(one.box is not None for one in explanation.targets)
    assert all(one.score > 0.9 for one in explanation.targets)


@pytest.mark.slow
def test_each_map_peaks_in_its_own_box_from_one_pass(model, tmp_path):
    explanation = unmask.explain(model, PICTURE, masks=1024, grid=8, fill="black")
    assert explanation.model_calls == 1029
    for target, values in zip(explanation.targets, explanation.maps, strict=True):
        y, x = np.unravel_index(values.argmax(), values.shape)
        left, top, right, bottom = target.box
        assert left <= x < right
        assert top <= y < bottom
    again = unmask.Explanation.load(explanation.save(tmp_path / "boxes.npz"))
    assert again.targets == explanation.targets
    assert np.array_equal(pixels(again.plot(1)), pixels(explanation.plot(1)))


def test_a_detectors_defaults_are_d_rises(model):
    run = unmask.prepare(model, PICTURE)
    assert run.plan.masks.grid == (16, 16)
    assert run.plan.count == 5000
    assert run.plan.masks.keep == 0.5
    assert [one.label for one in run.detections()] == ["lamp", "moon"]


def test_a_box_that_the_detector_missed_can_be_explained(model):
    dim = PICTURE.copy()
    dim[20:34, 44:60] = 70  # confidence 0.15: not above the threshold of 0.3
    assert [one.label for one in unmask.detect(model, dim)] == ["lamp"]
    missed = unmask.box((44, 20, 60, 34), label="moon")
    explanation = unmask.explain(model, dim, missed, masks=1024, grid=8)
    assert explanation.targets[0].score < 0.2
    y, x = np.unravel_index(explanation.map.argmax(), explanation.map.shape)
    assert 44 <= x < 60
    assert 20 <= y < 34


def test_nothing_found_under_masks_is_a_score_of_zero_and_never_nan(model):
    explanation = unmask.explain(model, PICTURE, masks=390, grid=4, keep=0.2, fill="black")
    assert (explanation.estimate.scores == 0).any()
    assert np.isfinite(explanation.maps).all()


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("sun", "no label 'sun'"),
        (2, "there is no box 2 in this picture: 1 lamp, 1 moon above confidence 0.3"),
        (-1, "numbered from 0"),
        ([], "empty"),
        (True, "expected a box"),
        ({"a": 1}, "expected 'all'"),
        ((1, 2, np.inf, 4.0), "four finite numbers"),
        ((9, 2, 5, 4), "has no area"),
        ((100, 5, 120, 9), "outside the picture, which is 70 x 40"),
    ],
)
def test_bad_boxes_are_refused(model, target, words):
    with pytest.raises(TargetError, match=words):
        unmask.explain(model, PICTURE, target, masks=8, grid=2)


def test_a_picture_without_detections_says_what_there_is(model):
    black = np.zeros_like(PICTURE)
    with pytest.raises(TargetError, match=r"nothing was found .* returned no box at all"):
        unmask.explain(model, black)
    assert unmask.detect(model, black) == []
    dim = np.full_like(PICTURE, 70)
    with pytest.raises(TargetError, match=r"surest is 'lamp' at 0\.0\d+, below the threshold 0.3"):
        unmask.explain(model, dim)


def test_labels_are_needed_for_labels():
    with pytest.raises(TargetError, match="the detector has none"):
        parse_boxes("dog")


def test_nan_boxes_in_the_middle_of_a_run_are_said():
    calls = []

    def breaks(batch):
        calls.append(len(batch))
        if len(calls) == 5:
            return [Detections([[0, 0, np.nan, 1]], [[1.0, 0.0]]) for _ in batch]
        return patches(batch)

    broken = unmask.load(breaks, detector="function", labels=["lamp", "moon"])
    with pytest.raises(ModelOutputError, match=r"not finite \(masks 20 to 29\)") as caught:
        unmask.explain(broken, PICTURE, masks=64, grid=4, batch_size=10)
    assert caught.value.explanation.masks == 20


def test_a_detector_has_to_be_named():
    with pytest.raises(SettingError, match="expected one of yolox"):
        unmask.load("model.onnx", detector="ssd")
    with pytest.raises(SettingError, match="between 0 and 1"):
        unmask.load(patches, detector="function", threshold=1.5)


# --- masks ---


def heaps(rng, m, grid=(9, 14)):
    """Detections with masks within their boxes, on a grid of four pixels a place."""
    found = random_detections(rng, m)
    y, x = np.mgrid[: grid[0], : grid[1]] * 4 + 2
    left, top, right, bottom = found.boxes.T[:, :, None, None]
    inside = (x >= left) & (x < right) & (y >= top) & (y < bottom)
    masks = inside & (rng.random((m, *grid)) < 0.7)
    return Detections(found.boxes, found.scores, found.objectness, masks)


@given(st.integers(0, 500), st.lists(st.integers(0, 5), max_size=5))
@settings(max_examples=30)
def test_similarity_of_masks_is_that_of_their_places(seed, counts):
    """Against three plain loops over sets of places."""
    rng = np.random.default_rng(seed)
    explained = heaps(rng, 3)
    found = [heaps(rng, m) for m in counts]
    expected = np.zeros((len(counts), 3))
    for i, image in enumerate(found):
        for k in range(3):
            own = {*zip(*np.nonzero(explained.masks[k]), strict=True)}
            for j in range(len(image)):
                other = {*zip(*np.nonzero(image.masks[j]), strict=True)}
                u, v = explained.scores[k], image.scores[j]
                cosine = u @ v / np.linalg.norm(u) / np.linalg.norm(v)
                overlap = len(own & other) / max(len(own | other), 1)
                expected[i, k] = max(expected[i, k], overlap * cosine * image.objectness[j])
    np.testing.assert_allclose(similarity(explained, found), expected, atol=1e-12)


def test_masks_that_are_missing_or_of_another_grid_are_refused():
    rng = np.random.default_rng(0)
    own = heaps(rng, 2)
    bare = Detections(own.boxes, own.scores, own.objectness)
    with pytest.raises(ModelOutputError, match="without masks, where some had them"):
        similarity(own, [bare])
    other = Detections(own.boxes, own.scores, own.objectness, np.ones((2, 5, 6), bool))
    with pytest.raises(ModelOutputError, match=r"masks of \(5, 6\) places, where \(9, 14\)"):
        similarity(own, [other])
    with pytest.raises(ModelOutputError, match=r"expected \(m, h, w\)"):
        Detections(own.boxes, own.scores, own.objectness, np.ones((3, 9, 14)))


def test_masks_go_with_their_boxes():
    rng = np.random.default_rng(1)
    own = heaps(rng, 6)
    order = np.array([4, 0, 2])
    np.testing.assert_array_equal(own[order].masks, own.masks[order])
    assert own[:0].masks.shape == (0, 9, 14)


def striped(batch):
    """Two things in one box: the upper half of it, and the lower; each as sure as it is bright."""
    found = []
    for one in batch:
        masks = np.zeros((2, *one.shape[:2]), bool)
        masks[0, 8:16, 10:50], masks[1, 16:24, 10:50] = True, True
        sure = [one[mask].mean() / 255 for mask in masks]
        found.append(Detections([[10, 8, 50, 24]] * 2, np.eye(2), sure, masks))
    return found


def striped_model(**options):
    return unmask.load(
        striped, detector="function", labels=["top", "low"], name="striped", **options
    )


def test_what_is_compared_of_objects_with_masks():
    picture = np.full((32, 60, 3), 220, np.uint8)
    found = unmask.detect(striped_model(), picture)
    assert found[0].mask.shape == (32, 60)
    assert found[0].mask.sum() == 320
    maps = {}
    for overlap in ("mask", "box"):
        model = striped_model(overlap=overlap)
        explanation = unmask.explain(model, picture, ["top", "low"], masks=256, grid=4)
        assert [one.score for one in explanation.targets] == pytest.approx([220 / 255] * 2)
        maps[overlap] = explanation.maps
    # Of one class each, so that boxes and masks are of the same thing here: both agree.
    np.testing.assert_allclose(maps["mask"], maps["box"], atol=1e-6)


def test_masks_tell_apart_what_boxes_do_not():
    def one_class(batch):
        return [Detections(f.boxes, [[1.0], [1.0]], f.objectness, f.masks) for f in striped(batch)]

    picture = np.full((32, 60, 3), 220, np.uint8)
    picture[16:24, 10:50] = 200  # both are found: NMS would have left one box
    whole = one_class(picture[None].astype(np.float32))[0]
    upper = whole[:1]
    dark = picture.copy()
    dark[8:16] = 0
    hidden = one_class(dark[None].astype(np.float32))
    by_mask = similarity(upper, hidden)[0, 0]
    by_box = similarity(Detections(upper.boxes, upper.scores), hidden)[0, 0]
    assert by_mask == 0
    assert by_box == pytest.approx(200 / 255)


def test_a_mask_of_no_pixels_is_refused_before_the_first_masked_call():
    calls = []

    def hollow(batch):
        calls.append(len(batch))
        masks = np.zeros((1, 32, 60), bool)
        return [Detections([[10, 8, 50, 24]], [[1.0]], [0.9], masks) for _ in batch]

    picture = np.full((32, 60, 3), 220, np.uint8)
    model = unmask.load(hollow, detector="function", labels=["thing"])
    with pytest.raises(TargetError, match=r"mask of box 0, 'thing', has no pixels: overlap='box'"):
        unmask.explain(model, picture, masks=8)
    assert calls == [1]
    boxed = unmask.load(model, overlap="box")
    assert unmask.explain(boxed, picture, masks=8, grid=2).targets[0].score == 0.9


def test_a_box_by_hand_is_compared_by_its_box():
    picture = np.full((32, 60, 3), 220, np.uint8)
    hand = unmask.box((10, 8, 50, 24), label="low")
    explanation = unmask.explain(striped_model(), picture, [0, hand], masks=64, grid=4)
    assert explanation.targets[1].score == pytest.approx(220 / 255)
    assert explanation.targets[1].number is None


# --- what was missed ---


def shy(batch):
    """A cat on the left that is found as far as the upper right corner is dark."""
    sure = [max(0.0, 1 - one[:16, 40:].mean() / 200) for one in batch]
    return [Detections([[4, 6, 24, 30]], [[1.0]], [one]) for one in sure]


@pytest.fixture
def shy_model():
    return unmask.load(shy, detector="function", labels=["cat"], name="shy")


BRIGHT = np.full((36, 60, 3), 198, np.uint8)
CAT = unmask.box((4, 6, 24, 30), label="cat")


def test_a_missed_object_says_how_near_the_detector_came_and_what_hinders(shy_model):
    explanation = unmask.explain(shy_model, BRIGHT, CAT, masks=1024, grid=6, fill="black")
    found = explanation.nearest()
    assert found.score == explanation.targets[0].score < 0.02
    scores = explanation.scores.scores[:, 0]
    assert found.best == scores.max()
    assert found.mask == scores.argmax()
    left, _, _, bottom = found.hinders
    assert left >= 32
    assert bottom <= 24
    assert found.change < 0
    (note,) = [note for note in explanation.notes if "was missed" in note]
    assert f"came to {found.best:.4f}. What hinders it most lies within {left:.0f}," in note


def test_the_nearest_mask_of_a_shard_is_called_by_its_own_number(shy_model):
    settings = {"masks": 512, "grid": 4, "fill": "black"}
    whole = unmask.explain(shy_model, BRIGHT, CAT, **settings).nearest()
    shards = [unmask.explain(shy_model, BRIGHT, CAT, shard=(i, 2), **settings) for i in (1, 2)]
    merged = shards[0].merge(shards[1]).nearest()
    assert (merged.mask, merged.best) == (whole.mask, whole.best)
    (note,) = [note for note in shards[0].merge(shards[1]).notes if "was missed" in note]
    assert "nearest of 512 masked" in note
    best = max((one.nearest() for one in shards), key=lambda one: one.best)
    assert best.best == whole.best
    run = unmask.prepare(shy_model, BRIGHT, CAT, **settings)
    number, row = divmod(whole.mask, run.plan.masks.block_size)
    shown = run.plan.masks.renderer(np.asarray)(run.plan.masks.block(number)[row : row + 1])
    again = run.targets.score(run.model(run.sample.masked(shown, run.fill)), 1)[0, 0]
    assert again == pytest.approx(whole.best)


def test_what_nothing_hinders_for_certain_says_so(model):
    nowhere = unmask.box((0, 0, 6, 4), label="lamp")
    explanation = unmask.explain(model, PICTURE, nowhere, masks=64, grid=4)
    found = explanation.nearest("lamp")
    assert (found.best, found.hinders, found.change) == (0.0, None, 0.0)
    assert any("None of 64 masked pictures came nearer; no part" in n for n in explanation.notes)


def test_what_was_found_is_not_called_missed(model):
    hand = unmask.box((44, 20, 60, 34), label="moon")
    explanation = unmask.explain(model, PICTURE, [0, hand], masks=64, grid=4)
    assert not any("was missed" in note for note in explanation.notes)
    assert explanation.nearest(1).score > 0.9


def test_nearest_is_for_boxes():
    picture = unmask.demo.pictures()["street"]
    with pytest.raises(TargetError, match="is no box"):
        unmask.explain("demo", picture, masks=64).nearest()


def test_masks_and_boxes_do_not_mix(tmp_path):
    picture = np.full((32, 60, 3), 220, np.uint8)
    settings = {"masks": 256, "grid": 4}
    masks = unmask.explain(striped_model(), picture, 0, shard=(1, 2), **settings)
    boxes = unmask.explain(striped_model(overlap="box"), picture, 0, shard=(2, 2), **settings)
    assert [one.targets[0].overlap for one in (masks, boxes)] == ["mask", None]
    with pytest.raises(SettingError):
        masks.merge(boxes)
    whole = unmask.explain(striped_model(), picture, 0, masks=64, grid=4)
    kept = unmask.Explanation.load(whole.save(tmp_path / "masks.npz"))
    assert kept.targets == whole.targets
    assert unmask.extend(kept, striped_model(), masks=64).masks == 128
    with pytest.raises(SettingError, match="give the model overlap='mask'"):
        unmask.extend(kept, striped_model(overlap="box"), masks=64)
    checkpoint = tmp_path / "c"
    unmask.explain(striped_model(), picture, 0, checkpoint=checkpoint, **settings)
    with pytest.raises(unmask.FileError, match="belongs to another run"):
        unmask.explain(striped_model(overlap="box"), picture, 0, checkpoint=checkpoint, **settings)


def test_what_was_missed_is_told_as_a_similarity_whatever_the_link() -> None:
    def shy(batch):  # finds the left side where the right one is dark
        sure = [1 - one[:, 6:].mean() / 255 for one in batch]
        return [Detections([[0, 0, 6, 8]], [[1.0]], [one]) for one in sure]

    model = unmask.load(shy, detector="function", labels=["cat"])
    bright = np.full((8, 12, 3), 250, np.uint8)

    def missed(link):
        return unmask.explain(
            model, bright, (0, 0, 6, 8), masks=256, grid=4, fill="black", link=link
        )

    plain = missed("identity").nearest()
    for link, said in (("logit", "log-odds of the similarity"), ("log", "log similarity")):
        explanation = missed(link)
        found = explanation.nearest()
        assert found.mask == plain.mask
        assert found.best == pytest.approx(plain.best, abs=2e-6)
        assert found.score == plain.score
        assert f"the {said} is lower by" in explanation.notes[-1]
    explanation = missed(np.sqrt)
    assert explanation.missed() == ()
    with pytest.raises(SettingError, match="link='identity'"):
        explanation.nearest()
