"""Kernels as CUDA source: what a spec must say, and how the parts of a module are put together."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import Protocol

Extent = tuple[int, int, int]


class KernelSpec(Protocol):
    """A kernel with all its sizes known."""

    @property
    def title(self) -> str:
        """Its name in profiles; letters, digits and underscores."""

    @property
    def library(self) -> tuple[str, ...]:
        """The .cuh files that it is written with."""

    @property
    def grid(self) -> Extent:
        """Blocks."""

    @property
    def block(self) -> Extent:
        """Threads of a block."""

    @property
    def shared_bytes(self) -> int:
        """Dynamic shared memory of a block."""

    def body(self, name: str) -> str:
        """CUDA that defines the kernel under that name, and nothing else outside the namespace of that name."""


def name_of(spec: KernelSpec) -> str:
    """The kernel's name in its module: the same for equal specs only."""
    digest = sha256("".join([spec.body("kernel"), *map(library, spec.library)]).encode()).hexdigest()
    return f"{spec.title}_{digest[:12]}"


def module_source(specs: Iterable[KernelSpec]) -> str:
    """One source that defines all the kernels, each once."""
    kernels = {name_of(spec): spec for spec in specs}
    libraries = dict.fromkeys(part for spec in kernels.values() for part in ("common.cuh", *spec.library))
    bodies = [spec.body(name) for name, spec in sorted(kernels.items())]
    return "\n".join([*map(library, libraries), *bodies])


@cache
def library(name: str) -> str:
    """A .cuh file of this folder."""
    return (files(__package__) / name).read_text()
