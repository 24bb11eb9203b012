"""JSON from elsewhere, read only where what it becomes in memory is bounded."""

from __future__ import annotations

import json
from typing import Any, NoReturn

from zcc.runtime import limits
from zcc.runtime.regular import told


def parse_json(text: str | bytes, most: int) -> Any:
    """The document in a text of at most so many bytes; a ValueError says what is wrong with it."""
    if len(text) > most:
        raise ValueError(f"it has {told(len(text))}, more than {told(most)}")
    content = text.decode() if isinstance(text, bytes) else text
    # What stands in strings is counted, too: the bound is on memory, and a document of ours stays far below it.
    values = sum(content.count(mark) for mark in ",[{")
    if values > limits.JSON_VALUES:
        raise ValueError(f"it has {values} values, more than {limits.JSON_VALUES}")
    try:
        return json.loads(content, parse_constant=_refuse_constant)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def _refuse_constant(word: str) -> NoReturn:
    """Python writes NaN and Infinity, which JSON does not have."""
    raise ValueError(f"{word} is no JSON")
