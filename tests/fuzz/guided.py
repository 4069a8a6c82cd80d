"""The readers of archives, of JSON (a sweep's) and of TOML, fuzzed under the guidance of coverage. Needs Atheris.

``pip install atheris && python tests/fuzz/guided.py archive|json|toml [-runs=N] [-max_total_time=SECONDS] [FOLDER]``:
libFuzzer's options; it prints how many inputs there were, and stops at one that is neither read nor refused by a
FileError or a ValueError.
"""
import sys
import tempfile
from pathlib import Path

try:
    import atheris
except ImportError:
    raise SystemExit("guided.py needs atheris: pip install atheris") from None

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

with atheris.instrument_imports(include=["marlfast.archive", "marlfast.files", "marlfast.toml", "marlfast.registry",
                                         "marlfast.experiment", "marlfast.sweeps.manifest", "marlfast.sweeps.points",
                                         "zipfile", "json", "tomllib"]):
    import marlfast as mf
    from fuzz import files
    from marlfast import archive, toml  # noqa: F401

ROOT = Path(tempfile.mkdtemp())
KINDS = {"archive": "result", "json": "sweep.json", "toml": "toml"}
FOUND = files.samples(ROOT)
SAMPLES = {kind: [sample for sample in FOUND if sample.kind == KINDS[kind]] for kind in KINDS}


def one(kind, data):
    """Read one input."""
    sample = SAMPLES[kind][0]
    sample.place(ROOT).write_bytes(data)
    try:
        sample.read(ROOT)
    except (mf.FileError, MemoryError):
        pass
    except (ValueError, TypeError):
        if kind != "toml":
            raise


def main(arguments):
    kind = arguments[1] if len(arguments) > 1 else "archive"
    if kind not in SAMPLES:
        raise SystemExit(f"expected archive, json or toml, got {kind!r}")
    corpus = Path(tempfile.mkdtemp())
    for k, sample in enumerate(SAMPLES[kind]):
        (corpus / f"{k}").write_bytes(sample.data)
    atheris.Setup([arguments[0], *arguments[2:], str(corpus)], lambda data: one(kind, data))
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv)
