"""What a user asks of a search."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class TuneOptions:
    """How long to search, and where; without limits until every form was measured."""

    trials: int | None = None  # of each variant
    seconds: float | None = None  # of all variants together
    runner: str | None = None  # rpc://tracker:port/KEY; this machine without it
