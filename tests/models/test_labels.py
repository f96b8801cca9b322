"""Names of classes, from whatever people keep them in, always at their index."""

import json
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import unmask
from unmask.errors import ModelError
from unmask.models.labels import by_index, read_labels

TWO = ("cat", "dog")


@given(st.dictionaries(st.integers(0, 60), st.text(st.characters(codec="ascii"), min_size=1)))
def test_every_spelling_of_a_mapping_is_read_by_index(names):
    names = {index: name.strip() or "x" for index, name in names.items()}
    if not names:
        with pytest.raises(ModelError, match="empty"):
            read_labels(names)
        return
    expected = tuple(names.get(i, f"class {i}") for i in range(max(names) + 1))
    backwards = dict(sorted(names.items(), reverse=True))
    written_out = {str(index): name for index, name in backwards.items()}
    pairs = {str(index): [f"n{index:08}", name] for index, name in backwards.items()}
    coco = [{"id": index, "name": name} for index, name in backwards.items()]
    for source in (names, backwards, written_out, pairs, coco, {"names": names}):
        assert read_labels(source) == expected
    if len(set(names.values())) == len(names):
        assert read_labels({name: index for index, name in backwards.items()}) == expected


def test_what_is_in_order_stays_in_order():
    pandas = pytest.importorskip("pandas")
    for source in (
        list(TWO),
        TWO,
        np.array(TWO),
        np.array([b"cat", b"dog"]),
        pandas.Index(TWO),
        pandas.Series(TWO, index=[7, 3]),
        (name for name in TWO),
        {0: "cat", 1: "dog"}.values(),
        [["n02121620", "cat"], ["n02084071", "dog"]],
    ):
        assert read_labels(source) == TWO


def test_digits_as_names_are_told_from_indices_by_their_type():
    # Keras sorts folders by name: "10" comes before "2".
    assert read_labels({"0": 0, "1": 1, "10": 2, "2": 3}) == ("0", "1", "10", "2")
    assert read_labels({"0": "10", "1": "5"}) == ("10", "5")
    assert read_labels({0: 5, 1: 7}) == ("5", "7")


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ({"cat", "dog"}, "set, which has no order"),
        ({"cat": 0}.keys(), "no order"),
        (frozenset(TWO), "no order"),
        ({"cat": 0, "dog": 0}, "one index to several names"),
        ({0: "cat", "0": "dog"}, "two names for class 0"),
        ({"cat": True}, "whole numbers"),
        ({-1: "cat"}, "whole numbers"),
        ({0.5: "cat"}, "whole numbers"),
        ({10**12: "cat"}, "whole number from 0"),
        ([float("nan"), "dog"], r"labels\[0\] is nan"),
        (["cat", None], r"labels\[1\] is None"),
        ([np.array(TWO)], r"labels\[0\] is array"),
        ([["n1", 2]], r"labels\[0\]"),
        (b"cat", "is a bytes"),
        (7, "is a int"),
        ({}, "empty"),
        ([], "empty"),
    ],
)
def test_what_is_no_list_of_names_is_refused(source, says):
    with pytest.raises(ModelError, match=says):
        read_labels(source)


