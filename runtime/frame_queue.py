"""A queue of bounded length between the thread that reads frames and the one that runs them."""

from __future__ import annotations

import threading
from collections import deque
from typing import Generic, TypeVar

T = TypeVar("T")


class FrameQueue(Generic[T]):
    """Holds at most `room` items. When it is full, `put` waits, or with `drops` the oldest item goes."""

    def __init__(self, room: int, drops: bool) -> None:
        self.dropped = 0
        self._room, self._drops = room, drops
        self._items: deque[T] = deque()
        self._changed = threading.Condition()
        self._closed = self._ended = False
        self._error: BaseException | None = None

    def put(self, item: T) -> bool:
        """Add an item; False when nobody wants any more."""
        with self._changed:
            if self._drops and len(self._items) >= self._room:
                self._items.popleft()
                self.dropped += 1
            self._changed.wait_for(lambda: self._closed or len(self._items) < self._room)
            if not self._closed:
                self._items.append(item)
                self._changed.notify_all()
            return not self._closed

    def end(self, error: BaseException | None = None) -> None:
        """No items follow; the error, if there is one, is raised where the next one is asked for."""
        with self._changed:
            self._ended, self._error = True, error
            self._changed.notify_all()

    def get(self) -> T | None:
        """The oldest item as soon as there is one, None at the end and when the queue is closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._items or self._ended or self._closed)
            if self._items:
                item = self._items.popleft()
                self._changed.notify_all()
                return item
            error, self._error = self._error, None
        if error is None or self._closed:
            return None
        raise error

    def get_now(self) -> T | None:
        """The oldest item, None when there is none yet or any more."""
        with self._changed:
            if not self._items:
                return None
            item = self._items.popleft()
            self._changed.notify_all()
            return item

    def close(self) -> None:
        """Want no more items."""
        with self._changed:
            self._closed = True
            self._items.clear()
            self._changed.notify_all()
