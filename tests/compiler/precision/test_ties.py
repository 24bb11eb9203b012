"""Ties on random networks: what moves bytes shares a quantisation, and nothing else does."""

from __future__ import annotations

import numpy as np
import pytest

from tests.compiler.importing.random_graphs import random_network
from tests.compiler.precision.samples import maps_of
from zcc.compiler.importing.fuse import fuse
from zcc.compiler.importing.read_network import read_network
from zcc.compiler.importing.relax_module import import_proto
from zcc.compiler.ir.ops import Concat, Conv, MaxPool, Network, Op, Pointwise, Resize, Slice
from zcc.compiler.ir.tensors import Tensor
from zcc.compiler.precision.ties import Ties, moved


def network_of(seed: int) -> tuple[Network, list[Op]]:
    """A random network, and those of its operations that work on maps."""
    network = fuse(read_network(import_proto(random_network(seed))))
    kinds = (Concat, Conv, MaxPool, Pointwise, Resize, Slice)
    return network, [op for op in network.ops if isinstance(op, kinds)]


@pytest.mark.parametrize("seed", range(12))
def test_groups_are_what_moves_connect(seed: int) -> None:
    _, ops = network_of(seed)
    # Labels that spread until none changes, instead of a union-find.
    labels = {tensor: index for index, tensor in enumerate(t for op in ops for t in (*op.inputs, op.out))}
    changed = True
    while changed:
        changed = False
        for op in ops:
            if isinstance(op, Concat | MaxPool | Resize | Slice):
                least = min(labels[t] for t in (*op.inputs, op.out))
                for tensor in (*op.inputs, op.out):
                    changed |= labels[tensor] != least
                    labels[tensor] = least
    expected: dict[int, set[Tensor]] = {}
    for tensor, label in labels.items():
        expected.setdefault(label, set()).add(tensor)
    groups = [set(group) for group in Ties(ops).groups()]
    assert sum(len(group) for group in groups) == len(labels)
    assert all(group in expected.values() for group in groups)


@pytest.mark.parametrize("seed", range(4))
def test_moved_maps_hold_nothing_that_their_group_does_not_make(seed: int) -> None:
    network, ops = network_of(seed)
    image = np.random.default_rng(seed).normal(0, 1, network.image.shape).astype(np.float32)
    values = {network.image: image, **maps_of(network, ops, image)}
    elsewhere = moved(ops)
    for group in Ties(ops).groups():
        made = np.unique(np.concatenate([values[t].ravel() for t in group if t not in elsewhere]))
        for tensor in group:
            assert np.isin(values[tensor], made).all(), tensor.name


def test_whatever_computes_ties_nothing() -> None:
    _, ops = network_of(0)
    computing = [op for op in ops if isinstance(op, Conv | Pointwise)]
    assert computing and all(len(group) == 1 for group in Ties(computing).groups())
