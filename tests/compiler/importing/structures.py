"""What real exports hold beside plain convolutions, each as a step from one feature map to another."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from tests.onnx_models.graph import Graph, Tensor

Step = Callable[[Graph, Tensor], Tensor]


def node(g: Graph, kind: str, inputs: Sequence[str], shape: tuple[int, ...], **attributes: object) -> Tensor:
    """A node of any kind whose output has the given shape."""
    return Tensor(g.op(kind, inputs, **attributes)[0], shape)


def every_second(g: Graph, x: Tensor, start: int, axis: int) -> Tensor:
    shape = tuple(extent // 2 if i == axis else extent for i, extent in enumerate(x.shape))
    return node(g, "Slice", [x.name, g.ints(start), g.ints(2**31 - 1), g.ints(axis), g.ints(2)], shape)


def sampled(g: Graph, x: Tensor) -> Tensor:
    """YOLOv5's old stem: four samples side by side."""
    return g.concat([every_second(g, every_second(g, x, row, 2), column, 3) for column in (0, 1) for row in (0, 1)])


def reorg(g: Graph, x: Tensor) -> Tensor:
    """Pixels into channels by reshapes, as SpaceToDepth has it."""
    _, channels, height, width = x.shape
    cells = g.reshape(x, 1, channels, height // 2, 2, width // 2, 2)
    return g.reshape(g.transpose(cells, (0, 3, 5, 1, 2, 4)), 1, 4 * channels, height // 2, width // 2)


def pad(g: Graph, x: Tensor, top: int, left: int, bottom: int, right: int, value: float = 0.0) -> Tensor:
    shape = (*x.shape[:2], x.shape[2] + top + bottom, x.shape[3] + left + right)
    widths = g.ints(0, 0, top, left, 0, 0, bottom, right)
    return node(g, "Pad", [x.name, widths, g.constant(value, np.float32)], shape)


def clip(g: Graph, x: Tensor, low: float, high: float) -> Tensor:
    return node(g, "Clip", [x.name, g.constant(low, np.float32), g.constant(high, np.float32)], x.shape)


def hard_swish(g: Graph, x: Tensor) -> Tensor:
    return g.binary("Div", g.mul(x, clip(g, g.add(x, 3.0), 0, 6)), 6.0)


def hard_sigmoid_gate(g: Graph, x: Tensor) -> Tensor:
    return g.mul(x, node(g, "HardSigmoid", [x.name], x.shape, alpha=1 / 6, beta=0.5))


def batch_norm(g: Graph, x: Tensor) -> Tensor:
    """Behind a concatenation, where exporters cannot fold it."""
    both = g.concat([x, g.max_pool(x, 3)])
    gamma, beta, mean = (g.weight(g.rng.normal(0, 1, both.channels).astype(np.float32)) for _ in range(3))
    variance = g.weight(g.rng.uniform(0.5, 2, both.channels).astype(np.float32))
    return node(g, "BatchNormalization", [both.name, gamma, beta, mean, variance], both.shape)


def pixel_mean(g: Graph, x: Tensor) -> Tensor:
    return node(g, "GlobalAveragePool", [x.name], (*x.shape[:2], 1, 1))


def squeeze_and_excite(g: Graph, x: Tensor) -> Tensor:
    gate = g.conv(g.unary("Relu", g.conv(pixel_mean(g, x), 5)), x.channels)
    return g.mul(x, g.unary("Sigmoid", gate))


def average_pool(g: Graph, x: Tensor) -> Tensor:
    shape = (*x.shape[:2], x.shape[2] - 1, x.shape[3] - 1)
    return node(g, "AveragePool", [x.name], shape, kernel_shape=[2, 2], strides=[1, 1])


def transposed(kernel: int, padding: int, groups: int = 1) -> Step:
    def step(g: Graph, x: Tensor) -> Tensor:
        weight = g.rng.normal(0, 0.3, (x.channels, 6 // groups, kernel, kernel)).astype(np.float32)
        bias = g.rng.normal(0, 0.3, 6).astype(np.float32)
        extents = [2 * (extent - 1) + kernel - 2 * padding for extent in x.shape[2:]]
        return node(g, "ConvTranspose", [x.name, g.weight(weight), g.weight(bias)], (1, 6, *extents),
                    kernel_shape=[kernel] * 2, strides=[2, 2], pads=[padding] * 4, group=groups)  # fmt: skip

    return step


def grouped(groups: int, channels: int) -> Step:
    return lambda g, x: g.silu(g.conv(g.conv(x, channels), 2 * channels, 3, groups=groups))


def channel_shuffle(g: Graph, x: Tensor) -> Tensor:
    _, channels, height, width = x.shape
    split = g.reshape(x, 1, 2, channels // 2, height, width)
    return g.reshape(g.transpose(split, (0, 2, 1, 3, 4)), *x.shape)


def pool_up(g: Graph, x: Tensor) -> Tensor:
    """Windows that the map does not fill at its end."""
    extents = [-(-(extent - 3) // 2) + 1 for extent in x.shape[2:]]
    return node(g, "MaxPool", [x.name], (*x.shape[:2], *extents), kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1)


STRUCTURES: dict[str, Step] = {
    "focus of a map": lambda g, x: g.conv(sampled(g, x), 8, 3),
    "reorg": lambda g, x: g.conv(reorg(g, x), 8, 3, 2),
    "zeros before a pool": lambda g, x: g.max_pool(pad(g, x, 0, 0, 1, 1), 2, 1, (0, 0, 0, 0)),
    "zeros before a wide pool": lambda g, x: g.max_pool(pad(g, x, 2, 1, 0, 3), 4, 2, (1, 1, 1, 1)),
    "lowest values before a pool": lambda g, x: g.max_pool(pad(g, x, 0, 0, 1, 1, -3e38), 2, 1, (0, 0, 0, 0)),
    "zeros before a convolution": lambda g, x: g.conv(pad(g, x, 1, 0, 2, 1), 8, 3, 2, pad=0),
    "pool, ceil mode": pool_up,
    "pool, odd padding": lambda g, x: g.max_pool(x, 3, 2, (0, 1, 1, 0)),
    "pool, large": lambda g, x: g.max_pool(x, 13),
    "batch norm": batch_norm,
    "relu6": lambda g, x: clip(g, x, 0, 6),
    "hard swish": hard_swish,
    "hard sigmoid gate": hard_sigmoid_gate,
    "elu": lambda g, x: g.unary("Elu", x),
    "tanh gate": lambda g, x: g.mul(g.unary("Tanh", x), g.unary("Sigmoid", g.binary("Sub", x, 0.5))),
    "negated": lambda g, x: g.add(g.unary("Neg", x), g.binary("Div", x, 3.0)),
    "squeeze and excite": squeeze_and_excite,
    "average pool": average_pool,
    "transposed, 2x2": transposed(2, 0),
    "transposed, 4x4": transposed(4, 1),
    "transposed, 3x3": transposed(6, 2, groups=2),
    "groups": grouped(3, 24),
    "groups narrower than a block": grouped(10, 20),
    "channel shuffle": channel_shuffle,
    "channel shuffle that no convolution can make": lambda g, x: g.add(x, channel_shuffle(g, g.max_pool(x, 3))),
}
