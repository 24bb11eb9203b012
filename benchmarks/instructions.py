"""Count instructions of the hot loop of each template, per multiply-add, for every CPU target: speed without a board.

python -m benchmarks.instructions MODEL.onnx [--target T,...] [--dtype D,...] [--summary | --top N] [--json]

Of every template the heaviest convolutions are shown, in the form that is taken when nothing was measured. Winograd's
are counted by what they multiply; its transforms come on top, as stages do. `all` is the mean of all convolutions, by
their work. `--summary` prints the table of docs/targets.md instead: a row for each target and dtype, with the means by
kernel size and stride. A dtype whose kernels are those of fp32 on a target is left out there.
"""

from __future__ import annotations

import argparse
import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import onnx

from benchmarks.arguments import names, run
from benchmarks.hot_loops import Loop, hot_loop
from zcc.compiler.backends.cpu.forms.network_form import default_form
from zcc.compiler.backends.cpu.kernels.amx_plan import AmxPlan
from zcc.compiler.backends.cpu.kernels.amx_registers import AMX_PRODUCTS, LANES, LEVELS, SPLIT
from zcc.compiler.backends.cpu.kernels.amx_runs import MOST_WORDS
from zcc.compiler.backends.cpu.kernels.choices import AmxChoice
from zcc.compiler.backends.cpu.kernels.int8_conv import Int8Conv
from zcc.compiler.backends.cpu.kernels.pair_conv import PairConv
from zcc.compiler.backends.cpu.kernels.spec import KernelCall, KernelSpec
from zcc.compiler.backends.cpu.kernels.split_conv import SplitConv
from zcc.compiler.backends.cpu.kernels.split_image_conv import SplitImageConv
from zcc.compiler.backends.cpu.kernels.split_image_tile import SplitImagePlan
from zcc.compiler.backends.cpu.kernels.split_plan import SplitPlan
from zcc.compiler.backends.cpu.kernels.winograd_choices import AmxWinogradChoice
from zcc.compiler.backends.cpu.kernels.winograd_conv import WinogradConv
from zcc.compiler.backends.cpu.lowering.pipeline import lower_network
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

WINDOW = re.compile(r"_(\d+x\d+)s(\d)_")  # of a convolution, in its kernel's name
WINDOWS = {"3x3, stride 1": ("3x3", "1"), "3x3, stride 2": ("3x3", "2"), "1x1": ("1x1", "1")}
SCALE = Quantisation.of_range(-6.0, 6.0)  # of every map: which one it is does not change the code
TEMPLATES = ("conv_", "winograd", "split_conv", "bf16_conv", "fp16_conv", "int8_conv", "depthwise", "int8_depthwise")


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
    multiplies: str = ""  # the instruction that does most of it


def network_of(proto: onnx.ModelProto) -> Network:
    """The network of a model, made anew: whoever gets it may change it."""
    return fuse(read_network(import_proto(proto)))


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
    return Row(target.name, dtype, *told, per_product(spec, loop, dtype), loop.spills, loop.multiplies_most), loop


def per_product(spec: KernelSpec, loop: Loop, dtype: str) -> float:
    """Instructions for a multiply-add of the convolution: Winograd does fewer, and tile registers may have gaps."""
    if isinstance(spec, WinogradConv):
        each = loop.per_product * spec.transform.products**2 / (TAPS * spec.tile.size) ** 2
        if isinstance(spec.tile, AmxWinogradChoice):
            return each * len(SPLIT.pieces) * LANES / spec.tile.rows
        return each
    if isinstance(spec, PairConv | Int8Conv) and isinstance(spec.tile, AmxChoice):
        plan = AmxPlan(spec.geometry, AMX_PRODUCTS[dtype], 1)
        return loop.per_product * LANES * MOST_WORDS / (plan.register_rows * plan.run.words)
    if isinstance(spec, SplitImageConv):
        cut = SplitImagePlan(spec.geometry, LEVELS, 1)
        return loop.per_product * len(LEVELS.pieces) * LANES * MOST_WORDS / (cut.register_rows * cut.run.words)
    if isinstance(spec, SplitConv):
        return loop.per_product * LANES * len(SPLIT.pieces) / SplitPlan(spec.geometry, SPLIT, 1).register_rows
    return loop.per_product


