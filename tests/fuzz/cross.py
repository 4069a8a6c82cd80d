"""The C of the package, compiled for other systems: Windows, macOS and Linux on ARM64. Needs ziglang.

``python tests/fuzz/cross.py [TARGET ...]`` compiles every module that Cython has written (``build/cython-release``)
against this Python's headers, for each target, and prints how many there were. The headers that hold the arithmetic are
then made into a program for ARM64 Linux, which draws and learns under ``qemu-aarch64`` (where there is one), and whose
numbers must be those of this machine, bit for bit.
"""
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CORE = ROOT / "marlfast" / "core"
TARGETS = ["x86_64-windows-gnu", "aarch64-windows-gnu", "x86_64-macos-none", "aarch64-macos-none", "aarch64-linux-gnu"]
FLAGS = ["-O0", "-ffp-contract=off", "-fno-math-errno", "-w", "-fno-sanitize=all"]
# Draws of every kind, and Q-learning on them with the package's own leaves: what is learned depends on every bit.
PROGRAM = r"""
#include <stdio.h>
#include <string.h>
#include "explore.h"
#include "q_learning.h"
static double draws[16 * 4096], normals[16 * 4096], q[64 * 5];
static int32_t greedy[64];
int main(void) {
    uint64_t hash = 1469598103934665603ull, bits;
    int64_t k, row = 0;
    mf_fill(0, 12345u, 7u, 3u, 0, 4096, draws);
    mf_fill(1, 12345u, 7u, 4u, 0, 4096, normals);
    for (k = 0; k + 1 < 16 * 4096; k++) {
        const mf_chance chance = mf_epsilon(0.3, 1, 0);
        const int64_t action = draws[k] < chance.bound ? mf_random_choice(&chance, draws + k, 5) : greedy[row];
        const int64_t next = (row * 7 + action * 3 + (normals[k] > 0.0)) % 64;
        double *cell = q + row * 5 + action;
        *cell += 0.1 * (normals[k] + 0.95 * q[next * 5 + greedy[next]] - *cell);
        greedy[row] = mf_first_greatest(q + row * 5, 5);
        row = next;
    }
    for (k = 0; k < 16 * 4096; k++) {
        memcpy(&bits, normals + k, 8); hash = (hash ^ bits) * 1099511628211ull;
        memcpy(&bits, draws + k, 8); hash = (hash ^ bits) * 1099511628211ull;
    }
    for (k = 0; k < 64 * 5; k++) {
        memcpy(&bits, q + k, 8); hash = (hash ^ bits) * 1099511628211ull;
    }
    printf("%016llx %.17g\n", (unsigned long long)hash, q[0]);
    return 0;
}
"""


def zig(*arguments, **options):
    """Run ``zig cc`` of the package ziglang."""
    return subprocess.run([sys.executable, "-m", "ziglang", "cc", *map(str, arguments)], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, **options)


def compiled(target, sources, folder):
    """Modules of a target that do not compile, {name: why}."""
    include, found = folder / f"include-{target}", {}
    shutil.copytree(sysconfig.get_paths()["include"], include)
    if "windows" in target:         # this Python's configuration is of this machine
        config = include / "pyconfig.h"
        text = config.read_text()
        for name, value in (("SIZEOF_LONG", 4), ("SIZEOF_WCHAR_T", 2), ("HAVE_SYS_SELECT_H", None)):
            text += f"\n#undef {name}\n" + (f"#define {name} {value}\n" if value else "")
        config.write_text(text)
    for source in sources:
        done = zig("-target", target, "-c", source, "-o", folder / f"{source.stem}.o", f"-I{include}", f"-I{CORE}",
                   f"-I{ROOT}", *FLAGS)
        if done.returncode:
            found[source.stem] = done.stderr.strip()[-600:]
    return found


def main(*targets):
    folder, failed = Path(tempfile.mkdtemp()), 0
    sources = sorted((ROOT / "build" / "cython-release" / "src").glob("_*.c"))
    if not sources:
        raise SystemExit("cross.py compiles what a build leaves in build/cython-release: build the package first")
    for target in targets or TARGETS:
        wrong = compiled(target, sources, folder)
        failed += len(wrong)
        print(f"{target}: {len(sources) - len(wrong)} of {len(sources)} modules compile", flush=True)
        for name, why in list(wrong.items())[:3]:
            print(f"  {name}: {why}")
    (folder / "learn.c").write_text(PROGRAM)
    printed = {}
    here = subprocess.run(["cc", "-O2", "-ffp-contract=off", f"-I{CORE}", folder / "learn.c", "-o", folder / "here",
                           "-lm"], capture_output=True, text=True)
    printed["this machine"] = subprocess.run([folder / "here"], capture_output=True, text=True).stdout.strip() \
        if here.returncode == 0 else here.stderr[-600:]
    done = zig("-target", "aarch64-linux-musl", "-static", "-O2", "-ffp-contract=off", f"-I{CORE}", folder / "learn.c",
               "-o", folder / "arm", "-lm")
    if done.returncode:
        failed += 1
        print(done.stderr[-600:])
    elif shutil.which("qemu-aarch64"):
        printed["ARM64 under qemu"] = subprocess.run(["qemu-aarch64", folder / "arm"], capture_output=True,
                                                     text=True).stdout.strip()
        failed += len(set(printed.values())) > 1
    for name, text in printed.items():
        print(f"draws and learning, {name}: {text}")
    shutil.rmtree(folder)
    print(f"{failed} failed")
    return failed


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]) > 0)
