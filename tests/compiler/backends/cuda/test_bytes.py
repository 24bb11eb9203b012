"""int8 on CUDA has the bytes of int8 on CPUs: whole random networks, whose maps both make."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.compiler.backends.cuda.interpreter import Machine
from tests.compiler.harness import compile_network
from tests.compiler.importing.random_graphs import random_network
from tests.compiler.precision.test_networks import grey_levels, to_bytes
from zcc.compiler.backends.cuda.lower import STORED, lower_network
from zcc.compiler.backends.cuda.place import place
from zcc.compiler.backends.cuda.targets import Capability
from zcc.compiler.importing.fuse import fuse
from zcc.compiler.importing.read_network import read_network
from zcc.compiler.importing.relax_module import import_proto


@pytest.mark.parametrize("seed", range(4))
def test_bytes_are_those_of_the_cpu(seed: int, tmp_path: Path) -> None:
    proto = random_network(seed)
    shape = tuple(dim.dim_value for dim in proto.graph.input[0].type.tensor_type.shape.dim)
    image = grey_levels(shape)
    expected = compile_network(proto, tmp_path, convert=to_bytes()).run(image)[0]
    network = to_bytes()(fuse(read_network(import_proto(proto))))
    lanes = place(network, STORED["int8"]).lanes(network.output)
    actual = Machine(lower_network(network, Capability(90), "int8")).run(image[0])[0][lanes >= 0]
    # A byte that differs is worth a step of 0.05; what floats round differently, a millionth.
    np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-5)
