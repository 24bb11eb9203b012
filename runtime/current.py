"""What a detector runs now: changed by one thread at a time, read by any number, and reported to callbacks."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from weakref import WeakSet

from zcc.runtime.choice import Wish
from zcc.runtime.manifest import Manifest
from zcc.runtime.variant import Variant

SwapCallback = Callable[[Manifest, Manifest, str], object]  # what ran before, what runs now, and why

logger = logging.getLogger("zcc.runtime")


class Current:
    """The variant that runs, and the wish that it was chosen by."""

    def __init__(self, variant: Variant, wish: Wish) -> None:
        self.variant = variant
        self.wish = wish
        self.changing = threading.RLock()  # held from the choice of another variant to the switch
        self._callbacks: list[SwapCallback] = []
        _currents.add(self)

    def on_switch(self, callback: SwapCallback) -> None:
        """Call back after every switch from now on, in the thread that switched."""
        self._callbacks.append(callback)

    def switch(self, variant: Variant, why: str) -> None:
        """Run another variant from the next frame on; what a callback raises is logged, for the switch is done."""
        old, self.variant = self.variant.manifest, variant
        new = variant.manifest
        logger.info("%s: %s %s in the place of %s %s", why, new.dtype, new.digest[:19], old.dtype, old.digest[:19])
        for callback in self._callbacks:
            try:
                callback(old, new, why)
            except Exception:
                logger.exception("a callback that was told of a swap failed")


_currents: WeakSet[Current] = WeakSet()


def _renew_locks() -> None:
    """Another thread may have held a lock when the process forked; it does not exist in the child."""
    for current in _currents:
        current.changing = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_locks)
