"""The loop nests of an elementwise function of TVM's: which elements they make, and of what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import tvm_ffi
from tvm import ir, s_tir, tirx


@dataclass(frozen=True)
class Store:
    """One loop nest of a function: `variables` with their extents, and the element they store."""

    target: Any
    variables: list[Any]
    extents: list[int]
    value: Any


def stores_of(function: tirx.PrimFunc) -> list[Store] | None:
    """The loop nests of a function, if each makes every element of an output from parameters alone."""
    schedule = s_tir.Schedule(function)
    blocks = [schedule.get(block) for block in schedule.get_child_blocks(schedule.get_sblock("root"))]
    stores = [_store(block) for block in blocks]
    known = [store for store in stores if store is not None]
    outside = [any(store.target.same_as(param) for param in function.params) for store in known]
    return known if len(known) == len(blocks) and all(outside) else None


def _store(block: Any) -> Store | None:
    body, variables = block.body, [axis.var for axis in block.iter_vars]
    if not isinstance(body, tirx.BufferStore) or len(body.indices) != len(variables):
        return None
    spatial = all(axis.iter_type == 0 for axis in block.iter_vars)
    plain = all(index.same_as(variable) for index, variable in zip(body.indices, variables, strict=True))
    extents = [int(axis.dom.extent) for axis in block.iter_vars]
    if not (spatial and plain and extents):
        return None
    single = {variable for variable, extent in zip(variables, extents, strict=True) if extent == 1}
    value = tvm_ffi.structural_map(body.value, (ir.Var, lambda node: int64(0) if node in single else node))
    return Store(body.buffer, variables, extents, value)


def int64(value: int) -> Any:
    """The constant, as TVM's indices are."""
    return tirx.const(value, "int64")
