"""Stubs of compiled modules, written from their declarations: ``python -m marlfast.declarations.stubs``."""
import importlib
import pkgutil
import textwrap
from pathlib import Path

from marlfast.declarations import base

CORE = Path(__file__).resolve().parents[1] / "core"


def modules():
    """{stem: its kernels and functions, in order} of all that is declared array by array (a tree is, as a whole)."""
    import marlfast.declarations as package

    return {module.name: importlib.import_module(f"marlfast.declarations.{module.name}").KERNELS
            for module in pkgutil.iter_modules(package.__path__)
            if module.name not in ("base", "extensive", "moves", "stubs")}


def _annotated(one):
    text = f"{one.name}: {one.annotation}" + (" | None" if one.optional or one.default is None else "")
    return text if one.default is base.NEEDED else f"{text} = {one.default!r}"


def _definition(head, parameters, indent, returns="None"):
    text = ", ".join(p.replace(" ", "~") for p in parameters) + f")~->~{returns}:~..."
    lines = textwrap.wrap(text, 120, initial_indent=head.replace(" ", "~"), subsequent_indent=indent,
                          break_long_words=False, break_on_hyphens=False)
    return "\n".join(lines).replace("~", " ")


def stub(stem, kernels):
    """The text of one stub.

    Parameters
    ----------
    stem : str
    kernels : list of Kernel
    """
    where = {kernel.name: name for name, several in modules().items() for kernel in several}
    used = {one.annotation for kernel in kernels for one in kernel.arguments.values()}
    imports = {}
    own = [one for kernel in kernels for one in (*kernel.methods, *kernel.attributes)]
    for name in sorted({kernel.base.name if kernel.base else kernel.family for kernel in kernels if kernel.family}
                       | {name.removeprefix("Sequence[").rstrip("]") for name in used
                          if name[0].isupper() and ("[" not in name or name.startswith("Sequence["))}):
        module = where.get(name, "kernels")
        if module != stem:
            imports.setdefault(module, []).append(name)
    lines = [f'"""Signatures of ``src/_{stem}.pyx``: written by ``marlfast.declarations.stubs``."""']
    abstract = sorted({name.partition("[")[0] for name in used if name.startswith(("Mapping", "Sequence"))})
    if abstract:
        lines += [f"from collections.abc import {', '.join(abstract)}", ""]
    if any("np." in name for name in (*used, *own)):
        lines += ["import numpy as np", "from numpy.typing import NDArray", ""]
    lines += [f"from marlfast.core._{module} import {', '.join(names)}" for module, names in sorted(imports.items())]
    for kernel in kernels:
        parameters = [_annotated(one) for one in kernel.arguments.values()]
        if kernel.family is None:
            head = f"def {kernel.name}("
            lines += ["", _definition(head, parameters, " " * len(head), kernel.returns)]
            continue
        if kernel.by_position < len(parameters):
            parameters[kernel.by_position] = f"*, {parameters[kernel.by_position]}"
        above = kernel.base.name if kernel.base else kernel.family
        lines += ["", f"class {kernel.name}({above}):" if above else f"class {kernel.name}:",
                  *(f"    {one}" for one in kernel.attributes), *[""] * bool(kernel.attributes),
                  _definition("    def __init__(self, ", parameters, " " * 17),
                  *(f"    def {method}{'' if '->' in method else ' -> None'}: ..." for method in kernel.methods)]
    return "\n".join(lines).replace("\n\n\n", "\n\n") + "\n"


if __name__ == "__main__":
    for stem, kernels in modules().items():
        (CORE / f"_{stem}.pyi").write_text(stub(stem, kernels), encoding="utf-8")
