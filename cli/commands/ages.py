"""Moments and how long ago they were."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone

import click

# Least seconds -> seconds per unit, and its name; the first row that fits tells an age.
AGES = ((172_800, 86_400, "d"), (7_200, 3_600, "h"), (120, 60, "min"), (0, 1, "s"))
_SPANS = {"d": "days", "h": "hours", "w": "weeks"}


def age(created: str, now: datetime | None = None) -> str:
    """How long ago a moment was, in one unit; what is no moment is told as it is."""
    try:
        moment = as_utc(datetime.fromisoformat(created.replace("Z", "+00:00")))
    except ValueError:
        return created[:10]
    elapsed = ((now or datetime.now(timezone.utc)) - moment).total_seconds()
    seconds = max(0, int(elapsed))
    return next(f"{seconds // unit} {name}" for least, unit, name in AGES if seconds >= least)


def as_utc(moment: datetime) -> datetime:
    """The moment, in UTC when it does not say."""
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=timezone.utc)


def read_moment(context: click.Context, option: click.Parameter, text: str | None) -> datetime | None:
    """`2026-11-20`, `2026-11-20T10:00`, or how long ago: `12h`, `7d`, `2w`."""
    if text is None:
        return None
    span = re.fullmatch(r"(\d{1,5})([hdw])", text)
    if span:
        return datetime.now(timezone.utc) - timedelta(**{_SPANS[span[2]]: int(span[1])})
    try:
        return as_utc(datetime.fromisoformat(text.replace("Z", "+00:00")))
    except ValueError:
        raise click.BadParameter(f"{text!r} is no moment; write 2026-11-20, or 7d for seven days ago") from None
