"""R.scatter_nd with constant indices -> data movement that fuses; no scatter kernel is left.

Detectors that decode in place (`y[..., 0:2] = …`) are exported with ScatterND over constant indices. Where
those cover a box of the data in order, as they do there, the box is put between slices of what surrounds it.
Any other constant scatter is a gather: each element comes from a known place in the data or the updates.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import tvm
from numpy.typing import NDArray
from tvm import ir, relax

from zcc.compiler.importing.passes.constant_value import constant_value
from zcc.compiler.importing.passes.rewriting import is_call, rewritten
from zcc.compiler.importing.passes.static_slice import Cut, make_slice, static_shape

Positions = NDArray[np.int64]
Box = tuple[tuple[int, int], ...]  # begin and end on every axis


@tvm.transform.module_pass(opt_level=0, name="FoldScatter")
def fold_scatter(mod: ir.IRModule, _context: Any) -> ir.IRModule:
    """Rewrite every scatter without reduction whose indices are known and within bounds."""
    # The index arithmetic that the importer put around the indices is dead now.
    return rewritten(mod, _ScatterFolder(mod))


@relax.expr_functor.mutator
class _ScatterFolder(relax.PyExprMutator):  # type: ignore[misc]
    def visit_call_(self, call: Any) -> Any:
        call = super().visit_call_(call)
        if not is_call(call, "relax.scatter_nd") or call.attrs.reduction != "update":
            return call
        data, indices, updates = call.args
        shape, value = static_shape(data), constant_value(indices, self.lookup_binding)
        targets = None if shape is None or value is None else target_positions(value, shape)
        if shape is None or targets is None:
            return call
        box = covered_box(targets, shape)
        return self.gathered(data, updates, targets, shape) if box is None else self.placed(data, updates, box)

    def placed(self, data: Any, updates: Any, box: Box) -> Any:
        """`data` with the box replaced: before, the box, after, nested over the axes it does not fill."""
        shape = static_shape(data) or ()
        partial = [axis for axis, bounds in enumerate(box) if bounds != (0, shape[axis])]
        if not partial:
            extents = tuple(end - begin for begin, end in box)
            if static_shape(updates) == extents:
                return updates
            return self.builder_.emit(relax.op.reshape(updates, extents))
        axis, (begin, end) = partial[0], box[partial[0]]
        inside = self.cut(data, axis, begin, end)
        rest = (*box[:axis], (0, end - begin), *box[axis + 1 :])
        parts = [self.placed(inside, updates, rest)]
        if begin > 0:
            parts.insert(0, self.cut(data, axis, 0, begin))
        if end < shape[axis]:
            parts.append(self.cut(data, axis, end, shape[axis]))
        return self.builder_.emit(relax.op.concat(parts, axis))

    def cut(self, data: Any, axis: int, begin: int, end: int) -> Any:
        """A slice along one axis."""
        return self.builder_.emit(make_slice(Cut(data, axis, begin, end)))

    def gathered(self, data: Any, updates: Any, targets: Positions, shape: tuple[int, ...]) -> Any:
        """Each element taken from the flat data or, where something was scattered to it, the flat updates."""
        size = int(np.prod(shape))
        source = np.arange(size, dtype=np.int64)
        # numpy keeps the last of several assignments to one place, as a sequential scatter does.
        source[targets.ravel()] = size + np.arange(targets.size)
        flat = [
            self.builder_.emit(relax.op.reshape(tensor, [count]))
            for tensor, count in ((data, size), (updates, targets.size))
        ]
        both = self.builder_.emit(relax.op.concat(flat, 0))
        taken = self.builder_.emit(relax.op.take(both, relax.const(source, "int64"), 0))
        return relax.op.reshape(taken, shape)


def target_positions(indices: NDArray[Any], shape: tuple[int, ...]) -> Positions | None:
    """Where in the flat data each update goes, in the order of the updates; None when out of bounds."""
    depth = indices.shape[-1]
    extents = np.array(shape[:depth], np.int64)
    coordinates = np.where(indices < 0, indices + extents, indices).astype(np.int64)
    if ((coordinates < 0) | (coordinates >= extents)).any():
        return None
    inner = int(np.prod(shape[depth:]))
    strides = np.array([np.prod(shape[axis + 1 :]) for axis in range(depth)], np.int64)
    return (coordinates @ strides)[..., None] + np.arange(inner)


def covered_box(targets: Positions, shape: tuple[int, ...]) -> Box | None:
    """The box of the data that the targets fill in row-major order, if they do."""
    if not targets.size:
        return None
    coordinates = np.unravel_index(targets.ravel(), shape)
    box = tuple((int(axis.min()), int(axis.max()) + 1) for axis in coordinates)
    inside = np.arange(int(np.prod(shape)), dtype=np.int64).reshape(shape)[
        tuple(slice(begin, end) for begin, end in box)
    ]
    return box if np.array_equal(inside.ravel(), targets.ravel()) else None
