"""Following a reference: when it means other artifacts, the detector changes to them, once they have proved themselves.

One daemon thread per detector that follows. It asks the registry for its revision several times a second, and for more
only when that has changed. It ends with its detector, with `close`, and with the interpreter; a child of a fork that
goes on to run frames gets a thread of its own.
"""

from __future__ import annotations

import atexit
import logging
import os
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from weakref import ReferenceType, WeakSet, ref

from zcc.runtime.choice import choose
from zcc.runtime.current import Current
from zcc.runtime.errors import ArtifactError, NotFound, UsageError, ZccError
from zcc.runtime.frame import Frame
from zcc.runtime.loading import load_aside
from zcc.runtime.manifest import Manifest
from zcc.runtime.replacement import Sample, objection, other_meaning
from zcc.runtime.source import Candidate, MovingSource
from zcc.runtime.trials import known_trials
from zcc.runtime.variant import Variant

KEEP_SECONDS = 1.0  # so often a frame is copied to try replacements on
CLOSING_SECONDS = 5.0  # a registry that does not answer must not hold up who closes, nor the exit

logger = logging.getLogger("zcc.runtime")


@dataclass(frozen=True)
class Following:
    """How a reference is followed."""

    agreement: float = 0.5  # of detections on the last frame, that a replacement must reach: an F1 score
    interval: float = 0.25  # seconds between two looks at the registry

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        if not 0 <= self.agreement <= 1:
            raise UsageError(f"agreement={self.agreement!r} is not a share from 0 to 1")
        if not 0 < self.interval < float("inf"):
            raise UsageError(f"interval={self.interval!r} is not a number of seconds above 0")


class Follower:
    """Keeps what a detector runs at what its reference means."""

    def __init__(
        self, reference: str, source: MovingSource, variants: Sequence[Candidate], current: Current, how: Following
    ) -> None:
        self._reference, self._source, self._current, self._how = reference, source, current, how
        self._meant = _digests(variants)  # what was chosen from
        self._revision = object()  # no registry's
        self._refused: set[str] = set()
        self._trouble: str | None = None
        self._sample: Sample | None = None
        self._kept = float("-inf")
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()
        _followers.add(self)

    def start(self) -> None:
        """Follow from now on."""
        arguments = (ref(self), self._stop, self._how.interval)
        self._thread = threading.Thread(target=_watch, args=arguments, name="zcc-follow", daemon=True)
        _watches[self._thread] = self._stop
        self._thread.start()

    def stop(self) -> None:
        """Follow no more; what runs goes on to run."""
        self._stop.set()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(CLOSING_SECONDS)

    def saw(self, frame: Frame, conf: float, iou: float) -> None:
        """Keep a copy of a frame now and then: its owner may write the next one into the same memory."""
        if self._thread is None:
            self._start_again()
        now = time.monotonic()
        if now - self._kept >= KEEP_SECONDS:
            self._kept = now
            self._sample = Sample(frame.copy(), conf, iou)

    def forget_thread(self) -> None:
        """In the child of a fork there is none, and its event may have been locked for ever."""
        stopped, self._stop = self._stop.is_set(), threading.Event()
        self._thread = None
        if stopped:
            self._stop.set()

    def _start_again(self) -> None:
        with self._current.changing:
            if self._thread is None and not self._stop.is_set():
                self.start()

    def look(self) -> None:
        """See whether the reference means other artifacts, and change to them if they prove themselves."""
        try:
            revision = self._source.revision()
            if revision == self._revision:
                return
            try:
                self._consider(self._source.variants(self._reference))
            except (NotFound, ArtifactError) as error:
                self._tell(error)  # until the registry changes there is nothing else to find
            else:
                self._trouble = None
            self._revision = revision
        except ZccError as error:
            self._tell(error)
        except Exception:
            logger.exception("%s cannot be followed for now", self._reference)

    def _consider(self, variants: Sequence[Candidate]) -> None:
        meant = _digests(variants)
        if meant == self._meant:
            return
        with self._current.changing:
            wish = self._current.wish
            variants, _ = known_trials(variants, wish, self._source)
            chosen = choose(self._reference, variants, wish.dtype, wish.target, wish.prefer, wish.device)
            variant = None if self._known(chosen) else self._try(chosen)
            if variant is not None:
                self._current.switch(variant, f"{self._reference} moved")
        self._meant = meant

    def _known(self, chosen: Candidate) -> bool:
        digest = chosen.manifest.digest
        return digest == self._current.variant.manifest.digest or digest in self._refused

    def _try(self, chosen: Candidate) -> Variant | None:
        """The replacement, loaded and tried; None, and never again, where that fails."""
        present = self._current.variant
        told = other_meaning(chosen.manifest, present.manifest)
        if told is None:
            try:
                variant = load_aside(self._source, chosen, self._current.wish.device)
                told = objection(variant, present, self._sample, self._how.agreement)
            except Exception as error:  # noqa: BLE001 - whatever a replacement does, what runs must go on
                told = str(error) or type(error).__name__
            else:
                if told is None:
                    return variant
        self._refuse(chosen.manifest, told)
        return None

    def _refuse(self, replacement: Manifest, told: str) -> None:
        self._refused.add(replacement.digest)
        logger.error(
            "%s moved to %s %s, which is refused: %s; %s goes on",
            *(
                self._reference,
                replacement.dtype,
                replacement.digest[:19],
                told,
                self._current.variant.manifest.digest[:19],
            ),
        )

    def _tell(self, error: ZccError) -> None:
        """Log what is in the way, once."""
        if str(error) != self._trouble:
            self._trouble = str(error)
            logger.warning("%s cannot be followed for now: %s", self._reference, error)


def _digests(variants: Sequence[Candidate]) -> frozenset[str]:
    return frozenset(each.manifest.digest for each in variants)


def _watch(followed: ReferenceType[Follower], stop: threading.Event, interval: float) -> None:
    """Look until told to stop, or until nobody holds the follower."""
    while not stop.wait(interval):
        follower = followed()
        if follower is None:
            break
        follower.look()
        del follower  # else it would live while the thread waits
    _watches.pop(threading.current_thread(), None)


_followers: WeakSet[Follower] = WeakSet()
_watches: dict[threading.Thread, threading.Event] = {}  # those that run, and what stops them


def _stop_all() -> None:
    """No native code may be loaded, run or let go while the interpreter is taken down.

    A thread may outlive its follower: when it looks as the detector goes, it is the one that lets it go.
    """
    running = list(_watches.items())
    for _, stop in running:
        stop.set()
    join_within(CLOSING_SECONDS, [thread for thread, _ in running])


def join_within(
    seconds: float, threads: Sequence[threading.Thread], clock: Callable[[], float] = time.monotonic
) -> None:
    """Wait for the threads to end, but for all of them together no longer than so many seconds."""
    until = clock() + seconds
    for thread in threads:
        thread.join(max(until - clock(), 0))


def _forget_threads() -> None:
    """Threads do not survive a fork."""
    _watches.clear()
    for follower in _followers:
        follower.forget_thread()


atexit.register(_stop_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_threads)
