"""The quickest tiles together: what is quick alone may be in others' way where branches run side by side."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from zcc.compiler.backends.cuda.tuning.measure_tiles import Measured, Tiles
from zcc.compiler.backends.cuda.tuning.tile_task import TileTask

DEFAULT = "default tiles"
SETS = {"the quickest tiles": 1.0, "tiles that gain a tenth": 1.1, "tiles that gain a quarter": 1.25}  # gain at least


@dataclass(frozen=True)
class TilesTogether:
    """The contract of tuned networks: seconds of the whole network with sets of tiles."""

    forms: dict[str, float | str]

    default_form = DEFAULT
    failed = left = 0

    @property
    def timed(self) -> dict[str, float]:
        """Those that were built."""
        return {name: taken for name, taken in self.forms.items() if isinstance(taken, float)}

    @property
    def best_form(self) -> str:
        """The quickest set; the default ones, if no other is quicker."""
        return min(self.timed, key=lambda name: self.timed[name], default=DEFAULT)

    @property
    def default_seconds(self) -> float | None:
        """With default tiles."""
        return self.timed.get(DEFAULT)

    @property
    def best_seconds(self) -> float | None:
        """With the best set."""
        return self.timed.get(self.best_form)

    @property
    def tried(self) -> int:
        """Sets."""
        return len(self.forms)

    def describe(self) -> str:
        """Both times."""
        usual, best = self.default_seconds, self.best_seconds
        return f"{1e6 * usual:.0f} -> {1e6 * best:.0f} us" if usual and best else "not measured"


def of_set(name: str, tasks: Sequence[TileTask]) -> list[TileTask]:
    """The convolutions that a set gives another tile than the default one."""
    least = SETS.get(name)
    return [task for task in tasks if least is not None and task.best_seconds and task.gain > least]


def try_together(tasks: Sequence[TileTask], measure: Callable[[Tiles], Measured]) -> TilesTogether:
    """Measure the network with each set."""
    forms: dict[str, float | str] = {}
    for name in (DEFAULT, *SETS):
        tiles = {task.product: task.quickest for task in of_set(name, tasks) if task.quickest is not None}
        taken = measure(tiles).network
        forms[name] = "it could not be built" if taken is None else taken
    return TilesTogether(forms)
