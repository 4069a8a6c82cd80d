"""Makes the pictures of docs/pictures.md by its own programs, in this folder: python docs/images/draw.py

And ``learning_curve.png``, which the README shows, as ``marlfast train`` draws it. Needs matplotlib, with its Pillow.
"""
import os
import re
from pathlib import Path

from PIL import Image

import marlfast as mf
from marlfast import cli

HERE = Path(__file__).resolve().parent
COLOURS = 96            # of a picture: a third of the bytes, and no difference to be seen


def programs():
    """The Python blocks of the page."""
    return re.findall(r"^```python\n(.*?)^```$", (HERE.parent / "pictures.md").read_text(encoding="utf-8"), re.M | re.S)


if __name__ == "__main__":
    os.chdir(HERE)
    names = {"__name__": "pictures"}
    for k, program in enumerate(programs()):
        exec(compile(program, f"pictures.md, program {k + 1}", "exec"), names)
    run = mf.train(mf.Experiment.from_dict(cli.DEFAULT))
    run.plot().figure.savefig("learning_curve.png", dpi=80)
    for path in HERE.glob("*.png"):
        with Image.open(path) as picture:
            picture.convert("RGB").quantize(COLOURS).save(path, optimize=True)
