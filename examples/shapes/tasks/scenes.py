"""Batches of cached scenes on a device: mirrored and turned with all their labels, and recoloured, at random."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from examples.shapes.outlines import CLASSES, OUTLINES
from examples.shapes.task_labels import KEYPOINTS
from examples.shapes.tasks.cache import NUMBERS

DIRECTIONS = 1440  # in which an outline's distance from the centre is known
CENTRE, UP, RIGHT, DOWN, LEFT = range(KEYPOINTS)


@dataclass(frozen=True)
class Objects:
    """What is in a batch of B pictures, M in each, in input pixels."""

    classes: Tensor  # (B, M), -1 where there is none
    boxes: Tensor  # (B, M, 4) xyxy
    keypoints: Tensor  # (B, M, K, 3) with 1 where visible
    rotated: Tensor  # (B, M, 5) centre, sides, angle
    outlines: Tensor  # (B, M, 5), of the picture before it was mirrored
    mirrored: tuple[bool, bool, bool]  # left and right, up and down, and then rows and columns changed places

    def masks(self, image: Tensor, number: Tensor, size: int, stride: int) -> Tensor:
        """The masks (n, size, size) of some objects, for cells of so many pixels."""
        x, y, radius, angle, stretch = self.outlines[image, number].T[..., None, None]
        at = (torch.arange(size, device=x.device) + 0.5) * stride
        right, down = at[None, None, :] - x, at[None, :, None] - y
        cosine, sine = angle.cos(), angle.sin()
        own_x, own_y = right * cosine + down * sine, (down * cosine - right * sine) / stretch
        direction = torch.atan2(own_y, own_x).div(2 * math.pi / DIRECTIONS).long() % DIRECTIONS
        table = reaches().to(x.device)
        kinds = self.classes[image, number].long()
        inside = torch.hypot(own_x, own_y) < radius * table[kinds[:, None, None], direction]
        return mirror(inside, self.mirrored)


@cache
def reaches() -> Tensor:
    """How far from its centre each kind of outline lies in each direction, in radii."""
    found = []
    for kind in CLASSES:
        points = OUTLINES[kind]
        ends = np.roll(points, -1, axis=0)
        line = (points[:, None] + (ends - points)[:, None] * np.linspace(0, 1, 400)[None, :, None]).reshape(-1, 2)
        direction, reach = np.arctan2(line[:, 1], line[:, 0]), np.hypot(*line.T)
        order = np.argsort(direction)
        wanted = (np.arange(DIRECTIONS) + 0.5) * 2 * np.pi / DIRECTIONS
        wanted = np.where(wanted > np.pi, wanted - 2 * np.pi, wanted)
        found.append(np.interp(wanted, direction[order], reach[order], period=2 * np.pi))
    return torch.from_numpy(np.array(found, np.float32))


def mirror(planes: Tensor, how: tuple[bool, bool, bool]) -> Tensor:
    """Planes (..., S, S), mirrored."""
    sides, upside, turned = how
    planes = planes.flip(-1) if sides else planes
    planes = planes.flip(-2) if upside else planes
    return planes.transpose(-1, -2) if turned else planes


class TaskScenes:
    """Cached scenes (see cache.py) in random order."""

    def __init__(self, folder: Path, device: torch.device, seed: int) -> None:
        self._images = torch.from_numpy(np.load(folder / "images.npy")).to(device)
        self._labels = {name: torch.from_numpy(np.load(folder / f"{name}.npy")).to(device) for name in NUMBERS}
        self._random = torch.Generator().manual_seed(seed)
        self._order: list[int] = []

    def batch(self, size: int) -> tuple[Tensor, Objects]:
        """Images (B, 3, S, S) in 0..1, and what is in them."""
        if len(self._order) < size:
            self._order = torch.randperm(len(self._images), generator=self._random).tolist()
        picks = torch.tensor([self._order.pop() for _ in range(size)], device=self._images.device)
        flags = torch.rand(4, generator=self._random) < torch.tensor([0.5, 0.5, 0.5, 0.1])
        sides, upside, turned, negative = map(bool, flags)
        images = self._images[picks][..., torch.randperm(3, generator=self._random)].permute(0, 3, 1, 2)
        images = mirror(images, (sides, upside, turned)).float() / 255
        return (1 - images if negative else images), self._objects(picks, (sides, upside, turned))

    def _objects(self, picks: Tensor, how: tuple[bool, bool, bool]) -> Objects:
        labels = {name: values[picks] for name, values in self._labels.items()}
        most = max(1, int((labels["classes"] >= 0).sum(dim=1).max()))
        labels = {name: values[:, :most] for name, values in labels.items()}
        points = labels["keypoints"].unflatten(2, (KEYPOINTS, 3))
        size = self._images.shape[1]
        corners = labels["boxes"].unflatten(2, (2, 2))
        boxes = _moved(corners, how, size)
        boxes = torch.cat([boxes.amin(dim=2), boxes.amax(dim=2)], dim=-1)
        keypoints = torch.cat([_moved(points[..., :2], how, size), points[..., 2:]], dim=-1)[:, :, _names(how)]
        centre, angle = _moved(labels["rotated"][..., :2], how, size), labels["rotated"][..., 4]
        sides, upside, turned = how
        angle = -angle if sides != upside else angle
        angle = math.pi / 2 - angle if turned else angle
        angle = (angle + math.pi / 4) % math.pi - math.pi / 4
        rotated = torch.cat([centre, labels["rotated"][..., 2:4], angle[..., None]], dim=-1)
        return Objects(labels["classes"][..., 0].long(), boxes, keypoints, rotated, labels["outlines"], how)


def _moved(points: Tensor, how: tuple[bool, bool, bool], size: int) -> Tensor:
    """Points (..., 2) where the mirrored picture has them."""
    x, y = points.unbind(-1)
    sides, upside, turned = how
    x = size - x if sides else x
    y = size - y if upside else y
    return torch.stack([y, x] if turned else [x, y], dim=-1)


def _names(how: tuple[bool, bool, bool]) -> list[int]:
    """Which keypoint is the centre, the highest, rightmost, lowest and leftmost one after that."""
    sides, upside, turned = how
    up, right, down, left = UP, RIGHT, DOWN, LEFT
    if sides:
        right, left = left, right
    if upside:
        up, down = down, up
    if turned:
        up, left, right, down = left, up, down, right
    return [CENTRE, up, right, down, left]
