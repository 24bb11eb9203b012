"""Every activation behind a convolution has a kernel in every precision; what bytes have none for stays in float."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from zcc.compiler.backends.cpu.lowering.pipeline import lower_network
from zcc.compiler.backends.cpu.targets.table import TARGETS
from zcc.compiler.ir.activations import ACTIVATIONS
from zcc.compiler.ir.ops import Conv, Network, QuantisedConv
from zcc.compiler.ir.quantisation import IMAGE, Quantisation
from zcc.compiler.ir.tensors import Activation, Tensor
from zcc.compiler.precision.calibrate import Calibration
from zcc.compiler.precision.table import PRECISIONS

PARAMETERS: dict[str, tuple[Any, ...]] = {
    "leaky_relu": (0.1,),
    "clip": (0.0, 6.0),
    "at_least": (0.5,),
    "at_most": (0.5,),
    "scale": (3.0,),
    "shift": (1.5,),
    "fork": ("multiply", (("exp", ()),), (("relu", ()),)),
}
TARGET = TARGETS["x86-64-v4-bf16"]


def between_convolutions(activation: Activation) -> Network:
    """Three convolutions, the one in the middle with the activation."""
    rng = np.random.default_rng(0)
    image = Tensor("image", (1, 3, 8, 8))
    ops: list[Any] = []
    x = image
    for name, stages in (("first", []), ("middle", [activation]), ("last", [])):
        weight = rng.normal(0, 0.3, (16, x.shape[1], 3, 3)).astype(np.float32)
        out = Tensor(name, (1, 16, 8, 8))
        bias = np.zeros(16, np.float32)
        ops.append(Conv(out, x, weight, bias, (1, 1), (1, 1, 1, 1), (1, 1), 1, list(stages)))
        x = out
    return Network(image, ops, x)


def wide(network: Network) -> Calibration:
    """One range for every map."""
    maps = {op.out.name: Quantisation.of_range(-6.0, 6.0) for op in network.ops}
    return Calibration({**maps, network.image.name: IMAGE}, {})


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_every_activation_has_a_kernel(name: str, precision: str) -> None:
    network = between_convolutions(Activation(name, PARAMETERS.get(name, ())))
    converted = PRECISIONS[precision].convert(network, wide(network), (), TARGET.short_words)
    middle = next(op for op in converted.ops if op.out.name == "middle")
    if precision == "int8":
        assert isinstance(middle, QuantisedConv) == ACTIVATIONS[name].after_integers
    for call in lower_network(converted, TARGET.unit).calls:
        assert call.spec.build(TARGET.unit) is not None
