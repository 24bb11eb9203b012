"""Plans run on the host: their CUDA sources compiled by g++ over `cuda_on_host.h`, launch after launch."""

from __future__ import annotations

import ctypes
import hashlib
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tests import store
from zcc.compiler.backends.cuda.frame.frame_source import Source
from zcc.runtime.executors.plan import Launch, Place

HERE = Path(__file__).parent
DEVICE = "cuda_on_host.h"
FLAGS = ["-O1", "-std=c++17", "-fPIC", "-shared", "-ffp-contract=off", "-mfma", "-fno-strict-aliasing", "-w"]
FLAGS += ["-U_FORTIFY_SOURCE"]  # which takes a jump to another stack for a mistake
COMPILER = shutil.which("g++")


def host_library(source: Source) -> Path:
    """A library of the kernels of a source, and of `launch_on_host`, which runs them."""
    return _library(source.module, source.text, tuple(source.headers.items()))


@cache
def _library(name: str, text: str, headers: tuple[tuple[str, str], ...]) -> Path:
    digest = hashlib.sha256(repr((name, text, headers)).encode()).hexdigest()[:16]

    def make(folder: Path) -> None:
        for header, content in headers:
            (folder / header).write_text(content)
        (folder / "elements.cuh").write_text((HERE / "elements_on_host.cuh").read_text())
        source = folder / f"{name}.cpp"
        source.write_text(f'#include "{_device()}"\n{text}')
        subprocess.run([COMPILER or "g++", *FLAGS, str(source), "-o", str(folder / f"{name}.so")], check=True)

    return store.made_once(f"cuda-on-host-{digest}", make) / f"{name}.so"


def _device() -> Path:
    """The header of what all kernels run on, compiled once: alone it takes half as long as with kernels."""

    def make(folder: Path) -> None:
        header = shutil.copy(HERE / DEVICE, folder)
        subprocess.run([COMPILER or "g++", *FLAGS, "-x", "c++-header", header, "-o", f"{header}.gch"], check=True)

    return store.made_once("cuda-on-host", make) / DEVICE


class HostDevice:
    """Regions in the host's memory, full of rubbish but for the arena, and kernels that run over them."""

    def __init__(self, regions: Mapping[str, int], sources: Sequence[Source]) -> None:
        self.memory: dict[str, NDArray[np.uint8]] = {}
        for name, size in regions.items():
            room = np.full(size + 512, 0 if name == "arena" else 0xA5, np.uint8)
            start = -room.ctypes.data % 256
            self.memory[name] = room[start : start + size]
        self._libraries = {source.module: ctypes.CDLL(str(host_library(source))) for source in sources}

    def address(self, place: Place) -> int:
        return int(self.memory[place.region].ctypes.data) + place.offset

    def run(self, launch: Launch) -> None:
        library = self._libraries[launch.module]
        words = [self.address(each) if isinstance(each, Place) else int(each.value) for each in launch.arguments]
        library.launch_on_host(
            ctypes.cast(getattr(library, launch.kernel), ctypes.c_void_p),
            (ctypes.c_uint * 3)(*launch.grid),
            (ctypes.c_uint * 3)(*launch.block),
            (ctypes.c_ulonglong * len(words))(*words),
            len(words),
        )


needs_compiler = pytest.mark.skipif(COMPILER is None, reason="no g++ to compile the kernels for the host with")