def test_names_that_count_from_one_say_so():
    with pytest.raises(ModelError, match=r"0 to 1\. They seem to count from 1"):
        read_labels({1: "cat", 2: "dog"}, 2)
    with pytest.raises(ModelError, match=r"names class 5, and the model has 2, 0 to 1$"):
        read_labels({0: "cat", 5: "dog"}, 2)
    assert read_labels({1: "cat", 2: "dog"}, 3) == ("class 0", "cat", "dog")


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("l.txt", "cat\ndog\n\n", TWO),
        ("l.txt", "African elephant, Loxodonta\n7 up\n", ("African elephant, Loxodonta", "7 up")),
        ("l.txt", "n02121620 cat\nn02084071 dog, hound\n", ("cat", "dog, hound")),
        ("l.txt", "n02121620\nn02084071\n", ("n02121620", "n02084071")),
        ("l.txt", "1: dog\n0: cat\n", TWO),
        ("l.txt", "0 cat\n2 dog\n", ("0 cat", "2 dog")),
        ("l.txt", "{0: 'cat, tom',\n 1: 'dog'}", ("cat, tom", "dog")),
        ("l.names", "cat\ndog", TWO),
        ("l.json", '["cat", "dog"]', TWO),
        ("l.json", '{"1": "dog", "0": "cat"}', TWO),
        ("l.json", '{"dog": 1, "cat": 0}', TWO),
        ("l.json", '{"0": ["n02121620", "cat"], "1": ["n02084071", "dog"]}', TWO),
        ("config.json", '{"id2label": {"0": "cat", "1": "dog"}, "hidden": 7}', TWO),
        ("l.txt", '["cat", "dog"]', TWO),
        ("l.csv", "index,name\n1,dog\n0,cat\n", TWO),
        ("l.csv", 'id,display_name,count\n0,"cat, tom",7\n1,dog,9\n', ("cat, tom", "dog")),
        ("l.csv", "0,cat\n1,dog\n", TWO),
        ("l.csv", "dog,1\ncat,0\n", TWO),
        ("l.csv", "cat\ndog\n", TWO),
        ("l.tsv", "0\tcat\n1\tdog, hound\n", ("cat", "dog, hound")),
    ],
)
def test_files_as_tools_write_them(tmp_path, name, text, expected):
    path = tmp_path / name
    path.write_text(text, "utf-8-sig")
    assert read_labels(path) == read_labels(str(path)) == expected


@pytest.mark.parametrize(
    ("name", "data", "says"),
    [
        ("l.csv", b"a,b,c\nd,e,f\n", "3 columns, a, b, c"),
        ("l.csv", b"a, b\nc\n", "1 to 2 columns.*in quotes"),
        ("l.csv", b"index,name\n0,cat\n0,dog\n", "twice"),
        ("l.json", b'{"cat": 0, "cat": 1}', "twice"),
        ("l.json", b"{", "no JSON"),
        ("l.json", b"[" * 100_000, "no JSON"),
        ("l.json", b"7", "holds a int"),
        ("l.txt", "ä".encode("latin-1"), "UTF-8"),
        ("l.txt", b"cat\0dog", "not a text file"),
        ("l.txt", b" \n\n", "holds no labels"),
        ("data.yaml", b"names: [cat, dog]", "yaml.safe_load"),
        ("l.npy", b"abc", "numpy.load"),
    ],
)
def test_files_that_are_none_of_these(tmp_path, name, data, says):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(ModelError, match=says) as error:
        read_labels(tmp_path / name)
    assert name in str(error.value)


def test_a_home_of_nobody_is_no_traceback():
    with pytest.raises(ModelError, match="no such user"):
        read_labels("~nobody-at-all/labels.txt")


def test_labels_are_what_predictions_are_called_by(tmp_path):
    def scores(batch):  # class 0 is redness, class 1 greenness
        return np.stack([batch[..., 0].mean((1, 2)), batch[..., 1].mean((1, 2))], 1) / 255

    picture = np.full((8, 12, 3), 40, np.uint8)
    picture[2:5, 3:9] = [250, 30, 30]
    (tmp_path / "l.json").write_text(json.dumps({"green": 1, "red": 0}))
    for labels in ({"green": 1, "red": 0}, {0: "red", 1: "green"}, tmp_path / "l.json"):
        model = unmask.load(scores, labels=labels)
        assert unmask.predict(model, picture)[0].label == "red"
        explanation = unmask.explain(model, picture, "red", masks=64, grid=3)
        assert explanation.targets[0].index == 0


def test_one_score_and_two_names(tmp_path, onnx_models):
    path = onnx_models.linear(tmp_path / "one.onnx", np.ones((3, 1)))
    with pytest.raises(ModelError, match=re.escape("1 - score")):
        unmask.load(path, labels=TWO)
    assert unmask.load(path, labels=["dog"]).labels == ("dog",)


def test_by_index_fills_what_is_left_out():
    assert by_index([(2, "dog")], classes=4) == ("class 0", "class 1", "dog", "class 3")
