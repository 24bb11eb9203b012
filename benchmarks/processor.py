"""Compiles for the processor alone: `native` on a machine with a card means both."""

from __future__ import annotations

from zcc.compiler.backends.search import SearchProgress
from zcc.compiler.backends.table import REFERENCE
from zcc.compiler.compile import CompileOptions, Result, compile_model
from zcc.registry import Registry


def compile_for_processor(
    options: CompileOptions, registry: Registry, progress: SearchProgress | None = None
) -> list[Result]:
    """The artifacts of a model that run on a processor, one of each dtype."""
    return [made for made in compile_model(options, registry, progress) if made.manifest.executor == REFERENCE.name]
