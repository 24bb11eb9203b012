"""Relax -> Network: each Relax operator that has a kernel of ours is read by one entry of READERS.

A reader gets a call and says what it is, or None when this use of the operator is beyond our kernels; such calls
become `Generic` and are lowered by TVM.
"""

from __future__ import annotations

from typing import Any

from tvm import ir, relax

from zcc.compiler.importing.read_attention import read_gathered_areas, read_regrouping
from zcc.compiler.importing.read_elementwise import Read, activation, binary, bound, read_clip, read_negative
from zcc.compiler.importing.read_moved_pixels import read_shuffle
from zcc.compiler.importing.read_windows import (
    read_average_pool,
    read_conv,
    read_max_pool,
    read_mean,
    read_resize,
    read_transposed_conv,
)
from zcc.compiler.importing.reader import Reader
from zcc.compiler.ir.ops import Concat, Network, Op, Slice
from zcc.compiler.ir.tensors import Tensor


def read_network(mod: ir.IRModule) -> Network:
    """The network that `main` of a Relax module computes."""
    return Reader(mod, READERS).read()


def _concat(reader: Reader, call: Any, out: Tensor) -> Op | None:
    if not isinstance(call.args[0], ir.Tuple | relax.Tuple) or int(call.attrs.axis) not in (1, -3):
        return None
    parts = [reader.map_of(field) for field in call.args[0].fields]
    known = [part for part in parts if part is not None]
    return Concat(out, known) if len(known) == len(parts) and out.is_map else None


def _slice(reader: Reader, call: Any, out: Tensor) -> Op | None:
    x = reader.map_of(call.args[0])
    if x is None:
        return None
    axes, begins, _, *rest = ([int(value) for value in argument.fields] for argument in call.args[1:])
    strides = rest[0] if rest else [1]
    if axes not in ([1], [-3]) or strides != [1]:
        return None
    begin = begins[0] + (x.shape[1] if begins[0] < 0 else 0)
    return Slice(out, x, begin)


def _reshape(reader: Reader, call: Any, out: Tensor) -> Op | None:
    return read_regrouping(reader, call, out) or read_shuffle(reader, call, out)


READERS: dict[str, Read] = {
    "relax.nn.conv2d": read_conv,
    "relax.nn.conv2d_transpose": read_transposed_conv,
    "relax.nn.max_pool2d": read_max_pool,
    "relax.nn.avg_pool2d": read_average_pool,
    "relax.mean": read_mean,
    "relax.image.resize2d": read_resize,
    "relax.concat": _concat,
    "relax.strided_slice": _slice,
    "relax.reshape": _reshape,
    "relax.permute_dims": read_gathered_areas,
    "relax.sigmoid": activation("sigmoid"),
    "relax.tanh": activation("tanh"),
    "relax.exp": activation("exp"),
    "relax.abs": activation("abs"),
    "relax.nn.silu": activation("silu"),
    "relax.nn.relu": activation("relu"),
    "relax.nn.leakyrelu": activation("leaky_relu", "alpha"),
    "relax.clip": read_clip,
    "relax.maximum": bound("at_least"),
    "relax.minimum": bound("at_most"),
    "relax.negative": read_negative,
    "relax.add": binary("add"),
    "relax.subtract": binary("subtract"),
    "relax.multiply": binary("multiply"),
    "relax.divide": binary("divide"),
}
