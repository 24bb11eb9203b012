"""Fusing: elementwise work moves into the tile of the convolution that makes its input.

Constants per channel go into weights and bias, and a chain of elementwise operations behind a convolution becomes the
convolution's stages, so that no feature map is read just to be changed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import takewhile

import numpy as np

from zcc.compiler.importing.composed_functions import recognise_functions
from zcc.compiler.ir.needed_ops import drop_dead
from zcc.compiler.ir.ops import Conv, Network, Op, Pointwise, Shuffle
from zcc.compiler.ir.tensors import Channelwise, Combine, Stage, Tensor, stage_tensors

SYMMETRIC = ("add", "multiply")


def fuse(network: Network) -> Network:
    """The same network after all of PASSES."""
    for rewrite in PASSES:
        network = rewrite(network)
    return network


def fuse_elementwise(network: Network) -> Network:
    """The same network with elementwise operations fused into their producers."""
    return replace(network, ops=_Fuser(network).run())


class _Fuser:
    """Walks the operations in order; a fused operation takes the place of the last one that went into it."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.users = network.users()
        self.made: dict[Tensor, Op] = {}

    def run(self) -> list[Op]:
        for op in self.network.ops:
            for tensor in op.outputs:
                self.made[tensor] = op
            if isinstance(op, Pointwise):
                self.absorb(op)
            if isinstance(op, Shuffle):
                self.absorb_order(op)
        return list(self.made.values())

    def absorb(self, op: Pointwise) -> None:
        """Let the producer of one of the operands compute `op`, when it has no other reader."""
        for x, stages in self.readings(op):
            producer = self.made.get(x)
            if not isinstance(producer, Conv | Pointwise) or not self.is_private(x):
                continue
            if x in stage_tensors(stages):
                continue
            del self.made[x], self.made[op.out]
            self.made[op.out] = _extend(producer, stages, op.out)
            return

    def absorb_order(self, op: Shuffle) -> None:
        """Let a convolution make its channels in the order that its only reader wants."""
        producer = self.made.get(op.x)
        if not isinstance(producer, Conv) or producer.groups > 1 or not self.is_private(op.x):
            return
        if stage_tensors(producer.stages):
            return
        del self.made[op.x], self.made[op.out]
        self.made[op.out] = _reorder(producer, op)

    def is_private(self, tensor: Tensor) -> bool:
        return len(self.users.get(tensor, [])) == 1 and tensor not in self.network.results

    @staticmethod
    def readings(op: Pointwise) -> list[tuple[Tensor, list[Stage]]]:
        """The ways to see `op` as stages behind one of its operands, the later-made one first."""
        ways = [(op.x, op.stages)]
        first = op.stages[0]
        if isinstance(first, Combine) and first.operator in SYMMETRIC and first.other.shape == op.out.shape:
            ways.append((first.other, [Combine(first.operator, op.x), *op.stages[1:]]))
        return ways


def _extend(producer: Conv | Pointwise, stages: list[Stage], out: Tensor) -> Op:
    if isinstance(producer, Conv) and not producer.stages:
        producer, stages = _fold_constants(producer, stages)
    return replace(producer, out=out, stages=[*producer.stages, *stages])


def _reorder(conv: Conv, shuffle: Shuffle) -> Conv:
    order = shuffle.order
    stages = [
        replace(stage, values=stage.values[order]) if isinstance(stage, Channelwise) else stage for stage in conv.stages
    ]
    return replace(conv, out=shuffle.out, weight=conv.weight[order], bias=conv.bias[order], stages=stages)


def _fold_constants(conv: Conv, stages: list[Stage]) -> tuple[Conv, list[Stage]]:
    """Leading per-channel constants go into the convolution's weights and bias."""
    weight, bias = conv.weight, conv.bias
    leading = list(takewhile(lambda stage: isinstance(stage, Channelwise), stages))
    for stage in leading:
        assert isinstance(stage, Channelwise)
        if stage.operator == "add":
            bias = bias + stage.values
        else:
            weight = weight * stage.values[:, None, None, None]
            bias = bias * stage.values
    return replace(conv, weight=weight.astype(np.float32), bias=bias.astype(np.float32)), stages[len(leading) :]


PASSES: tuple[Callable[[Network], Network], ...] = (
    recognise_functions,  # several elementwise operators that are one activation
    drop_dead,
    fuse_elementwise,  # elementwise operations as stages of what makes their operand
    drop_dead,
)
