"""Convolutions of images of float32 numbers in AMX's tile registers: of grey levels by three products, else by six."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.compiler.backends.cpu.kernels.emulated_tiles import in_memory, in_registers, tiled_kernels
from zcc.compiler.backends.cpu.kernels.choices import AmxChoice
from zcc.compiler.backends.cpu.kernels.direct_conv import DirectConv, default_tile
from zcc.compiler.backends.cpu.kernels.slab import Slab
from zcc.compiler.backends.cpu.kernels.split_image_conv import SplitImageConv, splits_image
from zcc.compiler.backends.cpu.kernels.stages import Apply, StageSpec
from zcc.compiler.backends.cpu.program.single_kernel import compile_kernels
from zcc.compiler.backends.cpu.targets.table import TARGETS
from zcc.compiler.backends.cpu.targets.target import CpuTarget

Array = NDArray[Any]
TARGET, PLAIN = TARGETS["x86-64-v4-amx"], TARGETS["x86-64-v3"]
MACHINES = [
    in_registers(TARGET),
    *(in_memory(TARGET.with_threads(threads), PLAIN) for threads in (1, 16)),
]
UNIT = np.float32(1 / 255)
GARBAGE = np.float32(7)


@dataclass(frozen=True)
class Case:
    """A convolution of an image."""

    channels: int
    blocks: int
    size: tuple[int, int]
    kernel: int
    stride: int = 2
    dilation: int = 1
    tile: tuple[int, int] = (1, 16)
    between: int = 0  # columns of something else between the rows
    stages: tuple[StageSpec, ...] = ()

    @property
    def spec(self) -> SplitImageConv:
        """The kernel."""
        height, width = ((size - 1) * self.stride + (self.kernel - 1) * self.dilation + 1 for size in self.size)
        pitch = width + self.between
        x = replace(Slab.dense(self.channels, height, width, 1), pitch=pitch, plane=height * pitch)
        steps = ((each, each) for each in (self.kernel, self.stride, self.dilation))
        tile = AmxChoice(*self.tile, gathered=True)
        return SplitImageConv(x, Slab.dense(self.blocks, *self.size, 16), *steps, self.stages, tile)


CASES = {
    "6x6 of stride 2": Case(3, 2, (24, 32), 6, tile=(2, 16)),
    "3x3, tiles that overlap": Case(3, 1, (9, 39), 3, tile=(1, 13)),
    "7x7, registers side by side": Case(3, 2, (4, 30), 7, tile=(1, 30)),
    "of one channel": Case(1, 2, (6, 18), 5, stride=1, tile=(2, 9)),
    "of two": Case(2, 1, (5, 16), 3),
    "of four": Case(4, 1, (5, 16), 4),
    "dilated": Case(3, 1, (5, 16), 3, stride=1, dilation=2),
    "with others between": Case(3, 2, (40, 16), 3, between=5),
    "more words than a row has": Case(3, 1, (4, 16), 9),
}


@dataclass
class Trial:
    """A kernel with its operands."""

    spec: SplitImageConv
    x: Array
    weights: Array
    bias: Array

    @classmethod
    def make(cls, spec: SplitImageConv, seed: int, kind: str) -> Trial:
        """An image of some kind."""
        rng = np.random.default_rng(seed)
        x = np.full((spec.x.blocks, spec.x.height, spec.x.pitch, 1), GARBAGE, np.float32)[:, :, : spec.x.width]
        x[...] = IMAGES[kind](rng, x.shape)
        weights = rng.standard_normal((spec.out.blocks, spec.x.blocks, *spec.kernel, 1, 16)).astype(np.float32)
        return cls(spec, x, weights, rng.standard_normal((spec.out.blocks, 16)).astype(np.float32))

    def run(self, kernel: Any) -> Array:
        """What the kernel makes of them."""
        out = np.full(self.spec.out.shape, GARBAGE, np.float32)
        kernel(self.x, self.spec.pack(self.weights), self.bias, out)
        return out

    def sums(self, of: Any = lambda values: values) -> Array:
        """In double precision, of the operands or of their sizes."""
        x, weights, total = of(self.x.astype(np.float64)), of(self.weights.astype(np.float64)), np.float64(0)
        out, (stride, _), (dilation, _) = self.spec.out, self.spec.stride, self.spec.dilation
        for row, column in np.ndindex(*self.spec.kernel):
            first = row * dilation, column * dilation
            rows, columns = (
                slice(at, at + (size - 1) * stride + 1, stride)
                for at, size in zip(first, (out.height, out.width), strict=True)
            )
            part = np.einsum("ihw,oil->ohwl", x[:, rows, columns, 0], weights[:, :, row, column, 0], optimize=True)
            total = total + part
        return total + of(self.bias.astype(np.float64))[:, None, None]


def one_other(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Levels, but for a number in the last row."""
    image = levels(rng, shape)
    image[0, -1, shape[2] // 2] += np.float32(2**-20)
    return image


def levels(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """As the preprocess stage makes them."""
    return rng.integers(0, 256, shape).astype(np.float32) * UNIT


IMAGES: dict[str, Any] = {
    "levels": levels,
    "quotients": lambda rng, shape: rng.integers(0, 256, shape).astype(np.float32) / np.float32(255),
    "one other": one_other,
    "fractions": lambda rng, shape: rng.random(shape),
    "floats": lambda rng, shape: rng.standard_normal(shape),
    "far apart": lambda rng, shape: rng.standard_normal(shape) * 10.0 ** rng.integers(-6, 7, shape),
    "large levels": lambda rng, shape: rng.integers(250, 70000, shape).astype(np.float32) * UNIT,
}


@pytest.mark.parametrize(("target", "vectors"), MACHINES)
def test_sums_are_as_near_as_those_of_multiply_adds(
    target: CpuTarget, vectors: CpuTarget | None, tmp_path: Path
) -> None:
    """Of whatever is in the image; both errors are told in parts of the sum of what is added up.

    Numbers that are no levels are brought to 255ths, which rounds each once more, and their sums are of few.
    """
    specs = [case.spec for case in CASES.values()]
    another = tmp_path / "plain"
    another.mkdir()
    plain = compile_kernels([multiply_adds(spec) for spec in specs], PLAIN, another)
    with tiled_kernels(specs, target, vectors, tmp_path) as kernels:
        for seed, (name, spec, kernel, other) in enumerate(zip(CASES, specs, kernels, plain, strict=True)):
            for kind in IMAGES:
                trial = Trial.make(spec, seed, kind)
                expected, result = np.zeros(spec.out.shape, np.float32), trial.run(kernel)
                other(trial.x, trial.weights, trial.bias, expected)
                sums, sizes = trial.sums(), trial.sums(np.abs)
                found, allowed = (np.abs(each - sums) / sizes for each in (result, expected))
                assert found.max() < 2**-20, (name, kind)
                most = 1.6 if kind in ("levels", "quotients") else 2.5
                assert (found**2).mean() < most * (allowed**2).mean(), (name, kind)


def multiply_adds(spec: SplitImageConv) -> DirectConv:
    """The same convolution of float32 numbers as they are."""
    form = default_tile(spec.x, spec.out, spec.kernel, PLAIN.unit)
    return DirectConv(spec.x, spec.out, spec.kernel, spec.stride, spec.dilation, spec.stages, form)


@pytest.mark.parametrize(("target", "vectors"), MACHINES)
def test_one_number_among_levels_counts(target: CpuTarget, vectors: CpuTarget | None, tmp_path: Path) -> None:
    """The tasks that read it take another way, and come to the same but for their last digits; others do not change."""
    spec = CASES["6x6 of stride 2"].spec
    trials = [Trial.make(spec, 1, kind) for kind in ("levels", "one other")]
    middle = spec.x.width // 2
    trials[1].x[0, -1, middle] += 1
    with tiled_kernels([spec], target, vectors, tmp_path) as [kernel]:
        one, other = (trial.run(kernel) for trial in trials)
    np.testing.assert_array_equal(one[:, 0], other[:, 0])
    differs = np.abs(one - other) > 2**-20 * trials[0].sums(np.abs)
    reading = [column for column in range(spec.out.width) if 2 * column <= middle < 2 * column + 6]
    np.testing.assert_array_equal(np.argwhere(differs.any((0, 3))), [[spec.out.height - 1, at] for at in reading])


@pytest.mark.parametrize(("target", "vectors"), MACHINES)
def test_what_is_no_number_stays_none(target: CpuTarget, vectors: CpuTarget | None, tmp_path: Path) -> None:
    spec = CASES["of two"].spec
    trial = Trial.make(spec, 2, "levels")
    trial.x[1, 4, 8] = np.nan
    with tiled_kernels([spec], target, vectors, tmp_path) as [kernel]:
        result = trial.run(kernel)
    touched = np.zeros(spec.out.shape, bool)
    touched[:, 1:3, 3:5] = True
    np.testing.assert_array_equal(np.isnan(result), touched)


@pytest.mark.parametrize(("target", "vectors"), MACHINES)
def test_stages_follow_the_sums(target: CpuTarget, vectors: CpuTarget | None, tmp_path: Path) -> None:
    trial = Trial.make(replace(CASES["6x6 of stride 2"], stages=(Apply("silu", ()),)).spec, 3, "levels")
    sums = trial.sums()
    with tiled_kernels([trial.spec], target, vectors, tmp_path) as [kernel]:
        np.testing.assert_allclose(trial.run(kernel), sums / (1 + np.exp(-sums)), rtol=2e-5, atol=2e-5)


def test_images_that_tasks_make_no_pixels_of() -> None:
    """Of many channels, or narrower than a vector; and targets without tile registers."""
    image = Slab.dense(3, 64, 64, 1)
    assert splits_image(image, TARGET.unit)
    for other in (Slab.dense(5, 64, 64, 1), Slab.dense(3, 64, 15, 1), Slab.dense(3, 64, 64, 16)):
        assert not splits_image(other, TARGET.unit)
    assert not splits_image(image, TARGETS["x86-64-v4"].unit)
