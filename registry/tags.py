"""Tags: names for artifacts that move, and never forget where they were.

A tag is the list of its moves; where it is, is where the last move put it. A tag holds artifacts of one name,
usually its variants by dtype and target, and moves to all of them at once. Each move remembers the move that
a rollback from it returns to, so rolling back twice goes back two places.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from typing import Any

from sqlalchemy import ColumnElement, Connection, func, insert, select

from zcc.registry.rows import check_move
from zcc.registry.schema import artifacts, tag_members, tag_moves
from zcc.runtime.errors import CorruptArtifact, NotFound, RegistryError


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

    def describe(self) -> dict[str, Any]:
        """The move as users see it in `--json`."""
        return {**asdict(self), "digests": list(self.digests)}


def now() -> str:
    """This moment in UTC, ISO 8601 to the second."""
    return datetime.now(timezone.utc).isoformat(timespec="seconds")


def standing(connection: Connection, *conditions: ColumnElement[bool]) -> list[Move]:
    """Where each tag is now: its last move, of the tags that hold anything."""
    last = select(func.max(tag_moves.c.id)).group_by(tag_moves.c.name, tag_moves.c.tag)
    return [move for move in _moves(connection, tag_moves.c.id.in_(last), *conditions) if move.digests]


def history(connection: Connection, name: str, tag: str | None = None) -> list[Move]:
    """Every move of a tag, or of all the tags of a name, the last first."""
    conditions = [tag_moves.c.name == name, *([tag_moves.c.tag == tag] if tag else [])]
    moves = _moves(connection, *conditions)
    if not moves:
        raise _no_tag(connection, name, tag)
    return moves


def put(connection: Connection, name: str, tag: str, digests: Iterable[str], why: str = "tag") -> Move:
    """Move a tag to exactly these artifacts; a tag that is there already stays, and no move is recorded."""
    wanted = tuple(sorted(digests))
    here = _last(connection, name, tag)
    if here and here.digests == wanted:
        return here
    return _append(connection, name, tag, wanted, why, here.id if here else None)


def take(connection: Connection, name: str, tag: str) -> Move:
    """Take a tag away; its history stays."""
    if not standing(connection, tag_moves.c.name == name, tag_moves.c.tag == tag):
        raise _no_tag(connection, name, tag)
    return put(connection, name, tag, (), "untag")


def roll_back(connection: Connection, name: str, tag: str) -> Move:
    """Move a tag back to where it was before its last move, if everything it held there still exists."""
    here = _last(connection, name, tag)
    if here is None:
        raise _no_tag(connection, name, tag)
    if here.previous is None:
        raise RegistryError(f"{name}:{tag} has no earlier place", f"see zcc history {name}:{tag}")
    (back,) = _moves(connection, tag_moves.c.id == here.previous)
    present = set(connection.scalars(select(artifacts.c.digest).where(artifacts.c.digest.in_(back.digests))))
    for digest in back.digests:
        if digest not in present:
            raise RegistryError(f"{name}:{tag} was at {digest[:19]}, which was removed", "tag another artifact instead")
    return _append(connection, name, tag, back.digests, "rollback", back.previous)


def release(connection: Connection, digests: Collection[str], force: bool) -> None:
    """See that no tag holds any of these: refuse, or with `force` move such tags to what else they hold."""
    for move in standing(connection):
        rest = [digest for digest in move.digests if digest not in digests]
        if len(rest) == len(move.digests):
            continue
        if not force:
            (held, *_) = set(move.digests) - set(rest)
            raise RegistryError(
                f"{held[:19]} is tagged {move.name}:{move.tag}",
                f"zcc untag {move.name}:{move.tag} first, or add --force",
            )
        put(connection, move.name, move.tag, rest, "rm")


def _append(
    connection: Connection, name: str, tag: str, digests: Sequence[str], why: str, previous: int | None
) -> Move:
    values = {"name": name, "tag": tag, "why": why, "moved": now(), "previous": previous}
    inserted = connection.execute(insert(tag_moves).values(**values)).inserted_primary_key
    if inserted is None:
        raise RegistryError("the database gives no keys to new rows", "use SQLite or PostgreSQL")
    for digest in digests:
        connection.execute(insert(tag_members).values(move=inserted[0], digest=digest))
    (move,) = _moves(connection, tag_moves.c.id == inserted[0])
    return move


def _last(connection: Connection, name: str, tag: str) -> Move | None:
    last = select(func.max(tag_moves.c.id)).where(tag_moves.c.name == name, tag_moves.c.tag == tag)
    return next(iter(_moves(connection, tag_moves.c.id == last.scalar_subquery())), None)


def _moves(connection: Connection, *conditions: ColumnElement[bool]) -> list[Move]:
    rows = connection.execute(select(tag_moves).where(*conditions).order_by(tag_moves.c.id.desc())).all()
    wanted = select(tag_moves.c.id).where(*conditions)
    members: defaultdict[int, list[str]] = defaultdict(list)
    for move, digest in connection.execute(
        select(tag_members).where(tag_members.c.move.in_(wanted)).order_by(tag_members.c.digest)
    ):
        members[move].append(digest)
    return [_read(row, members[row.id]) for row in rows]


def _read(row: Any, digests: Sequence[str]) -> Move:
    check_move({**row._mapping, "digests": list(digests)})
    return Move(row.id, row.name, row.tag, row.why, row.moved, row.previous, tuple(digests))


def check_all(connection: Connection) -> None:
    """Refuse moves of which one cannot be, or does not follow on another of the same tag."""
    moves = {move.id: move for move in _moves(connection)}
    for move in moves.values():
        before = None if move.previous is None else moves.get(move.previous)
        unknown = move.previous is not None and before is None
        if unknown or (before and (before.id >= move.id or (before.name, before.tag) != (move.name, move.tag))):
            problem = f"the index holds a move of {move.name}:{move.tag} that follows on none of its own"
            raise CorruptArtifact(problem, "restore the index from a backup")


def _no_tag(connection: Connection, name: str, tag: str | None) -> NotFound:
    names = sorted({move.tag for move in standing(connection, tag_moves.c.name == name)})
    known = f"{name} has the tags {', '.join(names)}" if names else "zcc tag REF TAG makes one"
    return NotFound(f"there is no tag {name}:{tag}" if tag else f"{name} never had a tag", known)
