"""The sample detector with a branch more for a task: coefficients and prototypes, keypoints, or angles.

It begins as the shipped detector, whose weights are read from its ONNX file.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import onnx
import torch
from onnx import numpy_helper
from torch import Tensor, nn

from examples.shapes.export import folded
from examples.shapes.model import BINS, WIDTHS, ConvBlock, Detector, Raw, _branch, cells
from examples.shapes.outlines import CLASSES
from examples.shapes.task_labels import KEYPOINTS

PROTOTYPES = 16
DETAILS = {"segment": PROTOTYPES, "pose": 3 * KEYPOINTS, "obb": 1}  # numbers of a cell
PREFIX = "detector."  # of the weights' names in the file


@dataclass(frozen=True)
class TaskRaw:
    """What the head says of all N cells, a task's numbers (B, D, N), and prototypes (B, P, H/4, W/4) for masks."""

    raw: Raw
    details: Tensor
    prototypes: Tensor | None


class TaskDetector(nn.Module):
    """Image batch (B, 3, H, W), RGB in 0..1, to the raw output of a task."""

    def __init__(self, task: str) -> None:
        super().__init__()
        self.task = task
        self.detector = with_biases(Detector(len(CLASSES)))
        self.details = nn.ModuleList(_branch(width, DETAILS[task]) for width in WIDTHS[2:])
        self.prototypes = _prototypes(WIDTHS[2]) if task == "segment" else None

    def forward(self, images: Tensor) -> TaskRaw:
        """Raw maps, for the loss or for `TaskDecode`."""
        levels = self.detector.neck(*self.detector.backbone(images))
        details = [branch(level).flatten(2) for branch, level in zip(self.details, levels, strict=True)]
        prototypes = None if self.prototypes is None else self.prototypes(levels[0])
        return TaskRaw(self.detector.head(levels), torch.cat(details, dim=2), prototypes)


def with_biases(detector: Detector) -> Detector:
    """A detector whose batch norms are folded already, as in the file."""
    return folded(detector).train()


def _prototypes(inputs: int) -> nn.Sequential:
    return nn.Sequential(
        ConvBlock(inputs, 32, 3),
        nn.Upsample(scale_factor=2.0, mode="nearest"),
        ConvBlock(32, 32, 3),
        ConvBlock(32, PROTOTYPES),
    )


def start_from(model: TaskDetector, file: Path) -> None:
    """Take the shipped detector's weights."""
    tensors = {tensor.name: tensor for tensor in onnx.load(file).graph.initializer}
    state = model.detector.state_dict()
    for name in state:
        state[name] = torch.from_numpy(numpy_helper.to_array(tensors[PREFIX + name]).copy())
    model.detector.load_state_dict(state)


class TaskDecode(nn.Module):
    """Raw output to (B, 4 + C + D, N) as exporters of YOLO have it: box, scores, and the task's numbers."""

    def __init__(self, task: str, height: int, width: int) -> None:
        super().__init__()
        centers, strides = cells(height, width)
        self.task, self.count = task, len(centers)
        self.register_buffer("centers", (centers / strides[:, None]).T[None])  # in strides
        self.register_buffer("strides", strides[None, None])
        self.expectation = nn.Conv2d(BINS, 1, 1, bias=False).requires_grad_(False)
        self.expectation.weight.data.copy_(torch.arange(BINS, dtype=torch.float32).view(1, BINS, 1, 1))

    def forward(self, found: TaskRaw) -> Tensor:
        """All cells, decoded."""
        bins = found.raw.edges.view(-1, 4, BINS, self.count).transpose(1, 2).softmax(dim=1)
        before, after = self.expectation(bins).view(-1, 4, self.count).split(2, dim=1)
        details = self._details(found.details)
        shift = (after - before) / 2
        if self.task == "obb":
            x, y, cosine, sine = shift[:, :1], shift[:, 1:], details.cos(), details.sin()
            shift = torch.cat([x * cosine - y * sine, x * sine + y * cosine], dim=1)
        boxes = torch.cat([self.centers + shift, before + after], dim=1) * self.strides
        return torch.cat([boxes, found.raw.logits.sigmoid(), details], dim=1)

    def _details(self, details: Tensor) -> Tensor:
        if self.task == "obb":
            return angles(details)
        if self.task == "pose":
            points = details.view(-1, KEYPOINTS, 3, self.count)
            places = (points[:, :, :2] * 2 + (self.centers - 0.5)[:, None]) * self.strides
            return torch.cat([places, points[:, :, 2:].sigmoid()], dim=2).view(-1, 3 * KEYPOINTS, self.count)
        return details


def angles(details: Tensor) -> Tensor:
    """The angles that a branch's numbers stand for, in radians."""
    return (details.sigmoid() - 0.25) * math.pi
