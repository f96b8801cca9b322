"""Inputs read as `unmask.explain` reads them."""

from unmask.inputs import read


def prepare(model, given, preprocess=None):
    return read(model.input, model.name, given, preprocess)
