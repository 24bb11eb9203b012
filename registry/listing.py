"""What `zcc list` shows, filtered and sorted without reading the manifests of ten thousand artifacts."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from fnmatch import translate
from typing import Any, NamedTuple

from zcc.registry import tags
from zcc.registry.artifact import Unreadable
from zcc.registry.database import Transaction
from zcc.registry.rows import check_listed
from zcc.registry.tables import METRICS
from zcc.runtime.errors import CorruptArtifact, ZccError
from zcc.runtime.moments import as_moment

LOST = "the index holds no summary of it; zcc reindex mends that"


class Figure(NamedTuple):
    """The latest value of a metric, and whether it was measured here."""

    value: float
    here: bool


class Listed(NamedTuple):
    """An artifact in a list."""

    digest: str
    turn: int
    name: str
    dtype: str
    target: str
    origin: str | None
    created: str
    model_sha256: str
    bytes: int
    width: int
    height: int
    superseded: bool  # a later one of its name, dtype and target is there
    figures: Mapping[str, Figure]  # by metric
    tags: Sequence[str]

    def figure(self, metric: str) -> float | None:
        """The latest value of a metric, if anyone measured it."""
        return self.figures[metric].value if metric in self.figures else None

    @property
    def accuracy(self) -> float | None:
        """The mAP50-95 against labels."""
        return self.figure("map50_95")

    @property
    def latency(self) -> float | None:
        """Milliseconds from frame to detections."""
        return self.figure("latency_ms")

    @property
    def moment(self) -> datetime:
        """When it was built."""
        return as_moment(self.created)


@dataclass(frozen=True)
class ListFilter:
    """What a list is narrowed down to; a figure that nobody measured is within no bound."""

    pattern: str | None = None  # of the name, with * and ?
    dtypes: tuple[str, ...] = ()
    target: str | None = None  # a pattern, too
    tag: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    least_map: float | None = None  # 0 to 1
    most_ms: float | None = None
    most_bytes: float | None = None
    model: str | None = None  # the beginning of the sha256 of the model's file
    signed: bool | None = None
    superseded: bool | None = None

    def conditions(self, is_signed: Callable[[str], bool]) -> list[Callable[[Listed], bool]]:
        """What each artifact has to meet, the quickest first."""
        return [meets for value, meets in self._table(is_signed) if value not in (None, ())]

    def _table(self, is_signed: Callable[[str], bool]) -> tuple[tuple[object, Callable[[Listed], bool]], ...]:
        return (
            (self.dtypes, lambda each: each.dtype in self.dtypes),
            (self.pattern, _fits(self.pattern, lambda each: each.name)),
            (self.target, _fits(self.target, lambda each: each.target)),
            (self.tag, lambda each: self.tag in each.tags),
            (self.superseded, lambda each: each.superseded == self.superseded),
            (self.model, lambda each: each.model_sha256.startswith(self.model or "")),
            (self.most_bytes, lambda each: _within(each.bytes, most=self.most_bytes)),
            (self.least_map, lambda each: _within(each.accuracy, least=self.least_map)),
            (self.most_ms, lambda each: _within(each.latency, most=self.most_ms)),
            (self.since, lambda each: self.since is None or each.moment >= self.since),
            (self.until, lambda each: self.until is None or each.moment <= self.until),
            (self.signed, lambda each: is_signed(each.digest) == self.signed),
        )


def _fits(pattern: str | None, word_of: Callable[[Listed], str]) -> Callable[[Listed], bool]:
    form = re.compile(translate(pattern or "*"))
    return lambda each: form.match(word_of(each)) is not None


def _within(value: float | None, least: float | None = None, most: float | None = None) -> bool:
    return value is not None and (least is None or value >= least) and (most is None or value <= most)


# What a list is sorted by -> its key; what nobody measured comes last either way.
SORTS: Mapping[str, tuple[Callable[[Listed], Any], bool]] = {
    "published": (lambda each: (each.turn, each.digest), True),
    "name": (lambda each: (each.name, each.dtype, each.target, -each.turn), False),
    "created": (lambda each: each.moment, True),
    "size": (lambda each: each.bytes, False),
    "map": (lambda each: each.accuracy, True),
    "ms": (lambda each: each.latency, False),
}


def arranged(found: Sequence[Listed], by: str, turned: bool) -> list[Listed]:
    """The artifacts by one of SORTS, the best or the last first, or `turned` round."""
    key, falling = SORTS[by]
    known = [each for each in found if key(each) is not None]
    return sorted(known, key=key, reverse=falling != turned) + [each for each in found if key(each) is None]


@dataclass(frozen=True)
class Listing:
    """What a list shows, and what cannot be read of all that there is."""

    artifacts: Sequence[Listed]
    unreadable: Sequence[Unreadable]


def listing(seen: Transaction, wanted: ListFilter, is_signed: Callable[[str], bool]) -> tuple[list[Listed], list[str]]:
    """What is wanted of all that can be listed, in any order; and the digests of what cannot be listed."""
    tagged, figures, conditions = _tagged(seen), _figures(seen), wanted.conditions(is_signed)
    found, damaged = [], []
    sql, values = _query(wanted)
    for row in seen.rows(sql, **values):
        digest, turn, *_ = row
        if not isinstance(digest, str) or type(turn) is not int or row[_CREATED] is None:
            damaged.append(digest)
            continue
        here = row[_ORIGIN] is None
        known = _known(zip(METRICS, row[_SHOWN:], strict=True), figures.get(digest, ()), here)
        listed = Listed._make((*row[:_SHOWN], known, tuple(sorted(tagged.get(digest, ())))))
        if all(meets(listed) for meets in conditions):
            found.append(listed)
    return found, damaged


_OF_ARTIFACTS = ("digest", "turn", "name", "dtype", "target", "origin")
_OF_SUMMARIES = ("created", "model_sha256", "bytes", "width", "height")
_ORIGIN, _CREATED = 5, 6
_SHOWN = len(_OF_ARTIFACTS) + len(_OF_SUMMARIES) + 1
_ROWS = (
    f"SELECT {', '.join(f'a.{name}' for name in _OF_ARTIFACTS)}, {', '.join(f's.{name}' for name in _OF_SUMMARIES)}, "
    "a.turn < (SELECT MAX(b.turn) FROM artifacts b WHERE b.name = a.name AND b.dtype = a.dtype AND b.target = a.target)"
    f", {', '.join(f's.{metric}' for metric in METRICS)} "
    "FROM artifacts a LEFT JOIN summaries s ON s.digest = a.digest WHERE "
)
_MEASURED = (
    "SELECT digest, metric, value, origin FROM measurements "
    f"WHERE metric IN ({', '.join(repr(metric) for metric in METRICS)}) ORDER BY id"
)


def _query(wanted: ListFilter) -> tuple[str, dict[str, Any]]:
    """The rows that may be wanted: what most lists ask for is left to the database, which is quick at it."""
    asked = {"a.name": wanted.pattern, "a.target": wanted.target}
    values = {f"like{place}": _like(pattern) for place, pattern in enumerate(asked.values()) if pattern is not None}
    conditions = [f"{column} LIKE :{name} ESCAPE '!'" for column, name in zip(_given(asked), values, strict=True)]
    if wanted.dtypes:
        dtypes = {f"dtype{place}": dtype for place, dtype in enumerate(wanted.dtypes)}
        conditions.append(f"a.dtype IN ({', '.join(f':{name}' for name in dtypes)})")
        values.update(dtypes)
    return _ROWS + (" AND ".join(conditions) or "1 = 1"), values


def _given(asked: Mapping[str, str | None]) -> list[str]:
    return [column for column, pattern in asked.items() if pattern is not None]


def _like(pattern: str) -> str:
    """A pattern of SQL that takes at least what this one takes: it may not mind case."""
    escaped = re.sub(r"([!%_])", r"!\1", re.sub(r"\[.*", "*", pattern))
    return escaped.replace("*", "%").replace("?", "_")


def _tagged(seen: Transaction) -> Mapping[str, Sequence[str]]:
    try:
        return tags.tags_by_digest(seen)
    except ZccError:
        return {}  # `Catalogue.listed` tells of it


def _figures(seen: Transaction) -> Mapping[str, Sequence[tuple[str, float, bool]]]:
    figures: defaultdict[str, list[tuple[str, float, bool]]] = defaultdict(list)
    for digest, metric, value, origin in seen.rows(_MEASURED):
        if isinstance(value, float):
            figures[digest].append((metric, value, origin is None))
    return figures


def _known(
    built: Iterable[tuple[str, float | None]], measured: Sequence[tuple[str, float, bool]], built_here: bool
) -> dict[str, Figure]:
    """Of each metric the latest that was measured here, else the latest of elsewhere; the build's are the first."""
    known = {metric: Figure(value, built_here) for metric, value in built if isinstance(value, float)}
    for metric, value, here in measured:
        if here or metric not in known or not known[metric].here:
            known[metric] = Figure(value, here)
    return known


def check_rows(seen: Transaction, found: Sequence[Listed]) -> dict[str, str]:
    """What is wrong with the rows of those artifacts that are damaged, by digest."""
    wrong = {}
    sql = "SELECT digest, manifest FROM artifacts WHERE digest IN (:among)"
    manifests: dict[str, str] = dict(seen.rows_in(sql, [each.digest for each in found]))
    for each in found:
        try:
            check_listed(each.digest, manifests.get(each.digest), each._asdict())
        except CorruptArtifact as error:
            wrong[each.digest] = error.problem
    return wrong
