"""Frameworks that a test file speaks of, imported by the first test that asks for something.

Every worker collects every file, and would import what only the worker of that file needs.
"""

import importlib
import importlib.util
import sys

import pytest


class _Later:
    def __init__(self, name):
        self._name = name

    def __getattr__(self, attribute):
        # pytest asks whatever it finds in a file for these, to know what it is.
        if attribute.startswith(("_", "pytest")) and self._name not in sys.modules:
            raise AttributeError(attribute)
        return getattr(importlib.import_module(self._name), attribute)


def later(name):
    """A module, imported when it is used; the file is skipped where its package is absent."""
    package = name.partition(".")[0]
    if importlib.util.find_spec(package) is None:
        pytest.skip(f"{package} is not installed", allow_module_level=True)
    return _Later(name)
