"""The frame kernels' sources, which lie beside this file, and the constants that are written for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from zcc.compiler.backends.cuda.kept_code import Compiled
from zcc.compiler.backends.cuda.nvrtc import compile_cuda

CONFIG = "config.cuh"
FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Source:
    """A file of kernels with what it includes."""

    module: str
    text: str
    headers: Mapping[str, str]

    def compile(self, arch: str) -> Compiled:
        """Its kernels for an architecture."""
        return compile_cuda(self.text, arch, name=f"{self.module}.cu", headers=self.headers)


def kernel_source(module: str, constants: Sequence[str]) -> Source:
    """The file of that name, with these constants."""
    config = "\n".join(("#pragma once", '#include "elements.cuh"', *constants, ""))
    return Source(module, (FOLDER / f"{module}.cu").read_text(), {**_headers(), CONFIG: config})


@cache
def _headers() -> Mapping[str, str]:
    return {path.name: path.read_text() for path in FOLDER.glob("*.cuh")}


def constant(kind: str, name: str, value: bool | int | float) -> str:
    """A constant in C."""
    literal = f"{value!r}f" if isinstance(value, float) else str(int(value))
    return f"constexpr {kind} {name} = {literal};"


def table(kind: str, name: str, values: Sequence[int]) -> str:
    """A table in C."""
    return f"constexpr {kind} {name}[{len(values)}] = {{{', '.join(map(str, values))}}};"
