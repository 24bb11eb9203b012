"""The native side: TVM's runtime library, once per process, and the module of an artifact."""

from __future__ import annotations

import ctypes
import threading
from pathlib import Path
from typing import Any

import numpy as np
import tvm_ffi

from zcc.runtime.errors import CorruptArtifact, IncompatibleHost

RUNTIME_LIBRARY = "libtvm_runtime.so"
MODULE = "model.so"
WEIGHTS = "weights.bin"
MARKER = "runtime.config_threadpool"  # a function that TVM's runtime registers when it is loaded

_loading = threading.Lock()


def load_runtime(path: Path) -> None:
    """Load TVM's runtime library, unless this process has one already."""
    with _loading:
        if tvm_ffi.get_global_func(MARKER, allow_missing=True) is not None:
            return
        try:
            ctypes.CDLL(str(path), ctypes.RTLD_GLOBAL)
        except OSError as error:
            raise IncompatibleHost(
                f"the TVM runtime library {path} cannot be loaded: {error}",
                "compile the model again for this machine",
            ) from error


def load_module(folder: Path) -> Any:
    """The compiled module of the artifact in `folder`."""
    load_runtime(folder / RUNTIME_LIBRARY)
    try:
        return tvm_ffi.load_module(str(folder / MODULE))
    except (RuntimeError, OSError) as error:
        raise CorruptArtifact(
            f"{folder / MODULE} cannot be loaded: {error}", "compile the model again"
        ) from error


def map_weights(folder: Path) -> Any:
    """The weights, mapped from the file: processes that run the same artifact share the memory."""
    # Copy-on-write, because the interface to the module knows no read-only arrays; nothing writes to them.
    return np.memmap(folder / WEIGHTS, dtype=np.uint8, mode="c")
