"""What a worker does with a task. Whatever goes wrong is an answer: nothing that a build raises ends a worker."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from zcc.compiler.fleet.tasks import (
    Answer,
    BuildTask,
    BuiltCell,
    FailedTask,
    FleetTask,
    Measured,
    MeasureTask,
    Planned,
    PlanTask,
    Stage,
    Tell,
    Tuned,
    TuneTask,
)
from zcc.runtime.errors import ZccError

if TYPE_CHECKING:
    from zcc.compiler.backends.search import AnySearch, TunedKernel


def perform(task: FleetTask, tell: Tell) -> Answer:
    """Do the task; a failure of any kind is told in one line."""
    try:
        return _KINDS[type(task)](task, tell)
    except ZccError as error:
        return FailedTask(str(error))
    except Exception as error:  # noqa: BLE001 - the other builds go on, and this one says what was unexpected
        first = next(iter(str(error).splitlines()), "")
        return FailedTask(f"unexpected {type(error).__name__}: {first}; compile it alone with --debug to see where")


def _plan(task: FleetTask, tell: Tell) -> Answer:
    from zcc.compiler.fleet.foresight import foresee
    from zcc.registry import Registry

    tell(Stage(task.label, "fingerprints"))
    with tempfile.TemporaryDirectory(prefix="zcc-") as scratch:
        return Planned(tuple(foresee(task.cells, Registry.open(task.registry), Path(scratch))))


def _build(task: FleetTask, tell: Tell) -> Answer:
    from zcc.compiler.compile import compile_model
    from zcc.registry import Registry

    [cell] = task.cells
    [made] = compile_model(cell.options, Registry.open(task.registry), _Telling(task.label, tell))
    measured = any(figure.metric == "latency_ms" for figure in made.manifest.measured)
    return BuiltCell(made.manifest.digest, made.reused, measured)


def _tune(task: FleetTask, tell: Tell) -> Answer:
    from zcc.compiler.building.tune_options import TuneOptions
    from zcc.compiler.tuning.tune_model import tune_model
    from zcc.registry import Registry

    assert isinstance(task, TuneTask)
    [cell] = task.cells
    wish = TuneOptions(seconds=task.seconds, runner=task.runner)
    searches = tune_model(cell.options, wish, Registry.open(task.registry).home, _Telling(task.label, tell))
    return Tuned(sum(search.tried for search in searches))


def _measure(task: FleetTask, tell: Tell) -> Answer:
    from zcc.compiler.quality.latency import measure_latency
    from zcc.registry import Registry
    from zcc.runtime.obstacles import obstacle

    assert isinstance(task, MeasureTask)
    registry = Registry.open(task.registry)
    artifact = registry.resolve(task.digest)
    if obstacle(artifact.manifest) is not None:
        return Measured(None)
    tell(Stage(task.label, "measure alone"))
    latency, spread = measure_latency(registry.folder(artifact), artifact.manifest)
    for figure in (latency, spread):
        registry.record_measurement(artifact.digest, figure)
    return Measured(latency.value)


_KINDS: dict[type[FleetTask], Callable[[FleetTask, Tell], Answer]] = {
    PlanTask: _plan,
    BuildTask: _build,
    TuneTask: _tune,
    MeasureTask: _measure,
}


class _Telling:
    """Progress of a compile, told to whoever watches the fleet."""

    def __init__(self, label: str, tell: Tell) -> None:
        self._label, self._tell = label, tell

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Tell that a stage begins."""
        self._tell(Stage(self._label, name))
        yield

    def note(self, text: str) -> None:
        """What a compile alone would print: the answer carries what counts."""

    def measured(self, search: AnySearch, task: TunedKernel) -> None:
        """Say nothing of single kernels."""
