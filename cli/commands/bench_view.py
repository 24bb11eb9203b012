"""A bench as people read it, and the benches of an artifact over time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

from zcc.commands.columns import table
from zcc.runtime.escaping import escaped

STAGES = {"preprocess": "before the network", "network": "network", "postprocess": "decode and NMS"}
PHASES = {"interpreter": "Python", "imports": "imports", "load": "load", "first_frame": "first frame"}
HISTORY = ("when", "zcc", "frame", "threads", "median ms", "P95", "network", "fps", "machine", "note")
WORD_WIDTH = 12
MOST_RATIOS = 5  # of the last benches, that are told side by side
NEAR = 5e3  # us: the frame that the bench's own time is told against


def bench_lines(document: dict[str, Any]) -> Iterator[str]:
    """The whole bench; the race's table first."""
    from zcc.compiler.racing.result import text_lines

    height, width = document["frame"]
    yield escaped(f"{document['name']} {document['dtype']} for {document['target']}, frames of {width}x{height}")
    yield from text_lines(document)
    yield from _around(document)
    yield from _entry("machine", _machine(document["machine"]))
    yield from _entry("meanwhile", _conditions(document["conditions"]))
    share = document["overhead_us"] / NEAR
    yield from _entry("timing", f"itself takes {document['overhead_us']:.2f} us a frame, {share:.3%} of one of 5 ms")
    for warning in document["warnings"]:
        yield f"warning: {escaped(warning)}; measure again when the machine is quiet"


def _around(document: dict[str, Any]) -> Iterator[str]:
    """What a quick bench leaves out."""
    if "stages_ms" not in document:
        return
    stages = document["stages_ms"]
    told = ", ".join(f"{STAGES[name]} {figures['median']:.2f}" for name, figures in stages.items())
    yield from _entry("stages", f"{told} ms" if told else "not told by artifacts of older versions; compile it again")
    told = ", ".join(f"{_size(each['frame'])}: {each['median']:.2f}" for each in document["frame_sizes"])
    yield from _entry("frames of", f"{told} ms")
    if batch := document.get("batch"):
        yield from _entry("a call", f"for {batch['frames']} frames {batch['median']:.2f} ms, {batch['fps']:.1f}/s")
    yield from _surface(document)
    start, memory = document["cold_start_ms"], document["memory_mb"]
    phases = ", ".join(f"{PHASES[phase]} {start[phase]:.0f}" for phase in PHASES)
    yield from _entry("cold start", f"{start['all']:.0f} ms ({phases})")
    yield from _entry("memory", f"{memory['resident']:.0f} MB resident, {memory['peak']:.0f} MB at most")
    energy = document["energy"]
    told = (
        f"{energy['joules_per_frame']:.3f} J a frame ({energy['source']})" if energy else "this machine does not tell"
    )
    yield from _entry("energy", told)


def _surface(document: dict[str, Any]) -> Iterator[str]:
    """A line for each number of threads that share a frame, and which of all are best."""
    for threads, cells in groupby(document["surface"], lambda cell: cell["threads"]):
        told = ", ".join(f"{each['streams']}: {each['median']:.2f} ms {each['fps']:.1f}/s" for each in cells)
        yield from _entry(f"{threads} thread{'s' if threads > 1 else ''}", f"streams {told}")
    best = document["best"]
    told = "; ".join(f"for {why} threads={use['threads']} streams={use['streams']}" for why, use in best.items())
    yield from _entry("best", told)


def _size(value: list[int]) -> str:
    return f"{value[1]}x{value[0]}"


def _entry(word: str, text: str) -> Iterator[str]:
    if text:
        yield f"{word:{WORD_WIDTH}}  {escaped(text)}"


def _machine(machine: dict[str, Any]) -> str:
    governor = f", governor {machine['governor']}" if machine["governor"] else ""
    return f"{machine['name']}: {machine['processor']}, {machine['cores']} cores, {machine['system']}{governor}"


def _conditions(told: dict[str, Any]) -> str:
    clock = " to ".join(f"{each:.0f}" for each in told["megahertz"] if each is not None)
    return (
        f"load {told['load']:.2f}, other work {told['others']:.1%} of the cores, {told['stolen']:.1%} stolen"
        f"{f', clock {clock} MHz' if clock else ''}, second half {told['drift']:+.1%} against the first"
    )


def history_lines(benches: Sequence[dict[str, Any]]) -> Iterator[str]:
    """A line for each bench of an artifact, the last one last; then how far the ratios of like ones are apart."""
    yield from table(HISTORY, [_past(each) for each in benches], HISTORY[3:8], ("machine",))
    yield from _steadiness(benches)


def _steadiness(benches: Sequence[dict[str, Any]]) -> Iterator[str]:
    from zcc.compiler.racing.result import FASTER

    alike: defaultdict[tuple[str, ...], list[float]] = defaultdict(list)
    for each in benches:
        where = f"{each['machine']['name']}, {each['threads']} threads, frames of {_size(each['frame'])}"
        for task, others in each.get("ratios", {}).items():
            for name in others.keys() - {FASTER}:
                alike[where, task, name].append(others[name]["ratio"])
    for (where, task, name), ratios in sorted(alike.items()):
        last = ratios[-MOST_RATIOS:]
        if len(last) > 1:
            told = ", ".join(f"{ratio:.3f}x" for ratio in last)
            yield escaped(f"{task} against {name}: {told}; {max(last) / min(last) - 1:.1%} apart at most ({where})")


def _past(document: dict[str, Any]) -> list[str]:
    frame, network, machine = document["frame_ms"], document["network_ms"], document["machine"]
    return [
        document["when"][:19].replace("T", " "),
        machine["zcc"],
        _size(document["frame"]),
        str(document["threads"]),
        f"{frame['median']:.2f}",
        f"{frame['p95']:.2f}",
        f"{network['median']:.2f}",
        f"{document['fps']:.1f}",
        machine["name"],
        "noisy" if document["warnings"] else "",
    ]
