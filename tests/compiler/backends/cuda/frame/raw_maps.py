"""The same raw maps as the CPU's kernels and as CUDA's read them."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tests.compiler.backends.cpu.frame.test_raw import ANCHORS, STRIDES, Memory, logits
from zcc.compiler.backends.cpu.frame import anchor_head, dfl_head
from zcc.compiler.backends.cuda.frame import heads
from zcc.runtime.executors.plan import Place
from zcc.runtime.manifest import InputSpec

Array = NDArray[Any]
GAP = 3  # elements between the pixels of a map


class Both(NamedTuple):
    """A head and its memory, twice."""

    cpu: Any
    cpu_memory: Array
    cuda: heads.FrameHead
    cuda_memory: Array


class Pixels:
    """NHWC maps one after another; what lies between pixels looks like finds."""

    def __init__(self, dtype: str) -> None:
        self.dtype, self.parts, self.size = np.dtype(dtype), list[Array](), 0

    def put(self, planes: Array) -> heads.HeadMap:
        channels, height, width = planes.shape
        pitch = channels + GAP
        pixels = np.full((height * width, pitch), 50, self.dtype)
        pixels[:, :channels] = planes.reshape(channels, -1).T
        held = heads.HeadMap(Place("arena", self.size), pitch)
        data = np.pad(pixels.reshape(-1).view(np.uint8), (0, -pixels.nbytes % 64))
        self.parts.append(data)
        self.size += data.size
        return held


def dfl(spec: InputSpec, classes: int, crowd: float, dtype: str, lanes: int = 16) -> Both:
    """Maps without anchors, of numbers that both types can hold."""
    rng, packed, pixels = np.random.default_rng(classes), Memory(lanes), Pixels(dtype)
    cpu, cuda = list[dfl_head.DflScale](), list[heads.DflScale]()
    for stride in STRIDES:
        height, width = spec.height // stride, spec.width // stride
        sides = rng.normal(0, 2, (64, height, width)).astype(dtype).astype(np.float32)
        scores = logits(rng, classes, height, width, crowd=crowd).astype(dtype).astype(np.float32)
        cpu.append(dfl_head.DflScale(stride, packed.put(sides), packed.put(scores)))
        cuda.append(heads.DflScale(stride, height, width, pixels.put(sides), pixels.put(scores)))
    head = dfl_head.DflHead(classes, tuple(cpu))
    return Both(
        head,
        packed.bytes_up_to(*head.shape),
        heads.DflHead(classes, dtype, tuple(cuda)),
        np.concatenate(pixels.parts),
    )


def anchored(spec: InputSpec, classes: int, crowd: float, dtype: str, lanes: int = 16) -> Both:
    """The same with anchors."""
    rng, packed, pixels = np.random.default_rng(classes), Memory(lanes), Pixels(dtype)
    cpu, cuda = list[anchor_head.AnchorScale](), list[heads.AnchorScale]()
    for stride, anchors in zip(STRIDES, ANCHORS, strict=True):
        height, width = spec.height // stride, spec.width // stride
        raw = logits(rng, 3, 5 + classes, height, width, crowd=crowd)
        raw[:, 5:] = logits(rng, 3, classes, height, width, crowd=min(1.0, 20 * crowd))
        raw[:, :4] = rng.normal(0, 1, (3, 4, height, width))
        planes = raw.reshape(-1, height, width).astype(dtype).astype(np.float32)
        sides = tuple((float(w), float(h)) for w, h in anchors)
        cpu.append(anchor_head.AnchorScale(stride, packed.put(planes), sides))
        cuda.append(heads.AnchorScale(stride, height, width, pixels.put(planes), sides))
    head = anchor_head.AnchorHead(classes, tuple(cpu))
    return Both(
        head,
        packed.bytes_up_to(*head.shape),
        heads.AnchorHead(classes, dtype, tuple(cuda)),
        np.concatenate(pixels.parts),
    )
