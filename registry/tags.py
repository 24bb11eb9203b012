"""Tags: names for artifacts that move, and never forget where they were.

A tag is the list of its moves; where it is, is where the last move put it. A tag holds artifacts of one name,
usually its variants by dtype and target, and moves to all of them at once. Each move remembers the move that
a rollback from it returns to, so rolling back twice goes back two places.
"""

from __future__ import annotations

import os
import pwd
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timezone
from typing import Any

from zcc.registry.database import Transaction
from zcc.registry.rows import MESSAGE, WHO, check_move
from zcc.registry.tables import named, select
from zcc.runtime.errors import CorruptArtifact, NotFound, RegistryError, UsageError
from zcc.runtime.escaping import escaped


@dataclass(frozen=True)
class Move:
    """One step in a tag's history; without digests, the tag was taken away."""

    id: int
    name: str
    tag: str
    why: str  # "tag", "untag", "rollback" or "rm"
    moved: str
    previous: int | None
    digests: tuple[str, ...]
    who: str | None = None  # moved it; None in what an older zcc wrote
    message: str | None = None
    came_from: tuple[str, ...] = ()  # where the tag was before

    def describe(self) -> dict[str, Any]:
        """The move as users see it in `--json`."""
        return {**asdict(self), "digests": list(self.digests), "came_from": list(self.came_from)}


@dataclass(frozen=True)
class Reason:
    """Who moves a tag, and what for."""

    who: str
    message: str | None = None


def reason(message: str | None = None) -> Reason:
    """The user of this process, and what they say."""
    if message is not None and len(message) > MESSAGE:
        raise UsageError(f"the message has {len(message)} characters, at most {MESSAGE} are kept", "say it shorter")
    return Reason(_user(), None if message is None else escaped(message))


def _user() -> str:
    """The name of the user that this process runs as, by its number: the environment may say anything."""
    number = os.getuid()
    try:
        return escaped(pwd.getpwuid(number).pw_name)[:WHO]
    except KeyError:  # as in a container that knows no such user
        return f"user {number}"


def now() -> str:
    """This moment in UTC, ISO 8601 to the second."""
    return datetime.now(timezone.utc).isoformat(timespec="seconds")


_LAST = "id IN (SELECT MAX(id) FROM tag_moves GROUP BY name, tag)"


def standing(seen: Transaction, condition: str = "1 = 1", **values: Any) -> list[Move]:
    """Where each tag is now: its last move, of the tags that hold anything."""
    return [move for move in _moves(seen, f"{_LAST} AND {condition}", **values) if move.digests]


