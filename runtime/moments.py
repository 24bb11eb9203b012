"""Moments in time, as ISO 8601 writes them."""

from __future__ import annotations

from datetime import datetime, timezone


def as_moment(text: str) -> datetime:
    """The moment in a text, in UTC when it does not say; a ValueError where there is none."""
    moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=timezone.utc)


def now() -> datetime:
    """This moment in UTC."""
    return datetime.now(timezone.utc)
