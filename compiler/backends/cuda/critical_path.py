"""The longest way through a network's launches, which its time depends on; all others run beside it."""

from __future__ import annotations

from collections.abc import Sequence

from zcc.compiler.backends.cuda.draft import Draft

# What most launches of detectors take on an H200, alone: `in_a_row` in runtime/executors/cuda_timing.py.
LAUNCH, FLOPS, BYTES = 1.5e-6, 120e12, 4e12  # seconds of any, and a second's arithmetic and memory


def critical_path(drafts: Sequence[Draft], edges: Sequence[Sequence[int]]) -> set[int]:
    """The launches on it, by their index; `edges` are those that each of them waits for."""
    ends: list[float] = []
    for draft, before in zip(drafts, edges, strict=True):
        took = LAUNCH + draft.flops / FLOPS + draft.bytes / BYTES
        ends.append(took + max((ends[index] for index in before), default=0.0))
    path: set[int] = set()
    waited: Sequence[int] = range(len(drafts))
    while waited:
        last = max(waited, key=lambda index: ends[index])
        path.add(last)
        waited = edges[last]
    return path
