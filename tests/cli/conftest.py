"""What all tests of the command line share."""

import pytest


@pytest.fixture(autouse=True)
def wide(monkeypatch):
    """A wide terminal: lines are not broken where tests look for words."""
    monkeypatch.setenv("COLUMNS", "200")
