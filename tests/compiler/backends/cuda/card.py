"""A card of this machine, where it has one, and networks alone on it."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.compiler.backends.cuda.interpreter import decoded
from zcc.compiler.backends.cuda.kernels.formats import encode
from zcc.compiler.backends.cuda.launches import MODULE
from zcc.compiler.backends.cuda.lower_conv import GREY_LEVELS, image_scale
from zcc.compiler.backends.cuda.nvrtc import compile_cuda
from zcc.compiler.backends.cuda.pipeline import NetworkPlan
from zcc.compiler.backends.cuda.targets import Capability, native_target
from zcc.runtime.executors.cuda import CudaExecutor
from zcc.runtime.executors.cuda_program import Module, Program
from zcc.runtime.executors.frame_block import PARAMETERS_SIZE, ResultLayout
from zcc.runtime.executors.plan import Plan
from zcc.runtime.manifest import InputSpec

Array = NDArray[Any]
TARGET = native_target()
CARD = TARGET.capability if TARGET else Capability(90)
needs_card = pytest.mark.skipif(TARGET is None, reason="sees no card of NVIDIA's; test_with_card.py shows one")


def on_card(planned: NetworkPlan, image: Array) -> list[Array]:
    """The results of a network for an image (C, H, W) of 0..1: maps as (C, H, W), plain tensors as they are."""
    compiled = compile_cuda(planned.source, CARD.arch)
    regions = {"weights": len(planned.weights), "arena": planned.arena_bytes}
    regions |= {"parameters": PARAMETERS_SIZE, "result": ResultLayout(1).size}
    tensors = {"input": planned.image, **{f"map{index}": held for index, held in enumerate(planned.maps)}}
    plan = Plan(CARD.arch, regions, (MODULE,), planned.launches, tensors, zeroed=planned.zeroed)
    weights, key = np.frombuffer(planned.weights, np.uint8), sha256(planned.weights).hexdigest()
    modules = {MODULE: Module(compiled.cubin, compiled.ptx)}
    executor = CudaExecutor(Program(plan, modules, weights, key, InputSpec(*image.shape[1:]), 1))
    try:
        executor.write("input", _levels(planned, image))
        graph = executor.graph(("network",))
        with executor.context:
            for _ in range(2):  # nothing of one frame is left for the next
                executor.context.call("cuGraphLaunch", graph.handle, executor.stream)
            executor.context.call("cuStreamSynchronize", executor.stream)
        graph.destroy()
        return [_result(executor.read(f"map{index}"), planned) for index in range(len(planned.maps))]
    finally:
        executor.close()


def _levels(planned: NetworkPlan, image: Array) -> Array:
    """The image as the network takes it, in grey levels."""
    levels = np.zeros(planned.image.shape[1:], np.float32)
    levels[..., : len(image)] = GREY_LEVELS * image.transpose(1, 2, 0)
    whole = np.rint(levels) if planned.image_format == "uint8" else levels
    return encode(whole * np.float32(image_scale(planned.image_format)), planned.image_format)


def _result(held: Array, planned: NetworkPlan) -> Array:
    return decoded(held, planned.map_format)[0].transpose(2, 0, 1) if held.ndim == 4 else held[0]
