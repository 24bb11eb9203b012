"""When the borders of maps are cleared: of small maps together, before the first of them is written.

A loop over threads takes as long as clearing a small border: loops for 32 of them were a tenth of YOLOv8n's frame in
int8 on sixteen threads of a Xeon.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from zcc.compiler.backends.cpu.layout.place import VIEWS, Placement, Storage
from zcc.compiler.ir.tensors import Tensor

# A map takes memory from when its border is cleared. With these, arenas of YOLOv5s and YOLOv8n are as large as if each
# were cleared by itself, and two thirds and half as many loops are left; with twice as many steps, 6% and 18% larger.
STRETCH = 8  # steps
SMALL = 3  # times as large as a small map is the largest, at least


def clearings(placement: Placement) -> Mapping[int, Sequence[Tensor]]:
    """By the step before which they are cleared, a tensor in each map that has a border; the image is there already."""
    small = max(view.storage.bytes for view in placement.views.values()) // SMALL
    found: dict[int, list[Tensor]] = {}
    begin: int | None = None  # where small ones are cleared
    for storage, (step, tensor) in _first_written(placement).items():
        if storage.bytes > small:
            found.setdefault(step, []).append(tensor)
            continue
        if begin is None or step >= begin + STRETCH or begin < placement.body <= step:
            begin = step
        found.setdefault(begin, []).append(tensor)
    return found


def _first_written(placement: Placement) -> Mapping[Storage, tuple[int, Tensor]]:
    """Where each map with a border is first written, in the order of steps, and what there."""
    written = [(0, placement.image)]
    written += [
        (step, tensor) for step, op in enumerate(placement.ops) if not isinstance(op, VIEWS) for tensor in op.outputs
    ]
    first: dict[Storage, tuple[int, Tensor]] = {}
    for step, tensor in written:
        storage = placement.views[tensor].storage
        if storage.halo:
            first.setdefault(storage, (step, tensor))
    return first
