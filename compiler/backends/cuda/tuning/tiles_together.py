"""The tiles of a network together: what is quick alone may be in others' way where branches run side by side.

The network is timed with the default tiles and with the quickest; then, from the better of both, one convolution after
the other gets those tiles that were nearly the quickest alone, and keeps what makes the network faster.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from zcc.compiler.backends.cuda.tuning.measure_tiles import Tiles
from zcc.compiler.backends.cuda.tuning.tile_task import TileTask

DEFAULT, QUICKEST, ONE_BY_ONE = "default tiles", "the quickest tiles", "tiles chosen one by one"
LIKELY = 5  # tiles of a convolution that are tried in the network
NOTICEABLE = 0.997  # a tile is kept when the network takes less than this share of the time before

Measure = Callable[[Tiles], float | None]


@dataclass
class TilesTogether:
    """The contract of tuned networks: seconds of the whole network with sets of tiles."""

    sets: dict[str, Tiles] = field(default_factory=dict)
    timed: dict[str, float] = field(default_factory=dict)
    tried: int = 0

    default_form = DEFAULT
    failed = left = 0

    @property
    def forms(self) -> dict[str, float | str]:
        """Seconds of each set."""
        return {name: self.timed.get(name, "it could not be built") for name in self.sets}

    @property
    def best_form(self) -> str:
        """The quickest set; the default ones, if no other is quicker."""
        return min(self.timed, key=lambda name: self.timed[name], default=DEFAULT)

    @property
    def best_tiles(self) -> Tiles:
        """Its tiles, without those of convolutions that have their default one."""
        return self.sets.get(self.best_form, {})

    @property
    def default_seconds(self) -> float | None:
        """With default tiles."""
        return self.timed.get(DEFAULT)

    @property
    def best_seconds(self) -> float | None:
        """With the best set."""
        return self.timed.get(self.best_form)

    def describe(self) -> str:
        """Both times."""
        usual, best = self.default_seconds, self.best_seconds
        return f"{1e6 * usual:.0f} -> {1e6 * best:.0f} us" if usual and best else "not measured"

    def measure(self, name: str, tiles: Tiles, measure: Measure) -> None:
        """Time a set; where another of that name was timed, the quicker one stays."""
        self.tried += 1
        taken, known = measure(tiles), self.timed.get(name)
        if taken is not None and known is not None and taken < NOTICEABLE * known:
            taken = max(taken, measure(tiles) or taken)  # of many that are tried, some are quick by chance
        self.sets.setdefault(name, tiles)
        if taken is not None and (known is None or taken < NOTICEABLE * known):
            self.sets[name], self.timed[name] = tiles, taken


def try_together(tasks: Sequence[TileTask], measure: Measure, may_go_on: Callable[[], bool]) -> TilesTogether:
    """Measure sets of tiles in the network, as long as it may go on."""
    found = TilesTogether()
    found.measure(DEFAULT, {}, measure)
    found.measure(QUICKEST, {task.product: task.quickest for task in tasks if task.quickest is not None}, measure)
    if found.timed:
        found.sets[ONE_BY_ONE], found.timed[ONE_BY_ONE] = found.best_tiles, found.timed[found.best_form]
    for task in sorted(tasks, key=lambda each: -each.count * (each.best_seconds or 0)):
        for tile in task.likely(LIKELY):
            if not may_go_on() or ONE_BY_ONE not in found.timed:
                return found
            chosen = found.sets[ONE_BY_ONE]
            if chosen.get(task.product, task.default) != tile:
                found.measure(ONE_BY_ONE, {**chosen, task.product: tile}, measure)
    return found
