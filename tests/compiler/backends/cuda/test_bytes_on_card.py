"""int8 on a card, where this machine has one, has the bytes of int8 on CPUs: whole random networks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.compiler.harness import compile_network
from tests.compiler.importing.random_graphs import random_network
from tests.compiler.precision.test_networks import grey_levels, to_bytes
from zcc.compiler.backends.cuda.launches import MODULE
from zcc.compiler.backends.cuda.lower import STORED, NetworkPlan, lower_network
from zcc.compiler.backends.cuda.nvrtc import compile_cuda
from zcc.compiler.backends.cuda.place import place
from zcc.compiler.backends.cuda.targets import Capability, native_target
from zcc.compiler.importing.fuse import fuse
from zcc.compiler.importing.read_network import read_network
from zcc.compiler.importing.relax_module import import_proto
from zcc.runtime.executors.cuda import CudaExecutor
from zcc.runtime.executors.cuda_program import Module, Program
from zcc.runtime.executors.frame_block import PARAMETERS_SIZE, ResultLayout
from zcc.runtime.executors.plan import Plan
from zcc.runtime.manifest import InputSpec

TARGET = native_target()
CARD = TARGET.capability if TARGET else Capability(90)
pytestmark = pytest.mark.skipif(TARGET is None, reason="needs a card of NVIDIA's")


def map_of(planned: NetworkPlan, image: NDArray[np.float32]) -> NDArray[Any]:
    """The map (C, H, W) that the card makes of an image (C, H, W) of grey levels, 0..1."""
    compiled = compile_cuda(planned.source, CARD.arch)
    regions = {"weights": len(planned.weights), "arena": planned.arena_bytes}
    regions |= {"parameters": PARAMETERS_SIZE, "result": ResultLayout(1).size}
    tensors = {"input": planned.image, "output": planned.maps[0]}
    plan = Plan(CARD.arch, regions, (MODULE,), planned.launches, tensors, zeroed=planned.zeroed)
    modules = {MODULE: Module(compiled.cubin, compiled.ptx)}
    weights = np.frombuffer(planned.weights, np.uint8)
    executor = CudaExecutor(Program(plan, modules, weights, str(id(planned)), InputSpec(*image.shape[1:]), 1))
    levels = np.zeros(planned.image.shape, planned.image.dtype)
    levels[..., : len(image)] = np.rint(255 * image).transpose(1, 2, 0)
    made = executor.run_network(levels)[0].transpose(2, 0, 1)
    executor.close()
    return made


@pytest.mark.parametrize("seed", range(12))
def test_a_card_has_the_bytes_of_the_cpu(seed: int, tmp_path: Path) -> None:
    proto = random_network(seed)
    shape = tuple(dim.dim_value for dim in proto.graph.input[0].type.tensor_type.shape.dim)
    image = grey_levels(shape)
    expected = compile_network(proto, tmp_path, convert=to_bytes()).run(image)[0]
    network = to_bytes()(fuse(read_network(import_proto(proto))))
    lanes = place(network, STORED["int8"]).lanes(network.output)
    actual = map_of(lower_network(network, CARD, "int8"), image[0])[lanes >= 0]
    # A byte that differs is worth a step of 0.05; what floats round differently, a millionth.
    np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-5)
