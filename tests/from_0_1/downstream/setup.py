from Cython.Build import cythonize
from setuptools import Extension, setup

from marlfast.games.own import get_include

setup(
    name="ropes",
    packages=["ropes"],
    ext_modules=cythonize(
        [Extension("ropes._rope", ["ropes/_rope.pyx"])],
        include_path=[".", get_include()],
        compiler_directives={"language_level": "3", "boundscheck": False, "wraparound": False, "cdivision": True},
    ),
)
