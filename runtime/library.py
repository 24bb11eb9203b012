"""The files of an artifact for processors, loaded; its manifest was held against them before."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tvm_ffi

from zcc.runtime import expansion
from zcc.runtime.aligned import aligned_bytes
from zcc.runtime.elf import refuse_foreign
from zcc.runtime.errors import CorruptArtifact
from zcc.runtime.expansion import WEIGHTS as WEIGHTS
from zcc.runtime.frame_pool import JOIN, LIMIT, WORK, PoolCode
from zcc.runtime.manifest import Manifest, Run
from zcc.runtime.packed_library import RUNTIME_LIBRARY as RUNTIME_LIBRARY

MODULE = "model.so"
# The module's functions.
NETWORK, PROFILE, STAGES, DETECT = "zcc_network", "zcc_profile", "zcc_stages", "zcc_detect_{}"
CLOCK_READINGS = 4  # of STAGES: at the start, and behind preprocess, network and postprocess
AREAS, MASKS, PROTOTYPES = "zcc_areas", "zcc_masks", "zcc_prototypes"  # and those of one that makes masks


def load_module(folder: Path) -> Any:
    """The compiled module of the artifact; TVM's runtime library must be loaded."""
    try:
        refuse_foreign(folder / MODULE)
        # Held by its functions alone, so that it is unloaded with them.
        return tvm_ffi.load_module(str(folder / MODULE), keep_module_alive=False)
    except (RuntimeError, OSError) as error:
        raise CorruptArtifact(f"{folder / MODULE} cannot be loaded: {error}", "compile the model again") from error


def detect_entry(frame_format: str) -> str:
    """The name of the function that finds what frames of a format show."""
    return DETECT.format(frame_format)


def entry_point(module: Any, name: str) -> Any:
    """A function of a module."""
    try:
        return module[name]
    except AttributeError as error:
        problem = f"the artifact has no {name}, it was compiled by another zcc"
        raise CorruptArtifact(problem, "compile the model again") from error


def pool_code(module: Any) -> PoolCode:
    """The functions of a module by which threads share what it runs."""
    return PoolCode(*(entry_point(module, name) for name in (JOIN, WORK, LIMIT)))


def wanted_threads(manifest: Manifest) -> int | None:
    """How many threads the artifact wants a frame to be shared out over, None for as many as there are."""
    wanted = manifest.kernels.get("threads")
    if wanted is not None and (type(wanted) is not int or wanted < 1):
        problem = f"the manifest of {manifest.name} wants {wanted!r} threads"
        raise CorruptArtifact(problem, "compile the model again")
    return wanted


def load_weights(folder: Path, runs: Sequence[Run]) -> Any:
    """The weights as the kernels read them."""
    return expand_weights(folder, runs) if runs else map_weights(folder)


def expand_weights(folder: Path, runs: Sequence[Run]) -> Any:
    """Weights that are made, run by run, of those in the file."""
    path = folder / WEIGHTS
    try:
        pieces = expansion.plan(runs, path.stat().st_size)
    except (ValueError, TypeError) as error:
        problem = f"{path} cannot be expanded as the manifest says: {error}"
        raise CorruptArtifact(problem, "compile the model again") from error
    memory = aligned_bytes(sum(piece.room for piece in pieces))
    # Mapped, not read: what is in the file need not be in memory twice.
    expansion.expand(np.memmap(path, dtype=np.uint8, mode="r"), pieces, memory)
    return memory


def map_weights(folder: Path) -> Any:
    """The weights, mapped from the file: processes that run the same artifact share the memory."""
    # Copy-on-write, because the interface to the module knows no read-only arrays; nothing writes to them.
    return np.memmap(folder / WEIGHTS, dtype=np.uint8, mode="c")
