"""Where a library is not installed, its adapter says which extra brings it."""
import importlib
import sys

import pytest


@pytest.mark.parametrize("name", ["pettingzoo", "gymnasium"])
def test_the_extra_is_named(name, monkeypatch):
    monkeypatch.setitem(sys.modules, name, None)        # as if it were not installed
    monkeypatch.delitem(sys.modules, f"marlfast.adapters.{name}", raising=False)
    with pytest.raises(ImportError, match=rf"marlfast\.adapters\.{name} needs {name}: "
                                          rf"pip install 'marlfast\[{name}\]'"):
        importlib.import_module(f"marlfast.adapters.{name}")
