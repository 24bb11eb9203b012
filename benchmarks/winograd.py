"""Race Winograd's convolution against the direct one, for every 3x3 convolution of a model.

python -m benchmarks.winograd MODEL.onnx [--strides 1,2] [--sizes 2,3,4,5] [--all] [--rounds N] [--target T]
                              [--kernels-alone]

Both take turns on maps of their own with nothing behind them. Caches hold those better than they do within a network,
so the last line races the whole network: direct, in the forms that templates prefer, and with the first of Winograd's
forms wherever there is one. An error is the largest one over the largest value, of sums in double precision or of ONNX
Runtime's result.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import product
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import onnxruntime
import tvm_ffi

from benchmarks.arguments import numbers, run
from zcc.compiler.backends.cpu.kernels.choices import Defaults, Tunable, Unchanged
from zcc.compiler.backends.cpu.kernels.direct_conv import DirectConv
from zcc.compiler.backends.cpu.kernels.slab import Slab
from zcc.compiler.backends.cpu.kernels.spec import VectorUnit
from zcc.compiler.backends.cpu.kernels.winograd_choices import AmxWinogradChoice, WinogradChoice
from zcc.compiler.backends.cpu.kernels.winograd_transforms import TRANSFORMS
from zcc.compiler.backends.cpu.lowering.layout import Layout
from zcc.compiler.backends.cpu.lowering.pipeline import lower_network
from zcc.compiler.backends.cpu.program.build import build_library
from zcc.compiler.backends.cpu.program.emit import emit_network
from zcc.compiler.backends.cpu.program.single_kernel import compile_kernels
from zcc.compiler.backends.cpu.targets.table import TARGETS, native_target
from zcc.compiler.backends.cpu.targets.target import CpuTarget
from zcc.compiler.frontend.load import load_model
from zcc.compiler.importing.fuse import fuse
from zcc.compiler.importing.read_network import read_network
from zcc.compiler.importing.relax_module import import_proto
from zcc.compiler.ir.tensors import Array
from zcc.runtime.aligned import aligned_bytes
from zcc.runtime.engine import engine
from zcc.runtime.frame_pool import PoolCode
from zcc.runtime.host import worker_threads
from zcc.runtime.library import NETWORK
from zcc.runtime.winograd_weights import TAPS

Run = Callable[[], None]
SETTLE = 2  # runs of one after another, of which all count


@dataclass
class Forms:
    """Takes the first of Winograd's forms with some transforms, by stride and size of the tiles."""

    unit: VectorUnit
    transforms: Collection[tuple[int, int]]

    def find(self, spec: Tunable) -> WinogradChoice | None:
        """None where it is not offered."""
        if not isinstance(spec, DirectConv):
            return None
        return next(iter(forms(spec, self.unit, self.transforms)), None)


def forms(spec: DirectConv, unit: VectorUnit, transforms: Collection[tuple[int, int]]) -> list[WinogradChoice]:
    """Winograd's forms of a convolution, the most promising first."""
    offered = [form for form in spec.choices(unit) if isinstance(form, WinogradChoice)]
    return [form for form in offered if (spec.stride[0], form.size) in transforms]


def aligned(array: Array) -> Array:
    """The same numbers where vectors may begin."""
    memory: Array = aligned_bytes(array.nbytes).view(array.dtype).reshape(array.shape)
    memory[...] = array
    return memory


def race(runs: Sequence[Run], rounds: int) -> list[float]:
    """The median milliseconds of each, all taken in turns."""
    taken: list[list[float]] = [[] for _ in runs]
    for _ in range(rounds):
        for times, each in zip(taken, runs, strict=True):
            for _ in range(SETTLE):
                start = time.perf_counter()
                each()
                times.append(1e3 * (time.perf_counter() - start))
    return [median(times) for times in taken]


@dataclass
class WinogradTrial:
    """A convolution with nothing behind it on dense maps: what goes in and what must come out."""

    x: Array
    dense: Array
    expected: Array

    @classmethod
    def make(cls, x: Slab, out: Slab, stride: int) -> WinogradTrial:
        """Activations after SiLU, and weights that keep their size."""
        rng = np.random.default_rng(1)
        z = rng.normal(0, 1.5, x.shape)
        held = (z / (1 + np.exp(-z))).astype(np.float32)
        shape = (out.blocks, x.blocks, TAPS, TAPS, x.lanes, out.lanes)
        dense = rng.normal(0, (9 * x.blocks * x.lanes) ** -0.5, shape).astype(np.float32)
        expected = np.zeros(out.shape)
        for ky, kx in product(range(TAPS), repeat=2):
            rows, columns = (slice(k, k + stride * (n - 1) + 1, stride) for k, n in ((ky, out.height), (kx, out.width)))
            window = held[:, rows, columns].astype(np.float64)
            expected += np.einsum("chwi,ocil->ohwl", window, dense[:, :, ky, kx].astype(np.float64), optimize=True)
        return cls(aligned(held), aligned(dense), expected)


def race_kernels(specs: Sequence[Any], target: CpuTarget, rounds: int) -> list[tuple[float, float]]:
    """Milliseconds and error of each form of one convolution."""
    x, out = specs[0].x, specs[0].out
    trial = WinogradTrial.make(x, out, specs[0].stride[0])
    bias, made = (aligned(np.zeros(shape, np.float32)) for shape in ((out.blocks, out.lanes), out.shape))
    with tempfile.TemporaryDirectory(prefix="zcc-benchmark-") as folder:
        kernels = compile_kernels(list(specs), target, Path(folder))
    weights = [aligned(spec.pack(trial.dense)) for spec in specs]
    runs: list[Run] = [
        partial(kernel, trial.x, weight, bias, made) for kernel, weight in zip(kernels, weights, strict=True)
    ]
    errors = []
    for each in runs:
        each()
        errors.append(relative(made, trial.expected))
    return list(zip(race(runs, rounds), errors, strict=True))


