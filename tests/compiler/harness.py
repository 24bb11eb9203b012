"""Compiles a network, any part of one, and runs it: for tests that look beneath the command line.

LLVM optimises nothing unless it is asked to, which takes it a fifth of the time: what tests of networks are about is
how kernels are chosen, fed and put together. Each kind of kernel by itself, some families of detectors, and all
that `zcc compile` makes in tests are optimised as users get them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import tvm_ffi
from numpy.typing import NDArray
from tvm.ir import IRModule
from tvm.target import Target

from tests.ort import session as ort_session
from zcc.compiler.backends.cpu.kernels.choices import Choices
from zcc.compiler.backends.cpu.layout.place import Placement
from zcc.compiler.backends.cpu.lowering.layout import Layout
from zcc.compiler.backends.cpu.lowering.pipeline import lower_network
from zcc.compiler.backends.cpu.program.build import QUICKLY, build_library
from zcc.compiler.backends.cpu.program.emit import emit_network
from zcc.compiler.backends.cpu.targets.table import TARGETS, native_target
from zcc.compiler.backends.cpu.targets.target import CpuTarget
from zcc.compiler.importing.fuse import fuse
from zcc.compiler.importing.read_network import read_network
from zcc.compiler.importing.relax_module import import_proto
from zcc.compiler.ir.ops import Network
from zcc.runtime.aligned import aligned_bytes
from zcc.runtime.engine import engine
from zcc.runtime.host import worker_threads
from zcc.runtime.library import NETWORK

Array = NDArray[np.float32]


@dataclass
class Compiled:
    """A network that can be run."""

    layout: Layout
    run: Any

    @property
    def placement(self) -> Placement:
        return self.layout.placement

    @property
    def kernels(self) -> list[str]:
        return [call.spec.name for call in self.layout.calls]


def compile_network(
    proto: onnx.ModelProto,
    folder: Path,
    target: str | None = None,
    convert: Callable[[Network], Network] = lambda network: network,
    choices: Choices | None = None,
    optimised: bool = False,
) -> Compiled:
    """The network of `proto`, run in memory full of garbage so that nothing is right by accident."""
    chosen = TARGETS[target] if target else native_target()
    if not chosen.runs_here():
        pytest.skip(f"this processor does not run {target}")
    return build_network(convert(fuse(read_network(import_proto(proto)))), folder, chosen, choices, optimised)


def build_network(
    network: Network,
    folder: Path,
    chosen: CpuTarget,
    choices: Choices | None = None,
    optimised: bool = False,
    through: Callable[[IRModule], IRModule] = lambda module: module,
) -> Compiled:
    """A network that was read already, compiled for a target."""
    layout = lower_network(network, chosen.unit, choices)
    library = folder / f"network-{chosen.name}.so"
    program = emit_network(layout, chosen.unit)
    target = chosen.tvm_target()
    build_library(through(program.module), target if optimised else Target({**target.export(), **QUICKLY}), library)
    module = tvm_ffi.load_module(str(library))
    weights = aligned_bytes(max(len(layout.weights), 1))
    weights[: len(layout.weights)] = np.frombuffer(layout.weights, np.uint8)
    arena = aligned_bytes(program.network.bytes(worker_threads()))

    def run(image: Array) -> Array:
        arena[:] = 0x7F
        shape = layout.placement.output.shape
        # The result is the caller's own memory, aligned to nothing but its elements.
        output = np.full(np.prod(shape) + 1, np.nan, np.float32)[1:].reshape(shape)
        engine().call(lambda: module[NETWORK](image, weights, arena, output))
        return output

    return Compiled(layout, run)


def reference(proto: onnx.ModelProto, image: Array) -> Array:
    """What ONNX Runtime computes."""
    options = onnxruntime.SessionOptions()
    # Its own integer kernels add in 16 bits where the processor has no byte dot products, and saturate.
    options.add_session_config_entry("session.disable_quant_qdq", "1")
    # Its Pad_Fusion lets zeros that stand before a max pool count for nothing.
    session = ort_session(proto.SerializeToString(), options, disabled_optimizers=["Pad_Fusion"])
    return np.asarray(session.run(None, {proto.graph.input[0].name: image})[0])
