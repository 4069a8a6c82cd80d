from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup

from marlfast.games.own import get_include

headers = Path(get_include())
setup(
    name="forgetting",
    packages=["forgetting"],
    ext_modules=cythonize(
        [Extension("forgetting._learner", ["forgetting/_learner.pyx"], include_dirs=[str(headers / "marlfast/core")])],
        include_path=[".", str(headers)],
        compiler_directives={"language_level": "3", "boundscheck": False, "wraparound": False, "cdivision": True},
    ),
)
