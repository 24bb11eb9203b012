"""Where in the arena every storage lies.

Two storages share memory only when every launch on the one is waited for, by true dependencies, before any launch
touches the other: sharing then orders nothing that was not ordered already, and branches still run side by side.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from zcc.compiler.backends.cuda.draft import ALIGNED, Draft, LaunchScratch
from zcc.compiler.backends.cuda.place import Storage

Held = Storage | LaunchScratch


def plan_memory(
    drafts: Sequence[Draft], edges: Sequence[Sequence[int]], kept: Sequence[Storage], sharing: bool = True
) -> tuple[dict[Held, int], int]:
    """The offset of every storage, and the size of all; `kept` ones are nobody else's."""
    users = _users(drafts)
    for storage in kept:
        users.setdefault(storage, [])
    before = _ancestors(edges)
    alone = {
        held for held in users if not sharing or held in kept or (isinstance(held, LaunchScratch) and held.counters)
    }
    offsets: dict[Held, int] = {}
    for held in sorted(users, key=lambda each: -each.bytes):
        others = [
            (offsets[other], offsets[other] + _room(other))
            for other in offsets
            if held in alone or other in alone or not _ordered(users[held], users[other], before)
        ]
        offsets[held] = _first_gap(sorted(others), _room(held))
    return offsets, max((offset + _room(held) for held, offset in offsets.items()), default=0)


def _users(drafts: Sequence[Draft]) -> dict[Held, list[int]]:
    users: dict[Held, list[int]] = {}
    for index, draft in enumerate(drafts):
        views = [view.storage for view in (*draft.reads, *draft.writes)]
        touched: list[Held] = [*views, *draft.scratch]
        for held in dict.fromkeys(touched):
            users.setdefault(held, []).append(index)
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


def _room(held: Held) -> int:
    return -(-held.bytes // ALIGNED) * ALIGNED


def _first_gap(taken: Sequence[tuple[int, int]], size: int) -> int:
    offset = 0
    for begin, end in taken:
        if offset + size <= begin:
            break
        offset = max(offset, end)
    return offset
