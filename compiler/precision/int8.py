"""INT8: a network whose maps are bytes between its convolutions."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np

from zcc.compiler.ir.activations import ACTIVATIONS
from zcc.compiler.ir.ops import Conv, Network, QuantisedConv
from zcc.compiler.ir.quantisation import Quantisation, correct_bias, quantise_weight
from zcc.compiler.ir.tensors import Activation, Array, Tensor
from zcc.compiler.precision.rewrite import Rewriter
from zcc.compiler.precision.ties import MOVES

MOST_START = 2.0**29  # what a sum may start at, so that it stays within an int32


def quantise(
    network: Network,
    quantisations: Mapping[str, Quantisation],
    means: Mapping[str, Array],
    floating: Collection[str] = (),
    words: int = 0,
) -> Network:
    """The network in bytes; `quantisations` and channel `means` are by the names of tensors.

    With `words`, the products of so many words of channels can be added in 16 bits.
    """
    return _Quantiser(network, quantisations, means, floating, words).run()


class _Quantiser(Rewriter):
    stored = "uint8"
    moves = MOVES

    def __init__(
        self,
        network: Network,
        quantisations: Mapping[str, Quantisation],
        means: Mapping[str, Array],
        floating: Collection[str],
        words: int,
    ) -> None:
        super().__init__(network, floating)
        self.quantisations = quantisations
        self.means = means
        self.words = words

    def can_convolve(self, conv: Conv) -> bool:
        activations = (ACTIVATIONS[stage.name] for stage in conv.stages if isinstance(stage, Activation))
        defined = all(activation.after_integers for activation in activations)
        return defined and conv.x.name in self.quantisations and super().can_convolve(conv)

    def can_store(self, tensor: Tensor) -> bool:
        return tensor.name in self.quantisations

    def meaning(self, tensor: Tensor) -> Quantisation:
        return self.quantisations[tensor.name]

    def store(self, tensor: Tensor) -> None:
        super().store(tensor)
        tensor.quantisation = self.meaning(tensor)

    def convolution(self, conv: Conv, attributes: dict[str, Any]) -> QuantisedConv:
        # A bias must fit beside its sums, also where the weights are next to nothing.
        least = np.abs(conv.bias) / (self.meaning(conv.x).scale * MOST_START)
        quantised = quantise_weight(conv.weight, least, 0 if conv.depthwise else self.words)
        means = self.means.get(conv.x.name)
        bias = conv.bias if means is None else correct_bias(conv.bias, conv.weight, quantised, means)
        return QuantisedConv(**{**attributes, "bias": bias, "quantised": quantised})


def integer_start(conv: QuantisedConv) -> tuple[Array, Array]:
    """Per output channel: the int32 that the sum starts at, and the float that one unit of the sum stands for."""
    quantisation = conv.x.quantisation
    assert quantisation is not None
    unit = conv.quantised.scale.astype(np.float64) * quantisation.scale
    total = conv.quantised.values.astype(np.int64).sum(axis=(1, 2, 3))
    start = np.rint(conv.bias / unit) - quantisation.zero_point * total
    return np.clip(start, -(2**31), 2**31 - 1).astype(np.int32), unit.astype(np.float32)
