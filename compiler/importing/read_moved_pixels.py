"""Maps whose pixels were moved into channels, by slices, transpositions or reshapes: focus, reorg, shuffles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from zcc.compiler.importing.passes.static_slice import static_shape
from zcc.compiler.importing.reader import Reader
from zcc.compiler.ir.ops import Op, Shuffle
from zcc.compiler.ir.tensors import Tensor

Place = tuple[int, int, int]


@dataclass(frozen=True)
class Moved:
    """A map in which pixel (y, x) of channel i is (factor * (y, x) + place) of a channel of `x`."""

    x: Tensor
    factor: tuple[int, int]
    sources: list[Place]  # for each channel: channel, row and column


def read_shuffle(reader: Reader, call: Any, out: Tensor) -> Op | None:
    """A reshape that, with a transposition and a reshape before it, only reorders channels."""
    moved = _rearranged(reader, call)
    if moved is None or moved.factor != (1, 1) or moved.x not in reader.maps:
        return None
    return Shuffle(out, moved.x, np.array([channel for channel, _, _ in moved.sources]))


def moved_pixels(reader: Reader, expr: Any) -> Moved | None:
    """What `expr` moved, if it is a map in which more than channels were moved."""
    concat, reshape = reader.call_of(expr, "relax.concat"), reader.call_of(expr, "relax.reshape")
    moved = None
    if concat is not None and int(concat.attrs.axis) in (1, -3):
        moved = _sampled_side_by_side(reader, concat)
    elif reshape is not None:
        moved = _rearranged(reader, reshape)
    return moved if moved is not None and moved.factor != (1, 1) else None


def _source(reader: Reader, expr: Any) -> Tensor | None:
    tensor = reader.tensors.get(expr)
    return tensor if tensor is reader.image or tensor in reader.maps else None


def _sampled_side_by_side(reader: Reader, concat: Any) -> Moved | None:
    """A concatenation of samples: every n-th row and column of one map, from different ones on."""
    parts = [_sampled(reader, field) for field in concat.args[0].fields]
    known = [part for part in parts if part is not None]
    if len(known) < len(parts) or len({(part.x, part.factor) for part in known}) != 1:
        return None
    return Moved(known[0].x, known[0].factor, [place for part in known for place in part.sources])


def _sampled(reader: Reader, expr: Any) -> Moved | None:
    """Slices with strides over rows and columns, one or several in a row."""
    shape, steps, begins = static_shape(expr), [1, 1], [0, 0]
    while (call := reader.call_of(expr, "relax.strided_slice")) is not None:
        axes, firsts, _, *strides = ([int(value) for value in argument.fields] for argument in call.args[1:])
        if not set(axes) <= {2, 3} or any(first < 0 for first in firsts) or not strides:
            return None
        for axis, first, stride in zip(axes, firsts, strides[0], strict=True):
            begins[axis - 2] = begins[axis - 2] * stride + first
            steps[axis - 2] *= stride
        expr = call.args[0]
    x = _source(reader, expr)
    if x is None or shape is None or min(steps) < 1 or any(b >= s for b, s in zip(begins, steps, strict=True)):
        return None
    if (shape[2] * steps[0], shape[3] * steps[1]) != x.shape[2:]:
        return None
    return Moved(x, (steps[0], steps[1]), [(channel, begins[0], begins[1]) for channel in range(x.shape[1])])


def _rearranged(reader: Reader, reshape: Any) -> Moved | None:
    """A reshape of a transposition of a reshape of a map."""
    permutation = reader.call_of(reshape.args[0], "relax.permute_dims")
    earlier = reader.call_of(permutation.args[0], "relax.reshape") if permutation is not None else None
    x = _source(reader, earlier.args[0]) if earlier is not None else None
    shape, between = static_shape(reshape), static_shape(earlier) if earlier is not None else None
    if x is None or shape is None or between is None or len(shape) != 4 or shape[0] != 1:
        return None
    factor = (x.shape[2] // shape[2], x.shape[3] // shape[3])
    if (shape[2] * factor[0], shape[3] * factor[1]) != x.shape[2:]:
        return None
    axes = [int(axis) for axis in permutation.attrs.axes or reversed(range(len(between)))]
    places = np.arange(np.prod(x.shape)).reshape(between).transpose(axes).reshape(shape[1:])
    rows, columns = (np.arange(extent) * step for extent, step in zip(shape[2:], factor, strict=True))
    if not np.array_equal(places, places[:, :1, :1] + rows[:, None] * x.shape[3] + columns):
        return None
    sources = [tuple(int(index) for index in np.unravel_index(place, x.shape[1:])) for place in places[:, 0, 0]]
    return Moved(x, factor, [(channel, row, column) for channel, row, column in sources])
