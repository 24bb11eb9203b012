"""What lies beside the module in an artifact: its weights, and TVM's runtime library."""

from __future__ import annotations

import gzip
from functools import cache
from pathlib import Path

import tvm

from zcc.compiler.backends.cpu.layout.weights import Stored
from zcc.compiler.backends.cpu.targets.target import CpuTarget
from zcc.runtime import host
from zcc.runtime.errors import BuildError
from zcc.runtime.library import RUNTIME_LIBRARY, WEIGHTS
from zcc.runtime.packed_library import LIBRARY


def write_files(folder: Path, weights: Stored, runtime: bytes) -> None:
    """Put the weights and TVM's runtime library beside the module that was built."""
    (folder / WEIGHTS).write_bytes(weights.data or b"\0")
    (folder / RUNTIME_LIBRARY).write_bytes(runtime)


def runtime_library(target: CpuTarget) -> bytes:
    """TVM's runtime library for the target's platform, compressed: the same bytes every time."""
    wanted, here = (target.os, target.arch), (host.system(), host.architecture())
    if wanted != here:
        raise BuildError(
            f"{target.name} needs TVM's runtime library for {' '.join(wanted)}, and the compiler's own is for "
            f"{' '.join(here)}",
            f"compile it on a machine with {' '.join(wanted)}",
        )
    return _own_library()


@cache
def _own_library() -> bytes:
    return gzip.compress((Path(tvm.__file__).parent / "lib" / LIBRARY).read_bytes(), mtime=0)