def tags_by_digest(seen: Transaction) -> dict[str, list[str]]:
    """The tags that each digest bears."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for move in standing(seen):
        for digest in move.digests:
            found[digest].append(move.tag)
    return dict(found)


def history(seen: Transaction, name: str, tag: str | None = None) -> list[Move]:
    """Every move of a tag, or of all the tags of a name, the last first."""
    condition = "name = :name" + (" AND tag = :tag" if tag else "")
    moves = _moves(seen, condition, **{"name": name, **({"tag": tag} if tag else {})})
    if not moves:
        raise _no_tag(seen, name, tag)
    return _with_origins(moves)


def _with_origins(moves: Sequence[Move]) -> list[Move]:
    """Moves, the last first, each with where its tag was before it."""
    place: dict[str, tuple[str, ...]] = {}
    told = []
    for move in reversed(moves):
        told.append(replace(move, came_from=place.get(move.tag, ())))
        place[move.tag] = move.digests
    return told[::-1]


def put(
    changed: Transaction, name: str, tag: str, digests: Iterable[str], why: str = "tag", by: Reason | None = None
) -> Move:
    """Move a tag to exactly these artifacts; a tag that is there already stays, and no move is recorded."""
    wanted = tuple(sorted(digests))
    here = _last(changed, name, tag)
    if here and here.digests == wanted:
        return here
    return _append(changed, Step(name, tag, wanted, why, here.id if here else None), by, here)


def take(changed: Transaction, name: str, tag: str, by: Reason | None = None) -> Move:
    """Take a tag away; its history stays."""
    if not standing(changed, "name = :name AND tag = :tag", name=name, tag=tag):
        raise _no_tag(changed, name, tag)
    return put(changed, name, tag, (), "untag", by)


def roll_back(changed: Transaction, name: str, tag: str, by: Reason | None = None) -> Move:
    """Move a tag back to where it was before its last move, if everything it held there still exists."""
    here, back = last_and_before(changed, name, tag)
    present = {
        row[0] for row in changed.rows_in("SELECT digest FROM artifacts WHERE digest IN (:among)", list(back.digests))
    }
    for digest in back.digests:
        if digest not in present:
            raise RegistryError(f"{name}:{tag} was at {digest[:19]}, which was removed", "tag another artifact instead")
    return _append(changed, Step(name, tag, back.digests, "rollback", back.previous), by, here)


def last_and_before(seen: Transaction, name: str, tag: str) -> tuple[Move, Move]:
    """The last move of a tag, and the one that a rollback returns to."""
    here = _last(seen, name, tag)
    if here is None:
        raise _no_tag(seen, name, tag)
    if here.previous is None:
        raise RegistryError(f"{name}:{tag} has no earlier place", f"see zcc history {name}:{tag}")
    (back,) = _moves(seen, "id = :id", id=here.previous)
    return here, back


def by_id(seen: Transaction, numbers: Sequence[int]) -> list[Move]:
    """The moves of these numbers."""
    return [move for number in numbers for move in _moves(seen, "id = :id", id=number)]


def release(changed: Transaction, digests: Collection[str], force: bool, by: Reason | None = None) -> None:
    """See that no tag holds any of these: refuse, or with `force` move such tags to what else they hold."""
    for move in standing(changed):
        rest = [digest for digest in move.digests if digest not in digests]
        if len(rest) == len(move.digests):
            continue
        if not force:
            (first, *_) = set(move.digests) - set(rest)
            raise RegistryError(
                f"{first[:19]} is tagged {move.name}:{move.tag}",
                f"zcc untag {move.name}:{move.tag} first, or add --force",
            )
        put(changed, move.name, move.tag, rest, "rm", by)


@dataclass(frozen=True)
class Step:
    """A move that is to be made."""

    name: str
    tag: str
    digests: tuple[str, ...]
    why: str
    previous: int | None


def _append(changed: Transaction, step: Step, by: Reason | None, here: Move | None) -> Move:
    by = by or reason()
    number = 1 + (changed.value("SELECT MAX(id) FROM tag_moves") or 0)  # writers take turns
    values = {"name": step.name, "tag": step.tag, "why": step.why, "moved": now(), "previous": step.previous}
    changed.insert("tag_moves", id=number, **values, who=by.who, message=by.message)
    for digest in step.digests:
        changed.insert("tag_members", move=number, digest=digest)
    (move,) = _moves(changed, "id = :id", id=number)
    return replace(move, came_from=here.digests if here else ())


def _last(seen: Transaction, name: str, tag: str) -> Move | None:
    last = "id = (SELECT MAX(id) FROM tag_moves WHERE name = :name AND tag = :tag)"
    return next(iter(_moves(seen, last, name=name, tag=tag)), None)


def _moves(seen: Transaction, condition: str = "1 = 1", **values: Any) -> list[Move]:
    """Moves that meet a condition on tag_moves, the last first."""
    rows = seen.rows(select("tag_moves", f"WHERE {condition} ORDER BY id DESC"), **values)
    wanted = f"SELECT id FROM tag_moves WHERE {condition}"
    members: defaultdict[int, list[str]] = defaultdict(list)
    sql = f"SELECT move, digest FROM tag_members WHERE move IN ({wanted}) ORDER BY digest"
    for move, digest in seen.rows(sql, **values):
        members[move].append(digest)
    return [_read(row, members[row["id"]]) for row in named("tag_moves", rows)]


def _read(row: dict[str, Any], digests: Sequence[str]) -> Move:
    check_move({**row, "digests": list(digests)})
    return Move(**row, digests=tuple(digests))


def check_all(seen: Transaction) -> None:
    """Refuse moves of which one cannot be, or does not follow on another of the same tag."""
    moves = {move.id: move for move in _moves(seen)}
    for move in moves.values():
        before = None if move.previous is None else moves.get(move.previous)
        unknown = move.previous is not None and before is None
        if unknown or (before and (before.id >= move.id or (before.name, before.tag) != (move.name, move.tag))):
            problem = f"the index holds a move of {move.name}:{move.tag} that follows on none of its own"
            raise CorruptArtifact(problem, "restore the index from a backup")


def _no_tag(seen: Transaction, name: str, tag: str | None) -> NotFound:
    names = sorted({move.tag for move in standing(seen, "name = :name", name=name)})
    known = f"{name} has the tags {', '.join(names)}" if names else "zcc tag REF TAG makes one"
    return NotFound(f"there is no tag {name}:{tag}" if tag else f"{name} never had a tag", known)
