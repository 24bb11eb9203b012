"""What the report tells, taken from the registry; nothing here is laid out yet."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from zcc.registry import Artifact, Registry, Unreadable
from zcc.registry.gates import Gate
from zcc.registry.listing import ListFilter
from zcc.registry.tags import Move
from zcc.runtime import host
from zcc.runtime.choice import Wish, explain
from zcc.runtime.errors import NotFound, UsageError
from zcc.runtime.obstacles import obstacle
from zcc.web.report.entry import Entry

MOST = 400  # variants on a page: beyond that it is neither quick nor read

# What people may prefer -> the heading under which its choice stands.
PREFERENCES = {
    "fastest": "Fastest",
    "most-accurate": "Most accurate",
    "fastest-within:0.5": "Fastest within 0.5 points",
}


@dataclass(frozen=True)
class Choice:
    """What the runtime takes of a name under a preference on this machine; no entry where it takes none."""

    preference: str
    entry: Entry | None
    why: str


@dataclass(frozen=True)
class Gathered:
    """Everything that the registry says."""

    registry: str  # its folder's name: where that lies is nobody's business whom the page is passed on to
    machine: str
    pattern: str | None
    entries: Sequence[Entry]
    choices: Mapping[str, Sequence[Choice]]  # by name
    moves: Sequence[Move]  # of the tags of all these names, the last first
    gates: Sequence[Gate]
    unreadable: Sequence[Unreadable]

    @property
    def names(self) -> list[str]:
        """The models' names."""
        return list(self.choices)

    def of_name(self, name: str) -> list[Entry]:
        """The variants of a model."""
        return [each for each in self.entries if each.name == name]


def gather(registry: Registry, pattern: str | None) -> Gathered:
    """The last builds of what the pattern means, and older ones that a tag holds; NotFound where there is nothing."""
    found = registry.browse(ListFilter(pattern=pattern), "name")
    shown = [each for each in found.artifacts if not each.superseded or each.tags]
    if not shown:
        meant = f"called {pattern} " if pattern else ""
        raise NotFound(f"nothing {meant}is in {registry}", "zcc list shows what there is, zcc compile publishes")
    if len(shown) > MOST:
        raise UsageError(f"{len(shown)} variants are too many for a page", f"name up to {MOST}: zcc report NAME")
    superseded = {each.digest: bool(each.superseded) for each in shown}
    read = registry.described([each.digest for each in shown])
    artifacts = [
        replace(each, envelopes=registry.envelopes(each.digest)) for each in read if isinstance(each, Artifact)
    ]
    entries, choices = _rated(artifacts, superseded)
    names = set(choices)
    return Gathered(
        registry.home.name,
        host.machine(),
        pattern,
        entries,
        choices,
        [move for name in sorted(names) for move in _moves(registry, name)],
        [gate for gate in registry.gates() if gate.name in names or gate.name == "*"],
        [*found.unreadable, *(each for each in read if isinstance(each, Unreadable))],
    )


def _rated(
    artifacts: Sequence[Artifact], superseded: Mapping[str, bool]
) -> tuple[list[Entry], dict[str, Sequence[Choice]]]:
    by_name: defaultdict[str, list[Artifact]] = defaultdict(list)
    for each in artifacts:
        by_name[each.manifest.name].append(each)
    entries: list[Entry] = []
    choices: dict[str, Sequence[Choice]] = {}
    for name, unsorted in by_name.items():
        mine = sorted(unsorted, key=lambda each: (each.manifest.target, each.figure("latency_ms") or math.inf))
        current = [each for each in mine if not superseded[each.digest]]
        lost = {
            remark.candidate.manifest.digest: remark.lost
            for remark in explain(name, [each.candidate for each in current], Wish()).verdicts
        }
        own = [
            Entry(
                len(entries) + place,
                each,
                superseded[each.digest],
                _hindrance(each),
                lost.get(each.digest),
                len(by_name) == 1,
            )
            for place, each in enumerate(mine)
        ]
        entries.extend(own)
        choices[name] = [_choice(name, own, preference) for preference in PREFERENCES]
    return entries, choices


def _hindrance(artifact: Artifact) -> str | None:
    found = obstacle(artifact.manifest)
    return found.reason if found else None


def _choice(name: str, entries: Sequence[Entry], preference: str) -> Choice:
    current = {each.artifact.digest: each for each in entries if not each.superseded}
    told = explain(name, [each.artifact.candidate for each in current.values()], Wish(prefer=preference))
    if told.chosen is None:
        return Choice(preference, None, told.verdicts[0].why if told.verdicts else "there is none")
    return Choice(preference, current[told.chosen.manifest.digest], told.verdicts[0].why)


def _moves(registry: Registry, name: str) -> Iterator[Move]:
    try:
        yield from registry.history(name)
    except NotFound:  # it never had a tag
        return
