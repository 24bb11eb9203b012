"""A network of five convolutions, for tests that compile it for several targets: quick, and all ways of multiplying."""

from __future__ import annotations

from tests.compiler.precision.test_networks import to_bytes
from tests.onnx_models.graph import Graph
from zcc.compiler.importing.fuse import fuse
from zcc.compiler.importing.read_network import read_network
from zcc.compiler.importing.relax_module import import_proto
from zcc.compiler.ir.ops import Network


def small_network() -> Network:
    """Large taps and single ones, one channel at a time, borders, a sum of maps; odd sizes."""
    g = Graph((33, 22), 13, 0)
    x = g.silu(g.conv(g.images, 16, kernel=3, stride=2))
    deep = g.silu(g.conv(x, 16, kernel=3))
    alone = g.conv(deep, 16, kernel=3, groups=16)
    single = g.leaky(g.conv(g.add(x, alone), 24, kernel=1))
    return fuse(read_network(import_proto(g.finish({"output": g.conv(single, 12, kernel=1)}))))


def small_network_in_bytes() -> Network:
    """The same in integers."""
    return to_bytes()(small_network())
