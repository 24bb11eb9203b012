"""Frames side by side: on which engine each runs, and that all find the same."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

import pytest

from tests.conftest import Tiny
from tests.runtime.samples import assert_same, noise
from zcc.runtime import Detector, host
from zcc.runtime.engine import Engine, engine
from zcc.runtime.errors import UsageError
from zcc.runtime.side_by_side import lane


@contextmanager
def occupied(place: Engine) -> Iterator[None]:
    """While something runs there."""
    begun, go = threading.Event(), threading.Event()
    with ThreadPoolExecutor(1) as pool:
        pool.submit(place.call, lambda: (begun.set(), go.wait(60)))
        begun.wait(60)
        try:
            yield
        finally:
            go.set()


def test_a_frame_that_is_alone_has_all_cores() -> None:
    assert lane(1) is lane(3) is engine()


def test_frames_side_by_side_have_engines_of_their_own() -> None:
    with ExitStack() as stack:
        taken = [engine()]
        stack.enter_context(occupied(engine()))
        for _ in range(3):
            taken.append(lane(3))
            stack.enter_context(occupied(taken[-1]))
        assert len(set(taken)) == 4
        assert lane(3) in taken[1:], "the next one waits where fewest wait"
        assert lane(1) is engine(), "and who wants no streams, behind those who want none"


def test_streams_share_the_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host, "worker_threads", lambda: 7)
    with occupied(engine()):
        assert lane(2)._allowed() == 3
        assert lane(5)._allowed() == 1


@pytest.mark.parametrize("streams", [0, -1, 1.5, "2", True, 10_000])
def test_streams_that_cannot_be_are_refused(tiny_artifact: Tiny, streams: int) -> None:
    with pytest.raises(UsageError, match=r"streams="):
        Detector.load(tiny_artifact.folder, streams=streams)


def test_streams_find_what_one_frame_after_another_finds(tiny_artifact: Tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host, "worker_threads", lambda: 4)
    detector = Detector.load(tiny_artifact.folder, streams=4)
    frames = [noise(48, 64, seed) for seed in range(6)]
    expected = [detector(frame) for frame in frames]
    with ThreadPoolExecutor(6) as pool:
        for _ in range(20):
            for found, right in zip(pool.map(detector, frames), expected, strict=True):
                assert_same(found, right)
        for _ in range(5):
            under_way = [detector.submit(frame) for frame in frames]
            for found, right in zip(under_way, expected, strict=True):
                assert_same(found.result(), right)
