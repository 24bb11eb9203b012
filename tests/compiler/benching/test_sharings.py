"""Which numbers of threads and streams a bench tries, and which it calls best."""

from __future__ import annotations

from zcc.compiler.benching.bench import best_sharing, sharings


def test_all_powers_of_two_that_fit_and_all_there_are() -> None:
    assert sharings(1) == [(1, 1)]
    assert sharings(2) == [(1, 1), (1, 2), (2, 1)]
    assert sharings(6) == [(1, 1), (1, 2), (1, 4), (1, 6), (2, 1), (2, 2), (4, 1), (6, 1)]


def test_the_quickest_frame_and_the_most_frames() -> None:
    surface = [
        {"threads": 1, "streams": 1, "median": 10.0, "fps": 100.0},
        {"threads": 1, "streams": 4, "median": 12.0, "fps": 330.0},
        {"threads": 2, "streams": 2, "median": 3.0, "fps": 300.0},
        {"threads": 4, "streams": 1, "median": 4.0, "fps": 250.0},
    ]
    assert best_sharing(surface) == {
        "latency": {"threads": 4, "streams": 1},
        "throughput": {"threads": 1, "streams": 4},
    }
