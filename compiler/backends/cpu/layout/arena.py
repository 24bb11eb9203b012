"""Where each storage begins in the arena: storages that never live at the same time share memory.

Observation wants the contrary: `sharing=False` keeps every storage's content to the end of a run.
"""

from __future__ import annotations

from zcc.compiler.backends.cpu.kernels.spec import Address
from zcc.compiler.backends.cpu.layout.borders import clearings
from zcc.compiler.backends.cpu.layout.place import Placement, Storage

ALIGNMENT = 64


def plan_arena(placement: Placement, sharing: bool = True) -> tuple[dict[Storage, Address], int]:
    """An address for each storage, and the size of the arena.

    The output's storage is the caller's: it begins at address 0 of the region `result`.
    """
    outside = {placement.views[placement.output].storage}
    lives = _lifetimes(placement)
    if not sharing:
        lives = dict.fromkeys(lives, (-1, len(placement.ops)))
    placed: dict[Storage, int] = {}
    # Large storages first: small ones fit into the gaps they leave.
    for storage in sorted(lives, key=lambda s: (-s.bytes, lives[s])):
        if storage not in outside:
            rivals = [other for other in placed if _overlap(lives[storage], lives[other])]
            placed[storage] = _lowest_gap(storage.bytes, [(placed[o], placed[o] + o.bytes) for o in rivals])
    offsets = {storage: Address("arena", offset) for storage, offset in placed.items()}
    offsets.update({storage: Address("result", 0) for storage in outside})
    return offsets, max((offset + _aligned(storage.bytes) for storage, offset in placed.items()), default=0)


def _lifetimes(placement: Placement) -> dict[Storage, tuple[int, int]]:
    """The first and last step at which each storage is touched, also by what clears its border.

    The image is there from the start.
    """
    image = placement.views[placement.image].storage
    lives: dict[Storage, tuple[int, int]] = {image: (-1, -1)}
    for step, op in enumerate(placement.ops):
        for tensor in (*op.inputs, *op.outputs):
            storage = placement.views[tensor].storage
            first, _ = lives.get(storage, (step, step))
            lives[storage] = (first, step)
    for step, tensors in clearings(placement).items():
        for storage in (placement.views[tensor].storage for tensor in tensors):
            first, last = lives[storage]
            lives[storage] = (min(first, step), last)
    for tensor in (placement.output, *placement.maps, *placement.beside):
        storage = placement.views[tensor].storage
        lives[storage] = (lives[storage][0], len(placement.ops))
    return lives


def _overlap(one: tuple[int, int], other: tuple[int, int]) -> bool:
    return one[0] <= other[1] and other[0] <= one[1]


def _lowest_gap(size: int, taken: list[tuple[int, int]]) -> int:
    offset = 0
    for begin, end in sorted(taken):
        if offset + size <= begin:
            break
        offset = max(offset, _aligned(end))
    return offset


def _aligned(size: int) -> int:
    return -(-size // ALIGNMENT) * ALIGNMENT
