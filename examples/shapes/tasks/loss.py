"""What training a task minimises: class scores and boxes as for detection, and what the task adds."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from examples.shapes.assign import assign
from examples.shapes.loss import complete_overlap
from examples.shapes.model import BINS, cells
from examples.shapes.task_labels import KEYPOINTS
from examples.shapes.tasks.model import TaskRaw, angles
from examples.shapes.tasks.scenes import Objects

_CLASS, _BOX, _EDGE = 0.5, 7.5, 1.5
_MASK, _POINT, _VISIBLE, _ANGLE = 7.5, 12.0, 1.0, 2.0
_MOST = 1024  # cells of a batch whose masks are compared
_SPREAD = 0.05  # of keypoints, in proportion of the object's size, as OKS has it
_TINY = 1e-7
PROTOTYPE_STRIDE = 4


class TaskLoss:
    """The loss of a task at one input size."""

    def __init__(self, task: str, size: int, device: torch.device) -> None:
        centers, strides = cells(size, size)
        self._centers, self._strides = centers.to(device), strides.to(device)
        self._bins = torch.arange(BINS, dtype=torch.float32, device=device)
        self._task = task

    def __call__(self, found: TaskRaw, objects: Objects) -> tuple[Tensor, dict[str, Tensor]]:
        """The sum to minimise, and its parts for the log."""
        logits = found.raw.logits.float().transpose(1, 2)
        details = found.details.float().transpose(1, 2)
        edges = found.raw.edges.float().transpose(1, 2).unflatten(2, (4, BINS))
        reach = edges.softmax(dim=-1) @ self._bins
        angle = angles(details) if self._task == "obb" else torch.zeros_like(details[..., :1])
        drawn = self._rotated(reach, angle)
        wanted = objects.rotated if self._task == "obb" else upright(objects.boxes)
        targets = assign(
            logits.detach().sigmoid(), hulls(drawn).detach(), self._centers, hulls(wanted), objects.classes
        )
        total = targets.scores.sum().clamp(min=1)
        image, cell = targets.positive.nonzero(as_tuple=True)
        number = targets.owners[image, cell]
        weight = targets.scores[image, cell].sum(dim=1) / total
        mine, theirs = drawn[image, cell], wanted[image, number]
        parts = {
            "class": _CLASS
            * functional.binary_cross_entropy_with_logits(logits, targets.scores, reduction="sum")
            / total,
            "box": _BOX * (self._apart(mine, theirs) * weight).sum(),
            "edge": _EDGE * (self._edge_loss(edges[image, cell], cell, theirs) * weight).sum(),
        }
        parts |= self._own(found, details[image, cell], objects, image, cell, number, weight)
        if self._task == "obb":
            parts["angle"] = _ANGLE * (_turned(mine, theirs) * weight).sum()
        return torch.stack(list(parts.values())).sum(), {name: value.detach() for name, value in parts.items()}

    def _rotated(self, reach: Tensor, angle: Tensor) -> Tensor:
        """Boxes (B, N, 5) of all cells."""
        before, after = reach.split(2, dim=-1)
        shift = _turn((after - before) / 2, angle)
        strides = self._strides[:, None]
        return torch.cat([self._centers + shift * strides, (before + after) * strides, angle], dim=-1)

    def _apart(self, mine: Tensor, theirs: Tensor) -> Tensor:
        if self._task == "obb":
            return hellinger(mine, theirs)
        return 1 - complete_overlap(hulls(mine), hulls(theirs))

    def _edge_loss(self, edges: Tensor, cell: Tensor, wanted: Tensor) -> Tensor:
        """Cross entropy against the two bins on either side of each edge, along the box's own sides."""
        centre = _turn(wanted[:, :2] - self._centers[cell], -wanted[:, 4:])
        reach = torch.cat([wanted[:, 2:4] / 2 - centre, wanted[:, 2:4] / 2 + centre], dim=1)
        reach = (reach / self._strides[cell, None]).clamp(0, BINS - 1.01)
        lower = reach.long()
        log_bins = edges.log_softmax(dim=-1)
        below = log_bins.gather(2, lower[..., None])[..., 0]
        above = log_bins.gather(2, lower[..., None] + 1)[..., 0]
        return -((1 - (reach - lower)) * below + (reach - lower) * above).mean(dim=1)

    def _own(
        self,
        found: TaskRaw,
        details: Tensor,
        objects: Objects,
        image: Tensor,
        cell: Tensor,
        number: Tensor,
        weight: Tensor,
    ) -> dict[str, Tensor]:
        """What only this task has; `details` are of the cells that answer for an object."""
        if self._task == "segment":
            return {"mask": _MASK * self._mask_loss(found, details, objects, image, number, weight)}
        if self._task == "pose":
            return self._point_losses(details, objects, image, cell, number, weight)
        return {}

    def _mask_loss(
        self, found: TaskRaw, details: Tensor, objects: Objects, image: Tensor, number: Tensor, weight: Tensor
    ) -> Tensor:
        assert found.prototypes is not None
        chosen = torch.randperm(len(image), device=image.device)[:_MOST]
        image, number, share = image[chosen], number[chosen], weight[chosen]
        prototypes = found.prototypes.float()
        size = prototypes.shape[-1]
        sums = torch.einsum("np,nphw->nhw", details[chosen], prototypes[image])
        masks = objects.masks(image, number, size, PROTOTYPE_STRIDE).float()
        loss = functional.binary_cross_entropy_with_logits(sums, masks, reduction="none")
        boxes = objects.boxes[image, number] / PROTOTYPE_STRIDE
        at = torch.arange(size, device=image.device) + 0.5
        across = (at > boxes[:, 0:1]) & (at < boxes[:, 2:3])
        down = (at > boxes[:, 1:2]) & (at < boxes[:, 3:4])
        inside = (down[:, :, None] & across[:, None, :]).float()
        each = (loss * inside).sum(dim=(1, 2)) / inside.sum(dim=(1, 2)).clamp(min=1)
        return (each * share).sum() * (len(details) / max(len(chosen), 1))

    def _point_losses(
        self, details: Tensor, objects: Objects, image: Tensor, cell: Tensor, number: Tensor, weight: Tensor
    ) -> dict[str, Tensor]:
        points, wanted = details.unflatten(1, (KEYPOINTS, 3)), objects.keypoints[image, number]
        strides = self._strides[cell, None, None]
        places = points[..., :2] * 2 * strides + self._centers[cell][:, None] - strides / 2
        box = objects.boxes[image, number]
        area = (box[:, 2:] - box[:, :2]).prod(dim=1).clamp(min=1)[:, None]
        off = (places - wanted[..., :2]).square().sum(dim=-1)
        alike = torch.exp(-off / (2 * area * (2 * _SPREAD) ** 2))
        # Far away its slope is nothing: a distance in object sizes leads there.
        far = (off / area + _TINY).sqrt()
        seen = wanted[..., 2]
        each = ((1 - alike + far) * seen).sum(dim=1) / seen.sum(dim=1).clamp(min=1)
        visible = functional.binary_cross_entropy_with_logits(points[..., 2], seen, reduction="none").mean(dim=1)
        return {"points": _POINT * (each * weight).sum(), "visible": _VISIBLE * (visible * weight).sum()}


