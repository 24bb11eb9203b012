"""Scratch memory of a kernel: views carved one after another out of one buffer per type."""

from __future__ import annotations

import math
from typing import Any

from tvm.script import tirx as T

Shapes = dict[str, tuple[int, ...]]


def elements(shapes: Shapes) -> int:
    """How many elements views of these shapes take."""
    return sum(math.prod(shape) for shape in shapes.values())


def variable(dtype: str) -> Any:
    """A mutable scalar on the stack; TVM would put one of its own kind into heap workspace."""
    return T.alloc_buffer((1,), dtype)


def carve(*parts: tuple[Any, Shapes]) -> dict[str, Any]:
    """Views into buffers, by name. To be called where a kernel's body is written."""
    views = {}
    for buffer, shapes in parts:
        offset = 0
        for name, shape in shapes.items():
            views[name] = T.decl_buffer(shape, buffer.ty.dtype, data=buffer.data, elem_offset=offset)
            offset += math.prod(shape)
    return views
