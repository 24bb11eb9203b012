"""From operations whose maps have their places to launches that have no addresses yet: a function for each kind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zcc.compiler.backends.cuda.draft import Argument, Draft
from zcc.compiler.backends.cuda.kernels.attention import AttentionKernel
from zcc.compiler.backends.cuda.kernels.conv_mma import Geometry
from zcc.compiler.backends.cuda.kernels.generic import GenericKernel
from zcc.compiler.backends.cuda.kernels.kernel_source import KernelSpec
from zcc.compiler.backends.cuda.kernels.moves import DepthToSpaceKernel, GlobalMeanKernel, ShuffleKernel
from zcc.compiler.backends.cuda.kernels.plain import FromPlain, ToPlain
from zcc.compiler.backends.cuda.kernels.pointwise import PointwiseKernel
from zcc.compiler.backends.cuda.kernels.pool import Pool, PoolChain
from zcc.compiler.backends.cuda.kernels.stages import Ending
from zcc.compiler.backends.cuda.lower_conv import lower_conv
from zcc.compiler.backends.cuda.lowering import Lowering
from zcc.compiler.backends.cuda.place import View
from zcc.compiler.ir.ops import (
    Attention,
    Conv,
    Convert,
    Copy,
    DepthToSpace,
    GlobalMean,
    MaxPool,
    Network,
    Op,
    Pointwise,
    QuantisedConv,
    Resize,
    Shuffle,
)
from zcc.compiler.ir.plain_ops import Lowered
from zcc.compiler.ir.tensors import Tensor


def draft_launches(lowering: Lowering, network: Network) -> list[Draft]:
    """A launch for each operation, in order; some take others along."""
    return _Drafts(lowering, network).run()


class _Drafts:
    """Walks the operations."""

    def __init__(self, lowering: Lowering, network: Network) -> None:
        self.lowering, self.network = lowering, network
        self.users = network.users()
        self.taken: set[Op] = set()

    def run(self) -> list[Draft]:
        return [self.draft(op) for op in self.lowering.placement.ops if op not in self.taken]

    def draft(self, op: Op) -> Draft:
        return LOWERINGS[type(op)](self, op)

    def take(self, op: Op) -> Op:
        self.taken.add(op)
        return op

    def conv(self, op: Conv) -> Draft:
        wider = next((user for user in self.users.get(op.out, []) if isinstance(user, Resize)), None)
        if wider is not None:
            self.take(wider)
        return lower_conv(op, self.lowering, wider)

    def max_pool(self, op: MaxPool) -> Draft:
        chain = [op]
        while (follower := self.next_pool(chain[-1])) is not None and _is_pyramid(op):
            chain.append(follower)
        spec = PoolChain(
            self.map(op.x),
            tuple(self.map(each.out) for each in chain),
            op.kernel[0],
            early=self.lowering.capability.overlaps,
        )
        if len(chain) == 1 or spec.shared_bytes > self.lowering.capability.shared_bytes:
            return self.single_pool(op)
        for each in chain[1:]:
            self.take(each)
        views = [self.lowering.view(each.out) for each in chain]
        x = self.lowering.view(op.x)
        return Draft(spec, op.out.name, [x, *views], [x], views)

    def single_pool(self, op: MaxPool) -> Draft:
        spec = Pool(self.map(op.x), self.map(op.out), Geometry(op.kernel, op.stride, op.padding), op.border)
        return self.unary(op.x, op.out, spec)

    def next_pool(self, op: MaxPool) -> MaxPool | None:
        """The same pooling of what this one makes."""
        same = (op.kernel, op.stride, op.padding, op.border)
        for user in self.users.get(op.out, []):
            if isinstance(user, MaxPool) and (user.kernel, user.stride, user.padding, user.border) == same:
                return user
        return None

    def resize(self, op: Resize) -> Draft:
        return self.unary(op.x, op.out, PointwiseKernel(self.map(op.x), Ending(self.map(op.out)), op.factor))

    def pointwise(self, op: Pointwise) -> Draft:
        stages, given, read = self.lowering.stages(op.stages, op.out)
        x, out = self.lowering.view(op.x), self.lowering.view(op.out)
        spec = PointwiseKernel(self.map(op.x), Ending(self.map(op.out), stages))
        return Draft(spec, op.out.name, [x, out, *given], [x, *read], [out])

    def moved(self, op: Copy | Convert) -> Draft:
        return self.unary(op.x, op.out, PointwiseKernel(self.map(op.x), Ending(self.map(op.out))))

    def copied(self, op: Copy) -> Draft:
        """From maps to plain tensors, back, or among maps."""
        placement = self.lowering.placement
        x, out = self.lowering.view(op.x), self.lowering.view(op.out)
        if op.out not in placement.channels:
            lanes = _lanes_of_channels(placement.lanes(op.x))
            spec: KernelSpec = ToPlain(self.map(op.x), len(lanes))
        elif op.x not in placement.channels:
            lanes = placement.lanes(op.out).astype(np.int32)
            spec = FromPlain(self.map(op.out))
        else:
            return self.moved(op)
        return Draft(spec, op.out.name, [x, self.lowering.constants.add(lanes), out], [x], [out])

    def lowered(self, op: Lowered) -> Draft:
        spec = GenericKernel(op.function)
        written = [self.lowering.view(tensor) for tensor in op.made]
        read: list[Argument] = [
            self.lowering.view(each) if isinstance(each, Tensor) else self.lowering.constants.add(each)
            for each in op.operands
        ]
        operands = [*read, *written]
        views = [each for each in read if isinstance(each, View)]
        return Draft(spec, op.out.name, [operands[number] for number in spec.order], views, written)

    def depth_to_space(self, op: DepthToSpace) -> Draft:
        return self.unary(op.x, op.out, DepthToSpaceKernel(self.map(op.x), self.map(op.out), op.factor))

    def global_mean(self, op: GlobalMean) -> Draft:
        return self.unary(op.x, op.out, GlobalMeanKernel(self.map(op.x), self.map(op.out)))

    def shuffle(self, op: Shuffle) -> Draft:
        """Each lane of the result knows the lane it is taken from."""
        made, at = self.lowering.placement.lanes(op.out), _lanes_of_channels(self.lowering.placement.lanes(op.x))
        sources = np.where(made >= 0, at[op.order][made], -1).astype(np.int32)
        x, out = self.lowering.view(op.x), self.lowering.view(op.out)
        spec = ShuffleKernel(self.map(op.x), self.map(op.out))
        return Draft(spec, op.out.name, [x, self.lowering.constants.add(sources), out], [x], [out])

    def attention(self, op: Attention) -> Draft:
        tensors = (op.query, op.key, op.value, op.out)
        views = [self.lowering.view(tensor) for tensor in tensors]
        query, key, value, out = (self.map(tensor) for tensor in tensors)
        spec = AttentionKernel(query, key, value, out, op.heads, op.scale, op.areas)
        return Draft(spec, op.out.name, [*views], views[:3], views[3:], op.flops)

    def unary(self, x: Tensor, out: Tensor, spec: KernelSpec) -> Draft:
        read, written = self.lowering.view(x), self.lowering.view(out)
        return Draft(spec, out.name, [read, written], [read], [written])

    def map(self, tensor: Tensor) -> Any:
        return self.lowering.placement.map(tensor)


def _lanes_of_channels(lanes: NDArray[np.int64]) -> NDArray[np.int32]:
    """For each channel of a map the lane that holds it."""
    at = np.zeros(lanes.max() + 1, np.int32)
    at[lanes[lanes >= 0]] = np.flatnonzero(lanes >= 0)
    return at


def _is_pyramid(op: MaxPool) -> bool:
    size = op.kernel[0]
    return (op.kernel, op.stride, op.padding, op.border) == ((size, size), (1, 1), (size // 2,) * 2, (0,) * 4) and (
        size % 2 == 1 and op.x.shape == op.out.shape
    )


LOWERINGS: dict[type[Op], Callable[[_Drafts, Any], Draft]] = {
    Conv: _Drafts.conv,
    QuantisedConv: _Drafts.conv,
    MaxPool: _Drafts.max_pool,
    Resize: _Drafts.resize,
    Pointwise: _Drafts.pointwise,
    DepthToSpace: _Drafts.depth_to_space,
    GlobalMean: _Drafts.global_mean,
    Shuffle: _Drafts.shuffle,
    Attention: _Drafts.attention,
    Copy: _Drafts.copied,
    Lowered: _Drafts.lowered,
    Convert: _Drafts.moved,
}
