"""Which builds are older than anybody will ask for."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection

from zcc.registry import tags
from zcc.registry.database import Transaction


def outdated(seen: Transaction, keep_last: int) -> list[str]:
    """The digests of all but the last so many builds of each name, dtype and target.

    What a tag holds stays, and what it would hold after a rollback.
    """
    kept = _tagged(seen)
    builds: defaultdict[tuple[str, ...], list[str]] = defaultdict(list)
    rows = seen.rows("SELECT digest, name, dtype, target FROM artifacts ORDER BY turn DESC, digest")
    for digest, *variant in rows:
        builds[tuple(variant)].append(digest)
    return [digest for each in builds.values() for digest in each[keep_last:] if digest not in kept]


def _tagged(seen: Transaction) -> Collection[str]:
    standing = tags.standing(seen)
    before = tags.by_id(seen, [move.previous for move in standing if move.previous is not None])
    return {digest for move in (*standing, *before) for digest in move.digests}
