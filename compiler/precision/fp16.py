"""FP16 where there is arithmetic for it: a network whose maps are float16 between its convolutions."""

from __future__ import annotations

from collections.abc import Collection

from zcc.compiler.ir.ops import Concat, Conv, MaxPool, Network, Op, Resize, Shuffle, Slice
from zcc.compiler.ir.tensors import FLOAT16
from zcc.compiler.precision.rewrite import Rewriter


def halve(network: Network, floating: Collection[str] = ()) -> Network:
    """The network in float16; its image, and the convolutions that read it, stay in float32."""
    return _Halver(network, floating).run()


class _Halver(Rewriter):
    stored = FLOAT16
    moves = (Concat, MaxPool, Resize, Shuffle, Slice)

    def stores_image(self) -> bool:
        return False

    def convolution(self, conv: Conv, held: dict[str, object]) -> Conv:
        return Conv(**held)  # type: ignore[arg-type]  # the fields of one

    def rewritten(self, op: Op) -> Op:
        if isinstance(op, Conv) and op.x is self.network.image and self.works_stored(op):
            if op.out not in self.network.results:
                self.store(op.out)
            return op
        return super().rewritten(op)
