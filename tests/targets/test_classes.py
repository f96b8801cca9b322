"""What is explained: what the user may ask for, and what becomes of it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import unmask
from unmask import contrast
from unmask.errors import ModelOutputError, TargetError
from unmask.models.labels import find_label, imagenet
from unmask.targets.class_specs import Contrast, TopK, parse
from unmask.targets.classes import resolve

LABELS = ("tusker", "Indian elephant, Elephas maximus", "jack-o'-lantern", "red fox", "red_wolf")


class Regions:
    """A model of one class per third of the width: its mean brightness. Counts its calls."""

    def __init__(self, classes=4):
        self.classes, self.calls = classes, 0

    def __call__(self, batch):
        self.calls += 1
        parts = np.array_split(batch, self.classes, axis=2)
        return np.stack([part.mean(axis=(1, 2, 3)) / 255 for part in parts], axis=1)


# --- asking ---


@pytest.mark.slow
@given(st.sampled_from(range(1000)), st.data())
def test_spelling_of_a_label_does_not_matter(index, data):
    labels = imagenet()
    head = labels[index].split(",")[0]
    spaced = "".join(
        data.draw(st.sampled_from([" ", "_", "-", "  ", "_ "])) if c in " _-" else c for c in head
    )
    spelt = data.draw(st.sampled_from([str.upper, str.lower, str.title, str.swapcase]))(spaced)
    plain = [label.casefold().replace("-", " ") for label in labels]
    wanted = head.casefold().replace("-", " ")
    # "cardigan" is the garment, not "Cardigan, Cardigan Welsh corgi"; "crane" is two labels.
    whole = [i for i, label in enumerate(plain) if label == wanted]
    fits = whole or [i for i, label in enumerate(plain) if label.split(",")[0] == wanted]
    if len(fits) == 1:
        assert find_label(spelt, labels) == fits[0]
        assert fits == [index] or whole
    else:
        with pytest.raises(TargetError) as caught:
            find_label(spelt, labels)
        assert all(f"{i} (" in str(caught.value) for i in fits)


@pytest.mark.slow
@given(st.sampled_from(range(1000)))
def test_a_whole_label_finds_itself_unless_there_are_two(index):
    labels = imagenet()
    if labels.count(labels[index]) == 1:
        assert find_label(labels[index], labels) == index
    else:
        with pytest.raises(TargetError, match=rf"{index} \({labels[index]}\)"):
            find_label(labels[index], labels)


@pytest.mark.parametrize(
    ("asked", "index"),
    [
        ("indian_elephant", 1),
        ("  Indian   Elephant ", 1),
        ("elephas-maximus", 1),
        ("indian elephant, anything", 1),
        ("JACK O' LANTERN", 2),
        ("Red-Wolf", 4),
    ],
)
def test_labels_are_found(asked, index):
    assert find_label(asked, LABELS) == index


def test_the_part_before_the_comma_goes_before_a_synonym():
    assert find_label("sable", ["marten, sable", "sable, a fur"]) == 1
    assert find_label("marten", ["marten, sable", "weasel, marten"]) == 0
    assert find_label("sable", ["marten, sable", "fox"]) == 0


def test_a_whole_match_goes_before_one_of_the_first_part():
    assert find_label("maillot", ["maillot, tank suit", "maillot"]) == 1
    assert find_label("maillot, tank suit", ["maillot", "maillot, tank suit"]) == 1


def test_an_ambiguous_label_names_the_indices():
    with pytest.raises(TargetError, match=r"several") as caught:
        find_label("CRANE", ["heron", "crane", "tower", "crane"])
    assert "1 (crane)" in str(caught.value)
    assert "3 (crane)" in str(caught.value)
    assert "heron" not in str(caught.value)


def test_an_unknown_label_gets_the_nearest_three():
    with pytest.raises(TargetError, match="no label 'afrcan elefant'") as caught:
        find_label("afrcan elefant", imagenet())
    nearest = str(caught.value).split("nearest: ")[1].split("; ")
    assert len(nearest) == 3
    assert "African elephant, Loxodonta africana" in nearest


def test_labels_that_share_a_word_are_nearest():
    labels = ["tabby", "red fox, Vulpes vulpes", "arctic fox", "kit fox", "fax", "fix"]
    with pytest.raises(TargetError) as caught:
        find_label("fox", labels)
    nearest = str(caught.value).split("nearest: ")[1].split("; ")
    assert set(nearest) == {"red fox, Vulpes vulpes", "arctic fox", "kit fox"}


@given(st.text(max_size=12))
def test_any_text_is_a_label_an_index_or_a_target_error(text):
    try:
        [wish] = parse(text, LABELS)
    except TargetError:
        return
    assert isinstance(wish, TopK) or 0 <= wish < len(LABELS)


@pytest.mark.parametrize("text", ["²", "³7", "①", "top:²", "9" * 5000, "top:" + "9" * 5000])
def test_what_only_looks_like_a_number_is_a_target_error(text):
    with pytest.raises(TargetError):
        parse(text, LABELS)
    with pytest.raises(TargetError):
        parse(text, classes=5)


@pytest.mark.parametrize("index", [3, np.int64(3), np.uint8(3), "3", " 3 "])
def test_an_index_in_any_form(index):
    assert parse(index, LABELS) == (3,)
    assert type(parse(index, LABELS)[0]) is int


def test_a_number_that_is_a_label_is_the_label():
    assert parse("7", ["3", "7", "9"]) == (1,)
    assert parse(2, ["3", "7", "9"]) == (2,)


@pytest.mark.parametrize("asked", ["top:3", "TOP:3", " top:3 "])
def test_the_best_few(asked):
    assert parse(asked, LABELS) == (TopK(3),)
    assert parse(None) == (TopK(1),)


def test_lists_are_flat_and_keep_their_order():
    wishes = parse([4, ["red fox", None], "top:2", contrast("tusker", 3)], LABELS)
    assert wishes == (4, 3, TopK(1), TopK(2), Contrast(0, 3))


@pytest.mark.parametrize(
    ("target", "says"),
    [
        (5, "from 0 to 4"),
        (-1, "from 0 to 4"),
        ("5", "from 0 to 4"),
        ("-1", "no label"),
        ([0, 7], "from 0 to 4"),
        ([], "empty"),
        ([[]], "empty"),
        ((), "empty"),
        ("top:0", "top:1 to top:5"),
        ("top:6", "top:1 to top:5"),
        ("top:", "no label"),
        ("", "no label"),
        (True, "class index"),
        (np.bool_(True), "class index"),
        (1.5, "float"),
        (b"tusker", None),
        ({"a": 1}, "dict"),
        (np.array([1, 2]), "ndarray"),
        (contrast("tusker", "top:2"), "two single"),
        (contrast([0, 1], 2), "two single"),
        (contrast("tusker", "tuskr"), "nearest: tusker"),
        (contrast(0, 9), "from 0 to 4"),
    ],
)
def test_what_cannot_be_asked_for(target, says):
    with pytest.raises(TargetError, match=says):
        parse(target, LABELS)


def test_a_label_without_labels():
    with pytest.raises(TargetError, match="the model has none"):
        parse("tusker", classes=5)


def test_without_classes_any_index_is_left_to_the_outputs():
    assert parse(10**6) == (10**6,)
    with pytest.raises(TargetError, match="the last class"):
        parse(-1)
    with pytest.raises(TargetError, match="from 0 to 2"):
        resolve(parse(3), np.zeros((1, 3)))
    with pytest.raises(TargetError, match="3 classes"):
        resolve(parse("top:4"), np.zeros((1, 3)))


# --- before the first model call ---


@pytest.mark.parametrize(
    "target", ["tuskr", 4, -1, [], "top:5", 2.5, [0, "nobody"], contrast(0, "x"), "9"]
)
def test_a_bad_target_costs_no_model_call(picture, target):
    regions = Regions()
    model = unmask.load(regions, labels=["tusker", "fox", "wolf", "hare"])
    with pytest.raises(TargetError):
        unmask.explain(model, picture, target, masks=48, grid=3)
    assert regions.calls == 0


# --- resolving ---


@given(
    st.lists(
        st.integers(-100, 100).map(float) | st.floats(-1e30, 1e30),
        min_size=1,
        max_size=12,
    ),
    st.data(),
)
def test_the_best_are_the_best_in_order(values, data):
    count = data.draw(st.integers(1, len(values)))
    outputs = np.array([values])
    targets = resolve(parse(f"top:{count}"), outputs)
    scores = [target.score for target in targets.targets]
    assert scores == sorted(values, reverse=True)[:count]
    assert [values[target.index] for target in targets.targets] == scores
    assert resolve(parse(None), outputs).targets == targets.targets[:1]
    np.testing.assert_array_equal(targets.score(outputs, 1), [scores])


@pytest.mark.parametrize("dtype", ["u1", "i1", "i8", "f2", "f4", "f8"])
def test_outputs_of_any_type_have_the_same_best(dtype):
    seen = unmask.load(lambda batch: np.tile(np.array([3, 100, 7, 0], dtype), (len(batch), 1)))
    best = unmask.predict(unmask.load(seen, activation="logits"), np.zeros((3, 5, 3), np.uint8))
    assert [one.index for one in best] == [1, 2, 0, 3]
    outputs = seen(np.zeros((1, 3, 5, 3), np.float32))
    targets = resolve(parse(["top:2", contrast(0, 1)]), outputs)
    assert [target.index for target in targets.targets] == [1, 2, None]
    assert [target.score for target in targets.targets] == [100, 7, -97]


def test_a_class_is_there_once():
    outputs = np.array([[0.1, 0.5, 0.3, 0.0, 0.2]])
    wishes = parse([None, "top:3", 1, "indian elephant", "1", 3, "top:2"], LABELS)
    targets = resolve(wishes, outputs, LABELS).targets
    assert [target.index for target in targets] == [1, 2, 4, 3]
    assert [target.label for target in targets] == [LABELS[i] for i in (1, 2, 4, 3)]


def test_equal_scores_keep_the_order_of_the_classes():
    targets = resolve((TopK(3),), np.array([[0.0, 0.5, 0.5, 0.5]]))
    assert [target.index for target in targets.targets] == [1, 2, 3]


def test_names_of_targets():
    def loudness(outputs):
        return outputs.sum(axis=1)

    wishes = parse([2, contrast("tusker", "top:1"), loudness], LABELS)
    targets = resolve(wishes, np.array([[0.0, 0.0, 0.0, 1.0, 0.0]]), LABELS).targets
    assert [t.label for t in targets] == ["jack-o'-lantern", "tusker − red fox", "loudness"]
    assert [t.index for t in targets] == [2, None, None]
    assert resolve((2,), np.zeros((1, 3))).targets[0].label == "class 2"


def test_classes_need_outputs_of_classes():
    for outputs in (np.zeros((1, 3, 2)), [np.zeros((1, 3))], {"scores": np.zeros((1, 3))}):
        with pytest.raises(TargetError, match="give a function of the outputs"):
            resolve((0,), outputs)


@pytest.mark.parametrize(
    ("function", "says"),
    [
        (lambda out: out, r"\(1, 3\)"),
        (lambda out: out.sum(), r"shape \(\)"),
        (lambda out: out[:, 0] * np.nan, "not all finite: nan"),
        (lambda out: out[:, 0] / np.zeros(1) if out.any() else out[:, 0] - np.inf, "inf"),
    ],
)
def test_a_function_of_the_outputs_gives_one_finite_score_each(function, says):
    with pytest.raises(ModelOutputError, match=says):
        resolve((function,), np.zeros((1, 3)))


# --- explained end to end ---


def test_every_target_of_a_list_is_what_it_is_alone(picture):
    def warmth(outputs):
        return outputs[:, 0] * outputs[:, 1]

    settings = {"masks": 96, "grid": 3, "fill": "black"}
    wanted = [2, contrast(0, 3), warmth, None]
    regions = Regions()
    together = unmask.explain(regions, picture, wanted, **settings)
    assert regions.calls == 2 + 96 // 32
    assert len(together.targets) == len(together.maps) == 4
    for number, target in enumerate(wanted):
        alone = unmask.explain(Regions(), picture, target, **settings)
        np.testing.assert_array_equal(alone.map, together.maps[number])
        np.testing.assert_array_equal(alone.stderr, together.stderrs[number])
        assert alone.targets[0] == together.targets[number]


def test_the_map_of_a_contrast_is_the_difference_of_the_maps(picture):
    wanted = [0, 3, contrast(0, 3), contrast(3, 0)]
    # Of the estimators that are linear in the score; the default shrinks each map by its own noise.
    settings = {"masks": 101, "grid": (3, 5), "fill": "black", "estimator": "centered"}
    e = unmask.explain(Regions(), picture, wanted, **settings)
    one, two, difference, reverse = e.maps
    assert np.ptp(difference) > 0.05
    np.testing.assert_allclose(difference, one - two, atol=1e-6)
    np.testing.assert_allclose(reverse, -difference, atol=1e-6)
    assert e.targets[2].score == pytest.approx(e.targets[0].score - e.targets[1].score)


def test_a_contrast_of_functions_is_the_function_of_the_contrast(picture):
    def first(outputs):
        return outputs[:, 0]

    def second(outputs):
        return outputs[:, 3]

    wanted = [contrast(first, second), contrast(0, 3), lambda out: out[:, 0] - out[:, 3]]
    e = unmask.explain(Regions(), picture, wanted, masks=96, grid=3)
    np.testing.assert_array_equal(e.maps[0], e.maps[1])
    np.testing.assert_array_equal(e.maps[0], e.maps[2])


def test_each_class_lights_up_where_it_is_read(picture):
    e = unmask.explain(
        Regions(), np.full_like(picture, 200), [0, 1, 2, 3], masks=480, grid=4, fill="black"
    )
    thirds = np.array([[part.mean() for part in np.array_split(m, 4, axis=1)] for m in e.maps])
    assert thirds.argmax(axis=1).tolist() == [0, 1, 2, 3]


def test_functions_read_outputs_of_any_kind(picture):
    def model(batch):
        return {"left": batch[:, :, :7].mean(axis=(1, 2, 3)), "count": len(batch)}

    e = unmask.explain(model, picture, lambda out: out["left"] / 255, masks=96, grid=3)
    assert np.ptp(e.map) > 0
    with pytest.raises(TargetError, match="give a function"):
        unmask.explain(model, picture, 0, masks=96, grid=3)


def test_none_is_the_best_for_the_whole_input(picture):
    dark = picture.copy()
    dark[:, 5:10] = 255
    assert unmask.explain(Regions(), dark, masks=96, grid=3).targets[0].index == 1


def test_a_function_that_fails_on_the_outputs_is_said():
    def wrong(outputs):
        return outputs["absent"]

    with pytest.raises(TargetError, match="target wrong failed on the model's outputs: IndexError"):
        resolve(parse(wrong), np.zeros((1, 3)))


@pytest.mark.parametrize("blank", [" ", "\t", "\x1f", "\u3000"])
def test_blanks_about_a_number_do_not_matter(blank):
    assert parse(f"{blank}2{blank}", ["a", "b", "c"]) == (2,)
