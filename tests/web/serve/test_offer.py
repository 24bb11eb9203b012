"""Frames of a server side by side, as many as the cores are for, and no more."""

from __future__ import annotations

import threading
from concurrent.futures import wait
from typing import Any, cast

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.web.serve.running import PATIENCE
from zcc.runtime.variant import Variant
from zcc.web.serve.offer import OVERLAPPING, Offer

FRAME = np.zeros((8, 16, 3), np.uint8)


class Held:
    """A variant whose frames end when they are let go."""

    manifest = None

    def __init__(self, overlaps: bool = False) -> None:
        self.overlaps = overlaps
        self.begun, self.free = threading.Semaphore(0), threading.Event()

    def run(self, frame: NDArray[np.uint8], conf: float, iou: float) -> None:
        self.begun.release()
        assert self.free.wait(PATIENCE)


def _offer(held: Held) -> Offer:
    return Offer({"fp32": cast(Variant, held)}, "fp32", None)


@pytest.mark.parametrize(
    ("threads", "overlaps", "abreast"), [(1, False, 1), (2, False, 2), (6, False, 6), (1, True, OVERLAPPING)]
)
def test_as_many_frames_run_at_once_as_the_cores_are_for(
    threads: int, overlaps: bool, abreast: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("zcc.runtime.host.worker_threads", lambda: threads)
    held = Held(overlaps)
    offer = _offer(held)
    assert offer.abreast == abreast
    under_way = [offer.submit(None, lambda: FRAME, 0.25, 0.45) for _ in range(abreast + 2)]
    assert all(held.begun.acquire(timeout=PATIENCE) for _ in range(abreast))
    assert not offer.has_room
    assert not held.begun.acquire(timeout=0.05), "one more than the cores are for"
    assert under_way[-1].cancel(), "what waits can be given up"
    held.free.set()
    wait(under_way, PATIENCE)
    assert under_way[-2].result().size == FRAME.shape[:2]
    offer.close()
    assert offer.has_room


def test_what_cannot_be_decoded_takes_no_place(monkeypatch: pytest.MonkeyPatch) -> None:
    held = Held()
    offer = _offer(held)

    def damaged() -> Any:
        raise ValueError("damaged")

    for _ in range(2 * offer.abreast):
        with pytest.raises(ValueError, match="damaged"):
            offer.submit(None, damaged, 0.25, 0.45).result(PATIENCE)
    held.free.set()
    assert offer.submit(None, lambda: FRAME, 0.25, 0.45).result(PATIENCE).size == (8, 16)
    offer.close()
