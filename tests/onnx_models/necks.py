"""Backbones and feature pyramids: from the image to one map per stride."""

from __future__ import annotations

from collections.abc import Callable

from tests.onnx_models.blocks import c2f, c2psa, c3, c3k2, cbl, cbs, sppf
from tests.onnx_models.graph import Graph, Tensor

Stage = Callable[[Graph, Tensor, int], Tensor]


def pyramid(g: Graph, c3_: Tensor, c4: Tensor, c5: Tensor, block: Stage, lateral: bool) -> list[Tensor]:
    """Top-down, then bottom-up; `lateral` puts YOLOv5's 1x1 convolution before each upsampling."""
    top = cbs(g, c5, c4.channels) if lateral else c5
    middle = block(g, g.concat([g.upsample(top), c4]), c4.channels)
    middle = cbs(g, middle, c3_.channels) if lateral else middle
    p3 = block(g, g.concat([g.upsample(middle), c3_]), c3_.channels)
    p4 = block(g, g.concat([cbs(g, p3, p3.channels, 3, 2), middle]), c4.channels)
    p5 = block(g, g.concat([cbs(g, p4, p4.channels, 3, 2), top]), c5.channels)
    return [p3, p4, p5]


def yolov5(g: Graph, width: int) -> list[Tensor]:
    """6x6 stem, C3 stages, SPPF, PAN."""
    x = g.silu(g.conv(g.images, width, 6, 2, pad=2))
    levels = []
    for channels in (2 * width, 4 * width, 8 * width, 8 * width):
        x = c3(g, cbs(g, x, channels, 3, 2), channels)
        levels.append(x)
    return pyramid(g, levels[1], levels[2], sppf(g, x), lambda g, x, c: c3(g, x, c, shortcut=False), True)


def yolov8(g: Graph, width: int) -> list[Tensor]:
    """3x3 stem, C2f stages, SPPF, PAN."""
    x = cbs(g, g.images, width, 3, 2)
    levels = []
    for channels in (2 * width, 4 * width, 8 * width, 8 * width):
        x = c2f(g, cbs(g, x, channels, 3, 2), channels)
        levels.append(x)
    return pyramid(g, levels[1], levels[2], sppf(g, x), lambda g, x, c: c2f(g, x, c, shortcut=False), False)


def yolo11(g: Graph, width: int) -> list[Tensor]:
    """3x3 stem, C3k2 stages, SPPF, attention, PAN."""
    x = cbs(g, g.images, width, 3, 2)
    levels = []
    for channels, nested in ((2 * width, False), (4 * width, False), (8 * width, True), (8 * width, True)):
        x = c3k2(g, cbs(g, x, channels, 3, 2), channels, nested)
        levels.append(x)
    c5 = c2psa(g, sppf(g, x))
    return pyramid(g, levels[1], levels[2], c5, lambda g, x, c: c3k2(g, x, c, False), False)


def yolov3(g: Graph, width: int) -> list[Tensor]:
    """Darknet residual stages and a top-down pyramid."""
    x = cbl(g, g.images, width, 3)
    levels = []
    for i in range(1, 6):
        x = cbl(g, x, width * min(2**i, 8), 3, 2)
        x = g.add(x, cbl(g, cbl(g, x, x.channels // 2), x.channels, 3))
        levels.append(x)
    maps: list[Tensor] = []
    for depth, skip in enumerate([None, levels[3], levels[2]]):
        if skip is not None:
            x = g.concat([g.upsample(cbl(g, x, x.channels // 2)), skip])
        x = cbl(g, cbl(g, x, 4 * width), 8 * width >> depth, 3)
        maps.insert(0, x)
    return maps


def yolov3_tiny(g: Graph, width: int) -> list[Tensor]:
    """Max-pooled stages, the last of them with stride one, and two scales."""
    x, c4 = g.images, g.images
    for i in range(5):
        x = c4 = cbl(g, x, width * 2 ** min(i, 3), 3)
        x = g.max_pool(x, 2, 2, (0, 0, 0, 0))
    x = cbl(g, x, 8 * width, 3)
    x = cbl(g, g.max_pool(x, 2, 1, (0, 0, 1, 1)), 8 * width, 3)
    x = cbl(g, x, 4 * width)
    p4 = g.concat([g.upsample(cbl(g, x, 2 * width)), c4])
    return [cbl(g, p4, 4 * width, 3), cbl(g, x, 8 * width, 3)]
