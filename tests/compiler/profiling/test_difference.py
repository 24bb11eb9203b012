"""Two profiles by node, whatever each fused."""

from __future__ import annotations

from zcc.compiler.profiling.difference import OTHER, difference
from zcc.compiler.profiling.profile import KernelTime


def kernel(name: str, seconds: float, *nodes: str) -> KernelTime:
    """A kernel that stands for these nodes."""
    return KernelTime(name, name, seconds, 0, 0, nodes=nodes)


def test_kernels_that_share_nodes_are_one_group() -> None:
    before = [kernel("conv", 5.0, "a"), kernel("act", 1.0, "b"), kernel("pool", 2.0, "c"), kernel("halo", 0.5)]
    after = [kernel("fused", 4.0, "a", "b"), kernel("pool", 2.25, "c")]
    fused, halo, pool = difference(before, after)
    assert (fused.nodes, fused.before, fused.after) == (("a", "b"), 6.0, 4.0)
    assert fused.kernels == (("conv", "act"), ("fused",))
    assert (halo.nodes, halo.before, halo.after) == ((OTHER,), 0.5, 0)
    assert (pool.change, pool.kernels) == (0.25, (("pool",), ("pool",)))
