"""Where in the arena every storage lies.

Two storages share memory only when every launch on the one is waited for, by true dependencies, before any launch
touches the other: sharing then orders nothing that was not ordered already, and branches still run side by side.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from zcc.compiler.backends.cuda.draft import ALIGNED, Draft, LaunchScratch
from zcc.compiler.backends.cuda.place import Storage

Memory = Storage | LaunchScratch


def plan_memory(
    drafts: Sequence[Draft], edges: Sequence[Sequence[int]], kept: Sequence[Storage], sharing: bool = True
) -> tuple[dict[Memory, int], int]:
    """The offset of every storage, and the size of all; `kept` ones share with none."""
    users = _users(drafts)
    for storage in kept:
        users.setdefault(storage, [])
    before = _ancestors(edges)
    alone = {
        memory
        for memory in users
        if not sharing or memory in kept or (isinstance(memory, LaunchScratch) and memory.counters)
    }
    offsets: dict[Memory, int] = {}
    for memory in sorted(users, key=lambda each: -each.bytes):
        others = [
            (offsets[other], offsets[other] + _room(other))
            for other in offsets
            if memory in alone or other in alone or not _ordered(users[memory], users[other], before)
        ]
        offsets[memory] = _first_gap(sorted(others), _room(memory))
    return offsets, max((offset + _room(memory) for memory, offset in offsets.items()), default=0)


def _users(drafts: Sequence[Draft]) -> dict[Memory, list[int]]:
    users: dict[Memory, list[int]] = {}
    for index, draft in enumerate(drafts):
        views = [view.storage for view in (*draft.reads, *draft.writes)]
        touched: list[Memory] = [*views, *draft.scratch]
        for memory in dict.fromkeys(touched):
            users.setdefault(memory, []).append(index)
    return users


def _ancestors(edges: Sequence[Sequence[int]]) -> list[set[int]]:
    before: list[set[int]] = []
    for direct in edges:
        before.append(set(direct).union(*(before[other] for other in direct)))
    return before


def _ordered(ours: Sequence[int], theirs: Sequence[int], before: Sequence[set[int]]) -> bool:
    """Whether all launches of the one come before all of the other."""
    return _all_before(ours, theirs, before) or _all_before(theirs, ours, before)


def _all_before(
    first: Sequence[int], second: Sequence[int], before: Mapping[int, set[int]] | Sequence[set[int]]
) -> bool:
    return all(earlier in before[later] for earlier in first for later in second)


def _room(memory: Memory) -> int:
    return -(-memory.bytes // ALIGNED) * ALIGNED


def _first_gap(taken: Sequence[tuple[int, int]], size: int) -> int:
    offset = 0
    for begin, end in taken:
        if offset + size <= begin:
            break
        offset = max(offset, end)
    return offset
