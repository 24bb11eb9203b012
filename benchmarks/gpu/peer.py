"""The same detector in PyTorch, as fast as it gets by usual means: what zcc races on a card.

Channels-last fp16; letterbox, network and decode compiled by torch.compile and replayed as one CUDA graph; NMS by class
from torchvision.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torchvision.ops import batched_nms, box_convert

from benchmarks.gpu.same import Candidates
from zcc.compiler.racing.opencv_frame import PicturePlacement, prepare
from zcc.compiler.racing.peer_torch import captured
from zcc.compiler.racing.torch_network import load_module
from zcc.runtime.detections import Detections
from zcc.runtime.executors.frame_block import Letterbox
from zcc.runtime.manifest import InputSpec

GREY = 114 / 255


def letterboxed(frame: torch.Tensor, place: Letterbox, size: tuple[int, int]) -> torch.Tensor:
    """A BGR frame of bytes as the network's input."""
    image = frame.permute(2, 0, 1)[None].half().flip(1) / 255
    image = F.interpolate(image, (place.height, place.width), mode="bilinear", align_corners=False)
    right, below = size[1] - place.left - place.width, size[0] - place.top - place.height
    image = F.pad(image, (place.left, right, place.top, below), value=GREY)
    return image.contiguous(memory_format=torch.channels_last)


def every_class(output: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Boxes as corners, and scores of all classes: of rows with objectness (v5), or of columns without (v8)."""
    rows = output[0].float()
    if output.shape[1] < output.shape[2]:
        rows, scores = rows.T, rows.T[:, 4:]
    else:
        scores = rows[:, 5:] * rows[:, 4:5]
    return box_convert(rows[:, :4], "cxcywh", "xyxy"), scores


def best_classes(output: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Boxes as corners, best scores and their classes."""
    boxes, scores = every_class(output)
    best, classes = scores.max(1)
    return boxes, best, classes


def in_frame(boxes: torch.Tensor, place: Letterbox) -> torch.Tensor:
    """Boxes of the network's input, in pixels of the frame, some of them beyond it."""
    corner = torch.tensor([place.left, place.top] * 2, device="cuda")
    return (boxes - corner) / place.gain_across


class Reference:
    """The same detector in PyTorch, operator by operator in float32, behind OpenCV: what both are held to."""

    def __init__(self, path: Path, spec: InputSpec) -> None:
        self.spec = spec
        with torch.inference_mode():
            self.network = load_module(path, torch.rand(1, 3, spec.height, spec.width)).cuda()

    def __call__(self, frame: Any, place: Letterbox) -> Candidates:
        """All candidates in a frame of the host, which is resized in bytes: a grey level may change a score by 0.03."""
        torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
        height, width = frame.shape[:2]
        image = torch.from_numpy(prepare(frame, PicturePlacement.of(height, width, self.spec), self.spec))
        with torch.inference_mode():
            boxes, scores = every_class(self.network(image.cuda()))
        return Candidates(in_frame(boxes, place).cpu().numpy(), scores.cpu().numpy(), (place.rows, place.cols))


class Peer:
    """A compiled detector for BGR frames of one size."""

    def __init__(self, path: Path, place: Letterbox, size: tuple[int, int], most: int) -> None:
        self.place, self.most = place, most
        self.image = torch.rand(1, 3, *size)
        with torch.inference_mode():
            network = load_module(path, self.image).half().cuda()
        for buffer in network.buffers():
            if buffer.dim() == 4:
                buffer.data = buffer.data.contiguous(memory_format=torch.channels_last)
        self.frame = torch.zeros(place.rows, place.cols, 3, dtype=torch.uint8, device="cuda")
        self.image = self.image.half().cuda().contiguous(memory_format=torch.channels_last)
        compiled = torch.compile(network, fullgraph=True)
        whole = torch.compile(
            lambda frame: best_classes(network(letterboxed(frame, place, size))), fullgraph=True, dynamic=False
        )
        with torch.inference_mode():
            self.network, _ = captured(lambda: compiled(self.image))
            self.graph, self.found = captured(lambda: whole(self.frame))

    def __call__(self, frame: torch.Tensor, conf: float = 0.25, iou: float = 0.45) -> Detections:
        """The detections in a frame, of the card's memory or the host's."""
        with torch.inference_mode():
            self.frame.copy_(frame)
            self.graph.replay()
            return self._kept(conf, iou)

    def scores(self) -> Any:
        """The best score of every candidate of the last frame."""
        return self.found[1].cpu().numpy()

    def _kept(self, conf: float, iou: float) -> Detections:
        boxes, scores, classes = self.found
        sure = (scores > conf).nonzero()[:, 0]
        boxes, scores, classes = boxes[sure], scores[sure], classes[sure]
        kept = batched_nms(boxes, scores, classes, iou)[: self.most]
        limits = torch.tensor([self.place.cols, self.place.rows] * 2, device="cuda")
        boxes = in_frame(boxes[kept], self.place).clamp(min=0).minimum(limits)
        table = torch.cat([boxes, scores[kept, None], classes[kept, None]], 1).cpu().numpy()
        return Detections(table[:, :4], table[:, 4], table[:, 5].astype("int32"), 0.0)
