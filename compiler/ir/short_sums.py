"""Weights whose products with bytes can be added in 16 bits, however large the bytes are.

Processors without dot products of bytes multiply pairs of neighbouring input channels and add both products in 16
bits. The pairs of up to four words of four channels are then added to each other, still in 16 bits. Such a sum lies
between 255 times the negative weights and 255 times the positive ones, so neither may be more than ROOM together.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

ROOM = 32767 // 255
WORD = 4  # input channels of a word: two pairs
PAIR = 2

Values = NDArray[Any]


def weight_range(words: int) -> str:
    """What weights of bytes are held to, for people."""
    return "-127..127" + (f", of {PAIR * words} that are added in 16 bits at most {ROOM} of one sign" if words else "")


def in_sums(weight: Values, words: int) -> Values:
    """(O, I, KH, KW) as [O, sums, weights of a sum], with zeros where the channels end within a word."""
    outs, ins, height, width = weight.shape
    padded = np.zeros((outs, -(-ins // (words * WORD)) * words * WORD, height, width), weight.dtype)
    padded[:, :ins] = weight
    # The pairs of one place within their words are added: [O, steps, words, places, pair, KH, KW].
    split = padded.reshape(outs, -1, words, WORD // PAIR, PAIR, height, width)
    return split.transpose(0, 1, 5, 6, 3, 2, 4).reshape(outs, -1, words * PAIR)


def out_of_sums(sums: Values, words: int, shape: tuple[int, ...]) -> Values:
    """The inverse of `in_sums` for weights of that shape."""
    outs, ins, height, width = shape
    split = sums.reshape(outs, -1, height, width, WORD // PAIR, words, PAIR)
    return split.transpose(0, 1, 5, 4, 6, 2, 3).reshape(outs, -1, height, width)[:, :ins]


def fit(sums: Values) -> bool:
    """Whether all sums [..., weights of a sum] stay within 16 bits."""
    wide = sums.astype(np.int64)
    return bool((np.maximum(wide, 0).sum(-1) <= ROOM).all() and (np.minimum(wide, 0).sum(-1) >= -ROOM).all())


def rounded_to_fit(sums: Values) -> Values:
    """Whole numbers near the real ones of which all sums stay within 16 bits."""
    return _side(np.maximum(sums, 0)) - _side(np.maximum(-sums, 0))


def _side(parts: Values) -> Values:
    """The same for numbers that are not negative: those of too large a sum are lowered alike, none below zero."""
    integers = np.rint(parts)
    beyond = integers.sum(-1) > ROOM
    integers[beyond] = _round_within(_lowered(parts[beyond]))
    return integers


def _lowered(parts: Values) -> Values:
    """The nearest numbers with a sum of ROOM at most: each less a common amount, or zero."""
    ordered = -np.sort(-parts, axis=-1)
    count = np.arange(1, parts.shape[-1] + 1)
    amounts = (np.cumsum(ordered, -1) - ROOM) / count
    kept = np.maximum((ordered > amounts).sum(-1, keepdims=True), 1)
    return np.maximum(parts - np.maximum(np.take_along_axis(amounts, kept - 1, -1), 0), 0)


def _round_within(parts: Values) -> Values:
    """Rounded to the nearest while there is room, the largest fractions first; then down."""
    floor = np.floor(parts + 1e-9)
    fraction = parts - floor
    rank = np.argsort(np.argsort(-fraction, axis=-1, kind="stable"), axis=-1, kind="stable")
    return floor + ((fraction >= 0.5) & (rank < ROOM - floor.sum(-1, keepdims=True)))
