"""Frames side by side: on which engine each runs, and that all find the same."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

import pytest

from tests.conftest import Tiny
from tests.runtime.samples import assert_same, noise
from zcc.runtime import Detector, host, side_by_side
from zcc.runtime.engine import FRAMES, Engine, engine
from zcc.runtime.errors import UsageError
from zcc.runtime.manifest import Manifest
from zcc.runtime.side_by_side import LOOK_BACK, Lane, RecentDemand, cut, lane
from zcc.runtime.variant import Variant


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
    assert lane(1) == lane(3) == lane(None) == Lane(engine(), 1)


def test_frames_side_by_side_have_engines_of_their_own() -> None:
    with ExitStack() as stack:
        taken = [engine()]
        stack.enter_context(occupied(engine()))
        for _ in range(3):
            taken.append(lane(3).engine)
            stack.enter_context(occupied(taken[-1]))
        assert len(set(taken)) == 4
        assert lane(3).engine in taken[1:], "the next one waits where fewest wait"
        assert lane(1).engine is engine(), "and who wants no streams, behind those who want none"


def test_streams_share_the_cores(tiny_artifact: Tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    variant = Variant(tiny_artifact.folder, Manifest.read(tiny_artifact.folder))
    monkeypatch.setattr(host, "worker_threads", lambda: 7)
    monkeypatch.setattr(host, "threads_are_free", lambda: False)  # whatever neighbours do
    own = Engine(FRAMES)
    for streams, threads in ((1, 7), (2, 3), (5, 1)):
        assert own.call(lambda streams=streams: own.share(variant.executor._pool_code, None, streams)) == threads
    own.stop()


def test_where_nobody_says_how_many_there_are_as_many_streams_as_frames(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host, "worker_threads", lambda: 8)
    monkeypatch.setattr(side_by_side, "_demand", RecentDemand(lambda: 0.0))
    with ExitStack() as stack:
        stack.enter_context(occupied(engine()))
        for streams in (2, 3, 4):
            found = lane(None)
            assert found.streams == cut(streams, 8) and found.engine is not engine()
            stack.enter_context(occupied(found.engine))
    assert lane(None) == Lane(engine(), 1), "none of them is left"


@pytest.mark.parametrize(
    ("cores", "streams"),
    [
        (1, [1, 1, 1]),
        (2, [1, 2, 2]),
        (3, [1, 1, 3, 3]),
        (4, [1, 2, 2, 4, 4]),
        (16, [1, 2, 3, 4, 5, 5, 7, 8, 8, 8, 8, 8, 8, 14, 15, 16, 16]),
    ],
)
def test_streams_are_cut_so_that_few_cores_are_left_over(cores: int, streams: list[int]) -> None:
    assert [cut(frames, cores) for frames in range(1, len(streams) + 1)] == streams


def test_callers_who_pause_for_a_moment_still_count() -> None:
    now = [0.0]
    demand = RecentDemand(lambda: now[0])
    assert [demand.saw(frames) for frames in (1, 4, 2)] == [1, 4, 4]
    now[0] += 1.5 * LOOK_BACK
    assert demand.saw(2) == 4
    now[0] += LOOK_BACK
    assert demand.saw(1) == 2
    now[0] += 10 * LOOK_BACK
    assert demand.saw(1) == 1, "what was long before says nothing"


def test_the_child_of_a_fork_has_lanes_of_its_own() -> None:
    with occupied(engine()):
        taken = lane(3).engine
        read, write = os.pipe()
        with occupied(taken):
            child = os.fork()
            if not child:
                os.write(write, b"+" if lane(3) == Lane(engine(), 1) else b"-")
                os._exit(0)
    assert os.read(read, 1) == b"+"
    os.waitpid(child, 0)
    os.close(read)
    os.close(write)


@pytest.mark.parametrize("streams", [0, -1, 1.5, "2", True, 10_000])
def test_streams_that_cannot_be_are_refused(tiny_artifact: Tiny, streams: int) -> None:
    with pytest.raises(UsageError, match=r"streams="):
        Detector.load(tiny_artifact.folder, streams=streams)


@pytest.mark.parametrize("streams", [4, None])
def test_streams_find_what_one_frame_after_another_finds(
    tiny_artifact: Tiny, monkeypatch: pytest.MonkeyPatch, streams: int | None
) -> None:
    monkeypatch.setattr(host, "worker_threads", lambda: 4)
    detector = Detector.load(tiny_artifact.folder, streams=streams)
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
