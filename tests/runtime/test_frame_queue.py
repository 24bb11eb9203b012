"""The queue between a reader and a runner, hammered by real threads."""

from __future__ import annotations

import threading
import time

import pytest

from zcc.runtime.frame_queue import FrameQueue


def fill(queue: FrameQueue[int], count: int) -> threading.Thread:
    """Put numbers into it from another thread, then end it."""

    def work() -> None:
        for number in range(count):
            if not queue.put(number):
                return
        queue.end()

    thread = threading.Thread(target=work)
    thread.start()
    return thread


def drain(queue: FrameQueue[int]) -> list[int]:
    """Everything up to the end."""
    found = []
    while (number := queue.get()) is not None:
        found.append(number)
    return found


@pytest.mark.parametrize("room", [1, 2, 7])
def test_nothing_is_lost_and_order_is_kept(room: int) -> None:
    queue = FrameQueue[int](room, drops=False)
    thread = fill(queue, 5000)
    assert drain(queue) == list(range(5000))
    thread.join()
    assert queue.dropped == 0


@pytest.mark.parametrize("room", [1, 3])
def test_what_is_dropped_is_the_oldest_and_is_counted(room: int) -> None:
    queue = FrameQueue[int](room, drops=True)
    fill(queue, 1000).join()
    assert drain(queue) == list(range(1000 - room, 1000))
    assert queue.dropped == 1000 - room
    busy = FrameQueue[int](room, drops=True)
    thread = fill(busy, 5000)
    found = drain(busy)
    thread.join()
    assert found == sorted(set(found))
    assert len(found) + busy.dropped == 5000


def test_an_error_comes_after_what_was_put_before_it_and_once() -> None:
    queue = FrameQueue[int](4, drops=False)
    queue.put(1)
    queue.end(LookupError("pulled"))
    assert queue.get() == 1
    with pytest.raises(LookupError, match="pulled"):
        queue.get()
    assert queue.get() is None


@pytest.mark.parametrize("drops", [True, False])
def test_close_frees_whoever_waits(drops: bool) -> None:
    full, empty = FrameQueue[int](1, drops), FrameQueue[int](1, drops)
    full.put(0)
    outcomes: list[object] = []
    waiting = [
        threading.Thread(target=lambda: outcomes.append(empty.get())),
        *([] if drops else [threading.Thread(target=lambda: outcomes.append(full.put(1)))]),
    ]
    for thread in waiting:
        thread.start()
    time.sleep(0.05)
    assert outcomes == []
    for queue in (full, empty):
        queue.close()
        queue.end(LookupError("too late"))
    for thread in waiting:
        thread.join(60)
    assert sorted(map(str, outcomes)) == (["None"] if drops else ["False", "None"])
    assert full.get() is None, "what was in it is gone"
    assert full.put(2) is False


def test_what_is_there_now_is_taken_without_waiting() -> None:
    queue: FrameQueue[int] = FrameQueue(4, drops=False)
    assert queue.get_now() is None
    queue.put(7)
    queue.end(ValueError("later"))
    assert queue.get_now() == 7
    assert queue.get_now() is None, "the error is for whoever waits"
    with pytest.raises(ValueError, match="later"):
        queue.get()