def measured(proto: onnx.ModelProto, dtype: str, target: CpuTarget) -> Iterator[Row]:
    """Every kernel that convolves, the heaviest first."""
    for call, flops in convolutions(network_of(proto), dtype, target):
        yield row_of(call, flops, dtype, target)[0]


def rows(proto: onnx.ModelProto, targets: Sequence[CpuTarget], dtypes: Sequence[str], top: int) -> Iterator[Row]:
    """The heaviest convolutions of each template, and the mean of all."""
    for target, dtype in pairs(targets, dtypes):
        every: list[Row] = []
        shown: Counter[str] = Counter()
        for row in measured(proto, dtype, target):
            every.append(row)
            word = next(word for word in TEMPLATES if row.kernel.startswith(word))
            shown[word] += 1
            if shown[word] <= top:
                yield row
        total = sum(row.flops for row in every)
        yield Row(target.name, dtype, "all", "", total, 0, 0, mean(every), sum(row.spills for row in every))


def pairs(targets: Sequence[CpuTarget], dtypes: Sequence[str]) -> Iterator[tuple[CpuTarget, str]]:
    """Each target with those of the dtypes that it computes."""
    return ((target, dtype) for target in targets for dtype in dtypes if target.computes(dtype))


def mean(found: Sequence[Row]) -> float:
    """Instructions for a multiply-add, by the work of each kernel."""
    return sum(row.flops * row.per_product for row in found) / sum(row.flops for row in found)


def window_of(row: Row) -> tuple[str, str]:
    """The size and the stride of a convolution."""
    if winograd := re.match(r"winograd\D*\d+s(\d)_", row.kernel):
        return "3x3", winograd[1]
    window = WINDOW.search(row.kernel)
    return (window[1], window[2]) if window else ("", "")


def summary(proto: onnx.ModelProto, targets: Sequence[CpuTarget], dtypes: Sequence[str]) -> Iterator[str]:
    """The lines of a table in Markdown: means by the sizes and strides that networks have most of."""
    yield f"| target | dtype | multiplies by | {' | '.join(WINDOWS)} | all |"
    yield "| --- " * (4 + len(WINDOWS)) + "|"
    for target, dtype in pairs(targets, dtypes):
        if dtype == "fp16" and not target.halves:
            continue
        every = list(measured(proto, dtype, target))
        cells = [_cell([row for row in every if window_of(row) == window]) for window in WINDOWS.values()]
        by = ", ".join(f"`{name}`" for name in sorted({row.multiplies for row in every}))
        yield f"| `{target.name}` | {dtype} | {by} | {' | '.join(cells)} | {mean(every):.2g} |"


def _cell(found: Sequence[Row]) -> str:
    """The mean, with a W where most of the work is done Winograd's way."""
    if not found:
        return ""
    winograd = sum(row.flops for row in found if row.kernel.startswith("winograd"))
    return f"{mean(found):.2g}{' W' if 2 * winograd > sum(row.flops for row in found) else ''}"


def read_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, metavar="MODEL.onnx")
    parser.add_argument("--target", type=names, default=list(TARGETS))
    parser.add_argument("--dtype", type=names, default=list(PRECISIONS))
    parser.add_argument("--top", type=int, default=2, help="convolutions of each template")
    parser.add_argument("--summary", action="store_true", help="a row for each target and dtype")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def main() -> None:
    """Print the table."""
    options = read_arguments()
    targets, proto = [TARGETS[name] for name in options.target], load_model(options.model).proto
    if options.summary:
        for line in summary(proto, targets, options.dtype):
            print(line, flush=True)
        return
    found = rows(proto, targets, options.dtype, options.top)
    if options.json:
        print(json.dumps([asdict(row) for row in found]))
        return
    print(f"{'target':16} {'dtype':5} {'kernel':36} {'loop':>11} {'per product':>11} {'spills':>6}")
    for row in found:
        loop = f"{row.instructions}/{row.products}" if row.products else ""
        print(
            f"{row.target:16} {row.dtype:5} {row.kernel:36} {loop:>11} {row.per_product:11.4f} {row.spills:6}",
            flush=True,
        )


if __name__ == "__main__":
    run(main)
