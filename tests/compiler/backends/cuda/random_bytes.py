"""Random networks of bytes, and what the CPU's kernels make of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tests.compiler.harness import compile_network
from tests.compiler.importing.random_graphs import random_network
from tests.compiler.precision.test_networks import grey_levels, to_bytes
from zcc.compiler.backends.cuda.pipeline import STORED
from zcc.compiler.backends.cuda.place import place
from zcc.compiler.importing.fuse import fuse
from zcc.compiler.importing.read_network import read_network
from zcc.compiler.importing.relax_module import import_proto
from zcc.compiler.ir.ops import Network

Array = NDArray[Any]


class BytesNetwork(NamedTuple):
    """A network, an image for it, and the map of its output on a CPU."""

    network: Network
    image: Array
    expected: Array

    def assert_equal(self, found: Array) -> None:
        """A byte that differs is worth a step of 0.05; what floats round differently, a millionth."""
        lanes = place(self.network, STORED["int8"]).lanes(self.network.output)
        np.testing.assert_allclose(found[lanes >= 0], self.expected, rtol=1e-5, atol=1e-5)


def bytes_network(seed: int, folder: Path) -> BytesNetwork:
    """The one of that seed."""
    proto = random_network(seed)
    image = grey_levels(tuple(dim.dim_value for dim in proto.graph.input[0].type.tensor_type.shape.dim))
    expected = compile_network(proto, folder, convert=to_bytes()).run(image)[0]
    return BytesNetwork(to_bytes()(fuse(read_network(import_proto(proto)))), image[0], expected)
