"""The candidates by descending score, equals by index: a stable radix sort on the floats' bits."""

from __future__ import annotations

from typing import Any

from tvm.script import tirx as T

from zcc.compiler.backends.cpu.frame.inline import inline
from zcc.compiler.backends.cpu.frame.letterbox import Expr
from zcc.compiler.backends.cpu.frame.scratch import variable

DIGIT_BITS = 8
DIGITS = 32 // DIGIT_BITS  # an even number of passes, so that the result lies where the input lay
RADIX = 1 << DIGIT_BITS


def _key(score: Expr) -> Expr:
    """Bits that ascend, unsigned, while the float descends; both zeros are one, and NaN does not occur."""
    bits = T.reinterpret("int32", T.Select(score == T.float32(0), T.float32(0), score))
    return T.Select(bits >= 0, bits ^ 0x7FFFFFFF, bits)


def _digit(key: Expr, number: Expr) -> Expr:
    return (key >> (number * DIGIT_BITS)) & (RADIX - 1)


@inline
def _gather(found: Any, blocks: Any, keys: Any, order: Any, total: Any) -> None:
    """Line up what the blocks found."""
    total[0] = 0
    for block in range(blocks.count):
        for i in range(found.counts[block]):
            index: T.let = found.indices[blocks.place(block) + i]
            keys[0, total[0] + i] = _key(found.scores[index])
            order[0, total[0] + i] = index
        total[0] = total[0] + found.counts[block]


@inline
def _count_digits(keys: Any, total: Any, places: Any) -> None:
    """For each digit of the keys, where its values begin in the sorted sequence."""
    begin = variable("int32")
    for digit, step in T.grid(DIGITS, RADIX):
        places[digit, step] = 0
    for i in range(total):
        for digit in T.unroll(DIGITS):
            value: T.let = _digit(keys[0, i], digit)
            places[digit, value] = places[digit, value] + 1
    for digit in range(DIGITS):
        begin[0] = 0
        for step in range(RADIX):
            size: T.let = places[digit, step]
            places[digit, step] = begin[0]
            begin[0] = begin[0] + size


@inline
def rank(found: Any, blocks: Any, keys: Any, order: Any, places: Any, total: Any) -> None:
    """Leave the candidates' indices in `order[0]` and their number in `total[0]`."""
    _gather(found, blocks, keys, order, total)
    _count_digits(keys, total[0], places)
    for digit in T.unroll(DIGITS):
        for i in range(total[0]):
            key: T.let = keys[digit % 2, i]
            value: T.let = _digit(key, digit)
            place: T.let = places[digit, value]
            places[digit, value] = place + 1
            keys[1 - digit % 2, place] = key
            order[1 - digit % 2, place] = order[digit % 2, i]
