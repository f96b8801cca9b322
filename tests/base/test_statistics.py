"""Quantiles against their definitions and printed tables."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unmask._base.statistics import quantile, variance_bound

CHI_SQUARED_5 = {5: 1.1455, 10: 3.9403, 20: 10.8508, 100: 77.9295}  # of any printed table


@given(st.floats(0.01, 0.999))
def test_few_degrees_of_freedom_have_closed_forms(level):
    assert quantile(level, 1) == pytest.approx(math.tan(math.pi * level / 2), rel=1e-9)
    assert quantile(level, 2) == pytest.approx(
        level * math.sqrt(2 / ((1 - level) * (1 + level))), rel=1e-9
    )


def test_it_narrows_with_the_freedom_down_to_the_normals():
    freedoms = [1, 2, 3, 5, 10, 100, 1000, 1001, 10**6, math.inf]
    widths = [quantile(0.95, one) for one in freedoms]
    assert (np.diff(widths) < 0).all()
    assert widths[-1] == pytest.approx(1.959963984540054, rel=1e-12)
    assert quantile(0.95, 0) == math.inf


@pytest.mark.parametrize("freedom", CHI_SQUARED_5)
def test_a_variance_is_bounded_as_chi_squared_says(freedom):
    exact = freedom / CHI_SQUARED_5[freedom]
    assert variance_bound(freedom) == pytest.approx(exact, rel=0.02)
    assert variance_bound(0.1) == math.inf
