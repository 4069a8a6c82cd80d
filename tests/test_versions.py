"""What is said in several places is the same everywhere."""
import re
from pathlib import Path

import marlfast as mf

ROOT = Path(__file__).resolve().parents[1]


def found(file, pattern):
    return re.search(pattern, (ROOT / file).read_text(encoding="utf-8"), re.M)[1]


def test_the_version_is_said_alike():
    assert {mf.__version__, found("pyproject.toml", r'^version = "(.*)"$'), found("CITATION.cff", r"^version: (.*)$"),
            found("CHANGELOG.md", r"^## (\S+)")} == {mf.__version__}


def test_every_python_that_is_classified_gets_a_wheel():
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    classified = re.findall(r'"Programming Language :: Python :: (3\.\d+)"', text)
    wheels = re.findall(r'"cp(3)(\d+)-\*"', text)
    assert classified == [".".join(parts) for parts in wheels]
    assert classified[0] == found("pyproject.toml", r'^requires-python = ">=(.*)"$')
