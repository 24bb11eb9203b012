"""zcc profile: where a detector spends its time."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from zcc.commands.options import json_option, registry_option, variant_options
from zcc.commands.output import print_json, reserved_stdout, say, say_lines
from zcc.runtime.escaping import escaped

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from zcc.compiler.backends.common.machine import Machine
    from zcc.compiler.profiling.difference import NodeTime
    from zcc.compiler.profiling.profile import Profile
    from zcc.registry import Artifact, Registry
    from zcc.runtime.manifest import Manifest

KIND = "profile"
BELIEVABLE = 0.05  # of the network's own time, that the kernels' may be more or less


@click.command()
@click.argument("ref")
@variant_options
@click.option(
    "--top", type=click.IntRange(1), default=20, metavar="N", help="Rows of the table; --json has every kernel."
)
@click.option(
    "--rounds", type=click.IntRange(1), default=20, metavar="N", help="Runs; the quicker half of them counts."
)
@click.option(
    "--trace", metavar="FILE", type=click.Path(path_type=Path), help="Write a timeline for Perfetto, chrome://tracing."
)
@click.option("--diff", metavar="REF2", help="Show by node what takes longer or shorter in this artifact.")
@click.option("--diff-dtype", metavar="DTYPE", help="Of several variants of REF2, the one in this precision.")
@click.option("--measure-machine", is_flag=True, help="Measure anew what this machine can do.")
@click.option("--no-limits", is_flag=True, help="Leave out what this machine can do, and do not measure it.")
@registry_option
@json_option
def profile(
    ref: str,
    dtype: str | None,
    target: str | None,
    top: int,
    rounds: int,
    trace: Path | None,
    diff: str | None,
    diff_dtype: str | None,
    measure_machine: bool,
    no_limits: bool,
    registry: str | None,
    as_json: bool,
) -> None:
    """Show what each stage and each kernel of the detector REF takes, the longest first.

    Times are means of the quicker half of the runs. Beside them stand the arithmetic and the memory that a kernel
    cannot do without, per second, and how near that comes to the least time that this machine needs for it, which is
    measured once and kept; Winograd's kernels do with less arithmetic than they are counted for, and may be above 100%.
    Then come whether a tuning record says how it is computed, what it writes, and the nodes of the ONNX file that it
    stands for.
    """
    from zcc.commands.recording import keep
    from zcc.registry import Registry

    if diff_dtype is not None and diff is None:
        raise click.UsageError("--diff-dtype chooses among the variants of --diff REF2, which is missing")
    opened = Registry.open(registry)
    with reserved_stdout():
        artifact, profiled = _profiled(opened, ref, dtype, target, rounds)
        other = None if diff is None else _profiled(opened, diff, diff_dtype, target, rounds)
        machine = None if diff or no_limits else _limits(artifact.manifest, profiled, measure_machine)
    document = _document(artifact.manifest, rounds, profiled, machine)
    if other is None:
        keep(opened, artifact.digest, KIND, document)
    else:
        document = {**document, "diff": _diff_document(profiled, other[1]), "with": _about(other[0].manifest)}
    if trace is not None:
        _write_trace(trace, artifact.manifest, profiled)
    if as_json:
        print_json(document)
    elif other is not None:
        say_lines("\n".join(_diff_lines((artifact, profiled), other, top)))
    else:
        say_lines("\n".join(_lines(artifact.manifest, profiled, document, machine, top)))


def _profiled(
    opened: Registry, ref: str, dtype: str | None, target: str | None, rounds: int
) -> tuple[Artifact, Profile]:
    from zcc.commands.pick import folder_of, pick_runnable
    from zcc.compiler.profiling.profile import profile_whole

    artifact = pick_runnable(opened, ref, dtype, target)
    return artifact, profile_whole(folder_of(opened, ref, artifact), rounds)


def _limits(manifest: Manifest, profiled: Profile, again: bool) -> Machine | None:
    from zcc.commands.progress import open_progress
    from zcc.compiler.profiling.machine_limits import machine_limits

    return machine_limits(manifest, profiled.kernels, open_progress(), again)


def _about(manifest: Manifest) -> dict[str, Any]:
    return {
        "name": manifest.name,
        "digest": manifest.digest,
        "dtype": manifest.dtype,
        "target": manifest.target,
    }


def _document(manifest: Manifest, rounds: int, profiled: Profile, machine: Machine | None) -> dict[str, Any]:
    from dataclasses import asdict

    from zcc.compiler.profiling.report import as_rows, as_totals
    from zcc.runtime import host

    return {
        **_about(manifest),
        "threads": host.worker_threads(),
        "rounds": rounds,
        "machine": None if machine is None else asdict(machine),
        "network_ms": round(1e3 * profiled.network, 6),
        "covered": round(profiled.covered, 6),
        "stages_ms": {name: round(1e3 * seconds, 6) for name, seconds in profiled.stages.items()},
        "total": as_totals(profiled.kernels, machine),
        "kernels": as_rows(profiled.kernels, machine),
    }


def _lines(
    manifest: Manifest, profiled: Profile, document: dict[str, Any], machine: Machine | None, top: int
) -> Iterator[str]:
    from zcc.commands.bench_view import STAGES
    from zcc.commands.contrast import label
    from zcc.compiler.profiling.report import as_text

    totals = document["total"]
    yield f"{label(manifest)}, {document['threads']} threads"
    yield from as_text(document["kernels"], top).split("\n")
    yield (
        f"network {1e3 * profiled.network:.3f} ms; its {totals['kernels']} kernels add up to {totals['ms']:.3f} ms "
        f"({profiled.covered:.1%}), {totals['gflop']:.2f} GFLOP, {totals['gflops']:.1f} GFLOP/s"
    )
    if abs(profiled.covered - 1) > BELIEVABLE:
        yield "warning: times of kernels and of the whole were disturbed; measure again when the machine is quiet"
    if machine is not None:
        peaks = ", ".join(f"{name} {speed / 1e9:.0f} G operations/s" for name, speed in machine.peaks.items())
        where = f", on {machine.threads} threads" if manifest.executor == "cpu" else ""
        yield f"this machine at most{where}: {peaks}; the network is at {totals['of_floor']:.1%}"
    if profiled.stages:
        told = ", ".join(f"{STAGES[name]} {1e3 * seconds:.3f} ms" for name, seconds in profiled.stages.items())
        yield f"a frame of 1920x1080: {told}"


def _diff_document(before: Profile, after: Profile) -> list[dict[str, Any]]:
    from zcc.compiler.profiling.difference import difference

    return [
        {
            "nodes": list(each.nodes),
            "before_ms": round(1e3 * each.before, 6),
            "after_ms": round(1e3 * each.after, 6),
            "kernels": [list(side) for side in each.kernels],
        }
        for each in difference(before.kernels, after.kernels)
    ]


def _diff_lines(one: tuple[Artifact, Profile], other: tuple[Artifact, Profile], top: int) -> Iterator[str]:
    from zcc.commands.contrast import label
    from zcc.compiler.profiling.difference import difference

    (artifact, before), (second, after) = one, other
    told = difference(before.kernels, after.kernels)
    yield f"A  {label(artifact.manifest)}\nB  {label(second.manifest)}\n"
    yield f"{'A ms':>9}{'B ms':>9}{'change':>9}  nodes"
    yield from (f"{_times(each)}  {_told(each.nodes)}" for each in told[:top])
    if len(told) > top:
        rest = told[top:]
        yield f"{_sums(rest)}  in {len(rest)} more"
    yield f"{_sums(told)}  all"


def _times(each: NodeTime) -> str:
    return f"{1e3 * each.before:9.3f}{1e3 * each.after:9.3f}{1e3 * each.change:+9.3f}"


def _sums(told: Sequence[NodeTime]) -> str:
    before, after = (1e3 * sum(getattr(each, side) for each in told) for side in ("before", "after"))
    return f"{before:9.3f}{after:9.3f}{after - before:+9.3f}"


def _told(nodes: Sequence[str]) -> str:
    shown = ", ".join(escaped(node.strip("/")) for node in nodes[:2])
    return f"{shown} + {len(nodes) - 2}" if len(nodes) > 2 else shown


def _write_trace(path: Path, manifest: Manifest, profiled: Profile) -> None:
    from zcc.compiler.profiling.trace import as_trace

    title = f"{manifest.name} {manifest.dtype} for {manifest.target}"
    path.write_text(json.dumps(as_trace(profiled, title)), encoding="utf-8")
    say(f"saved {escaped(str(path))}", err=True)
