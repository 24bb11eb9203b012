"""A stream: frames read by a thread of their own, run where the results are asked for."""

from __future__ import annotations

import atexit
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any, NamedTuple
from weakref import WeakSet

from zcc.runtime.errors import UsageError
from zcc.runtime.feeds.shot import Feed, Shot
from zcc.runtime.frame_queue import FrameQueue
from zcc.runtime.stream_statistics import StageClock, StreamStatistics
from zcc.runtime.underway import Done, Failed, Underway
from zcc.runtime.variant import Detections

CLOSING_SECONDS = 2.0  # a camera that gives no more frames must not hold up who closes


class Mode(NamedTuple):
    """Which frames are run when the source is faster than the detector."""

    drops: bool
    queue: int  # frames that wait at most, unless the user says otherwise


MODES: Mapping[str, Mode] = {"every": Mode(drops=False, queue=4), "newest": Mode(drops=True, queue=1)}


@dataclass(frozen=True, eq=False)
class Seen:
    """A frame and what was found in it."""

    index: int  # among the frames of the source, those that were dropped counted
    time: float  # when it had been read, in seconds since the epoch
    name: str  # the file, the video or the camera it is from; empty for frames of an iterator
    frame: Any
    detections: Detections
    milliseconds: float  # that the stream spent on detecting; what went on beside the frame before is not in it


@dataclass(frozen=True, eq=False)
class _Read:
    index: int
    time: float
    moment: float  # the same, by the clock that times are taken with
    shot: Shot


class _Begun(NamedTuple):
    read: _Read
    underway: Underway
    seconds: float  # that putting it on its way took


class Stream:
    """Gone through once, with `for`. It ends with the source, with `break`, with an error and with `close`."""

    def __init__(
        self,
        detect: Callable[[Any], Detections],
        feed: Feed,
        mode: str = "every",
        queue: int | None = None,
        clock: Callable[[], float] = time.perf_counter,
        submit: Callable[[Any], Underway] | None = None,
    ) -> None:
        if mode not in MODES:
            raise UsageError(f"there is no mode {mode!r}", f"choose one of {', '.join(MODES)}")
        room = MODES[mode].queue if queue is None else queue
        if room < 1:
            raise UsageError(f"a queue of {room} frames holds none", "give 1 or more")
        # Where frames may be dropped, one that is put on its way early is older than it need be.
        ahead = None if MODES[mode].drops else submit
        self._ahead, self._feed = ahead is not None, feed
        self._submit = ahead or (lambda frame: Done(detect(frame)))
        self._queue: FrameQueue[_Read] = FrameQueue(room, MODES[mode].drops)
        self._reading, self._queued, self._waiting, self._detecting = (StageClock(clock) for _ in range(4))
        self._clock = clock
        self._thread: threading.Thread | None = None
        self._done, self._started, self._finished = 0, 0.0, 0.0
        _streams.add(self)

    def __iter__(self) -> Iterator[Seen]:
        """The frames that are run, with what was found in them."""
        if self._thread is not None:
            raise UsageError("a stream is gone through once", "make another one of the source")
        arguments = (self._feed, self._queue, self._reading, self._clock)
        self._thread = threading.Thread(target=_read, args=arguments, name="zcc-stream", daemon=True)
        return self._run(self._thread)

    def _run(self, thread: threading.Thread) -> Iterator[Seen]:
        self._started = self._finished = self._clock()
        thread.start()
        try:
            begun = None
            while True:
                read = self._wait() if begun is None else self._next()
                following = None if read is None else self._begin(read)
                if begun is not None:
                    yield self._end(*begun)
                elif following is None:
                    return
                begun = following
        finally:
            self.close()

    def _wait(self) -> _Read | None:
        with self._waiting.timed():
            return self._queue.get()

    def _next(self) -> _Read | None:
        """A frame that is there already, to be under way while the last one is looked at."""
        return self._queue.get_now() if self._ahead else None

    def _begin(self, read: _Read) -> _Begun:
        start = self._clock()
        self._queued.add(start - read.moment)
        try:
            underway = self._submit(read.shot.frame)
        except Exception as error:  # noqa: BLE001 - it is raised in the frame's turn
            underway = Failed(error)
        return _Begun(read, underway, self._clock() - start)

    def _end(self, read: _Read, underway: Underway, seconds: float) -> Seen:
        start = self._clock()
        found = underway.result()
        self._finished = self._clock()
        self._done += 1
        seconds += self._finished - start
        self._detecting.add(seconds)
        return Seen(read.index, read.time, read.shot.name, read.shot.frame, found, 1e3 * seconds)

    def close(self) -> None:
        """Read no more frames; who waits for one gets none."""
        self._queue.close()
        if self._thread is not None and self._thread.is_alive():
            self._thread.join(CLOSING_SECONDS)

    def __enter__(self) -> Stream:
        """The stream, closed at the end of the block."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()

    @property
    def statistics(self) -> StreamStatistics:
        """What was done up to now; may be asked for at any time, from any thread."""
        stages = (self._reading, self._queued, self._waiting, self._detecting)
        return StreamStatistics(
            self._reading.count,
            self._queue.dropped,
            self._done,
            self._finished - self._started,
            *(stage.summary() for stage in stages),
        )


def _read(feed: Feed, queue: FrameQueue[_Read], reading: StageClock, clock: Callable[[], float]) -> None:
    """Hand on what the feed gives, until it ends or nobody wants more; then close it."""
    try:
        with closing(feed):
            start = clock()
            for shot in feed:
                end = clock()
                reading.add(end - start)
                if not queue.put(_Read(reading.count - 1, time.time(), end, shot)):
                    return
                start = clock()
        queue.end()
    except BaseException as error:  # noqa: BLE001 - it is raised again where frames are asked for
        queue.end(error)


_streams: WeakSet[Stream] = WeakSet()


def _close_all() -> None:
    """No frame may be read while the interpreter is taken down."""
    for stream in list(_streams):
        stream.close()


atexit.register(_close_all)
