"""Count the instructions of each template's hot loop, per multiply-add, for ARM targets: speed judged without a board.

python -m benchmarks.instructions MODEL.onnx [--target T,...] [--dtype D,...] [--top N] [--json]

Of every template the heaviest convolutions are shown, in the form that is taken when nothing was measured. Winograd's
are counted by what they multiply; its transforms come on top. `all` is the mean of all convolutions, by their work.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.arguments import names, run
from benchmarks.hot_loops import Loop, hot_loop
from zcc.compiler.backends.cpu.forms.network_form import default_form
from zcc.compiler.backends.cpu.kernels.spec import KernelCall, KernelSpec
from zcc.compiler.backends.cpu.kernels.winograd_conv import WinogradConv
from zcc.compiler.backends.cpu.lowering.pipeline import lower_network
from zcc.compiler.backends.cpu.targets.aarch64 import PROCESSORS
from zcc.compiler.backends.cpu.targets.table import TARGETS
from zcc.compiler.backends.cpu.targets.target import CpuTarget
from zcc.compiler.frontend.load import load_model
from zcc.compiler.importing.fuse import fuse
from zcc.compiler.importing.read_network import read_network
from zcc.compiler.importing.relax_module import import_proto
from zcc.compiler.ir.ops import Network
from zcc.compiler.ir.quantisation import IMAGE, Quantisation
from zcc.compiler.precision.calibrate import Calibration
from zcc.compiler.precision.table import PRECISIONS
from zcc.runtime.winograd_weights import TAPS

SCALE = Quantisation.of_range(-6.0, 6.0)  # of every map: which one it is does not change the code
TEMPLATES = ("conv_", "winograd", "bf16_conv", "int8_conv", "depthwise", "int8_depthwise")


@dataclass(frozen=True)
class Row:
    """A kernel's hot loop."""

    target: str
    dtype: str
    kernel: str
    tile: str
    flops: int  # of all its calls in the network
    instructions: int
    products: int  # multiply-adds of a turn of the loop
    per_product: float  # instructions for a multiply-add of the convolution
    spills: int


def load_network(path: Path) -> Network:
    """The network of a file."""
    return fuse(read_network(import_proto(load_model(path).proto)))


def narrowed(network: Network, dtype: str, target: CpuTarget) -> Network:
    """The network in a precision, its integers of some scale or other."""
    maps = {tensor.name for op in network.ops for tensor in (*op.inputs, *op.outputs) if tensor.is_map}
    scales = {**dict.fromkeys(maps, SCALE), network.image.name: IMAGE}
    calibration = Calibration(scales, {}, frozenset())
    return PRECISIONS[dtype].convert(network, calibration, (), target.short_words, target.halves)


def convolutions(network: Network, dtype: str, target: CpuTarget) -> list[tuple[KernelCall, int]]:
    """A call of each kernel that convolves, and the work of all its calls, the heaviest first."""
    form = default_form(target, dtype)
    layout = lower_network(narrowed(network, dtype, target), form.unit(target.unit), block=form.block)
    work: dict[KernelSpec, int] = {}
    calls: dict[KernelSpec, KernelCall] = {}
    for call in layout.calls:
        if template(call.spec) in TEMPLATES:
            work[call.spec] = work.get(call.spec, 0) + call.flops
            calls[call.spec] = call
    return sorted(((calls[spec], flops) for spec, flops in work.items()), key=lambda pair: -pair[1])


def template(spec: KernelSpec) -> str:
    """What a kernel's name begins with."""
    return next((word for word in TEMPLATES if spec.name.startswith(word)), "")


def row_of(call: KernelCall, flops: int, dtype: str, target: CpuTarget) -> tuple[Row, Loop]:
    """What the kernel's loop is like, and the loop."""
    spec, loop = call.spec, hot_loop(call.spec, target)
    told = (spec.name, str(getattr(spec, "tile", "")), flops, loop.instructions, loop.products)
    return Row(target.name, dtype, *told, per_product(spec, loop), loop.spills), loop


def per_product(spec: KernelSpec, loop: Loop) -> float:
    """Instructions for a multiply-add of the convolution, of which Winograd's does some only."""
    if not isinstance(spec, WinogradConv):
        return loop.per_product
    return loop.per_product * spec.transform.products**2 / (TAPS * spec.tile.size) ** 2


def rows(path: Path, targets: Sequence[CpuTarget], dtypes: Sequence[str], top: int) -> Iterator[Row]:
    """The heaviest convolutions of each template, and the mean of all."""
    for target in targets:
        for dtype in (dtype for dtype in dtypes if target.computes(dtype)):
            every: list[Row] = []
            shown: Counter[str] = Counter()
            for call, flops in convolutions(load_network(path), dtype, target):
                every.append(row_of(call, flops, dtype, target)[0])
                shown[template(call.spec)] += 1
                if shown[template(call.spec)] <= top:
                    yield every[-1]
            total = sum(row.flops for row in every)
            mean = sum(row.flops * row.per_product for row in every) / total
            yield Row(target.name, dtype, "all", "", total, 0, 0, mean, sum(row.spills for row in every))


def read_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, metavar="MODEL.onnx")
    parser.add_argument("--target", type=names, default=[target.name for target in PROCESSORS])
    parser.add_argument("--dtype", type=names, default=list(PRECISIONS))
    parser.add_argument("--top", type=int, default=2, help="convolutions of each template")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def main() -> None:
    """Print the table."""
    options = read_arguments()
    found = rows(options.model, [TARGETS[name] for name in options.target], options.dtype, options.top)
    if options.json:
        print(json.dumps([asdict(row) for row in found]))
        return
    print(f"{'target':16} {'dtype':5} {'kernel':36} {'loop':>11} {'per product':>11} {'spills':>6}")
    for row in found:
        loop = f"{row.instructions}/{row.products}" if row.products else ""
        print(
            f"{row.target:16} {row.dtype:5} {row.kernel:36} {loop:>11} {row.per_product:11.3f} {row.spills:6}",
            flush=True,
        )


if __name__ == "__main__":
    run(main)
