"""zcc build: a matrix of models, targets and dtypes, on this machine's cores or on a cluster."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from zcc.commands.options import json_option, registry_option
from zcc.commands.output import print_json, reserved_stdout, say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zcc.compiler.fleet.build import CellOutcome
    from zcc.compiler.fleet.crew import Crew
    from zcc.registry.remotes.push import Pushed


@click.command()
@click.argument("matrix", metavar="MATRIX.toml", type=click.Path(path_type=Path))
@click.option(
    "--workers", type=click.IntRange(1, 1024), metavar="N", help="How many builds at once; as many as cores by default."
)
@click.option(
    "--ray",
    metavar="ADDRESS",
    help="Build on the Ray cluster there; `local` starts one on this machine. Needs the extra fleet.",
)
@registry_option
@json_option
@click.pass_context
def build(
    context: click.Context, matrix: Path, workers: int | None, ray: str | None, registry: str | None, as_json: bool
) -> None:
    """Build every variant that MATRIX.toml asks for and that the registry lacks: models x targets x dtypes.

    What is there by its fingerprint is not built again, here or on any machine that publishes into the same registry;
    so whatever stopped a build, running it again goes on. A build that fails is told in a line, and the others go on.
    """
    from zcc.commands.build_view import open_view
    from zcc.compiler.fleet.build import FAILED, build_matrix, push_matrix
    from zcc.compiler.fleet.matrix import read_matrix
    from zcc.registry import Registry

    wanted = read_matrix(matrix)
    place = _place(registry)
    crew = _crew(workers, ray)
    try:
        with reserved_stdout(), open_view(len(wanted.cells), crew.workers) as view:
            outcomes = build_matrix(wanted, place, crew, view)
    finally:
        crew.close()
    pushed = push_matrix(wanted, Registry.open(place), outcomes)
    if as_json:
        print_json(_document(outcomes, pushed))
    else:
        _say(outcomes, pushed)
    context.exit(int(any(outcome.state == FAILED for outcome in outcomes)))


def _place(registry: str | None) -> str:
    """The registry by a name that means the same in every process."""
    from zcc.registry.location import DEFAULT

    place = registry or DEFAULT
    return place if "://" in place else str(Path(place).expanduser().absolute())


def _crew(workers: int | None, ray: str | None) -> Crew:
    from zcc.runtime.host import worker_threads

    count = workers or worker_threads()
    if ray is not None:
        from zcc.compiler.fleet.on_ray import RayCrew

        return RayCrew(ray, count)
    from zcc.compiler.fleet.local import LocalCrew

    return LocalCrew(count)


def _document(outcomes: Sequence[CellOutcome], pushed: Sequence[Pushed]) -> dict[str, Any]:
    cells = [
        {
            "name": outcome.cell.name,
            "dtype": outcome.cell.dtype,
            "target": outcome.cell.target,
            "state": outcome.state,
            "digest": outcome.digest,
            "reason": outcome.reason or None,
        }
        for outcome in outcomes
    ]
    return {"cells": cells, "pushed": [{"address": str(each.address), "digest": each.digest} for each in pushed]}


def _say(outcomes: Sequence[CellOutcome], pushed: Sequence[Pushed]) -> None:
    from zcc.compiler.fleet.build import BUILT, CANNOT, FAILED, THERE

    counts = {state: sum(outcome.state == state for outcome in outcomes) for state in (BUILT, THERE, FAILED, CANNOT)}
    say(", ".join(f"{count} {state}" for state, count in counts.items() if count))
    for each in pushed:
        say(f"pushed {len(each.artifacts)} to {each.address}")
