"""BF16: a network whose maps are bfloat16 between its convolutions, which sum in float32."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np

from zcc.compiler.ir.ops import Bf16Convolution, Concat, Conv, MaxPool, Network, Resize, Shuffle, Slice
from zcc.compiler.ir.tensors import BFLOAT16
from zcc.compiler.precision.rewrite import Rewriter

GREY_LEVELS = np.float32(255)


def shorten(network: Network, floating: Collection[str] = ()) -> Network:
    """The network in bfloat16."""
    return _Shortener(network, floating).run()


class _Shortener(Rewriter):
    stored = BFLOAT16
    moves = (Concat, MaxPool, Resize, Shuffle, Slice)

    def can_convolve(self, conv: Conv) -> bool:
        return conv.groups == 1

    def convolution(self, conv: Conv, attributes: dict[str, Any]) -> Bf16Convolution:
        # A stored image holds grey levels, which are exact in bfloat16 where their 255th parts are not.
        weight = conv.weight / GREY_LEVELS if conv.x is self.network.image else conv.weight
        return Bf16Convolution(**{**attributes, "weight": weight.astype(np.float32)})
