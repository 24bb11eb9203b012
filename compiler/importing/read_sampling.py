"""Attention that looks at some points of maps, from the operators that exporters write it as.

The maps' pixels (1, pixels, groups * channels) are cut up and turned into a map for each level, each is sampled at the
points of its grid, all samples are joined, multiplied with their weights, and summed up.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from zcc.compiler.importing.passes.static_slice import read_slice
from zcc.compiler.ir.needed_ops import drop_dead
from zcc.compiler.ir.ops import Network, Op
from zcc.compiler.ir.plain_ops import Generic, SampledMean
from zcc.compiler.ir.tensors import Tensor

PIXELS_LAST = [0, 2, 3, 1]  # from (1, pixels, groups, channels)
VECTOR = 4  # channels of a group come in fours
Makers = dict[Tensor, Op]


def recognise_sampling(network: Network) -> Network:
    """The network with a kernel of ours for every such sum."""
    makers: Makers = {op.out: op for op in network.ops}
    ops = [(_read(op, makers) if isinstance(op, Generic) else None) or op for op in network.ops]
    return drop_dead(replace(network, ops=ops))


@dataclass(frozen=True)
class _Level:
    """A map that is sampled: where its pixels are from, and at what points."""

    values: Tensor
    place: tuple[int, int, int]  # first pixel, height, width
    grid: Tensor


def _read(op: Generic, makers: Makers) -> SampledMean | None:
    if not _is(op, "relax.sum") or len(op.out.shape) != 3 or op.out.dtype != "float32":
        return None
    groups, channels, queries = op.out.shape
    product = _made_by(op.operands[0], "relax.multiply", makers)
    if product is None or len(product.operands) != 2 or channels % VECTOR or not _last_axis(op, product.out):
        return None
    joined, weights = product.operands
    concat = _made_by(joined, "relax.concat", makers)
    if concat is None or int(concat.call.attrs.axis) % 4 != 3 or weights.shape != (groups, 1, queries, joined.shape[3]):
        return None
    fields = [_operand(concat, field) for field in concat.call.args[0].fields]
    levels = [_level(field, makers) for field in fields if field is not None]
    known = [level for level in levels if level is not None]
    if len(known) < len(concat.call.args[0].fields) or len({level.values for level in known}) != 1:
        return None
    grids = [level.grid for level in known]
    if any(grid.shape != grids[0].shape for grid in grids) or known[0].values.shape[2] != groups * channels:
        return None
    return SampledMean(op.out, known[0].values, tuple(level.place for level in known), grids, weights)


def _last_axis(op: Generic, x: Tensor) -> bool:
    return [int(axis) % len(x.shape) for axis in op.call.attrs.axis or ()] == [3] and len(x.shape) == 4


def _level(tensor: Tensor, makers: Makers) -> _Level | None:
    """A sample, as exporters have it: bilinear, nothing beyond the edges, -1..1 from edge to edge."""
    sample = _made_by(tensor, "relax.image.grid_sample", makers)
    if sample is None or len(sample.operands) != 2:
        return None
    attrs = sample.call.attrs
    wanted = (str(attrs.method), str(attrs.layout), str(attrs.padding_mode), bool(attrs.align_corners))
    if wanted != ("bilinear", "NCHW", "zeros", False):
        return None
    data, grid = sample.operands
    cut = _made_by(data, "relax.reshape", makers)
    part = _made_by(cut.operands[0], "relax.strided_slice", makers) if cut is not None else None
    bounds = read_slice(part.call) if part is not None else None
    if part is None or bounds is None or bounds.axis != 2 or part.out.shape[:2] != data.shape[:2]:
        return None
    values, (_, _, height, width) = _pixels(part.operands[0], makers), data.shape
    return _Level(values, (bounds.begin, height, width), grid) if values is not None else None


def _pixels(tensor: Tensor, makers: Makers) -> Tensor | None:
    """The pixels (1, pixels, groups * channels) of what is (groups, channels, pixels)."""
    flat = _made_by(tensor, "relax.reshape", makers)
    turned = _made_by(flat.operands[0], "relax.permute_dims", makers) if flat is not None else None
    if turned is None or [int(axis) for axis in turned.call.attrs.axes or ()] != PIXELS_LAST:
        return None
    grouped = _made_by(turned.operands[0], "relax.reshape", makers)
    if grouped is None or turned.out.shape != (1, *tensor.shape):
        return None
    groups, channels, pixels = tensor.shape
    values = grouped.operands[0]
    return values if values.shape == (1, pixels, groups * channels) else None


def _is(op: Op | None, name: str) -> bool:
    return isinstance(op, Generic) and str(getattr(op.call.op, "name", "")) == name


def _made_by(tensor: Tensor, name: str, makers: Makers) -> Generic | None:
    """The call of that operator that makes a tensor."""
    op = makers.get(tensor)
    return op if isinstance(op, Generic) and _is(op, name) else None


def _operand(op: Generic, variable: Any) -> Tensor | None:
    """The tensor that a variable of the call stands for."""
    return next((x for var, x in zip(op.variables, op.operands, strict=True) if var.same_as(variable)), None)
