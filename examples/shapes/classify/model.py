"""A small classifier: the sample detector's backbone, the mean of its deepest map, and a layer of scores."""

from __future__ import annotations

from pathlib import Path

import onnx
import torch
from onnx import numpy_helper
from torch import Tensor, nn

from examples.shapes.export import folded
from examples.shapes.model import WIDTHS, Backbone
from examples.shapes.outlines import CLASSES

PREFIX = "detector.backbone."  # of the weights' names in the detector's file


class Classifier(nn.Module):
    """Image batch (B, 3, H, W), RGB in 0..1, to scores (B, classes) that a softmax makes probabilities."""

    def __init__(self) -> None:
        super().__init__()
        self.backbone = folded(Backbone()).train()
        self.scores = nn.Linear(WIDTHS[-1], len(CLASSES))

    def forward(self, images: Tensor) -> Tensor:
        """The scores."""
        _, _, deepest = self.backbone(images)
        scores: Tensor = self.scores(deepest.mean((2, 3)))
        return scores


def start_from(model: Classifier, file: Path) -> None:
    """Take the backbone of the shipped detector, whose batch norms are folded."""
    tensors = {tensor.name: tensor for tensor in onnx.load(file).graph.initializer}
    state = model.backbone.state_dict()
    known = {name: torch.from_numpy(numpy_helper.to_array(tensors[PREFIX + name]).copy()) for name in state}
    model.backbone.load_state_dict(known)
