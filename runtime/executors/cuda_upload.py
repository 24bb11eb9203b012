"""Frames of the host on their way to the card: through pinned memory, in stripes, copied by several threads.

Only rows that the card reads are copied. A stripe is sent as soon as it is copied, by the thread that copied it. On an
H200, the third of a 1080p frame that is read took 0.34 ms in one stripe, 0.23 in two, 0.21 in three, 0.25 in four and
0.33 in six; many small stripes that threads help themselves to, 0.3 to 0.6: calls of the driver wait for each other.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from ctypes import byref, c_void_p
from dataclasses import dataclass
from queue import SimpleQueue

import numpy as np
from numpy.lib.stride_tricks import as_strided

from zcc.runtime import host
from zcc.runtime.executors.cuda_context import Context
from zcc.runtime.executors.cuda_driver import ON_DEVICE, ON_HOST, RowsCopy
from zcc.runtime.executors.cuda_memory import Bytes, DeviceMemory, PinnedMemory
from zcc.runtime.executors.cuda_rows import Rows
from zcc.runtime.frame import Frame

STRIPE = 640 << 10  # bytes that are worth waking a thread for
MOST_THREADS = 4
ALIGNMENT = 256
NO_TIMING = 2  # CUevent_flags
NON_BLOCKING = 1  # CUstream_flags


@dataclass(frozen=True, eq=False, slots=True)
class Stripe:
    """Rows of bytes of a frame, and where they come to lie in a landing, at the same distances."""

    source: Bytes
    offset: int
    pitch: int


Done = SimpleQueue[BaseException | None]
Job = tuple["Landing", Sequence[Stripe], Done]


def cut(plane: Bytes, rows: Rows | None, begin: int, share: int) -> Iterator[Stripe]:
    """A plane, or some rows of it, in stripes of about `share` bytes; `begin` is its place in the landing."""
    if rows is None or not plane.flags.c_contiguous:
        whole = span(plane)
        yield from (Stripe(whole[None, at : at + share], begin + at, share) for at in range(0, whole.size, share))
        return
    chosen = rows.of(plane)
    pitch, many = chosen.strides[0], max(share // chosen.shape[1], 1)
    begin += rows.first * plane[0].nbytes
    yield from (Stripe(chosen[at : at + many], begin + at * pitch, pitch) for at in range(0, len(chosen), many))


def span(plane: Bytes) -> Bytes:
    """All bytes from a plane's first to its last, those between its rows, too."""
    if plane.flags.c_contiguous:
        return plane.reshape(-1)
    return as_strided(plane, ((plane.shape[0] - 1) * plane.strides[0] + plane[0].nbytes,), (1,))


class Copiers:
    """Threads that copy stripes; the calling one takes its share."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.threads = threads = min(MOST_THREADS, host.worker_threads())
        self._queues = [SimpleQueue[Job]() for _ in range(threads - 1)]
        for queue in self._queues:
            threading.Thread(target=self._work, args=(queue,), name="zcc-upload", daemon=True).start()

    def copy(self, landing: Landing, stripes: Sequence[Stripe]) -> None:
        """Copy and send them all; what a thread raised is raised here."""
        step = len(self._queues) + 1 if len(stripes) > 1 else 1
        done = Done()
        helped = [(queue, stripes[k::step]) for k, queue in enumerate(self._queues, 1) if stripes[k::step]]
        for queue, share in helped:
            queue.put((landing, share, done))
        landing.send(stripes[::step])
        errors = [done.get() for _ in helped]
        for error in filter(None, errors):
            raise error

    def _work(self, queue: SimpleQueue[Job]) -> None:
        with self.context:
            while True:
                landing, share, done = queue.get()
                try:
                    landing.send(share)
                    done.put(None)
                except BaseException as error:  # noqa: BLE001 - it is raised again where the call was made
                    done.put(error)
                del landing, share, done


class Landing:
    """Room for one frame, pinned on the host and on the card; it grows with the frames."""

    def __init__(self, context: Context, copiers: Copiers) -> None:
        self._context, self._copiers = context, copiers
        self._stream, self.landed = c_void_p(), c_void_p()
        with context:
            context.call("cuStreamCreate", byref(self._stream), NON_BLOCKING)
            context.call("cuEventCreate", byref(self.landed), NO_TIMING)
        self._pinned: PinnedMemory | None = None
        self._device: DeviceMemory | None = None
        self._target = 0

    def take(self, frame: Frame, rows: Rows | None = None) -> tuple[list[int], list[int]]:
        """Addresses and pitches of the planes on the card, where they are once `landed` has happened.

        With `rows`, the first plane, at least, is there with these only.
        """
        begins = [0]
        for plane in frame.planes:
            size = (plane.shape[0] - 1) * plane.strides[0] + plane[0].nbytes
            begins.append(begins[-1] + -(-size // ALIGNMENT) * ALIGNMENT)
        self._make_room(begins[-1])
        self._copiers.copy(self, self._stripes(frame, rows, begins))
        self._context.call("cuEventRecord", self.landed, self._stream)
        return [self._target + begin for begin in begins[:-1]], [plane.strides[0] for plane in frame.planes]

    def _stripes(self, frame: Frame, rows: Rows | None, begins: Sequence[int]) -> list[Stripe]:
        first, *others = frame.planes
        read = (first.nbytes * rows.count // rows.step if rows else first.nbytes) + sum(each.nbytes for each in others)
        share = -(-read // min(max(round(read / STRIPE), 1), self._copiers.threads))
        stripes = list(cut(first, rows, begins[0], share))
        for plane, begin in zip(others, begins[1:], strict=False):
            stripes += cut(plane, None, begin, share)
        return stripes

    def send(self, stripes: Sequence[Stripe]) -> None:
        """Copy stripes into pinned memory and put them on their way."""
        pinned, device = self._pinned, self._device
        assert pinned is not None  # room was made before
        for stripe in stripes:
            np.copyto(
                np.ndarray(stripe.source.shape, np.uint8, pinned.bytes, stripe.offset, (stripe.pitch, 1)),
                stripe.source,
            )
            if device is not None:
                self._up(stripe, pinned.address + stripe.offset, device.address + stripe.offset)

    def _up(self, stripe: Stripe, staged: int, target: int) -> None:
        height, width = stripe.source.shape
        if height == 1:
            self._context.call("cuMemcpyHtoDAsync_v2", target, staged, width, self._stream)
            return
        copy = RowsCopy()
        copy.source_type, copy.source_host, copy.source_pitch = ON_HOST, staged, stripe.pitch
        copy.target_type, copy.target_device, copy.target_pitch = ON_DEVICE, target, stripe.pitch
        copy.width, copy.height = width, height
        self._context.call("cuMemcpy2DAsync_v2", byref(copy), self._stream)

    def _make_room(self, size: int) -> None:
        """A card that shares the host's memory reads the pinned bytes themselves."""
        if self._pinned is not None and self._pinned.size >= size:
            return
        self._pinned = PinnedMemory(self._context, size)
        self._target = self._pinned.device_address
        if not self._context.integrated:
            self._device = DeviceMemory(self._context, size)
            self._device.clear()  # rows that no picture is made of are read, too, though nothing comes of them
            self._target = self._device.address

    def destroy(self) -> None:
        """Give everything back."""
        with self._context:
            self._context.call("cuStreamDestroy_v2", self._stream)
            self._context.call("cuEventDestroy_v2", self.landed)
        self._pinned = self._device = None
