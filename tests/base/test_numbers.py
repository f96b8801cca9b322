"""Scores read alike everywhere, and never claim more than they say."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unmask._base.numbers import format_score


@given(st.floats(-1, 1), st.integers(1, 6))
def test_only_zero_and_one_are_written_as_such(value, decimals):
    text = format_score(value, decimals)
    step = 10.0**-decimals
    if text[0] in "<>":
        bound = float(text[1:])
        assert value < bound if text[0] == "<" else value > bound
        assert abs(value - bound) <= step
    else:
        assert abs(float(text) - value) <= step / 2 + 1e-12
        assert (float(text) in (0, 1, -1)) == (value in (0, 1, -1))
    assert len(text.lstrip("<>-")) == 2 + decimals


@given(st.floats(1.001, 1e300) | st.floats(-1e300, -1.001))
def test_beyond_one_so_many_digits_are_significant(value):
    assert float(format_score(value)) == pytest.approx(value, rel=1e-4)


def test_what_rounding_makes_of_a_sum_of_probabilities_is_one():
    assert format_score(1.0000001) == "1.0000"
    assert format_score(math.nan) == "nan"
    assert format_score(-0.0) == "0.0000"
