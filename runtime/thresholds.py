"""What callers say of the detections they want."""

from __future__ import annotations

from typing import Any

from zcc.runtime.errors import UsageError


def threshold(name: str, value: Any) -> float:
    """The value as a number from 0 to 1; UsageError with the threshold's name where it is none."""
    if type(value) is float and 0.0 <= value <= 1.0:
        return value
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = -1.0
    if not 0.0 <= number <= 1.0:  # NaN is not, either
        raise UsageError(f"{name}={value!r} is not a number from 0 to 1")
    return number
