"""The network compiled in fp32 so that every map can be read after a frame.

Frames go through the preprocess kernel that ships. No tensor shares memory with another: each map still lies where it
was made when the frame is done.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import tvm_ffi
from numpy.typing import NDArray

from zcc.compiler.backends.cpu.lowering.layout import Layout
from zcc.compiler.backends.cpu.lowering.pipeline import lower_network
from zcc.compiler.backends.cpu.program.build import build_library
from zcc.compiler.backends.cpu.program.emit import FrameSpec, emit
from zcc.compiler.backends.cpu.targets.target import CpuTarget
from zcc.compiler.ir.needed_ops import ops_for
from zcc.compiler.ir.ops import Concat, Network, Op
from zcc.compiler.ir.tensors import Tensor
from zcc.runtime.aligned import aligned_bytes
from zcc.runtime.engine import engine
from zcc.runtime.executors.cpu_results import result_arrays
from zcc.runtime.frame import Pixels
from zcc.runtime.frame_pool import PoolCode
from zcc.runtime.host import worker_threads
from zcc.runtime.library import detect_entry

LIBRARY = "observed.so"
NO_DETECTIONS = 2.0  # a confidence that none reaches

Floats = NDArray[np.float32]
FrameOf = Callable[[Layout], FrameSpec]


class CpuMapObserver:
    """Runs frames; `maps` shows every map of the last one as [blocks, height, width, lanes]."""

    def __init__(self, network: Network, target: CpuTarget, frame_of: FrameOf, folder: Path) -> None:
        self.layout = lower_network(_copied(network), target.unit, sharing=False)
        frame = frame_of(self.layout)
        program = emit(self.layout, frame, target.unit, formats=(frame.input.color,))
        build_library(program.module, target.tvm_target(), folder / LIBRARY)
        module = tvm_ffi.load_module(str(folder / LIBRARY), keep_module_alive=False)
        arena = aligned_bytes(program.detect.bytes(worker_threads()))
        results = result_arrays(frame.task, frame.max_det, self.layout.placement.output.shape[-1])
        arguments = (_as_bytes(self.layout.weights), arena, *results)
        detect: Any = module[detect_entry(frame.input.color)]
        self._pool_code = PoolCode.of(module)
        self._detect: Callable[[Pixels], None] = lambda pixels: detect(pixels, NO_DETECTIONS, 1.0, *arguments)
        self.maps = {tensor: self._view(tensor, arena) for tensor in self._observed(network)}

    def run(self, pixels: Pixels) -> None:
        """Run a frame."""
        engine().call(lambda: self._run(pixels))

    def _run(self, pixels: Pixels) -> None:
        engine().share(self._pool_code)
        self._detect(pixels)

    def channels(self, tensor: Tensor) -> NDArray[np.int64]:
        """For each lane of a map the channel it holds, -1 in a hole."""
        return self.layout.placement.channels[tensor].lanes()

    def real_values(self) -> dict[str, Floats]:
        """The numbers that each map stands for, as [channels, height, width], by its name."""
        return {tensor.name: self._real(tensor) for tensor in self.maps}

    def _real(self, tensor: Tensor) -> Floats:
        channels = self.channels(tensor)
        planes = self.maps[tensor].transpose(0, 3, 1, 2)
        values = planes.reshape(len(channels), *planes.shape[2:])[channels >= 0]
        return tensor.quantisation.dequantise(values) if tensor.quantisation else values.astype(np.float32)

    def _observed(self, network: Network) -> list[Tensor]:
        """The maps that a frame's run makes."""
        made = [tensor for op in ops_for(network.read, network.ops) for tensor in op.outputs]
        return [tensor for tensor in (network.image, *made) if tensor in self.layout.placement.channels]

    def _view(self, tensor: Tensor, arena: NDArray[np.uint8]) -> NDArray[Any]:
        slab = self.layout.lowering.view(tensor).slab()
        dtype = np.dtype(slab.dtype)
        memory = arena[self.layout.lowering.address(tensor).offset :]
        strides = [dtype.itemsize * elements for elements in (slab.plane, slab.pitch, slab.lanes, 1)]
        return np.ndarray(slab.shape, dtype, memory, 0, strides)


def _copied(network: Network) -> Network:
    """The same tensors under operations of their own: placing a network changes its operations."""
    return replace(network, ops=[_copied_op(op) for op in network.ops])


def _copied_op(op: Op) -> Op:
    return replace(op, parts=list(op.parts)) if isinstance(op, Concat) else copy.copy(op)


def _as_bytes(data: bytes) -> NDArray[np.uint8]:
    memory = aligned_bytes(max(len(data), 1))
    memory[: len(data)] = np.frombuffer(data, np.uint8)
    return memory
