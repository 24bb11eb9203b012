"""Which numbers of threads and streams a bench tries, and which it calls best."""

from __future__ import annotations

import os
from dataclasses import replace

import pytest

from tests.conftest import Tiny
from tests.runtime.samples import noise
from zcc.compiler.benching import sharing
from zcc.compiler.benching.probes import apart
from zcc.compiler.benching.sharing import ON_A_CARD, best_sharing, cells_for, few_sharings, glance, sharings
from zcc.runtime.errors import BenchmarkError, UsageError
from zcc.runtime.host import THREADS_VARIABLE
from zcc.runtime.manifest import Manifest


def test_all_powers_of_two_that_fit_and_all_there_are() -> None:
    assert sharings(1) == [(1, 1)]
    assert sharings(2) == [(1, 1), (1, 2), (2, 1)]
    assert sharings(4, (3, 1)) == [(1, 1), (1, 3), (2, 1), (4, 1)]
    assert sharings(6) == [(1, 1), (1, 2), (1, 4), (1, 6), (2, 1), (2, 2), (4, 1), (6, 1)]


def test_streams_that_an_artifact_cannot_have_are_refused(tiny_artifact: Tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    manifest = Manifest.read(tiny_artifact.folder)
    monkeypatch.setenv(THREADS_VARIABLE, "4")
    assert cells_for(manifest, (3, 1)) == [(1, 1), (1, 3), (2, 1), (4, 1)]
    with pytest.raises(UsageError, match="streams=5 is more than the 4 threads"):
        cells_for(manifest, (1, 5))
    on_a_card = replace(manifest, executor="cuda")
    assert cells_for(on_a_card) == ON_A_CARD
    with pytest.raises(UsageError, match="tiny fp32 runs on a card"):
        cells_for(on_a_card, (1,))


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


def test_a_quick_look_has_a_frame_on_all_cores_and_all_cores_in_streams() -> None:
    assert few_sharings(16) == [(8, 1), (16, 1), (4, 4), (2, 8), (1, 16)]
    assert few_sharings(8) == [(4, 1), (8, 1), (2, 4), (1, 8)]


def test_what_was_looked_at_says_what_is_best(tiny_artifact: Tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sharing, "few_sharings", lambda most: [(2, 1), (1, 2)])
    monkeypatch.setattr(sharing, "GLANCE", 0.01)
    found = glance(tiny_artifact.folder, [noise(48, 64)])
    assert found is not None and found["best"] == best_sharing(found["surface"])
    assert [(cell["threads"], cell["streams"]) for cell in found["surface"]] == [(2, 1), (1, 2)]
    assert all(cell["fps"] > 0 for cell in found["surface"])


def test_a_process_that_ends_before_it_measured_is_told_in_a_line() -> None:
    with pytest.raises(BenchmarkError, match=r"on 2 threads ended before it was done"):
        apart(2, os._exit, 3)
