"""TVM's runtime library: a process holds one, whoever loads it first."""

from __future__ import annotations

import ctypes
import importlib.util
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import tvm_ffi

from zcc.runtime import loaded_runtime
from zcc.runtime.elf import refuse_foreign
from zcc.runtime.errors import IncompatibleHost
from zcc.runtime.packed_library import LIBRARY, RUNTIME_LIBRARY, expanded

MARKER = "runtime.config_threadpool"  # a function that the library registers when it is loaded

_loading = threading.Lock()


def load_runtime(folder: Path, version: str) -> None:
    """See to it that the process holds this version of the library, from `folder` unless it is there already."""
    with _loading:
        if tvm_ffi.get_global_func(MARKER, allow_missing=True) is None:
            _open(expanded(folder / RUNTIME_LIBRARY, _installed()))
            loaded_runtime.loaded = version
    present = loaded_runtime.loaded_version() or "of unknown version"
    if present != version:
        raise IncompatibleHost(
            f"{folder} needs TVM's runtime {version}, and this process has loaded {present}",
            "use a process of its own, or compile the model again",
        )


def _open(path: Path) -> None:
    try:
        refuse_foreign(path)
        ctypes.CDLL(str(path), ctypes.RTLD_GLOBAL)
    except OSError as error:
        raise IncompatibleHost(
            f"the TVM runtime library {path} cannot be loaded: {error}", "compile the model again for this machine"
        ) from error


def _installed() -> Iterator[Path]:
    """The tvm package's own copy, if there is one: a later `import tvm` aborts the process over a second file."""
    spec = importlib.util.find_spec(loaded_runtime.PACKAGE)
    for place in (spec and spec.submodule_search_locations) or ():
        yield Path(place) / "lib" / LIBRARY


def _forget_loading() -> None:
    """Another thread may have held the lock when the process forked; it does not exist in the child."""
    global _loading
    _loading = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_loading)
