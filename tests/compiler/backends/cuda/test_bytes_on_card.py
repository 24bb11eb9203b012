"""int8 on a card, where this machine has one, has the bytes of int8 on CPUs: whole random networks."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.compiler.backends.cuda.card import CARD, needs_card, on_card
from tests.compiler.backends.cuda.random_bytes import bytes_network
from tests.compiler.backends.cuda.test_on_card import PATCHED
from zcc.compiler.backends.cuda.pipeline import lower_network

pytestmark = needs_card


@pytest.mark.parametrize("seed", range(12))
def test_a_card_has_the_bytes_of_the_cpu(seed: int, tmp_path: Path) -> None:
    case = bytes_network(seed, tmp_path)
    case.assert_equal(on_card(lower_network(case.network, CARD, "int8"), case.image)[0])


@pytest.mark.parametrize("tile", PATCHED)
def test_patches_hold_the_bytes_of_the_edges(tile: str, tmp_path: Path) -> None:
    case = bytes_network(3, tmp_path)
    planned = lower_network(case.network, CARD, "int8", lambda product: PATCHED[tile])
    case.assert_equal(on_card(planned, case.image)[0])
