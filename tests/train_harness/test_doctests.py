"""The examples in the laboratory's docstrings are true."""

import doctest
import importlib
import pkgutil

import pytest

import train_harness

MODULES = [m.name for m in pkgutil.iter_modules(train_harness.__path__, "train_harness.") if "__main__" not in m.name]


@pytest.mark.parametrize("name", MODULES)
def test_examples_hold(name):
    assert doctest.testmod(importlib.import_module(name)).failed == 0
