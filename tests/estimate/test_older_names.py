"""Names of version 0.1.0 are still understood: in Python, on the command line, in files."""

import numpy as np
import pytest

import unmask
from unmask.estimate.estimators import OLDER

STREET = unmask.demo.pictures()["street"]


@pytest.mark.slow
@pytest.mark.parametrize(("old", "new"), OLDER.items())
def test_an_older_estimator_is_the_one_of_today(old, new):
    one, other = (unmask.explain("demo", STREET, masks=64, estimator=name) for name in (old, new))
    assert one.plan.estimator == new
    np.testing.assert_array_equal(one.maps, other.maps)


@pytest.mark.slow
@pytest.mark.parametrize("old", OLDER)
def test_the_command_takes_it(old, tmp_path):
    pytest.importorskip("typer")
    from typer.testing import CliRunner

    from unmask.cli import app

    words = ["explain", str(STREET), "-n", "64", "--estimator", old, "-o", str(tmp_path)]
    assert CliRunner().invoke(app, words).exit_code == 0
    made = unmask.Explanation.load(tmp_path / "street.npz")
    assert made.plan.estimator == OLDER[old]
