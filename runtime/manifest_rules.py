"""What a manifest may say, field by field, and what its fields must say together.

Everything that takes a manifest from outside holds it against these rules before it does anything else: loading,
importing, publishing, building the index anew.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from math import prod
from pathlib import PurePosixPath
from typing import Any

from zcc.runtime import limits
from zcc.runtime.naming import NAME
from zcc.runtime.rules import (
    LARGEST,
    LONGEST,
    Breach,
    Rule,
    Where,
    anything,
    brief,
    in_words,
    integer,
    list_of,
    maybe,
    number,
    one_of,
    record,
    table,
    text,
)

SCHEMA = 1
FILENAME = "meta.json"
MOST_PARTS = 100_000  # runs of weights, kernel calls
MOST_FIGURES = 10_000
LONGEST_PATH = 255

ENTRIES = ("detect", "network")  # what a module does, and needs memory for
EACH_THREAD = "thread"  # needs memory beside that
FORMATS = ("bgr", "rgb", "nv12", "i420", "gray")
COLORS = ("bgr", "rgb")
RESIZES = ("letterbox", "stretch", "crop")
TASKS = ("detect", "segment", "pose", "obb", "classify")

# Figures that are compared when a variant is chosen; of any other, all that is asked is that it is a number.
PRECISION, MILLISECONDS = number(0, 1), number(0, 1e9)
METRICS: Mapping[str, Rule] = {
    **dict.fromkeys(("map50", "map50_95", "agreement50", "agreement50_95"), PRECISION),
    **dict.fromkeys(("latency_ms", "latency_p95_ms", "latency_spread_ms", "network_ms"), MILLISECONDS),
    **dict.fromkeys(("drop_map50", "drop_map50_95"), number(-100, 100)),
}

WORD, LINE, CLASS_NAME = text(128, 1), text(LONGEST), text(256)
HASH = text(64, 64, r"[0-9a-f]{64}")
SIZE = integer(0, limits.FILE)

MEASUREMENT = record({"metric": text(64, 1), "value": number(), "how": LINE})
FILE = record({"path": text(LONGEST_PATH), "sha256": HASH, "size": SIZE})
STAGE = record({"name": WORD, "seconds": number(0, LARGEST), "peak_mb": number(0, LARGEST)})
CALL = record(
    {"kernel": LINE, "makes": LINE, "flops": number(0), "bytes": number(0)},
    {"dtype": text(32), "layout": text(32), "tuned": maybe(one_of(True, False)), "nodes": list_of(LINE, MOST_PARTS)},
)
RUN = record({"kind": WORD, "size": SIZE}, {"parameters": anything})
KERNELS = record({"calls": list_of(CALL, MOST_PARTS)}, {"threads": integer(1, 4096)}, others=anything)
HEAD = record(
    {
        "family": WORD,
        "shape": list_of(integer(1, limits.OUTPUT_NUMBERS), limits.OUTPUT_AXES, 1),
        "candidates": integer(1, limits.CANDIDATES),
        "classes": integer(1, limits.CLASSES),
        "max_det": integer(1, limits.DETECTIONS),
    }
)
REQUIREMENTS = record({"os": WORD, "arch": WORD, "features": list_of(WORD, 256), "runtime": WORD})
INPUT = record(
    {"height": integer(1, limits.INPUT_SIDE), "width": integer(1, limits.INPUT_SIDE)},
    {"color": one_of(*COLORS), "resize": one_of(*RESIZES)},
)


def _run(value: Any, where: Where) -> None:
    """Runs were pairs of kind and size before they had parameters."""
    pair = isinstance(value, list) and len(value) == 2
    RUN(dict(zip(("kind", "size"), value, strict=True)) if pair else value, where)


def moment(value: Any, where: Where) -> None:
    """A moment as ISO 8601 writes it."""
    text(40, 10)(value, where)
    try:
        datetime.fromisoformat(value.replace("Z", "+00:00"))
    except ValueError as error:
        raise Breach(f"{in_words(where)}: {brief(value)} is no moment") from error


REQUIRED: Mapping[str, Rule] = {
    "name": text(128, 1, NAME),
    "dtype": text(32, 1),
    "target": WORD,
    "input": INPUT,
    "head": HEAD,
    "classes": list_of(CLASS_NAME, limits.CLASSES, 1),
    "requires": REQUIREMENTS,
    "files": list_of(FILE, limits.FILES, 1),
    "workspace": record(
        dict.fromkeys(ENTRIES, integer(0, limits.WORKSPACE)), {EACH_THREAD: integer(0, limits.THREAD_WORKSPACE)}
    ),
    "created": moment,
    "versions": table(WORD, 64),
    "model_sha256": HASH,
    "fingerprint": WORD,
    "kernels": KERNELS,
    "schema": one_of(SCHEMA),
}
EXECUTORS = ("cpu", "cuda")
TASK = record(
    {"name": one_of(*TASKS)},
    {"details": integer(0, limits.DETAILS), "shape": list_of(integer(1, limits.OUTPUT_NUMBERS), 3)},
)
OPTIONAL: Mapping[str, Rule] = {
    "executor": one_of(*EXECUTORS),
    "task": TASK,
    "batch": integer(1, limits.BATCH),
    "verified": LINE,
    "pixels": table(anything, 8),
    "calibration_digest": maybe(WORD),
    "tuning_digest": maybe(WORD),
    "precision": table(anything, 64),
    "expansion": list_of(_run, MOST_PARTS),
    "formats": list_of(one_of(*FORMATS), len(FORMATS)),
    "stages": list_of(STAGE, 1000),
    "measured": list_of(MEASUREMENT, MOST_FIGURES),
}
_MANIFEST = record(REQUIRED, OPTIONAL)


def check_manifest(raw: Any) -> None:
    """Refuse, by a `Breach` that names the field, a manifest that says what cannot be."""
    _MANIFEST(raw, "")
    for at_odds in (
        *_paths_at_odds(raw["files"]),
        *_sizes_at_odds(raw["files"]),
        *_head_at_odds(raw["head"], raw["classes"]),
        *_figures_at_odds(raw.get("measured", ())),
    ):
        raise Breach(at_odds)


def check_figure(raw: Any, where: str) -> None:
    """Refuse, by a `Breach`, what is no figure, or one that its metric cannot have."""
    MEASUREMENT(raw, where)
    METRICS.get(raw["metric"], number())(raw["value"], f"{where}, {brief(raw['metric'])}")


def _figures_at_odds(figures: Sequence[Any]) -> Iterator[str]:
    for place, figure in enumerate(figures):
        try:
            check_figure(figure, f"measured[{place}]")
        except Breach as breach:
            yield str(breach)


def _paths_at_odds(files: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Files that would land outside the artifact's folder, or on each other."""
    seen: dict[PurePosixPath, bool] = {}  # every path and folder, and whether it is a file
    for path in (entry["path"] for entry in files):
        pure = PurePosixPath(path)
        if pure.is_absolute() or ".." in pure.parts or str(pure) != path or path in ("", ".", FILENAME):
            yield f"it names the file {brief(path)}"
        if pure in seen or any(seen.get(parent, False) for parent in pure.parents):
            yield f"it names {brief(path)} twice, or a file inside a file"
        seen.update(dict.fromkeys(pure.parents, False))
        seen[pure] = True


def _sizes_at_odds(files: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    total = sum(entry["size"] for entry in files)
    if total > limits.ARTIFACT:
        yield f"its files have {total} bytes together, more than {limits.ARTIFACT}"


def _head_at_odds(head: Mapping[str, Any], classes: Sequence[str]) -> Iterator[str]:
    if len(classes) != head["classes"]:
        yield f"it names {len(classes)} classes, its head has {head['classes']}"
    if head["candidates"] not in head["shape"]:
        yield f"its head has {head['candidates']} candidates in an output of {brief(head['shape'])}"
    if prod(head["shape"]) > limits.OUTPUT_NUMBERS:
        yield f"its head puts out {prod(head['shape'])} values, more than {limits.OUTPUT_NUMBERS}"