def upright(boxes: Tensor) -> Tensor:
    """Boxes xyxy as rotated ones of angle 0."""
    low, high = boxes.split(2, dim=-1)
    return torch.cat([(low + high) / 2, high - low, torch.zeros_like(low[..., :1])], dim=-1)


def hulls(rotated: Tensor) -> Tensor:
    """The upright boxes xyxy around rotated ones."""
    centre, sides, angle = rotated.split([2, 2, 1], dim=-1)
    cosine, sine = angle.cos().abs(), angle.sin().abs()
    width, height = sides.split(1, dim=-1)
    half = torch.cat([width * cosine + height * sine, width * sine + height * cosine], dim=-1) / 2
    return torch.cat([centre - half, centre + half], dim=-1)


def hellinger(mine: Tensor, theirs: Tensor) -> Tensor:
    """The Hellinger distance of the normal distributions that stand for rotated boxes (n, 5)."""
    (a, b, c), (d, e, f) = _covariance(mine), _covariance(theirs)
    across, down = (mine[:, :2] - theirs[:, :2]).unbind(-1)
    whole = (a + d) * (b + e) - (c + f).square() + _TINY
    shift = ((a + d) * down.square() + (b + e) * across.square() - 2 * (c + f) * across * down) / whole / 4
    own = ((a * b - c.square()).clamp(min=0) * (d * e - f.square()).clamp(min=0) + _TINY).sqrt()
    distance = (shift + (whole / (4 * own + _TINY) + _TINY).log() / 2).clamp(_TINY, 100)
    return (1 - torch.exp(-distance) + _TINY).sqrt()


def _covariance(boxes: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    along, beside = boxes[:, 2].square() / 12, boxes[:, 3].square() / 12
    cosine, sine = boxes[:, 4].cos(), boxes[:, 4].sin()
    return (
        along * cosine.square() + beside * sine.square(),
        along * sine.square() + beside * cosine.square(),
        (along - beside) * cosine * sine,
    )


def _turned(mine: Tensor, theirs: Tensor) -> Tensor:
    """How far directions differ, for as much as boxes have one."""
    longer = theirs[:, 2:4].amax(dim=1) / theirs[:, 2:4].amin(dim=1).clamp(min=1)
    return (mine[:, 4] - theirs[:, 4]).sin().square() * (longer - 1).clamp(0, 1)


def _turn(points: Tensor, angle: Tensor) -> Tensor:
    """Points (..., 2) turned by angles (..., 1)."""
    x, y = points.split(1, dim=-1)
    return torch.cat([x * angle.cos() - y * angle.sin(), x * angle.sin() + y * angle.cos()], dim=-1)
