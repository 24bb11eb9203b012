"""A profile as a timeline that Perfetto and chrome://tracing open."""

from __future__ import annotations

from typing import Any

from zcc.compiler.profiling.profile import Profile

MICROSECONDS = 1e6
STAGES, KERNELS = 1, 2  # the lines of the timeline


def as_trace(profile: Profile, title: str) -> dict[str, Any]:
    """One frame as its medians have it: its stages on one line, the network's kernels beneath them on another."""
    events: list[dict[str, Any]] = [
        _named("process_name", 0, title),
        _named("thread_name", STAGES, "stages"),
        _named("thread_name", KERNELS, "kernels"),
    ]
    begin, start = 0.0, 0.0
    for name, seconds in (profile.stages or {"network": profile.network}).items():
        events.append(_event(name, STAGES, start, seconds, {}))
        begin = start if name == "network" else begin
        start += seconds
    for each in profile.kernels:
        about = {
            "makes": each.makes, "nodes": list(each.nodes), "GFLOP/s": round(each.flops_per_second / 1e9, 1),
            "GB/s": round(each.bytes_per_second / 1e9, 1), "dtype": each.dtype, "layout": each.layout,
            "tuned": each.tuned,
        }  # fmt: skip
        events.append(_event(each.kernel, KERNELS, begin, each.seconds, about))
        begin += each.seconds
    return {"traceEvents": events, "displayTimeUnit": "ms"}


def _event(name: str, line: int, start: float, seconds: float, about: dict[str, Any]) -> dict[str, Any]:
    times = {"ts": round(start * MICROSECONDS, 3), "dur": round(seconds * MICROSECONDS, 3)}
    return {"name": name, "ph": "X", "pid": 1, "tid": line, **times, "args": about}


def _named(what: str, line: int, name: str) -> dict[str, Any]:
    return {"name": what, "ph": "M", "pid": 1, "tid": line, "args": {"name": name}}
