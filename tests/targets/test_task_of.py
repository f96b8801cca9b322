"""Which task reads what is asked for: that of the words if they are no label, or the model's."""

import numpy as np
import pytest

import unmask
from unmask.targets import task_of


@pytest.mark.parametrize(
    ("asked", "name"),
    [
        (None, "classes"),
        ("dog", "classes"),
        (3, "classes"),
        ("region:dog", "regions"),
        (["dog", "dice:dog@1,2"], "regions"),
        (unmask.region("dog"), "regions"),
        ("output:age", "outputs"),
        ([unmask.output(0)], "outputs"),
        ("closeness:nose@0.1", "outputs"),
        ("similar:fox.jpg", "similarity"),
        (unmask.similar_to(np.ones(3)), "similarity"),
        ("value:high", "classes"),  # a label
        (["value:high", "value:low"], "outputs"),
        ("regions: some", "classes"),
    ],
)
def test_the_words_say_the_task(asked, name):
    model = unmask.load(lambda batch: batch, labels=["dog", "value:high", "cat"])
    assert task_of(model, asked).name == name


def test_the_model_says_it_where_the_words_do_not():
    model = unmask.load(lambda batch: batch).changed(task="regions")
    assert task_of(model).name == task_of(model, "dog").name == "regions"
    assert task_of(model, "output:3").name == "outputs"
    lamp = unmask.load(lambda _: [], detector="function")
    assert task_of(lamp, "dog").name == "boxes"
