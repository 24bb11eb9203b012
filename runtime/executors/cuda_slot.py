"""Frames under way on a card: each has a slot, and a word to be kept to whoever handed it in."""

from __future__ import annotations

from ctypes import byref, c_void_p
from typing import Protocol

import numpy as np

from zcc.runtime.detections import Detections
from zcc.runtime.errors import DeviceError
from zcc.runtime.executors.cuda_context import Context
from zcc.runtime.executors.cuda_driver import NOT_READY
from zcc.runtime.executors.cuda_graph import Graph
from zcc.runtime.executors.cuda_memory import PinnedMemory
from zcc.runtime.executors.cuda_upload import NO_TIMING, Landing
from zcc.runtime.executors.frame_block import PARAMETERS_SIZE, RESULT_HEADER, ResultLayout
from zcc.runtime.executors.plan import STAGES


class Owner(Protocol):
    """What a slot needs to know of the executor that it belongs to."""

    context: Context
    mapped: frozenset[str]
    addresses: dict[str, int]

    def graph(
        self,
        stages: tuple[str, ...],
        addresses: dict[str, int],
        before: tuple[int, int, int] | None,
        after: tuple[int, int, int] | None,
    ) -> Graph:
        """The launches of some stages as a graph."""

    def settle(self, pending: Pending) -> None:
        """Let a frame that is through take its outcome, while no other one comes."""


class Pending:
    """A frame that is under way."""

    def __init__(self, owner: Owner, slot: Slot, frame: object) -> None:
        self._owner = owner
        self._slot: Slot | None = slot  # until its outcome was taken out
        self._frame: object = frame  # the frame, whose memory is still read
        self._outcome: Detections | DeviceError | None = None

    def done(self) -> bool:
        """Whether the detections are there."""
        slot = self._slot
        return slot is None or slot.is_done()

    def result(self) -> Detections:
        """The detections, as soon as they are there."""
        with self._owner.context:
            return self.outcome()

    def outcome(self) -> Detections:
        """The same, in the context."""
        slot = self._slot
        if slot is not None:
            slot.wait()
            self._owner.settle(self)
        if isinstance(self._outcome, Detections):
            return self._outcome
        raise self._outcome or DeviceError("the frame was never run", "hand it in again")

    def settle(self, *, waited: bool = False) -> None:
        """Take the outcome out of the slot, which another frame will have; only while no other one comes."""
        if self._slot is None:
            return
        try:
            if not waited:
                self._slot.wait()
            self._outcome = self._slot.read()
        except DeviceError as error:
            self._outcome = error
        self._slot.pending = None
        self._slot = self._frame = None


class Slot:
    """Room for one frame under way: its parameters, its result, and the graph that goes from one to the other."""

    def __init__(self, owner: Owner, max_det: int) -> None:
        self.pending: Pending | None = None
        self.landing: Landing | None = None
        self._context, layout = owner.context, ResultLayout(max_det)
        self.parameters = PinnedMemory(owner.context, PARAMETERS_SIZE)
        self.result = PinnedMemory(owner.context, layout.size)
        self.done = c_void_p()
        with owner.context:
            owner.context.call("cuEventCreate", byref(self.done), NO_TIMING)
        self.graph = self._graph(owner)
        memory = self.result.bytes
        self._boxes = memory[layout.boxes : layout.scores].view(np.float32).reshape(-1, 4)
        self._scores = memory[layout.scores : layout.classes].view(np.float32)
        self._classes = memory[layout.classes : layout.size].view(np.int32)

    def _graph(self, owner: Owner) -> Graph:
        """Regions that are not mapped are copied, one before the launches and one behind them."""
        addresses, copies = dict(owner.addresses), {}
        for name, pinned in (("parameters", self.parameters), ("result", self.result)):
            if name in owner.mapped:
                addresses[name] = pinned.device_address
            else:
                copies[name] = (pinned.address, addresses[name], pinned.size)
        return owner.graph(STAGES, addresses, copies.get("parameters"), copies.get("result"))

    def read(self) -> Detections:
        """What the last frame left."""
        count, edges, _ = RESULT_HEADER.unpack_from(self.result.view)
        return Detections(self._boxes[:count].copy(), self._scores[:count].copy(), self._classes[:count].copy(), edges)

    def is_done(self) -> bool:
        """Whether its frame is through."""
        with self._context:
            return self._context.driver.raw["cuEventQuery"](self.done) != NOT_READY

    def wait(self) -> None:
        """Until its frame is through; in the context."""
        self._context.call("cuEventSynchronize", self.done)

    def destroy(self) -> None:
        """Give back what is not memory."""
        self.graph.destroy()
        with self._context:
            self._context.call("cuEventDestroy_v2", self.done)
        if self.landing is not None:
            self.landing.destroy()
