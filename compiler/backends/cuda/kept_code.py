"""What NVRTC made is kept in the user's cache, by the hash of all that it was made from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from zcc.compiler.backends.common.kept_objects import KeptObjects
from zcc.runtime.cache import cache_folder


@dataclass(frozen=True)
class Resources:
    """What a thread or a block of a kernel takes."""

    registers: int
    shared_bytes: int  # static ones
    spilled_bytes: int
    stack_bytes: int


@dataclass(frozen=True)
class Compiled:
    """A source's kernels for one architecture, and as PTX for younger ones."""

    cubin: bytes
    ptx: bytes
    kernels: Mapping[str, Resources]


def code_folder() -> Path:
    """Where compiled CUDA is kept."""
    return cache_folder() / "cuda"


def kept_or_made(made_from: object, make: Callable[[], Compiled]) -> Compiled:
    """What was made of this before, or else is now; `made_from` is JSON, and all that decides about it."""
    key = hashlib.sha256(json.dumps(made_from, sort_keys=True).encode()).hexdigest()
    kept = KeptObjects(code_folder())
    if (known := kept.find(key)) is not None:
        return _read(known)
    made = make()
    kept.keep({key: _written(made)})
    return made


def _written(made: Compiled) -> bytes:
    kernels = {name: asdict(resources) for name, resources in made.kernels.items()}
    head = json.dumps({"cubin": len(made.cubin), "kernels": kernels})
    return head.encode() + b"\n" + made.cubin + made.ptx


def _read(data: bytes) -> Compiled:
    text, _, code = data.partition(b"\n")
    head = json.loads(text)
    kernels = {name: Resources(**resources) for name, resources in head["kernels"].items()}
    return Compiled(code[: head["cubin"]], code[head["cubin"] :], kernels)
