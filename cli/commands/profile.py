"""zcc profile: where a detector's network spends its time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from zcc.commands.options import json_option, registry_option, variant_options
from zcc.commands.output import print_json, reserved_stdout, say_lines

if TYPE_CHECKING:
    from zcc.compiler.profiling.profile import KernelTime
    from zcc.runtime.manifest import Manifest


@click.command()
@click.argument("ref")
@variant_options
@click.option(
    "--top", type=click.IntRange(1), default=20, metavar="N", help="Rows of the table; --json has every kernel."
)
@click.option("--rounds", type=click.IntRange(1), default=20, metavar="N", help="Runs that medians are taken of.")
@registry_option
@json_option
def profile(
    ref: str, dtype: str | None, target: str | None, top: int, rounds: int, registry: str | None, as_json: bool
) -> None:
    """Show what each kernel of the detector REF takes, the longest first.

    Times are medians; frames' own work, before and after the network, is not part of it.
    """
    from zcc.commands.pick import folder_of, pick_runnable
    from zcc.compiler.profiling.profile import profile_artifact
    from zcc.registry import Registry

    opened = Registry.open(registry)
    artifact = pick_runnable(opened, ref, dtype, target)
    with reserved_stdout():
        times = profile_artifact(folder_of(opened, ref, artifact), rounds)
    if as_json:
        print_json(_document(artifact.manifest, rounds, times))
    else:
        say_lines(_text(artifact.manifest, top, times))


def _document(manifest: Manifest, rounds: int, times: Sequence[KernelTime]) -> dict[str, Any]:
    from zcc.compiler.profiling.report import as_rows, as_totals
    from zcc.runtime import host

    return {
        "name": manifest.name,
        "digest": manifest.digest,
        "dtype": manifest.dtype,
        "target": manifest.target,
        "threads": host.worker_threads(),
        "rounds": rounds,
        "total": as_totals(times),
        "kernels": as_rows(times),
    }


def _text(manifest: Manifest, top: int, times: Sequence[KernelTime]) -> str:
    from zcc.commands.contrast import label
    from zcc.compiler.profiling.report import as_rows, as_text, as_totals
    from zcc.runtime import host

    totals = as_totals(times)
    return "\n".join(
        [
            f"{label(manifest)}, {host.worker_threads()} threads",
            as_text(as_rows(times), top),
            f"network {totals['ms']:.3f} ms, {totals['kernels']} kernels, "
            f"{totals['gflop']:.2f} GFLOP, {totals['gflops']:.1f} GFLOP/s",
        ]
    )
