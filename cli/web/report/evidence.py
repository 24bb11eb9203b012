"""What other commands printed with --json, for the report to draw: told apart by what is in it, and checked."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from zcc.registry.kept_results import KeptResults
from zcc.runtime import limits
from zcc.runtime.errors import InputError
from zcc.runtime.regular import read_text, reason
from zcc.runtime.rules import Breach, Rule, anything, list_of, maybe, number, record, strict_json, table, text

_WORD, _COUNT, _SHARE = text(), number(0), number(0, 1)
_CLASS = record({"map50_95": _SHARE}, others=anything)
_SIDE = record({"digest": _WORD, "dtype": _WORD, "classes": table(_CLASS, limits.CLASSES)}, others=anything)
_KERNEL = record({"kernel": _WORD, "makes": _WORD, "ms": _COUNT}, others=anything)
_OUTCOME = record({"mean_ms": _COUNT, "map50_95": _SHARE}, others=anything)
_OUTCOMES = list_of(_OUTCOME, 4096)
_TIMES = record({"median": _COUNT}, others=anything)
_STAGES = table(lambda value, where: (_COUNT if isinstance(value, int | float) else _TIMES)(value, where), 16)
_ENERGY = record({"joules_per_frame": _COUNT, "source": _WORD}, others=anything)

# What a command's document is known by: the field that no other has, and the rule for what is read of it.
KINDS: Mapping[str, tuple[str, Rule]] = {
    "profile": (
        "kernels",
        record({"digest": _WORD, "kernels": list_of(_KERNEL, limits.MEMBERS)}, others=anything),
    ),
    "bench": (
        "frame_ms",
        record({"digest": _WORD}, {"stages_ms": maybe(_STAGES), "energy": maybe(_ENERGY)}, others=anything),
    ),
    "compare": ("class_changes", record({"a": _SIDE, "b": _SIDE, "class_changes": anything}, others=anything)),
    "adapt": (
        "oracle_curve",
        record(
            {
                **{"name": _WORD, "frames": _COUNT, "policy": _WORD, "outcomes": table(_OUTCOME, 64)},
                **{"curve": _OUTCOMES, "oracle_curve": _OUTCOMES},
            },
            others=anything,
        ),
    ),
}
KEPT, DESCRIPTION = ("profile", "bench"), "description"  # kinds that a registry keeps beside artifacts
KNOWN = "give what zcc bench, profile, compare or adapt printed with --json"


@dataclass(frozen=True)
class Evidence:
    """Documents by what they are."""

    documents: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    descriptions: Mapping[str, str] = field(default_factory=dict)  # of artifacts, by digest

    def of(self, kind: str) -> Sequence[Mapping[str, Any]]:
        """Those of a command."""
        return self.documents.get(kind, ())

    def last(self, kind: str) -> Mapping[str, Mapping[str, Any]]:
        """The last document of a kind about each artifact, by digest."""
        return {each["digest"]: each for each in self.of(kind)}


def read_evidence(paths: Sequence[Path], home: Path, digests: Iterable[str]) -> Evidence:
    """The last results that a registry keeps of each artifact, and the documents in files, which go before them."""
    found: defaultdict[str, list[Mapping[str, Any]]] = defaultdict(list)
    kept, descriptions = KeptResults(home), {}
    for digest in digests:
        for each in kept.of(digest, DESCRIPTION)[-1:]:
            descriptions[digest] = str(each.get("text", ""))
        for kind in KEPT:
            found[kind] += [each for each in kept.of(digest, kind)[-1:] if _fits(kind, each, digest)]
    for path in paths:
        kind, document = _read(path)
        found[kind].append(document)
    return Evidence(found, descriptions)


def _fits(kind: str, document: Mapping[str, Any], digest: str) -> bool:
    """Whether a kept document is one; like what cannot be read at all, others are left out."""
    try:
        KINDS[kind][1](document, "")
    except Breach:
        return False
    return document["digest"] == digest


def _read(path: Path) -> tuple[str, Mapping[str, Any]]:
    try:
        document = strict_json(read_text(path, limits.MANIFEST), limits.MANIFEST)
        kind = next(
            (kind for kind, (sign, _) in KINDS.items() if isinstance(document, dict) and sign in document), None
        )
        if kind is None:
            raise Breach("it is of no kind that a report draws")
        KINDS[kind][1](document, "")
    except OSError as error:
        raise InputError(f"{path} cannot be read: {reason(error)}", KNOWN) from error
    except ValueError as error:
        raise InputError(f"{path} is no document for a report ({error})", KNOWN) from error
    return kind, document
