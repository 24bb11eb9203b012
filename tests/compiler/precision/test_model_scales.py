"""Which scales a quantised model's maps get, by which of them the tool that quantised it wrote down."""

from __future__ import annotations

import numpy as np

from zcc.compiler.ir.ops import Concat, Conv, MaxPool, Network, Op, Resize, Slice, Tensor
from zcc.compiler.ir.quantisation import IMAGE, Quantisation
from zcc.compiler.precision.calibrate import Calibration
from zcc.compiler.precision.model_scales import carry

A, B, C = (Quantisation.of_range(-1.0, high) for high in (2.0, 3.0, 4.0))


class Builder:
    """A network under construction; tensors are known by their names."""

    def __init__(self) -> None:
        self.rng = np.random.default_rng(0)
        self.image = Tensor("image", (1, 3, 8, 8))
        self.ops: list[Op] = []

    def conv(self, name: str, x: Tensor, channels: int = 4, rounded: bool = True) -> Tensor:
        out = Tensor(name, (1, channels, *x.shape[2:]))
        weight = self.rng.integers(-127, 128, (channels, x.shape[1], 3, 3)) * 0.01
        weight = weight if rounded else weight + self.rng.normal(0, 0.1, weight.shape)
        self.ops.append(
            Conv(out, x, np.float32(weight), np.zeros(channels, np.float32), (1, 1), (1, 1, 1, 1), (1, 1), 1)
        )
        return out

    def concat(self, name: str, *parts: Tensor) -> Tensor:
        out = Tensor(name, (1, sum(part.shape[1] for part in parts), *parts[0].shape[2:]))
        self.ops.append(Concat(out, list(parts)))
        return out

    def pool(self, name: str, x: Tensor) -> Tensor:
        self.ops.append(MaxPool(Tensor(name, x.shape), x, (3, 3), (1, 1), (1, 1)))
        return self.ops[-1].out

    def resize(self, name: str, x: Tensor) -> Tensor:
        out = Tensor(name, (*x.shape[:2], 2 * x.shape[2], 2 * x.shape[3]))
        self.ops.append(Resize(out, x, (2, 2)))
        return out

    def slice(self, name: str, x: Tensor, begin: int) -> Tensor:
        self.ops.append(Slice(Tensor(name, (1, 2, *x.shape[2:])), x, begin))
        return self.ops[-1].out

    def carried(self, output: Tensor, **known: Quantisation) -> dict[str, Quantisation]:
        calibration = self.calibration(output, **known)
        assert calibration is not None
        return dict(calibration.quantisations)

    def calibration(self, output: Tensor, **known: Quantisation) -> Calibration | None:
        return carry(Network(self.image, self.ops, output), known)


def test_what_only_moves_bytes_passes_a_scale_on_and_back() -> None:
    b = Builder()
    x = b.conv("x", b.image)
    pooled = b.pool("pooled", x)
    y = b.conv("y", b.conv("inner", b.resize("large", pooled)))
    assert b.carried(y, image=A, pooled=B, inner=C) == {
        **{"image": IMAGE, "x": B, "pooled": B, "large": B, "inner": C},
    }


def test_a_concat_without_a_scale_reaches_as_far_as_its_parts() -> None:
    b = Builder()
    parts = b.conv("one", b.image), b.conv("two", b.image)
    both = b.concat("both", *parts)
    y = b.conv("y", both)
    assert b.carried(y, image=A, one=B, two=B)["both"] == B
    low, high = Quantisation.of_range(-1, 1), Quantisation.of_range(0, 5)
    wide = b.carried(y, image=A, one=low, two=high)["both"]
    assert abs(wide.low - low.low) <= wide.scale / 2
    assert abs(wide.high - high.high) <= wide.scale / 2


def test_parts_that_nobody_else_reads_are_made_in_the_scale_of_the_concat() -> None:
    b = Builder()
    alone, shared = b.conv("alone", b.image), b.conv("shared", b.image)
    pooled = b.pool("pooled", alone)
    both = b.concat("both", alone, pooled, shared)
    y = b.conv("y", b.concat("last", b.conv("mixed", both), b.conv("other", shared)))
    found = b.carried(y, image=A, alone=A, pooled=A, shared=B, both=C, last=C)
    assert (found["alone"], found["pooled"], found["shared"]) == (C, C, B)


def test_slices_keep_the_scale_of_what_they_are_cut_from() -> None:
    b = Builder()
    x = b.conv("x", b.image)
    halves = b.slice("left", x, 0), b.slice("right", x, 2)
    y = b.conv("y", b.concat("both", *halves, b.conv("inner", halves[1])))
    found = b.carried(y, image=A, x=A, left=B, right=B, inner=C, both=C)
    assert found == {"image": IMAGE, "x": A, "left": A, "right": A, "inner": C, "both": C}


def test_what_no_convolution_reads_stays_in_float() -> None:
    b = Builder()
    x = b.conv("x", b.image)
    y = b.concat("y", b.conv("head", x), b.pool("pooled", x))
    assert set(b.carried(y, image=A, x=A, head=B, pooled=A, y=C)) == {"image", "x"}


def test_convolutions_that_were_left_in_float_stay_there() -> None:
    b = Builder()
    x = b.conv("x", b.image, rounded=False)
    y = b.concat("y", b.conv("one", x), b.conv("two", x, rounded=False))
    calibration = b.calibration(y, image=A, x=A)
    assert calibration is not None
    assert calibration.floating == {"x", "two"}
    assert calibration.quantisations == {"x": A}


def test_scales_that_no_convolution_can_use_are_none() -> None:
    b = Builder()
    y = b.pool("y", b.conv("x", b.image, rounded=False))
    assert b.calibration(y, image=A, x=A, y=A) is None
