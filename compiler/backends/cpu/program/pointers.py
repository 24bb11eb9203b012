"""Addresses in flat memory."""

from __future__ import annotations

from typing import Any

from tvm import ir, tirx
from tvm.ir import PointerType, PrimType

ADDRESS_OF = ir.Op.get("tirx.address_of")


def pointer(name: str, dtype: str) -> Any:
    """A variable that holds an address."""
    return tirx.Var(name, PointerType(PrimType(dtype)))


def address_of(buffer: Any, offset: Any, kind: Any = "handle") -> Any:
    """The address of an element of a flat buffer, as a pointer of a kind."""
    return ir.Call(ADDRESS_OF, [tirx.BufferLoad(buffer, [offset])], ret_ty=kind)
