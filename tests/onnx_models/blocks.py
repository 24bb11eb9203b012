"""The layers that YOLO networks are made of."""

from __future__ import annotations

from tests.onnx_models.graph import Graph, Tensor


def cbs(g: Graph, x: Tensor, channels: int, kernel: int = 1, stride: int = 1, groups: int = 1) -> Tensor:
    """Convolution and SiLU."""
    return g.silu(g.conv(x, channels, kernel, stride, groups))


def cbl(g: Graph, x: Tensor, channels: int, kernel: int = 1, stride: int = 1) -> Tensor:
    """Convolution and LeakyReLU, as Darknet has it."""
    return g.leaky(g.conv(x, channels, kernel, stride, gain=1.2))


def bottleneck(g: Graph, x: Tensor, kernels: tuple[int, int], shortcut: bool) -> Tensor:
    """Two convolutions beside an optional shortcut."""
    y = cbs(g, cbs(g, x, x.channels, kernels[0]), x.channels, kernels[1])
    return g.add(x, y) if shortcut else y


def c3(g: Graph, x: Tensor, channels: int, depth: int = 1, shortcut: bool = True) -> Tensor:
    """YOLOv5's cross-stage block."""
    y = cbs(g, x, channels // 2)
    for _ in range(depth):
        y = bottleneck(g, y, (1, 3), shortcut)
    return cbs(g, g.concat([y, cbs(g, x, channels // 2)]), channels)


def c2f(g: Graph, x: Tensor, channels: int, depth: int = 1, shortcut: bool = True) -> Tensor:
    """YOLOv8's cross-stage block: every bottleneck's output is kept."""
    parts = g.halves(cbs(g, x, channels))
    for _ in range(depth):
        parts.append(bottleneck(g, parts[-1], (3, 3), shortcut))
    return cbs(g, g.concat(parts), channels)


def c3k2(g: Graph, x: Tensor, channels: int, nested: bool) -> Tensor:
    """YOLO11's cross-stage block, whose inner layer is a bottleneck or a small C3."""
    parts = g.halves(cbs(g, x, channels))
    inner = c3(g, parts[-1], parts[-1].channels) if nested else bottleneck(g, parts[-1], (3, 3), True)
    return cbs(g, g.concat([*parts, inner]), channels)


def sppf(g: Graph, x: Tensor) -> Tensor:
    """Three chained 5x5 max pools, concatenated."""
    pyramid = [cbs(g, x, x.channels // 2)]
    for _ in range(3):
        pyramid.append(g.max_pool(pyramid[-1], 5))
    return cbs(g, g.concat(pyramid), x.channels)


def attention(g: Graph, x: Tensor, heads: int) -> Tensor:
    """Self-attention over positions, with a depthwise convolution as positional encoding."""
    _, channels, height, width = x.shape
    head, key = channels // heads, channels // heads // 2
    qkv = g.reshape(g.conv(x, channels + 2 * key * heads), 1, heads, 2 * key + head, height * width)
    query, keys, value = g.split(qkv, [key, key, head], 2)
    scores = g.mul(g.matmul(g.transpose(query, (0, 1, 3, 2)), keys), key**-0.5)
    weights = g.transpose(g.softmax(scores, 3), (0, 1, 3, 2))
    mixed = g.reshape(g.matmul(value, weights), 1, channels, height, width)
    position = g.conv(g.reshape(value, 1, channels, height, width), channels, 3, groups=channels)
    return g.conv(g.add(mixed, position), channels)


def c2psa(g: Graph, x: Tensor) -> Tensor:
    """YOLO11's partial self-attention block."""
    half = x.channels // 2
    kept, y = g.split(cbs(g, x, x.channels), [half, half], 1)
    y = g.add(y, attention(g, y, heads=2))
    y = g.add(y, g.conv(cbs(g, y, half * 2), half))
    return cbs(g, g.concat([kept, y]), x.channels)
