"""What lies beside the module in an artifact: its weights, and TVM's runtime library."""

from __future__ import annotations

import gzip
from functools import cache
from pathlib import Path

import tvm

from zcc.compiler.backends.cpu.layout.weights import Stored
from zcc.runtime.library import RUNTIME_LIBRARY, WEIGHTS
from zcc.runtime.packed_library import LIBRARY


def write_files(folder: Path, weights: Stored) -> None:
    """Put the weights and TVM's runtime library beside the module that was built."""
    (folder / WEIGHTS).write_bytes(weights.data or b"\0")
    (folder / RUNTIME_LIBRARY).write_bytes(runtime_library())


@cache
def runtime_library() -> bytes:
    """TVM's runtime library, as the compiler's own TVM carries it, compressed: the same bytes every time."""
    return gzip.compress((Path(tvm.__file__).parent / "lib" / LIBRARY).read_bytes(), mtime=0)
