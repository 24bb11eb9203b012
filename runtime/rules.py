"""What JSON that comes from outside may hold, as rules that are put together like what they are about.

A rule takes a value and where it stands, and raises `Breach` when the value is not what it should be. What is told of
a value is short and printable, whatever was in it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from zcc.runtime import limits
from zcc.runtime.escaping import is_printable

# Where a value stands: a place, or what is inside one, and its name or number there. It is put into words for what is
# wrong alone, since that takes longer than to look at what is right.
Where = str | tuple["Where", str | int]
Rule = Callable[[Any, Where], None]

LARGEST = 1e15  # of numbers that are no sizes: beyond it floats no longer tell integers apart
LONGEST = 4096  # characters of a text that nothing else is said of
DEEPEST = 8
MOST_FREE = 100_000  # parts of a list or an object that nothing else is said of
SHOWN = 40
LONGEST_PLACE = 120


class Breach(ValueError):
    """A value that is not what it should be, and what is wrong with it."""


def strict_json(text: Any, most: int) -> Any:
    """JSON as it stands in the standard, in at most so many characters: no numbers beyond numbers, no key twice.

    A ValueError says what else it is; a text that would become far larger in memory is not read.
    """
    if not isinstance(text, str):
        raise Breach(f"it is no text: {brief(text)}")
    # What stands in strings is counted, too: the bound is on memory, and a document of ours stays far below it.
    values = sum(text.count(mark) for mark in ",[{")
    if len(text) > most or values > limits.JSON_VALUES:
        raise Breach(f"it is too large: {len(text)} characters of at most {most}, some {values} values")
    try:
        return json.loads(text, parse_constant=_no_number, object_pairs_hook=_distinct)
    except RecursionError as error:
        raise Breach("it is nested too deeply") from error


def text(most: int = LONGEST, least: int = 0, pattern: str = "") -> Rule:
    """A printable text of a length, of a form where one is given."""
    form = re.compile(pattern).fullmatch if pattern else None

    def rule(value: Any, where: Where) -> None:
        if not isinstance(value, str):
            raise _breach(where, value, "no text")
        if not least <= len(value) <= most:
            raise _breach(where, value, f"not {least} to {most} characters long")
        if not (value.isascii() and value.isprintable()) and not is_printable(value):  # a call less for nearly all
            raise _breach(where, value, "not fit to be printed")
        if form is not None and not form(value):
            raise _breach(where, value, "not of its form")

    return rule


def integer(least: int, most: int) -> Rule:
    """A whole number within a range."""

    def rule(value: Any, where: Where) -> None:
        if type(value) is not int or not least <= value <= most:
            raise _breach(where, value, f"not a whole number from {least} to {most}")

    return rule


def number(least: float = -LARGEST, most: float = LARGEST) -> Rule:
    """A finite number within a range."""

    def rule(value: Any, where: Where) -> None:
        if type(value) not in _NUMBERS or not least <= value <= most:  # no range holds nan
            raise _breach(where, value, f"not a number from {least:g} to {most:g}")

    return rule


_NUMBERS = (int, float)


def one_of(*known: Any) -> Rule:
    """One of a few values."""

    def rule(value: Any, where: Where) -> None:
        if not any(type(value) is type(each) and value == each for each in known):
            raise _breach(where, value, f"not {' or '.join(map(str, known))}")

    return rule


def maybe(inner: Rule) -> Rule:
    """Null, or what the inner rule says."""
    return lambda value, where: None if value is None else inner(value, where)


def list_of(inner: Rule, most: int, least: int = 0) -> Rule:
    """A list of so many."""

    def rule(value: Any, where: Where) -> None:
        if not isinstance(value, list):
            raise _breach(where, value, "no list")
        if not least <= len(value) <= most:
            raise _breach(where, len(value), f"not the length of a list of {least} to {most}")
        for place, each in enumerate(value):
            inner(each, (where, place))

    return rule


def table(inner: Rule, most: int) -> Rule:
    """Words, and what the inner rule says of each."""
    word = text(LONGEST, 1)

    def rule(value: Any, where: Where) -> None:
        if not isinstance(value, dict):
            raise _breach(where, value, "no object")
        if len(value) > most:
            raise _breach(where, len(value), f"not the size of an object of at most {most}")
        for key, each in value.items():
            word(key, (where, KEY))
            inner(each, (where, key))

    return rule


KEY = ""  # in a place: what is wrong is a name in it, not the value under that name


def record(
    required: Mapping[str, Rule], optional: Mapping[str, Rule] | None = None, others: Rule | None = None
) -> Rule:
    """Named fields; `others` says what is allowed under any other name, nothing where it is left out."""
    known = {**required, **(optional or {})}

    def rule(value: Any, where: Where) -> None:
        if not isinstance(value, dict):
            raise _breach(where, value, "no object")
        if not required.keys() <= value.keys():
            raise _breach(where, ", ".join(sorted(required.keys() - value.keys())), "missing")
        for key, each in value.items():
            found = known.get(key, others)
            if found is None:
                raise Breach(f"{_place(where)} has an unknown field {brief(key)}")
            found(each, (where, key))

    return rule


def anything(value: Any, where: Where, depth: int = DEEPEST) -> None:
    """Any JSON whose numbers are finite, whose texts can be printed, and that is not endlessly deep."""
    if depth <= 0:
        raise _breach(where, "it", "too deep")
    kind = type(value)
    if kind is str:
        _FREE_TEXT(value, where)
    elif kind is dict:
        _FREE_SIZE(len(value), where)
        for key, each in value.items():
            _FREE_KEY(key, (where, KEY))
            anything(each, (where, key), depth - 1)
    elif kind is list:
        _FREE_SIZE(len(value), where)
        for place, each in enumerate(value):
            if not (type(each) is int and 0 <= each <= MOST_FREE and depth > 1):  # most are sizes: no call for each
                anything(each, (where, place), depth - 1)
    elif value is not None and kind is not bool:
        _FREE_NUMBER(value, where)


_FREE_TEXT, _FREE_NUMBER, _FREE_KEY, _FREE_SIZE = text(), number(), text(LONGEST, 1), integer(0, MOST_FREE)


def brief(value: Any) -> str:
    """A value in a few printable characters."""
    try:
        told = ascii(value if not isinstance(value, str) else value[: SHOWN + 1])
    except (ValueError, RecursionError):  # an integer of thousands of digits; a list in a list in a list
        told = f"a {type(value).__name__}"
    return told if len(told) <= SHOWN else told[: SHOWN - 1] + "…"


def in_words(where: Where) -> str:
    """A place as errors name it."""
    if isinstance(where, str):
        return where
    outer, name = in_words(where[0]), where[1]
    if name == KEY:
        return f"a key of {outer}"
    if isinstance(name, int):
        return f"{outer}[{name}]"
    return f"{outer}.{name}" if outer else name


def _breach(where: Where, value: Any, wrong: str) -> Breach:
    return Breach(f"{_place(where)}: {brief(value)} is {wrong}")


def _place(where: Where) -> str:
    """Keys come from outside, too."""
    told = in_words(where)
    return ascii(told[-LONGEST_PLACE:])[1:-1] if told else "it"


def _no_number(word: str) -> Any:
    raise Breach(f"{word} is not a number")


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        names = [key for key, _ in pairs]
        raise Breach(f"the field {brief(next(key for key in names if names.count(key) > 1))} is there twice")
    return made
