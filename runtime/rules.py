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

Rule = Callable[[Any, str], None]

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
    form = re.compile(pattern) if pattern else None
    length = f"not {least} to {most} characters long"  # told here, as all of these, and not for each value that fits

    def rule(value: Any, where: str) -> None:
        _need(isinstance(value, str), where, value, "no text")
        _need(least <= len(value) <= most, where, value, length)
        _need(is_printable(value), where, value, "not fit to be printed")
        _need(form is None or bool(form.fullmatch(value)), where, value, "not of its form")

    return rule


def integer(least: int, most: int) -> Rule:
    """A whole number within a range."""
    wrong = f"not a whole number from {least} to {most}"

    def rule(value: Any, where: str) -> None:
        _need(type(value) is int and least <= value <= most, where, value, wrong)

    return rule


def number(least: float = -LARGEST, most: float = LARGEST) -> Rule:
    """A finite number within a range."""
    wrong = f"not a number from {least:g} to {most:g}"

    def rule(value: Any, where: str) -> None:
        fits = type(value) in (int, float) and least <= value <= most  # no range holds nan
        _need(fits, where, value, wrong)

    return rule


def one_of(*known: Any) -> Rule:
    """One of a few values."""
    wrong = f"not {' or '.join(map(str, known))}"

    def rule(value: Any, where: str) -> None:
        fits = any(type(value) is type(each) and value == each for each in known)
        _need(fits, where, value, wrong)

    return rule


def maybe(inner: Rule) -> Rule:
    """Null, or what the inner rule says."""
    return lambda value, where: None if value is None else inner(value, where)


def list_of(inner: Rule, most: int, least: int = 0) -> Rule:
    """A list of so many."""
    length = f"not the length of a list of {least} to {most}"

    def rule(value: Any, where: str) -> None:
        _need(isinstance(value, list), where, value, "no list")
        _need(least <= len(value) <= most, where, len(value), length)
        for place, each in enumerate(value):
            inner(each, f"{where}[{place}]")

    return rule


def table(inner: Rule, most: int) -> Rule:
    """Words, and what the inner rule says of each."""
    word = text(LONGEST, 1)
    size = f"not the size of an object of at most {most}"

    def rule(value: Any, where: str) -> None:
        _need(isinstance(value, dict), where, value, "no object")
        _need(len(value) <= most, where, len(value), size)
        for key, each in value.items():
            word(key, f"a key of {where}")
            inner(each, _inside(where, key))

    return rule


def record(
    required: Mapping[str, Rule], optional: Mapping[str, Rule] | None = None, others: Rule | None = None
) -> Rule:
    """Named fields; `others` says what is allowed under any other name, nothing where it is left out."""
    known = {**required, **(optional or {})}

    def rule(value: Any, where: str) -> None:
        _need(isinstance(value, dict), where, value, "no object")
        if not required.keys() <= value.keys():
            _need(False, where, ", ".join(sorted(required.keys() - value.keys())), "missing")
        for key, each in value.items():
            found = known.get(key, others)
            if found is None:
                raise Breach(f"{_place(where)} has an unknown field {brief(key)}")
            found(each, _inside(where, key))

    return rule


def anything(value: Any, where: str, depth: int = DEEPEST) -> None:
    """Any JSON whose numbers are finite, whose texts can be printed, and that is not endlessly deep."""
    _need(depth > 0, where, "it", "too deep")
    if isinstance(value, dict):
        table(lambda each, place: anything(each, place, depth - 1), MOST_FREE)(value, where)
    elif isinstance(value, list):
        list_of(lambda each, place: anything(each, place, depth - 1), MOST_FREE)(value, where)
    elif isinstance(value, str):
        _FREE_TEXT(value, where)
    elif value is not None and not isinstance(value, bool):
        _FREE_NUMBER(value, where)


_FREE_TEXT, _FREE_NUMBER = text(), number()


def brief(value: Any) -> str:
    """A value in a few printable characters."""
    try:
        told = ascii(value if not isinstance(value, str) else value[: SHOWN + 1])
    except (ValueError, RecursionError):  # an integer of thousands of digits; a list in a list in a list
        told = f"a {type(value).__name__}"
    return told if len(told) <= SHOWN else told[: SHOWN - 1] + "…"


def _inside(where: str, key: str) -> str:
    return f"{where}.{key}" if where else key


def _need(fits: bool, where: str, value: Any, wrong: str) -> None:
    if not fits:
        raise Breach(f"{_place(where)}: {brief(value)} is {wrong}")


def _place(where: str) -> str:
    """Keys come from outside, too."""
    return ascii(where[-LONGEST_PLACE:])[1:-1] if where else "it"


def _no_number(word: str) -> Any:
    raise Breach(f"{word} is not a number")


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        names = [key for key, _ in pairs]
        raise Breach(f"the field {brief(next(key for key in names if names.count(key) > 1))} is there twice")
    return made