def relative(made: Array, expected: Array) -> float:
    """The largest error over the largest value."""
    return float(np.abs(made - expected).max() / np.abs(expected).max())


@dataclass
class Whole:
    """A network in memory of its own."""

    run: Run
    output: Array
    megabytes: float

    @classmethod
    def build(cls, layout: Layout, target: CpuTarget, image: Array, library: Path) -> Whole:
        """Compiled and loaded."""
        program = emit_network(layout, target.unit)
        build_library(program.module, target.tvm_target(), library)
        module = tvm_ffi.load_module(str(library))
        code, entry = PoolCode.of(module), module[NETWORK]
        weights = aligned(np.frombuffer(layout.weights, np.uint8))
        output = aligned(np.zeros(layout.placement.output.shape, np.float32))
        arena = aligned_bytes(program.network.bytes(worker_threads()))
        arrays = [tvm_ffi.from_dlpack(a) for a in (image, weights, arena, output)]

        def run() -> None:
            engine().share(code)
            entry(*arrays)

        return cls(lambda: engine().call(run), output, len(layout.weights) / 2**20)


def race_networks(proto: Any, layouts: Sequence[Layout], target: CpuTarget, rounds: int) -> str:
    """A line on the network in each form."""
    image = np.random.default_rng(2).random(layouts[0].placement.image.shape, np.float32)
    session = onnxruntime.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    expected = np.asarray(session.run(None, {proto.graph.input[0].name: image})[0])
    with tempfile.TemporaryDirectory(prefix="zcc-benchmark-") as folder:
        paths = [Path(folder) / f"{number}.so" for number in range(len(layouts))]
        wholes = [Whole.build(layout, target, image, path) for layout, path in zip(layouts, paths, strict=True)]
    times = race([whole.run for whole in wholes], rounds)
    parts = [
        f"{name} {taken:.2f} ms ({times[0] / taken:.2f}x), error {relative(whole.output, expected):.1e}, "
        f"{whole.megabytes:.1f} MiB of constants"
        for name, taken, whole in zip(("direct", "preferred", "Winograd"), times, wholes, strict=True)
    ]
    return f"network: {'; '.join(parts)}"


def find_convolutions(layout: Layout, transforms: Collection[tuple[int, int]]) -> Counter[DirectConv]:
    """The convolutions that Winograd's could stand for, with dense maps and nothing behind them."""
    specs = [call.spec for call in layout.calls if isinstance(call.spec, DirectConv)]
    fitting = [spec for spec in specs if forms(spec, layout.lowering.unit, transforms)]
    return Counter(
        replace(spec, x=Slab.dense(*spec.x.shape), out=Slab.dense(*spec.out.shape), stages=()) for spec in fitting
    )


def describe(form: WinogradChoice | None) -> str:
    """A row's form."""
    if form is None:
        return "direct"
    where = "AMX " if isinstance(form, AmxWinogradChoice) else ""
    return f"{where}F({form.size}) {form.tiles:>3} tiles x{form.shares}, {form.blocks}x{form.columns}"


def print_table(
    found: Counter[DirectConv], transforms: Collection[tuple[int, int]], target: CpuTarget, options: argparse.Namespace
) -> None:
    """Each convolution's forms, the quickest first behind the direct one, and the sum over all."""
    sums = np.zeros(2)
    print(f"{'convolution':<26}{'times':>5}  {'form':<24}{'ms':>8}{'ratio':>8}{'error':>10}")
    for spec, times in found.items():
        tried = forms(spec, target.unit, transforms)[: None if options.all else 1]
        results = race_kernels([spec, *(spec.chosen(form) for form in tried)], target, options.rounds)
        (direct, error), others = results[0], sorted(zip(results[1:], tried, strict=True), key=lambda row: row[0])
        print(f"{spec.name:<26}{times:>5}  {describe(None):<24}{direct:>8.3f}{1:>8.2f}{error:>10.1e}")
        for (taken, error), form in others:
            print(f"{'':<33}{describe(form):<24}{taken:>8.3f}{direct / taken:>8.2f}{error:>10.1e}", flush=True)
        sums += times * np.array([direct, others[0][0][0] if others else direct])
    print(f"sum: direct {sums[0]:.2f} ms, Winograd {sums[1]:.2f} ms: {sums[0] / sums[1]:.2f}x")


def main() -> None:
    """Print the table and the race of the networks."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, metavar="MODEL.onnx")
    parser.add_argument("--strides", type=numbers, default=[1, 2], help="of convolutions: 1,2 by default")
    parser.add_argument("--sizes", type=numbers, default=[2, 3, 4, 5], help="of tiles: 2,3,4,5 by default")
    parser.add_argument("--all", action="store_true", help="every form worth trying, not the first alone")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--target", choices=TARGETS, metavar="TARGET", help="this machine's own by default")
    parser.add_argument("--kernels-alone", action="store_true", help="without the network as a whole")
    options = parser.parse_args()
    target = TARGETS[options.target] if options.target else native_target()
    transforms = [key for key in TRANSFORMS if key[0] in options.strides and key[1] in options.sizes]
    proto = load_model(options.model).proto
    layouts = [
        lower_network(fuse(read_network(import_proto(proto))), target.unit, choices)
        for choices in (Unchanged(), Defaults(), Forms(target.unit, transforms))
    ]
    print_table(find_convolutions(layouts[0], transforms), transforms, target, options)
    if not options.kernels_alone:
        print(race_networks(proto, layouts, target, options.rounds))


if __name__ == "__main__":
    run(main)
