"""Attention over the pixels of a map, from the matrix products that exporters write it as.

    qkv (1, heads * (2 * keys + values), H, W), reshaped to (1, heads, 2 * keys + values, H * W), sliced into q, k, v;
    softmax(scale * q^T k) over the keys, v times its transpose, reshaped to (1, heads * values, H, W)

Each product may as well be written transposed, and the scale may stand at any factor. The parts of one map are read as
slices of that map with its channels in another order: all heads' queries first, then all keys, then all values.

Over areas, pixels of one area see those of the same area alone: the map becomes (areas, heads, channels of a head,
pixels of an area) by way of its pixels, (1, H * W, channels), and the result goes back by way of (1, H, W, channels).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from math import prod
from typing import Any

import numpy as np

from zcc.compiler.importing.passes.static_slice import read_slice, static_shape
from zcc.compiler.importing.reader import Reader
from zcc.compiler.ir.ops import Attention, Op, Shuffle, Slice
from zcc.compiler.ir.tensors import Tensor

CHANNELS_BEHIND = [0, 3, 1, 2]  # the permutation that moves the pixels of an area to the front, and channels there


def read_regrouping(reader: Reader, call: Any, out: Tensor) -> Op | None:
    """A reshape to a feature map: of an attention's result, or of one part of all heads."""
    return _read_parts(reader, call.args[0], out) if out.is_map else None


def read_gathered_areas(reader: Reader, call: Any, out: Tensor) -> Op | None:
    """A permutation to a feature map, of what has its pixels first: the same by way of the areas' pixels."""
    rows = reader.call_of(call.args[0], "relax.reshape")
    if not out.is_map or rows is None or not _permutes(call, CHANNELS_BEHIND):
        return None
    pixels = reader.call_of(rows.args[0], "relax.permute_dims")
    if pixels is None or not _permutes(pixels, CHANNELS_BEHIND):
        return None
    _, channels, height, width = out.shape
    complete = static_shape(call.args[0]) == (1, height, width, channels)
    return _read_parts(reader, pixels.args[0], out) if complete else None


def _read_parts(reader: Reader, expr: Any, out: Tensor) -> Op | None:
    """What is (areas, heads, channels of a head, pixels of an area) as a feature map."""
    attention = _read_attention(reader, expr, out)
    if attention is not None:
        return attention
    part = _read_part(reader, expr, out.shape[2:])
    return Slice(out, part.x, part.begin) if part is not None and part.shape == out.shape else None


def _permutes(call: Any, axes: list[int]) -> bool:
    return [int(axis) for axis in call.attrs.axes or ()] == axes


@dataclass(frozen=True)
class _Factor:
    """A matrix expression without the transposition, and without the constant factor, around it."""

    expr: Any
    transposed: bool
    scale: float


def _read_attention(reader: Reader, expr: Any, out: Tensor) -> Op | None:
    values, weights = _product(reader, _bare(reader, expr)) or (None, None)
    if values is None or weights is None or values.scale * weights.scale != 1:
        return None
    softmax = reader.call_of(weights.expr, "relax.nn.softmax")
    # The weights stand here with a row for each key; before their transposition, with a row for each query.
    axis = 3 if weights.transposed else 2
    if softmax is None or int(softmax.attrs.axis) % 4 != axis or values.transposed:
        return None
    scores = _bare(reader, softmax.args[0])
    if not weights.transposed:
        scores = _flipped(scores)
    queries, keys = _product(reader, scores) or (None, None)
    if queries is None or keys is None or not queries.transposed or keys.transposed:
        return None
    scale = scores.scale * queries.scale * keys.scale
    parts = [_read_part(reader, factor.expr, out.shape[2:]) for factor in (queries, keys, values)]
    return _attention(reader, parts, scale, out)


def _attention(reader: Reader, parts: list[_Part | None], scale: float, out: Tensor) -> Op | None:
    query, key, value = parts
    if query is None or key is None or value is None or scale <= 0:
        return None
    cut = query.heads, query.areas
    if (
        query.shape != key.shape
        or value.shape != out.shape
        or not cut == (key.heads, key.areas) == (value.heads, value.areas)
    ):
        return None
    q, k, v = (reader.emit(Slice(part.tensor(out.name), part.x, part.begin)) for part in (query, key, value))
    return Attention(out, q, k, v, *cut, scale)


def _product(reader: Reader, factor: _Factor) -> tuple[_Factor, _Factor] | None:
    """The two factors whose product a matrix is, transposition and all."""
    call = reader.call_of(factor.expr, "relax.matmul")
    if call is None:
        return None
    left, right = (_bare(reader, argument) for argument in call.args)
    return (_flipped(right), _flipped(left)) if factor.transposed else (left, right)


