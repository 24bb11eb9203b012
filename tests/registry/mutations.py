"""Documents of JSON with a value changed, as somebody would who wants to know what a reader does then."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

# What a value is changed to: other types, extremes, and texts that a terminal or a path would act on.
VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 5, 640, 8193, 2**31, 2**63, 10**60, 10**400, 0.5, -0.0, 1e308, -1e308),
    *(float("nan"), float("inf"), "", "x", "fp32", "x" * 100_000, [], {}, [[]], [{}], {"": 1}, ["x"] * 1000),
    *("\x1b[2J\x1b]0;owned\x07", "a\nb", "\u202egnp.exe", "\x9b31m", "\x00", "\ud800", "[red]x[/red]", "%s", "ä☆"),
    *("../../x", "/etc/passwd", "name:tag", "-rf", "sha256:" + "0" * 64, "0001-01-01T00:00:00"),
    *({"a": {"b": ["c"]}}, {"\x1b": 1}, {"kind": "same", "size": 1}),
)


def mutate(document: Any, dice: random.Random) -> str:
    """Change one value: to something else, to what stands elsewhere, to nothing, or under another name."""
    holder, key = dice.choice(list(places(document)))
    other, place = dice.choice(list(places(document)))
    kind = dice.choice(("value", "value", "moved", "gone", "again"))
    if kind == "value":
        holder[key] = deepcopy(dice.choice(VALUES))  # the next mutation may be within it
    elif kind == "moved":
        holder[key] = json.loads(json.dumps(other[place]))
    elif kind == "gone":
        del holder[key]
        return f"without {key!a}"
    elif isinstance(holder, dict):
        holder[dice.choice((f"{key}x", key[:-1], "\x1b]0;x\x07"))] = holder[key]
    else:
        holder.append(holder[key])
    return f"{kind} {key!a}={str(holder[key])[:20]!a}"


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every place in a document that something stands at."""
    for key in list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        yield value, key
        yield from places(value[key])
