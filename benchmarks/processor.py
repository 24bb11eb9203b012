"""Compiles for the processor alone: `native` on a machine with a card means both."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from zcc.compiler.backends.search import SearchProgress
from zcc.compiler.backends.table import REFERENCE
from zcc.compiler.compile import CompileOptions, Result, compile_model
from zcc.registry import Registry
from zcc.runtime.host import THREADS_VARIABLE


def compile_for_processor(
    options: CompileOptions, registry: Registry, progress: SearchProgress | None = None
) -> list[Result]:
    """The artifacts of a model that run on a processor, one of each dtype."""
    return [made for made in compile_model(options, registry, progress) if made.manifest.executor == REFERENCE.name]


@contextmanager
def with_threads(threads: int) -> Iterator[None]:
    """As on a machine where so many threads share a frame: work that is compiled meanwhile is cut for them."""
    before = os.environ.get(THREADS_VARIABLE)
    os.environ[THREADS_VARIABLE] = str(threads)
    try:
        yield
    finally:
        if before is None:
            del os.environ[THREADS_VARIABLE]
        else:
            os.environ[THREADS_VARIABLE] = before
