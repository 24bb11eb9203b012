"""The choices that templates leave open, and who makes them.

A tunable spec holds its choice in the field `tile`. It offers every form worth trying, its own default first; records
of what a search found say which is taken, and the default is taken where there are none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, ClassVar, Protocol, TypeVar

from zcc.compiler.backends.cpu.kernels.sampled import Sampled
from zcc.compiler.backends.cpu.kernels.slab import Slab
from zcc.compiler.backends.cpu.kernels.spec import KernelSpec, VectorUnit
from zcc.compiler.backends.cpu.kernels.winograd_choices import AmxWinogradChoice, WinogradChoice
from zcc.compiler.ir.tensors import Array

AnySums = TypeVar("AnySums", bound="Sums")
WORTH_TRYING = 1.3  # times the least expected cost


@dataclass(frozen=True)
class Sums:
    """How many output blocks and columns are summed at once."""

    blocks: int
    columns: int


@dataclass(frozen=True)
class Tile(Sums):
    """The same, and which tasks come first.

    Tasks are (group of blocks, row) pairs: all rows of a group one after another, which reuses its weights, or, with
    `rows_first`, all groups of a row, which reuses the rows that are read.
    """

    rows_first: bool = False


@dataclass(frozen=True)
class AmxChoice(Sums):
    """Sums in AMX's tile registers: as many columns in each, at most 16.

    With `gathered`, a task first copies what it reads, so that all channels of a pixel lie side by side.
    """

    gathered: bool = False


def in_both_orders(tiles: Sequence[Tile], out: Slab, rows_first: bool = False) -> Sequence[Tile]:
    """Each tile with its tasks group by group and row by row, where that makes a difference; the better order first."""
    orders = (rows_first, not rows_first)
    return tuple(
        replace(tile, rows_first=order)
        for tile in tiles
        for order in (orders if tile.blocks < out.blocks else (False,))
    )


def worth_trying(costs: Mapping[AnySums, tuple[float, int]]) -> list[AnySums]:
    """Those whose cost is near the least, in order of (cost, what decides between equals)."""
    least = min(cost for cost, _ in costs.values())
    return sorted((tile for tile, (cost, _) in costs.items() if cost <= WORTH_TRYING * least), key=lambda t: costs[t])


class Form(KernelSpec, Protocol):
    """A tunable kernel in one of its forms."""

    def pack(self, dense: Array) -> Array:
        """The weights as this form wants them, from how the default form has them."""
        ...


class Tunable(Form, Protocol):
    """A kernel that can be computed in several forms; a dataclass, whose field `tile` is its form."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def tile(self) -> Any:
        """Its form."""
        ...

    def preferred(self, unit: VectorUnit) -> Any:
        """The form expected to be best: the one that is taken when nothing was measured."""
        ...

    def choices(self, unit: VectorUnit) -> Sequence[Any]:
        """Every form worth trying, the preferred one first."""
        ...

    def chosen(self, choice: Any) -> Form:
        """The kernel in a form of its own `choices`."""
        ...


class Choices(Protocol):
    """Makes the choices of a network's kernels."""

    def find(self, spec: Tunable) -> Any | None:
        """The form to take; None for the one that the template prefers."""
        ...


class Unchanged:
    """Leaves every kernel in the form that its spec has already, so that the calls of a layout show the specs."""

    def find(self, spec: Tunable) -> Any | None:
        """The spec's own form."""
        return spec.tile


class Defaults:
    """Takes every kernel as its template would have it."""

    def find(self, spec: Tunable) -> Any | None:
        """None always: what the template prefers."""
        return None


KINDS: dict[str, Any] = {
    "tile": Tile,
    "tile_registers": AmxChoice,
    "winograd": WinogradChoice,
    "winograd_registers": AmxWinogradChoice,
    "sampled": Sampled,
}


def write_choice(choice: Any) -> str:
    """A choice as text without quotes, for example `tile blocks=4 columns=4 rows_first=0`."""
    kind = next(name for name, kind in KINDS.items() if type(choice) is kind)
    return " ".join([kind, *(f"{name}={int(value)}" for name, value in asdict(choice).items())])


def read_choice(text: str) -> Any:
    """The choice that `write_choice` wrote; ValueError for anything else."""
    kind, *values = text.split(" ")
    if kind not in KINDS:
        raise ValueError(f"{kind!r} is no kind of choice")
    read = {name: int(value) for name, _, value in (pair.partition("=") for pair in values)}
    names = [field.name for field in fields(KINDS[kind])]
    if sorted(read) != sorted(names):
        raise ValueError(f"a {kind} has {', '.join(names)}, not {', '.join(read) or 'nothing'}")
    return KINDS[kind](**read)
