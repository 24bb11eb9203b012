"""Kernels into modules of their own, many side by side: within a process NVRTC compiles one after another."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context

from zcc.compiler.backends.common.processes import without_interrupts
from zcc.compiler.backends.cuda.nvrtc import compile_cuda
from zcc.runtime.errors import BuildError
from zcc.runtime.host import usable_cpus


class KernelCompiler:
    """Processes that compile for an architecture, as many as there are cores. They end with their owner."""

    def __init__(self, arch: str) -> None:
        self._arch = arch
        self._pool = ProcessPoolExecutor(len(usable_cpus()), get_context("spawn"))

    def compile(self, sources: Mapping[str, str]) -> dict[str, bytes | None]:
        """The machine code of each source; None where the compiler refuses it."""
        with without_interrupts():  # the pool's processes are started as it gets work
            compiled = self._pool.map(partial(_compile, self._arch), sources.values())
        return dict(zip(sources, compiled, strict=True))

    def close(self) -> None:
        """End the processes."""
        self._pool.shutdown(cancel_futures=True)


def _compile(arch: str, source: str) -> bytes | None:
    try:
        return compile_cuda(source, arch).cubin
    except BuildError:
        return None
