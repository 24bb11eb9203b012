"""What training minimises: class scores, complete-IoU of boxes, and the distribution of their edges."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from examples.shapes.assign import assign, overlap
from examples.shapes.model import BINS, Raw, cells

_CLASS_WEIGHT = 0.5
_BOX_WEIGHT = 7.5
_EDGE_WEIGHT = 1.5
_TINY = 1e-7


@dataclass(frozen=True)
class Loss:
    """The sum to minimise, and its parts for the log."""

    total: Tensor
    classes: float
    boxes: float
    edges: float


class DetectionLoss:
    """The loss at one input size."""

    def __init__(self, height: int, width: int) -> None:
        self._centers, self._strides = cells(height, width)
        self._bins = torch.arange(BINS, dtype=torch.float32)

    def __call__(self, raw: Raw, objects: Tensor, classes: Tensor) -> Loss:
        """Compare with objects (B, M, 4) in input pixels and their classes (B, M), -1 where padded."""
        logits = raw.logits.float().transpose(1, 2)
        edges = raw.edges.float().transpose(1, 2).unflatten(2, (4, BINS))
        boxes = self._boxes(edges)
        targets = assign(logits.detach().sigmoid(), boxes.detach(), self._centers, objects, classes)
        total = targets.scores.sum().clamp(min=1)
        class_loss = _class_loss(logits, targets.scores) / total
        weight = targets.scores.sum(dim=2)[targets.positive] / total
        wanted, drawn = targets.boxes[targets.positive], boxes[targets.positive]
        box_loss = ((1 - complete_overlap(drawn, wanted)) * weight).sum()
        edge_loss = (self._edge_loss(edges, targets.positive, wanted) * weight).sum()
        weighted = _CLASS_WEIGHT * class_loss + _BOX_WEIGHT * box_loss + _EDGE_WEIGHT * edge_loss
        return Loss(weighted, class_loss.item(), box_loss.item(), edge_loss.item())

    def _boxes(self, edges: Tensor) -> Tensor:
        reach = (edges.softmax(dim=-1) @ self._bins) * self._strides[:, None]
        return torch.cat([self._centers - reach[..., :2], self._centers + reach[..., 2:]], dim=-1)

    def _edge_loss(self, edges: Tensor, positive: Tensor, wanted: Tensor) -> Tensor:
        """Cross entropy against the two bins on either side of each wanted edge (generalised focal loss)."""
        image, cell = positive.nonzero(as_tuple=True)
        centers, strides = self._centers[cell], self._strides[cell, None]
        reach = torch.cat([centers - wanted[:, :2], wanted[:, 2:] - centers], dim=1) / strides
        reach = reach.clamp(0, BINS - 1.01)
        lower = reach.long()
        share = reach - lower
        log_bins = edges[image, cell].log_softmax(dim=-1)
        below = log_bins.gather(2, lower[..., None])[..., 0]
        above = log_bins.gather(2, lower[..., None] + 1)[..., 0]
        return -((1 - share) * below + share * above).mean(dim=1)


def _class_loss(logits: Tensor, scores: Tensor) -> Tensor:
    return functional.binary_cross_entropy_with_logits(logits, scores, reduction="sum")


def complete_overlap(drawn: Tensor, wanted: Tensor) -> Tensor:
    """IoU less the distance of the centres and the difference of aspect (Zheng et al., CIoU, 2020)."""
    iou = overlap(drawn, wanted)
    hull = torch.maximum(drawn[:, 2:], wanted[:, 2:]) - torch.minimum(drawn[:, :2], wanted[:, :2])
    apart = (drawn[:, :2] + drawn[:, 2:] - wanted[:, :2] - wanted[:, 2:]) / 2
    distance = apart.square().sum(dim=1) / (hull.square().sum(dim=1) + _TINY)
    aspect = (4 / math.pi**2) * (_slope(wanted) - _slope(drawn)).square()
    with torch.no_grad():
        trade = aspect / (1 - iou + aspect + _TINY)
    return iou - distance - trade * aspect


def _slope(boxes: Tensor) -> Tensor:
    sides = boxes[:, 2:] - boxes[:, :2]
    return torch.atan(sides[:, 0] / (sides[:, 1] + _TINY))
