"""Raw heads give what their decoded output gives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.compiler.backends.cpu.frame.harness import HOST, NARROW, Machine, postprocess
from tests.compiler.backends.cpu.frame.references import detections
from zcc.compiler.backends.cpu.frame.anchor_head import AnchorHead, AnchorScale
from zcc.compiler.backends.cpu.frame.dfl_head import DflHead, DflScale
from zcc.compiler.backends.cpu.frame.raw import PackedMap
from zcc.compiler.backends.cpu.kernels.slab import Slab
from zcc.compiler.ir.heads.head import Head
from zcc.runtime.manifest import InputSpec

SPEC = InputSpec(256, 384)
FRAME = (720, 1280)
STRIDES = (8, 16, 32)
ANCHORS = (
    ((10, 13), (16, 30), (33, 23)),
    ((30, 61), (62, 45), (59, 119)),
    ((116, 90), (156, 198), (373, 326)),
)
HALO = 1

Array = NDArray[np.float32]


Make = Callable[[int, int, float], tuple[Any, Array, Array]]


class Memory:
    """Packed maps with a border, one after another; what lies between them is rubbish."""

    def __init__(self, lanes: int) -> None:
        self.lanes, self.parts, self.size = lanes, list[Array](), 0

    def put(self, planes: Array) -> PackedMap:
        """Pack [channels, height, width]; lanes past the last channel are high enough to look like finds."""
        channels, height, width = planes.shape
        blocks = -(-channels // self.lanes)
        packed = np.full((blocks, height + 2 * HALO, width + 2 * HALO, self.lanes), 50, np.float32)
        for channel in range(channels):
            block, lane = divmod(channel, self.lanes)
            packed[block, HALO:-HALO, HALO:-HALO, lane] = planes[channel]
        pitch = (width + 2 * HALO) * self.lanes
        slab = Slab(blocks, height, width, self.lanes, pitch, (height + 2 * HALO) * pitch)
        held = PackedMap(slab, self.size + HALO * pitch + HALO * self.lanes)
        self.parts.append(packed.ravel())
        self.size += packed.size
        return held

    def bytes_up_to(self, size: int) -> Array:
        return np.concatenate(self.parts)[:size]


def sigmoid(x: Array) -> Array:
    return (1 / (1 + np.exp(-x.astype(np.float64)))).astype(np.float32)


def logits(rng: np.random.Generator, *shape: int, crowd: float) -> Array:
    """Coarse logits, so that equal scores are equal in either arithmetic."""
    hot = rng.random(shape) < crowd
    return (np.where(hot, rng.integers(-10, 200, shape), rng.integers(-400, -100, shape)) / 64).astype(np.float32)


def cells(height: int, width: int) -> tuple[Array, Array]:
    y, x = np.mgrid[:height, :width].astype(np.float32)
    return x, y


def dfl_head(classes: int, lanes: int, crowd: float) -> tuple[DflHead, Array, Array]:
    """A head, its memory, and its decoded output as the exporters compute it."""
    rng, memory, scales, decoded = (
        np.random.default_rng(classes),
        Memory(lanes),
        list[DflScale](),
        list[Array](),
    )
    for stride in STRIDES:
        height, width = SPEC.height // stride, SPEC.width // stride
        sides = rng.normal(0, 2, (4, 16, height, width)).astype(np.float32)
        scores = logits(rng, classes, height, width, crowd=crowd)
        scales.append(DflScale(stride, memory.put(sides.reshape(64, height, width)), memory.put(scores)))
        shares = np.exp(sides - sides.max(1, keepdims=True))
        reach = (shares * np.arange(16, dtype=np.float32)[:, None, None]).sum(1) / shares.sum(1)
        centre = np.stack(cells(height, width)) + np.float32(0.5)
        low, high = centre - reach[:2], centre + reach[2:]
        box = (low + high) / 2 * stride, (high - low) * stride
        decoded.append(np.concatenate([*box, sigmoid(scores)]).reshape(4 + classes, -1))
    head = DflHead(classes, tuple(scales))
    return head, memory.bytes_up_to(*head.shape), np.concatenate(decoded, axis=1)[None]


def anchor_head(classes: int, lanes: int, crowd: float) -> tuple[AnchorHead, Array, Array]:
    """The same with anchors."""
    rng, memory, scales, decoded = (
        np.random.default_rng(classes),
        Memory(lanes),
        list[AnchorScale](),
        list[Array](),
    )
    for stride, anchors in zip(STRIDES, ANCHORS, strict=True):
        height, width = SPEC.height // stride, SPEC.width // stride
        raw = logits(rng, 3, 5 + classes, height, width, crowd=crowd)
        raw[:, 5:] = logits(rng, 3, classes, height, width, crowd=min(1.0, 20 * crowd))
        raw[:, :4] = rng.normal(0, 1, (3, 4, height, width))
        scales.append(AnchorScale(stride, memory.put(raw.reshape(-1, height, width)), anchors))
        x, y = cells(height, width)
        rows = sigmoid(raw)
        rows[:, 0], rows[:, 1] = (rows[:, 0] * 2 - 0.5 + x) * stride, (rows[:, 1] * 2 - 0.5 + y) * stride
        rows[:, 2:4] = (rows[:, 2:4] * 2) ** 2 * np.float32(anchors)[:, :, None, None]
        decoded.append(rows.transpose(0, 2, 3, 1).reshape(-1, 5 + classes))
    head = AnchorHead(classes, tuple(scales))
    return head, memory.bytes_up_to(*head.shape), np.concatenate(decoded)[None]


@pytest.mark.parametrize(("classes", "machine"), [(80, HOST), (6, NARROW)])
@pytest.mark.parametrize("make", [dfl_head, anchor_head])
def test_raw_head_equals_its_decoded_output(make: Make, classes: int, machine: Machine) -> None:
    for crowd in (0.0, 0.02, 1.0):
        raw, memory, decoded = make(classes, machine.lanes, crowd)
        plain = Head("test", "output", raw.candidates, classes, make is anchor_head, make is dfl_head)
        assert decoded.shape == plain.shape
        for conf in (0.25, 0.6):
            found = postprocess(raw, SPEC, 100, machine)(memory, FRAME, conf, 0.45)
            wanted = detections(decoded, plain, SPEC, FRAME, conf, 0.45, 100)
            np.testing.assert_array_equal(found.labels, wanted.labels)
            np.testing.assert_allclose(found.scores, wanted.scores, atol=1e-5)
            np.testing.assert_allclose(found.boxes, wanted.boxes, atol=0.01)
            assert (len(found.scores) > 0) == (crowd > 0)


def test_every_logit_passes_a_threshold_below_its_score() -> None:
    """On both sides of the threshold, from one end of float32's scores to the other."""
    raw, memory, decoded = dfl_head(1, HOST.lanes, 1.0)
    kernel = postprocess(raw, SPEC, raw.candidates, HOST)
    scores = np.unique(decoded[0, 4])
    for conf in (-1.0, 0.0, 1e-30, 1e-6, *scores[::20], 0.999999, np.nextafter(1.0, 0.0), 1.0, float("nan")):
        found = kernel(memory, FRAME, conf, 1.0)
        assert abs(len(found.scores) - (decoded[0, 4] > np.float32(conf)).sum()) <= (decoded[0, 4] == conf).sum()
