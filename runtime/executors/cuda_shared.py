"""What executors of one card share: the weights of a program that several run, and the threads that copy frames."""

from __future__ import annotations

import threading
import weakref

import numpy as np
from numpy.typing import NDArray

from zcc.runtime.executors.cuda_context import Context
from zcc.runtime.executors.cuda_memory import DeviceMemory
from zcc.runtime.executors.cuda_upload import Copiers

# By the context itself: one that was made anew holds nothing of the old one's.
_weights: weakref.WeakKeyDictionary[Context, weakref.WeakValueDictionary[str, DeviceMemory]]
_weights = weakref.WeakKeyDictionary()
_copiers: weakref.WeakKeyDictionary[Context, Copiers] = weakref.WeakKeyDictionary()
_sharing = threading.Lock()


def shared_weights(card: Context, weights: NDArray[np.uint8], key: str) -> DeviceMemory:
    """The weights on a card, uploaded by whoever comes first; `key` is the same for the same bytes."""
    with _sharing:
        known = _weights.setdefault(card, weakref.WeakValueDictionary())
        found = known.get(key)
        if found is None:
            found = known[key] = DeviceMemory(card, weights.nbytes)
            if weights.nbytes:
                found.write(np.ascontiguousarray(weights))
        return found


def shared_copiers(card: Context) -> Copiers:
    """The threads that copy frames for a card."""
    with _sharing:
        found = _copiers.get(card)
        if found is None:
            found = _copiers[card] = Copiers(card)
        return found
