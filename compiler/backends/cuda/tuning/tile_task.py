"""One convolution of a network in a search: the tiles that it may have, and what each was measured to take."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from zcc.compiler.backends.cuda.kernels.conv_mma import ConvMma, Tile
from zcc.compiler.backends.cuda.kernels.kernel_source import KernelSpec
from zcc.compiler.backends.cuda.targets import Capability
from zcc.compiler.backends.cuda.tile_records import Product, product_of, read_tile, write_tile
from zcc.compiler.backends.cuda.tiles import default_tile, fitted
from zcc.compiler.backends.cuda.tuning.tiles_to_try import neighbours, shapes


@dataclass(eq=False)
class TileTask:
    """The contract of tuned kernels, for tiles of convolutions."""

    product: Product
    capability: Capability
    patch: bool = False  # whether some of its kernels can have a patch
    count: int = 1
    seconds: dict[Tile, float | None] = field(default_factory=dict)  # None: it failed
    recalled: set[Tile] = field(default_factory=set)  # those of them that were known before the search
    default: Tile = field(init=False)  # where nothing was measured
    offered: list[Tile] = field(init=False)

    def __post_init__(self) -> None:
        self.default = default_tile(self.capability, self.product)
        others = shapes(self.capability, self.product, self.default.split, self.patch)
        self.offered = list(dict.fromkeys([self.default, *others]))

    @property
    def name(self) -> str:
        """Its name in tables and messages."""
        return self.product.name

    def recall(self, known: Mapping[str, float | None]) -> None:
        """Take up what records say."""
        self.seconds = {fitted(self.capability, read_tile(words)): taken for words, taken in known.items()}
        self.recalled = set(self.seconds)

    def next(self) -> Tile | None:
        """A tile that nobody has measured: first a shape, then something near the quickest; None when all are."""
        if not any(tile not in self.seconds for tile in self.offered) and self.quickest is not None:
            near = neighbours(self.capability, self.product, self.quickest, self.patch)
            self.offered += [tile for tile in near if tile not in self.offered]
        return next((tile for tile in self.offered if tile not in self.seconds), None)

    @property
    def sound(self) -> dict[Tile, float]:
        """Seconds of the tiles that did not fail."""
        return {tile: taken for tile, taken in self.seconds.items() if taken is not None}

    @property
    def quickest(self) -> Tile | None:
        """The quickest tile that was measured."""
        return min(self.sound, key=lambda tile: self.sound[tile], default=None)

    def likely(self, count: int) -> list[Tile]:
        """The default tile, and so many of the quickest."""
        return list(dict.fromkeys([self.default, *sorted(self.sound, key=lambda tile: self.sound[tile])[:count]]))

    @property
    def forms(self) -> int:
        """How many tiles it may have, as far as they are known yet."""
        return len(self.offered)

    @property
    def tried(self) -> int:
        """Measured in this search."""
        return len(self.seconds.keys() - self.recalled)

    @property
    def failed(self) -> int:
        """Those of them that failed."""
        return sum(taken is None for tile, taken in self.seconds.items() if tile not in self.recalled)

    @property
    def left(self) -> int:
        """Tiles that nobody has measured."""
        return sum(tile not in self.seconds for tile in self.offered)

    @property
    def default_seconds(self) -> float | None:
        """What the default takes."""
        return self.sound.get(self.default)

    @property
    def best_seconds(self) -> float | None:
        """What the quickest tile takes."""
        return min(self.sound.values(), default=None)

    @property
    def best(self) -> str | None:
        """The quickest tile, as records name it."""
        return write_tile(self.quickest) if self.quickest is not None else None

    @property
    def floor_seconds(self) -> float | None:
        """Not known of cards."""
        return None

    @property
    def gain(self) -> float:
        """How many times as fast as the default the quickest one is."""
        usual, best = self.default_seconds, self.best_seconds
        return usual / best if usual and best else 1.0


def tasks_of(specs: Sequence[KernelSpec], capability: Capability) -> list[TileTask]:
    """A task for each convolution on tensor cores, however often it is there."""
    kernels: dict[Product, list[ConvMma]] = {}
    for spec in specs:
        if isinstance(spec, ConvMma):
            kernels.setdefault(product_of(spec), []).append(spec)
    return [
        TileTask(product, capability, any(spec.geometry.window != (1, 1) for spec in same), len(same))
        for product, same in kernels.items()
    ]
