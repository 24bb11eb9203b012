"""Policies: what is asked of an artifact before it is trusted, as one JSON document.

    {"policy": 1,
     "accuracy": {"data": "val", "metric": "map50_95", "at_least": 0.5, "most_lost": 0.5},
     "latency": {"machine": "edge-7", "at_most_ms": 12},
     "max_age_days": 90,
     "signatures": 1,
     "keys": [{"name": "release 2026", "public": "-----BEGIN PUBLIC KEY-----…",
               "from": "2026-01-01", "until": "2026-12-31", "revoked": "stolen"}]}

Everything but `policy` may be left out. Keys are rotated by adding the next one and giving the old one an `until`: what
it signed before still counts. A `revoked` key counts for nothing, whenever its signatures say that they were made.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from zcc.runtime import limits
from zcc.runtime.errors import UsageError
from zcc.runtime.manifest_rules import moment
from zcc.runtime.moments import as_moment
from zcc.runtime.regular import read_text
from zcc.runtime.rules import Breach, integer, list_of, number, one_of, record, strict_json, text
from zcc.runtime.trust.keys import PublicKey

MOST_KEYS = 256

_NAME, _WORDS = text(128, 1), text(256, 1)
_KEY = record(
    {"name": _NAME, "public": lambda value, where: None},
    {"from": moment, "until": moment, "revoked": text(400, 1)},
)
_POLICY = record(
    {"policy": one_of(1)},
    {
        "accuracy": record(
            {"data": _WORDS}, {"metric": text(64, 1), "at_least": number(0, 1), "most_lost": number(-100, 100)}
        ),
        "latency": record({"machine": _WORDS}, {"metric": text(64, 1), "at_most_ms": number(0, 1e9)}),
        "max_age_days": number(0, 1e5),
        "signatures": integer(1, MOST_KEYS),
        "keys": list_of(_KEY, MOST_KEYS),
    },
)


@dataclass(frozen=True)
class Key:
    """A key that a policy knows, and for how long it is believed."""

    name: str
    public: PublicKey
    since: datetime | None
    until: datetime | None
    revoked: str | None

    def doubt(self, signed: datetime) -> str | None:
        """Why a signature of this moment is not believed, None when it is."""
        if self.revoked is not None:
            return f"the key {self.name} is revoked ({self.revoked})"
        if self.since is not None and signed < self.since:
            return f"the key {self.name} is valid from {self.since:%Y-%m-%d} on"
        if self.until is not None and signed > self.until:
            return f"the key {self.name} was valid until {self.until:%Y-%m-%d}"
        return None


@dataclass(frozen=True)
class FigureDemand:
    """A figure that must be there, within a bound, and how it must have been measured."""

    metric: str
    how: str  # words that tell the data set, or the machine
    least: float | None = None
    most: float | None = None


@dataclass(frozen=True)
class TrustPolicy:
    """What is asked of an artifact."""

    demands: tuple[FigureDemand, ...]
    max_age_days: float | None
    signatures: int  # of different keys
    keys: tuple[Key, ...]


def load_policy(path: str | os.PathLike[str]) -> TrustPolicy:
    """The policy in a file."""
    return parse_policy(read_policy(path), os.fspath(path))


def read_policy(path: str | os.PathLike[str]) -> str:
    """The text of a policy, which is one."""
    try:
        found = read_text(path, limits.POLICY)
    except OSError as error:
        raise UsageError(f"the policy {os.fspath(path)} cannot be read: {error.strerror}", "check the path") from error
    except UnicodeDecodeError as error:
        raise UsageError(
            f"the policy {os.fspath(path)} is no text", "write it as JSON, see docs/registry.md"
        ) from error
    parse_policy(found, os.fspath(path))
    return found


def parse_policy(written: str, source: str) -> TrustPolicy:
    """The policy in a text; `source` names it in errors."""
    try:
        raw = strict_json(written, limits.POLICY)
        _POLICY(raw, "")
        keys = tuple(_key(each, source) for each in raw.get("keys", ()))
    except (Breach, json.JSONDecodeError) as error:
        raise UsageError(f"{source} is no policy ({error})", "write it as docs/registry.md says") from error
    wanted = raw.get("signatures", 0)
    if wanted and not keys:
        raise UsageError(f"{source} asks for signatures and names no key", 'add "keys"')
    return TrustPolicy(tuple(_demands(raw)), raw.get("max_age_days"), wanted, keys)


def _key(raw: Mapping[str, Any], source: str) -> Key:
    public = raw["public"]
    if not isinstance(public, str) or len(public) > 4096:
        raise Breach(f"the key {raw['name']} is no text")
    since, until = (as_moment(raw[word]) if word in raw else None for word in ("from", "until"))
    return Key(raw["name"], PublicKey(public, f"{source}: the key {raw['name']}"), since, until, raw.get("revoked"))


def _demands(raw: Mapping[str, Any]) -> list[FigureDemand]:
    demands = []
    if accuracy := raw.get("accuracy"):
        metric = accuracy.get("metric", "map50_95")
        demands.append(FigureDemand(metric, accuracy["data"], least=accuracy.get("at_least")))
        if "most_lost" in accuracy:
            demands.append(FigureDemand(f"drop_{metric}", accuracy["data"], most=accuracy["most_lost"]))
    if latency := raw.get("latency"):
        demands.append(
            FigureDemand(latency.get("metric", "latency_ms"), latency["machine"], most=latency.get("at_most_ms"))
        )
    return demands
