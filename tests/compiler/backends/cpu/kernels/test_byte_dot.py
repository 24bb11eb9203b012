"""Which way of multiplying bytes is right for given weights."""

from __future__ import annotations

import numpy as np
import pytest

from tests.compiler.backends.cpu.kernels.integers import lanes_for
from zcc.compiler.backends.cpu.kernels.byte_dot import BYTE_DOTS, BYTES, fitting_words, short_words
from zcc.compiler.backends.cpu.kernels.spec import VectorUnit
from zcc.compiler.backends.cpu.layout.weights import pack_words
from zcc.compiler.ir.quantisation import quantise_weight

MADDUBS = VectorUnit(8, 16, dot="maddubs")
MOST = short_words(MADDUBS)


def packed(values: np.ndarray, lanes: int = 16) -> np.ndarray:
    outs, ins = values.shape[:2]
    return pack_words(values.astype(np.int8), lanes_for(ins, lanes), lanes, lanes_for(outs, 16), 16, BYTES)


def test_weights_chosen_for_the_unit_fit_it() -> None:
    weight = np.random.default_rng(0).normal(0, 1, (24, 40, 3, 3)).astype(np.float32)
    assert fitting_words(packed(quantise_weight(weight, words=MOST).values), MADDUBS) == MOST


def test_an_image_has_one_word_of_channels() -> None:
    weight = np.random.default_rng(0).normal(0, 1, (16, 3, 3, 3)).astype(np.float32)
    assert fitting_words(packed(quantise_weight(weight, words=MOST).values, lanes=4), MADDUBS) == 1


@pytest.mark.parametrize(
    ("pair", "fits"), [((64, 64), True), ((64, 65), False), ((127, -127), True), ((-128, -1), False)]
)
def test_one_pair_that_is_too_large_is_enough(pair: tuple[int, int], fits: bool) -> None:
    values = np.zeros((16, 16, 1, 1))
    values[7, 8:10, 0, 0] = pair
    assert (fitting_words(packed(values), MADDUBS) > 0) == fits


def test_pairs_that_fit_alone_need_not_fit_together() -> None:
    values = np.full((16, 16, 1, 1), 64)
    assert fitting_words(packed(values), MADDUBS) == 1
    values[:, ::2] = -64
    assert fitting_words(packed(values), MADDUBS) == 2 if MOST >= 2 else 1


@pytest.mark.parametrize("dot", BYTE_DOTS)
def test_every_kind_of_processor_has_a_way_for_all_weights(dot: str) -> None:
    assert fitting_words(packed(np.full((16, 16, 3, 3), 127)), VectorUnit(8, 16, dot=dot)) == 0
