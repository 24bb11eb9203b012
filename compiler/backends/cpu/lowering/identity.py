"""Tells networks apart by their structure: what they compute, whatever the weights are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, is_dataclass
from hashlib import sha256
from typing import Any

import numpy as np
import tvm_ffi
from tvm import tirx

from zcc.compiler.backends.cpu.lowering.pipeline import GENERIC_PASSES
from zcc.compiler.ir.ops import Network
from zcc.compiler.ir.tensors import Tensor


def network_key(network: Network) -> str:
    """The structural hash of a network: the same for equal operations on tensors of equal shapes."""
    for rewrite in GENERIC_PASSES:
        network = rewrite(network)
    numbers: dict[Tensor, int] = {}
    texts = [_text([network.image], numbers), *(_text(op, numbers) for op in network.ops)]
    return sha256("\n".join([*texts, _text(network.results, numbers)]).encode()).hexdigest()


def _text(value: Any, numbers: dict[Tensor, int]) -> str:
    """Arrays by their shapes, tensors by the order in which they appear, functions by their structural hash."""
    if isinstance(value, Tensor):
        return f"%{numbers.setdefault(value, len(numbers))}:{value.dtype}{value.shape}"
    if isinstance(value, np.ndarray):
        return f"{value.dtype}{value.shape}"
    if isinstance(value, tirx.PrimFunc):
        return str(tvm_ffi.structural_hash(value))
    if is_dataclass(value):
        values = [_text(getattr(value, field.name), numbers) for field in fields(value)]
        return f"{type(value).__name__}({', '.join(values)})"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return f"[{', '.join(_text(each, numbers) for each in value)}]"
    return repr(value)
