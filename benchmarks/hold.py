"""Hold other tools to the instructions of a target, on a machine that has more.

Libraries choose their kernels by the CPUID instruction. A small library that is preloaded into their processes answers
it for the lesser processor, so that what cannot be told otherwise (ONNX Runtime) is held as well.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from zcc.compiler.backends.cpu.targets.table import TARGETS
from zcc.compiler.backends.table import NATIVE
from zcc.runtime import host
from zcc.runtime.errors import BenchmarkError

SOURCE = Path(__file__).parent / "hide_instructions.c"
PRELOAD = "LD_PRELOAD"
# What the library is compiled with, by what the target lacks; the first that fits. Whoever has AVX-512 is not held.
HIDES = (("avx512f", None), ("avx2", ()), ("sse4_1", ("-DWITHOUT_AVX",)))


@contextmanager
def held_to(target: str) -> Iterator[None]:
    """Processes that are started meanwhile find the instructions of the target and no others beyond AVX2.

    Targets with AVX-512 or more, and this machine's own, hold nobody.
    """
    flags = None if target == NATIVE else flags_for(TARGETS[target].features)
    if flags is None or "avx512f" not in host.cpu_features():
        yield
        return
    with TemporaryDirectory(prefix="zcc-") as folder:
        library = build(Path(folder) / "hide.so", flags)
        os.environ[PRELOAD] = str(library)
        try:
            yield
        finally:
            del os.environ[PRELOAD]


def flags_for(features: tuple[str, ...]) -> tuple[str, ...] | None:
    """What hides everything beyond a target's features, None where nothing has to be hidden."""
    return next(flags for feature, flags in HIDES if feature in features)


def build(library: Path, flags: tuple[str, ...]) -> Path:
    """The library that hides, proven to work here."""
    command = ["cc", "-O2", "-shared", "-fPIC", *flags, "-o", str(library), str(SOURCE), "-ldl"]
    try:
        subprocess.run(command, check=True, capture_output=True, text=True)
        subprocess.run([sys.executable, "-c", ""], check=True, env={**os.environ, PRELOAD: str(library)})
    except (OSError, subprocess.CalledProcessError) as error:
        raise BenchmarkError(
            f"instructions cannot be hidden from other tools on this machine ({error})",
            "it takes a C compiler named cc, and a Linux that can make CPUID fault (cpuid_fault in /proc/cpuinfo);"
            " or race for --target native",
        ) from error
    return library
