"""Benches of the same thing side by side: what their ratios differ by is told."""

from __future__ import annotations

from typing import Any

from zcc.commands.bench_view import history_lines


def _bench(ratio: float | None, threads: int = 2) -> dict[str, Any]:
    figures = {"median": 5.0, "p95": 6.0}
    told = {"ratio": ratio}
    return {
        "when": "2026-11-29T08:00:00+00:00",
        "frame": [1080, 1920],
        "threads": threads,
        "frame_ms": figures,
        "network_ms": figures,
        "fps": 200.0,
        "machine": {"zcc": "0.1.0", "name": "edge-7"},
        "warnings": [],
        **({} if ratio is None else {"ratios": {"frame": {"onnxruntime": told, "faster": {"name": "onnxruntime"}}}}),
    }


def test_ratios_of_like_benches_stand_side_by_side() -> None:
    *rows, steady = history_lines([_bench(2.0), _bench(None), _bench(2.05), _bench(9.0, threads=1)])
    assert len(rows) == 5, "a heading, and a line for each"
    assert steady.startswith("frame against onnxruntime: 2.000x, 2.050x; 2.5% apart at most (edge-7, 2 threads")


def test_one_bench_is_apart_from_nothing() -> None:
    assert len(list(history_lines([_bench(2.0), _bench(3.0, threads=1)]))) == 3
