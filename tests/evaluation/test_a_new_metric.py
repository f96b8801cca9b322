"""A metric is one row that carries its function: here the share of a map above its mean."""

import numpy as np
import pytest

import unmask
from unmask import evaluation
from unmask.evaluation.metrics import METRICS, Metric, register

HIGH = Metric(
    "high",
    "share above the mean",
    "nobody's",
    False,
    0,
    1,
    "share of the pixels above the map's own mean",
    lambda trial: float((trial.small > trial.small.mean()).mean()),
)


@pytest.fixture(autouse=True)
def high():
    register(HIGH)
    yield
    del METRICS["high"]


@pytest.mark.slow
def test_it_is_measured_summarized_and_known_by_name():
    street = unmask.demo.pictures()["street"]
    rows = list(evaluation.evaluate("demo", [street], "unmask,masks=64", wanted=["high"]))
    assert 0 < rows[0].values["high"] < 1
    assert evaluation.summarize(rows)["high"].value == rows[0].values["high"]
    case = unmask.metrics.case("demo", street)
    assert evaluation.evaluate_map(case, np.eye(96), ["high"])[0] == {"high": 1 / 96}
