"""What lies beside the module in an artifact: its weights, and TVM's runtime library."""

from __future__ import annotations

import gzip
from functools import cache
from pathlib import Path

import tvm

from zcc.compiler.backends.cpu.layout.weights import Stored
from zcc.compiler.backends.cpu.program.foreign_runtime import PUBLISHED, foreign_runtime
from zcc.compiler.backends.cpu.targets.target import CpuTarget
from zcc.runtime import host
from zcc.runtime.errors import BuildError
from zcc.runtime.library import RUNTIME_LIBRARY, WEIGHTS
from zcc.runtime.packed_library import LIBRARY

LEVEL = 5  # the best takes four times as long, for a hundredth of the library


def write_files(folder: Path, weights: Stored, runtime: bytes) -> None:
    """Put the weights and TVM's runtime library beside the module that was built."""
    (folder / WEIGHTS).write_bytes(weights.data or b"\0")
    (folder / RUNTIME_LIBRARY).write_bytes(runtime)


def runtime_library(target: CpuTarget) -> bytes:
    """TVM's runtime library for the target's platform, compressed: the same bytes every time."""
    if (target.os, target.arch) == (host.system(), host.architecture()):
        return _packed(Path(tvm.__file__).parent / "lib" / LIBRARY)
    published = PUBLISHED.get((tvm.__version__, target.os, target.arch))
    if published is None:
        raise BuildError(
            f"{target.name} needs TVM's runtime library for {target.os} {target.arch}, and zcc knows none of TVM "
            f"{tvm.__version__}",
            f"compile it on a machine with {target.os} {target.arch}",
        )
    return _packed(foreign_runtime(published))


@cache
def _packed(path: Path) -> bytes:
    return gzip.compress(path.read_bytes(), LEVEL, mtime=0)
