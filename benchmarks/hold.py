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
BEYOND_AVX2 = frozenset({"avx512f", "avx_vnni", "amx_tile"})
# By what a target has, the first that fits: what the library is compiled with, and what it then hides.
HIDES: tuple[tuple[str, tuple[str, ...], frozenset[str]], ...] = (
    ("avx512f", (), frozenset()),
    ("avx2", (), BEYOND_AVX2),
    ("sse4_1", ("-DWITHOUT_AVX",), BEYOND_AVX2 | {"avx"}),
)


@contextmanager
def held_to(target: str) -> Iterator[None]:
    """Processes that are started meanwhile find the instructions of the target and no others beyond AVX2.

    Targets with AVX-512 or more, and this machine's own, hold nobody.
    """
    flags, hidden = hiding(TARGETS[target].features) if target != NATIVE else ((), frozenset[str]())
    if not hidden & host.cpu_features():
        yield
        return
    with TemporaryDirectory(prefix="zcc-") as folder:
        library = build(Path(folder) / "hide.so", flags)
        os.environ[PRELOAD] = str(library)
        try:
            yield
        finally:
            del os.environ[PRELOAD]


def hiding(features: tuple[str, ...]) -> tuple[tuple[str, ...], frozenset[str]]:
    """How the library is compiled for a target with these features, and what of a processor it hides."""
    return next((flags, hidden) for feature, flags, hidden in HIDES if feature in features)


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
