"""Choices as text, and what every template promises of the choices it offers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.compiler.backends.cpu.tuning.kernels import Sizes, bf16, direct, int8
from zcc.compiler.backends.cpu.kernels.choices import KINDS, Tile, Unchanged, read_choice, write_choice
from zcc.compiler.backends.cpu.kernels.winograd_choices import WinogradChoice
from zcc.compiler.backends.cpu.targets.table import TARGETS
from zcc.compiler.backends.cpu.targets.target import CpuTarget

numbers = st.integers(0, 10_000)
tiles = st.builds(Tile, numbers, numbers, st.booleans())
winograds = st.builds(WinogradChoice, numbers, numbers, numbers, numbers, numbers)


@given(tiles | winograds)
def test_what_is_written_is_read(choice: Any) -> None:
    text = write_choice(choice)
    assert read_choice(text) == choice
    assert not {'"', "'", "|", "\n"} & set(text)
    assert text.split()[0] in KINDS


@given(tiles, tiles)
def test_different_choices_are_written_differently(one: Tile, other: Tile) -> None:
    assert (write_choice(one) == write_choice(other)) == (one == other)


@pytest.mark.parametrize(
    "text",
    [
        *("", "tile", "tile blocks=1", "tile blocks=1 columns=2", "block=1", "stone blocks=1 columns=2 rows_first=0"),
        *("tile blocks=1 columns=2 rows_first=0 depth=3", "tile blocks=one columns=2 rows_first=0"),
        "winograd blocks=1 columns=2 rows_first=0",
    ],
)
def test_what_is_no_choice_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        read_choice(text)


def specs(target: CpuTarget) -> list[Any]:
    """A kernel of each template that the target can build, in several sizes."""
    sizes = [Sizes(), Sizes((1, 1), (1, 1), 1), Sizes((3, 5), (4, 17), 3, 2), Sizes((2, 8), (20, 20))]
    made: list[Any] = [direct(each, target.unit) for each in sizes]
    made += [int8(each, target.unit) for each in sizes]
    return made + ([bf16(each, target.unit) for each in sizes] if target.unit.bf16 else [])


@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
def test_templates_offer_each_choice_once_and_their_own_first(target: CpuTarget) -> None:
    for spec in specs(target):
        choices = list(spec.choices(target.unit))
        assert choices[0] == spec.chosen(spec.preferred(target.unit)).tile == spec.preferred(target.unit)
        assert len({write_choice(choice) for choice in choices}) == len(choices)
        assert all(spec.chosen(choice).tile == choice for choice in choices)


@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
def test_what_a_template_offers_does_not_depend_on_the_form_it_has(target: CpuTarget) -> None:
    """Forms are counted by what was measured before: a space that moved would never be exhausted."""
    for spec in specs(target):
        choices = set(spec.choices(target.unit))
        other = replace(spec, tile=next(choice for choice in spec.choices(target.unit) if isinstance(choice, Tile)))
        assert set(other.choices(target.unit)) == choices
        assert Unchanged().find(other) == other.tile
