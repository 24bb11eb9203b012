"""A small anchor-free detector: CSP backbone, two-way pyramid, decoupled head with distributed box edges."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

STRIDES = (8, 16, 32)
BINS = 16  # each box edge is a distribution over 0..15 strides
WIDTHS = (16, 32, 64, 96, 96)
_HEAD_WIDTH = 32


@dataclass(frozen=True)
class Raw:
    """The head's output over all N cells: edge distributions (B, 4 * BINS, N) and class logits (B, C, N)."""

    edges: Tensor
    logits: Tensor


class ConvBlock(nn.Sequential):
    """Convolution, batch norm, SiLU."""

    def __init__(self, inputs: int, outputs: int, kernel: int = 1, stride: int = 1) -> None:
        super().__init__(
            nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False),
            nn.BatchNorm2d(outputs, eps=1e-3, momentum=0.03),
            nn.SiLU(inplace=True),
        )


class SplitBlock(nn.Module):
    """Half the channels pass by, the other half goes through two 3x3 convolutions; all stages are joined."""

    def __init__(self, inputs: int, outputs: int, shortcut: bool) -> None:
        super().__init__()
        self.half = half = outputs // 2
        self.enter = ConvBlock(inputs, outputs)
        self.body = nn.Sequential(ConvBlock(half, half, 3), ConvBlock(half, half, 3))
        self.leave = ConvBlock(3 * half, outputs)
        self.shortcut = shortcut

    def forward(self, x: Tensor) -> Tensor:
        """Same height and width, `outputs` channels."""
        aside, through = self.enter(x).split(self.half, dim=1)
        deep = self.body(through)
        if self.shortcut:
            deep = through + deep
        return self.leave(torch.cat([aside, through, deep], dim=1))


class PyramidPool(nn.Module):
    """Three chained 5x5 max pools: the context of a large window at the cost of a small one."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.enter = ConvBlock(channels, channels // 2)
        self.pool = nn.MaxPool2d(5, 1, 2)
        self.leave = ConvBlock(2 * channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        """Same shape as the input."""
        levels = [self.enter(x)]
        for _ in range(3):
            levels.append(self.pool(levels[-1]))
        return self.leave(torch.cat(levels, dim=1))


class Backbone(nn.Module):
    """Features at strides 8, 16 and 32."""

    def __init__(self) -> None:
        super().__init__()
        w1, w2, w3, w4, w5 = WIDTHS
        self.stem = nn.Sequential(ConvBlock(3, w1, 3, 2), ConvBlock(w1, w2, 3, 2), SplitBlock(w2, w2, shortcut=True))
        self.stage3 = nn.Sequential(ConvBlock(w2, w3, 3, 2), SplitBlock(w3, w3, shortcut=True))
        self.stage4 = nn.Sequential(ConvBlock(w3, w4, 3, 2), SplitBlock(w4, w4, shortcut=True))
        self.stage5 = nn.Sequential(ConvBlock(w4, w5, 3, 2), SplitBlock(w5, w5, shortcut=True), PyramidPool(w5))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """From an image batch (B, 3, H, W) in 0..1."""
        third = self.stage3(self.stem(x))
        fourth = self.stage4(third)
        return third, fourth, self.stage5(fourth)


class Neck(nn.Module):
    """Mix the levels downwards, then upwards."""

    def __init__(self) -> None:
        super().__init__()
        _, _, w3, w4, w5 = WIDTHS
        self.down4 = SplitBlock(w5 + w4, w4, shortcut=False)
        self.down3 = SplitBlock(w4 + w3, w3, shortcut=False)
        self.shrink3 = ConvBlock(w3, w3, 3, 2)
        self.up4 = SplitBlock(w3 + w4, w4, shortcut=False)
        self.shrink4 = ConvBlock(w4, w4, 3, 2)
        self.up5 = SplitBlock(w4 + w5, w5, shortcut=False)

    def forward(self, third: Tensor, fourth: Tensor, fifth: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The three levels, mixed, with the same shapes."""
        fourth = self.down4(torch.cat([_doubled(fifth), fourth], dim=1))
        third = self.down3(torch.cat([_doubled(fourth), third], dim=1))
        fourth = self.up4(torch.cat([self.shrink3(third), fourth], dim=1))
        fifth = self.up5(torch.cat([self.shrink4(fourth), fifth], dim=1))
        return third, fourth, fifth


def _doubled(x: Tensor) -> Tensor:
    return functional.interpolate(x, scale_factor=2.0, mode="nearest")


class Head(nn.Module):
    """For each level one branch that says where and one that says what."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.where = nn.ModuleList(_branch(width, 4 * BINS) for width in WIDTHS[2:])
        self.what = nn.ModuleList(_branch(width, classes) for width in WIDTHS[2:])
        for branch in self.what:
            nn.init.constant_(branch[-1].bias, -5.0)  # at first, almost every cell is background

    def forward(self, levels: tuple[Tensor, ...]) -> Raw:
        """All cells of all levels, the finest first."""
        edges = [branch(level).flatten(2) for branch, level in zip(self.where, levels, strict=True)]
        logits = [branch(level).flatten(2) for branch, level in zip(self.what, levels, strict=True)]
        return Raw(torch.cat(edges, dim=2), torch.cat(logits, dim=2))


def _branch(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        ConvBlock(inputs, _HEAD_WIDTH, 3),
        ConvBlock(_HEAD_WIDTH, _HEAD_WIDTH, 3),
        nn.Conv2d(_HEAD_WIDTH, outputs, 1),
    )


class Detector(nn.Module):
    """Image batch (B, 3, H, W), RGB in 0..1, to the raw head output; H and W divide by 32."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.backbone = Backbone()
        self.neck = Neck()
        self.head = Head(classes)

    def forward(self, images: Tensor) -> Raw:
        """Raw edges and logits, for the loss or for `Decode`."""
        return self.head(self.neck(*self.backbone(images)))


def cells(height: int, width: int) -> tuple[Tensor, Tensor]:
    """Centre (N, 2) in input pixels and stride (N,) of each cell, in the head's order."""
    centers, strides = [], []
    for stride in STRIDES:
        rows, columns = height // stride, width // stride
        y, x = torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing="ij")
        centers.append((torch.stack([x, y], dim=-1).reshape(-1, 2) + 0.5) * stride)
        strides.append(torch.full((rows * columns,), float(stride)))
    return torch.cat(centers), torch.cat(strides)


class Decode(nn.Module):
    """Raw output to (B, 4 + C, N): centre x, y, width, height in input pixels, then a score per class."""

    def __init__(self, height: int, width: int) -> None:
        super().__init__()
        centers, strides = cells(height, width)
        self.count = len(centers)
        self.register_buffer("centers", centers.T[None])
        self.register_buffer("strides", strides[None, None])
        self.expectation = nn.Conv2d(BINS, 1, 1, bias=False).requires_grad_(False)
        self.expectation.weight.data.copy_(torch.arange(BINS, dtype=torch.float32).view(1, BINS, 1, 1))

    def forward(self, raw: Raw) -> Tensor:
        """The detections of every cell."""
        bins = raw.edges.view(-1, 4, BINS, self.count).transpose(1, 2).softmax(dim=1)
        reach = self.expectation(bins).view(-1, 4, self.count) * self.strides
        before, after = reach.split(2, dim=1)
        least, most = self.centers - before, self.centers + after
        return torch.cat([(least + most) / 2, most - least, raw.logits.sigmoid()], dim=1)
