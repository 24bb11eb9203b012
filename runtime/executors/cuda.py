"""Runs plans on a card of NVIDIA's: weights once, the launches as a graph, and per frame one small block of numbers.

Frames are put on their way by whoever calls; several may be under way at a time, each in a slot of its own. The card
runs them one after another, since they share the arena.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from ctypes import byref, c_void_p
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zcc.runtime.detections import Detections
from zcc.runtime.errors import DeviceError, FrameError, OutOfMemory
from zcc.runtime.executors.cuda_context import context, device_number
from zcc.runtime.executors.cuda_driver import refuse_fork
from zcc.runtime.executors.cuda_frame import CardFrame, Three, look_over, three
from zcc.runtime.executors.cuda_graph import Graph
from zcc.runtime.executors.cuda_kernels import Kernels
from zcc.runtime.executors.cuda_memory import DeviceMemory
from zcc.runtime.executors.cuda_program import Program
from zcc.runtime.executors.cuda_rows import Rows, rows_read
from zcc.runtime.executors.cuda_shared import shared_copiers, shared_weights
from zcc.runtime.executors.cuda_slot import Pending, Slot
from zcc.runtime.executors.cuda_upload import Landing
from zcc.runtime.executors.frame_block import FORMATS, FRAME, PARAMETERS_SIZE, letterbox
from zcc.runtime.executors.plan import Launch
from zcc.runtime.frame import Frame
from zcc.runtime.thresholds import threshold

SLOTS = 2  # frames under way: one is uploaded while another runs
ORDERED = 0  # CUstream_flags: after what the process has put on the default stream
MAPPED = frozenset({"result"})  # regions that lie in the host's memory, where the card reaches them
FORMAT_NUMBERS = {name: number for number, name in enumerate(FORMATS)}
MOST_SIZES = 256  # of frames, that are remembered


class CudaExecutor:
    """A program on a card, ready to run frames. Any number of threads may call it."""

    def __init__(self, program: Program, device: str | int = 0, *, mapped: frozenset[str] = MAPPED) -> None:
        self.program = program
        self.context = context(device_number(device))
        self.mapped = mapped
        self._lock = threading.RLock()
        self._next = 0
        self._places: dict[tuple[int, int], tuple[bytes, Rows | None]] = {}
        try:
            self._make()
        except DeviceError as error:
            raise _told(error, self) from error

    def _make(self) -> None:
        plan, card = self.program.plan, self.context
        self._kernels = Kernels(card, plan, self.program.modules)
        self._regions = {name: DeviceMemory(card, plan.regions[name]) for name in ("arena", "parameters", "result")}
        self._regions["arena"].clear()
        self._regions["weights"] = shared_weights(card, self.program.weights, self.program.weights_key)
        self.addresses = {name: region.address for name, region in self._regions.items()}
        self.stream = c_void_p()
        with card:
            card.call("cuStreamCreate", byref(self.stream), ORDERED)
        self._slots = [Slot(self, self.program.max_det) for _ in range(SLOTS)]
        with card:
            for slot in self._slots:
                slot.graph.upload(self.stream)
            card.call("cuStreamSynchronize", self.stream)
        self._stream_number = self.stream.value or 0

    def graph(
        self,
        stages: Sequence[str],
        addresses: Mapping[str, int] | None = None,
        before: tuple[int, int, int] | None = None,
        after: tuple[int, int, int] | None = None,
    ) -> Graph:
        """A graph of the launches of some stages; without addresses, over the regions on the card."""
        plan = self.program.plan
        launches = {index: plan.launches[index] for index in plan.indices_of(stages)}
        return self.graph_of(launches, addresses, before, after)

    def graph_of(
        self,
        launches: Mapping[int, Launch],
        addresses: Mapping[str, int] | None = None,
        before: tuple[int, int, int] | None = None,
        after: tuple[int, int, int] | None = None,
    ) -> Graph:
        """The same of any launches of the plan's kernels, by the numbers that they wait for."""
        return Graph(self.context, launches, self._kernels.handles, addresses or self.addresses, before, after)

    def run(
        self, frame: Any, conf: float = 0.25, iou: float = 0.45, format: str | None = None, stream: int | None = None
    ) -> Detections:
        """The detections in a frame."""
        with self.context:
            return self._submit(frame, conf, iou, format, stream).outcome()

    def submit(
        self, frame: Any, conf: float = 0.25, iou: float = 0.45, format: str | None = None, stream: int | None = None
    ) -> Pending:
        """Put a frame on its way; it must not be written to until its result is there.

        A frame on the card may still be written by what its library put on the default stream, or on `stream`.
        """
        with self.context:
            return self._submit(frame, conf, iou, format, stream)

    def _submit(self, frame: Any, conf: float, iou: float, format: str | None, stream: int | None) -> Pending:
        refuse_fork()
        conf, iou = threshold("conf", conf), threshold("iou", iou)
        call = self.context.call
        with self._lock:
            taken = look_over(frame, format, self._stream_number)
            number = self._format_number(taken.format)
            place, rows = self._place(taken.height, taken.width)
            if isinstance(taken, CardFrame) and not self.context.alone:
                self.context.check_frame(taken.addresses[0])
            slot = self._take()
            if isinstance(taken, CardFrame):
                for other in taken.streams if stream is None else (*taken.streams, stream):
                    self._follow(other, slot)
                addresses, pitches = taken.addresses, taken.pitches
            else:
                addresses, pitches = self._land(taken, rows, slot)
            FRAME.pack_into(slot.parameters.view, 0, *addresses, *pitches, number, conf, iou)
            slot.parameters.view[FRAME.size : PARAMETERS_SIZE] = place
            call("cuGraphLaunch", slot.graph.handle, self.stream)
            call("cuEventRecord", slot.done, self.stream)
            slot.pending = Pending(self, slot, taken)
            return slot.pending

    def _format_number(self, name: str | None) -> int:
        number = FORMAT_NUMBERS.get(name or self.program.input.color)
        if number is None:
            raise FrameError(f"no frame format is called {name!r}", f"give one of {', '.join(FORMAT_NUMBERS)}")
        return number

    def _place(self, height: int, width: int) -> tuple[bytes, Rows | None]:
        """Where frames of a size lie, and which rows are read of them, worked out once."""
        found = self._places.get((height, width))
        if found is None:
            if len(self._places) >= MOST_SIZES:
                self._places.clear()
            place = letterbox(self.program.input, height, width)
            found = self._places[height, width] = place.packed(), rows_read(height, place.height)
        return found

    def _take(self) -> Slot:
        """The slot that was used longest ago, once its frame is done."""
        slot = self._slots[self._next]
        self._next = (self._next + 1) % len(self._slots)
        if slot.pending is not None:
            slot.pending.settle()
        return slot

    def _follow(self, other: int, slot: Slot) -> None:
        """Wait, on the card, for what another stream was told so far; the legacy default stream needs no waiting."""
        if other != 1:
            self.context.call("cuEventRecord", slot.done, other)
            self.context.call("cuStreamWaitEvent", self.stream, slot.done, 0)

    def _land(self, frame: Frame, rows: Rows | None, slot: Slot) -> tuple[Three, Three]:
        if slot.landing is None:
            slot.landing = Landing(self.context, shared_copiers(self.context))
        addresses, pitches = slot.landing.take(frame, rows)
        self.context.call("cuStreamWaitEvent", self.stream, slot.landing.landed, 0)
        return three(addresses), three(pitches)

    def handle(self, launch: Launch) -> c_void_p:
        """The loaded kernel of a launch."""
        return self._kernels.handles[launch.module, launch.kernel]

    def write(self, name: str, array: NDArray[Any]) -> None:
        """Put an array where a tensor of the plan lies."""
        tensor = self.program.plan.tensors[name]
        data = np.ascontiguousarray(array, tensor.dtype).reshape(tensor.shape)
        self._regions[tensor.place.region].write(data.view(np.uint8).reshape(-1), tensor.place.offset)

    def read(self, name: str) -> NDArray[Any]:
        """A copy of a tensor of the plan."""
        tensor = self.program.plan.tensors[name]
        size = int(np.prod(tensor.shape)) * np.dtype(tensor.dtype).itemsize
        data = self._regions[tensor.place.region].read(tensor.place.offset, size)
        return data.view(tensor.dtype).reshape(tensor.shape)

    def run_network(self, image: NDArray[Any]) -> NDArray[Any]:
        """The tensor `output` for what `input` is to hold."""
        with self._lock, self.context:
            self.write("input", image)
            graph = self.graph(("network",))
            self.context.call("cuGraphLaunch", graph.handle, self.stream)
            self.context.call("cuStreamSynchronize", self.stream)
            graph.destroy()
            return self.read("output")

    def keep_parameters(self) -> None:
        """Have the card remember those of the last frame, for launches that run without one."""
        self._regions["parameters"].write(self.last_slot.parameters.bytes)

    @property
    def last_slot(self) -> Slot:
        """That of the frame that came last."""
        return self._slots[self._next - 1]

    def settle(self, pending: Pending) -> None:
        """Let a frame that is through take its outcome, unless another thread has seen to it."""
        with self._lock:
            pending.settle(waited=True)

    def close(self) -> None:
        """Finish what is under way, and give the card's memory back."""
        with self._lock:
            if self.context.lost:
                return  # all of it went with the context
            for slot in self._slots:
                if slot.pending is not None:
                    with self.context:
                        slot.pending.settle()
                slot.destroy()
            self._slots.clear()
            self._kernels.unload()
            with self.context:
                self.context.call("cuStreamDestroy_v2", self.stream)
            self._regions.clear()


def _told(error: DeviceError, executor: CudaExecutor) -> DeviceError:
    """An error that says how much was wanted, where memory ran out."""
    if not isinstance(error, OutOfMemory):
        return error
    wanted = sum(executor.program.plan.regions.values()) >> 20
    return type(error)(f"{error.problem}: the variant needs {wanted} MB on {executor.context.name}", error.remedy)
