"""Which cells answer for which object: task-aligned assignment (Feng et al., TOOD, 2021).

A cell whose centre lies in an object's box is a candidate; the best are those that already both see the right
class and draw the right box, so that the two skills grow together.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

_CANDIDATES = 10
_SCORE_POWER = 0.5
_OVERLAP_POWER = 6.0
_TINY = 1e-9


@dataclass(frozen=True)
class Targets:
    """What each of the N cells of each image should say."""

    positive: Tensor  # (B, N) bool
    boxes: Tensor  # (B, N, 4) xyxy, meaningful where positive
    scores: Tensor  # (B, N, C), 0 for background
    owners: Tensor  # (B, N) which object, meaningful where positive


def overlap(first: Tensor, second: Tensor) -> Tensor:
    """Intersection over union of broadcastable boxes (..., 4)."""
    least = torch.maximum(first[..., :2], second[..., :2])
    most = torch.minimum(first[..., 2:], second[..., 2:])
    shared = (most - least).clamp(min=0).prod(dim=-1)
    return shared / (_area(first) + _area(second) - shared + _TINY)


def _area(boxes: Tensor) -> Tensor:
    return (boxes[..., 2:] - boxes[..., :2]).clamp(min=0).prod(dim=-1)


@torch.no_grad()
def assign(scores: Tensor, boxes: Tensor, centers: Tensor, objects: Tensor, classes: Tensor) -> Targets:
    """Targets for `scores` (B, N, C) and `boxes` (B, N, 4) from objects (B, M, 4); class -1 is padding."""
    real = classes >= 0
    kinds = classes.clamp(min=0)
    inside = _inside(centers, objects) & real[..., None]  # (B, M, N)
    overlaps = overlap(objects[:, :, None], boxes[:, None]) * inside
    seen = scores.transpose(1, 2).gather(1, kinds[..., None].expand(-1, -1, scores.shape[1]))
    alignment = seen.pow(_SCORE_POWER) * overlaps.pow(_OVERLAP_POWER) * inside
    chosen = _best_per_object(alignment, inside)
    chosen = _one_object_per_cell(chosen, overlaps)
    return _targets(chosen, alignment, overlaps, objects, kinds, scores.shape[2])


def _inside(centers: Tensor, objects: Tensor) -> Tensor:
    after = centers - objects[:, :, None, :2]
    before = objects[:, :, None, 2:] - centers
    return torch.minimum(after, before).amin(dim=-1) > 0


def _best_per_object(alignment: Tensor, inside: Tensor) -> Tensor:
    # A tiny reward for being inside lets an object that nothing draws yet keep its cells.
    ranking = alignment + inside * _TINY
    best = ranking.topk(_CANDIDATES, dim=2).indices
    return torch.zeros_like(inside).scatter_(2, best, True) & inside


def _one_object_per_cell(chosen: Tensor, overlaps: Tensor) -> Tensor:
    winner = (overlaps + _TINY).mul(chosen).argmax(dim=1, keepdim=True)
    return torch.zeros_like(chosen).scatter_(1, winner, True) & chosen


def _targets(
    chosen: Tensor, alignment: Tensor, overlaps: Tensor, objects: Tensor, kinds: Tensor, count: int
) -> Targets:
    positive = chosen.any(dim=1)
    owner = chosen.int().argmax(dim=1)  # (B, N)
    alignment = alignment * chosen
    # The best cell of an object is asked for the overlap it reaches; the others for less, in proportion.
    peak = alignment.amax(dim=2, keepdim=True)
    reach = (overlaps * chosen).amax(dim=2, keepdim=True)
    quality = (alignment / (peak + _TINY) * reach).amax(dim=1)
    kind = kinds.gather(1, owner)
    scores = torch.zeros(*positive.shape, count, device=objects.device)
    scores.scatter_(2, kind[..., None], (quality * positive)[..., None])
    boxes = objects.gather(1, owner[..., None].expand(-1, -1, 4))
    return Targets(positive, boxes, scores, owner)