def _flipped(factor: _Factor) -> _Factor:
    return _Factor(factor.expr, not factor.transposed, factor.scale)


def _bare(reader: Reader, expr: Any) -> _Factor:
    """The expression beneath transpositions of its last two axes and multiplications by one number."""
    transposed, scale = False, 1.0
    while True:
        call, factor = _scaling(reader, expr)
        if call is not None:
            expr, scale = call, scale * factor
            continue
        permutation = reader.call_of(expr, "relax.permute_dims")
        if permutation is None or not _permutes(permutation, [0, 1, 3, 2]):
            return _Factor(expr, transposed, scale)
        expr, transposed = permutation.args[0], not transposed


def _scaling(reader: Reader, expr: Any) -> tuple[Any, float]:
    """What `expr` multiplies by one number, and that number; None when it does something else."""
    for operator, power in (("relax.multiply", 1), ("relax.divide", -1)):
        call = reader.call_of(expr, operator)
        if call is None:
            continue
        for index in (0, 1) if power == 1 else (1,):
            constant = reader.constant(call.args[index])
            if constant is not None and constant.size == 1 and constant.item() != 0:
                return call.args[1 - index], float(constant.item()) ** power
    return None, 1.0


@dataclass(frozen=True)
class _Part:
    """The same channels of every head, as a slice of a map that holds them side by side."""

    x: Tensor
    begin: int
    heads: int
    areas: int
    shape: tuple[int, ...]

    def tensor(self, name: str) -> Tensor:
        """A tensor for the slice."""
        return Tensor(f"{name}_part{self.begin}", self.shape, self.x.dtype)


def _read_part(reader: Reader, expr: Any, size: tuple[int, ...]) -> _Part | None:
    """`x[:, :, begin:end]`, where x is a map of that size as (areas, heads, channels of a head, pixels of an area)."""
    call = reader.call_of(expr, "relax.strided_slice")
    cut = read_slice(call) if call is not None else None
    x = _grouped_map(reader, cut.data) if cut is not None else None
    if cut is None or x is None or cut.axis != 2 or x.shape[2:] != size:
        return None
    areas, heads, channels, pixels = static_shape(cut.data) or (0, 0, 0, 0)
    # An area is whole rows of the map.
    if heads * channels != x.shape[1] or areas * pixels != prod(size) or size[0] % areas:
        return None
    bounds = _bounds(reader, cut.data, channels)
    if (cut.begin, cut.end) not in pairwise(bounds):
        return None
    grouped = _grouped(reader, x, heads, bounds)
    return _Part(grouped, heads * cut.begin, heads, areas, (1, heads * (cut.end - cut.begin), *size))


def _grouped_map(reader: Reader, expr: Any) -> Tensor | None:
    """The map that becomes (areas, heads, channels of a head, pixels of an area), with one area or by way of pixels."""
    reshape = reader.call_of(expr, "relax.reshape")
    if reshape is not None:
        return reader.map_of(reshape.args[0]) if (static_shape(expr) or (0,))[0] == 1 else None
    heads_first = reader.call_of(expr, "relax.permute_dims")
    if heads_first is None or not _permutes(heads_first, [0, 2, 3, 1]):
        return None
    areas = reader.call_of(heads_first.args[0], "relax.reshape")
    pixels = reader.call_of(areas.args[0], "relax.permute_dims") if areas is not None else None
    if pixels is None or not _permutes(pixels, [0, 2, 1]):
        return None
    flat = reader.call_of(pixels.args[0], "relax.reshape")
    x = reader.map_of(flat.args[0]) if flat is not None else None
    if x is None or static_shape(pixels.args[0]) != (1, x.shape[1], prod(x.shape[2:])):
        return None
    return x


def _bounds(reader: Reader, data: Any, channels: int) -> list[int]:
    """Where the slices of the reshaped map begin and end."""
    cuts = [read_slice(value) for value in reader.bindings.values()]
    along = [cut for cut in cuts if cut is not None and cut.data.same_as(data) and cut.axis == 2]
    return sorted({0, channels, *(cut.begin for cut in along), *(cut.end for cut in along)})


def _grouped(reader: Reader, x: Tensor, heads: int, bounds: list[int]) -> Tensor:
    """The map with the same part of all heads side by side."""
    channels = np.arange(x.shape[1]).reshape(heads, -1)
    order = np.concatenate([channels[:, begin:end].reshape(-1) for begin, end in pairwise(bounds)])
    for op in reader.ops:
        if isinstance(op, Shuffle) and op.x is x and np.array_equal(op.order, order):
            return op.out
    return reader.emit(Shuffle(Tensor(f"{x.name}_by_part", x.shape, x.dtype), x, order))
