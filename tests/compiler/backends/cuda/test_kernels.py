"""Every kind of kernel compiles for every kind of card, without spills, within its limits, with its instructions."""

from __future__ import annotations

import pytest
from tvm import te, topi

from tests.compiler.backends.cuda.machine_code import architecture, operations
from zcc.compiler.backends.cuda.kernels.attention import AttentionKernel
from zcc.compiler.backends.cuda.kernels.conv_mma import ConvMma, Geometry, Tile
from zcc.compiler.backends.cuda.kernels.conv_plain import ConvPlain, Depthwise
from zcc.compiler.backends.cuda.kernels.formats import Map
from zcc.compiler.backends.cuda.kernels.generic import GenericKernel
from zcc.compiler.backends.cuda.kernels.kernel_source import KernelSpec, module_source, name_of
from zcc.compiler.backends.cuda.kernels.moves import DepthToSpaceKernel, GlobalMeanKernel, ShuffleKernel
from zcc.compiler.backends.cuda.kernels.plain import FromPlain, ToPlain
from zcc.compiler.backends.cuda.kernels.pointwise import PointwiseKernel
from zcc.compiler.backends.cuda.kernels.pool import Pool, PoolChain
from zcc.compiler.backends.cuda.kernels.stages import Apply, Ending, Enlarged, Merge, OnCurve, PerChannel
from zcc.compiler.backends.cuda.nvrtc import compile_cuda
from zcc.compiler.backends.cuda.plain_operations import loop_nests
from zcc.compiler.backends.cuda.targets import Capability
from zcc.compiler.ir.plain_ops import Lowered
from zcc.compiler.ir.quantisation import Quantisation
from zcc.compiler.ir.tensors import Tensor

WINDOW = Geometry((3, 3), padding=(1, 1))


def specs(capability: Capability, dtype: str) -> list[KernelSpec]:
    """One kernel of each kind, with every kind of stage somewhere."""
    meaning = Quantisation(0.02, 14) if dtype == "uint8" else None
    x, y = Map(40, 40, 64, 128, dtype, meaning), Map(40, 40, 64, 64, dtype, meaning)
    wide, small = Map(80, 80, 64, 96, dtype, meaning), Map(1, 1, 64, 64, dtype, meaning)
    smooth = OnCurve(1.0) if meaning else Apply("silu")
    bytes_or_not = {"scaled": meaning is not None}
    added = Ending(y, (smooth, Merge("add", y)), **bytes_or_not)
    enlarged = Ending(y, (Apply("leaky_relu", (0.1,)), PerChannel("multiply")), Enlarged((2, 2), wide), **bytes_or_not)
    kernels: list[KernelSpec] = [
        ConvPlain(x, WINDOW, added),
        Depthwise(x, WINDOW, enlarged),
        Pool(x, y, Geometry((3, 3), (1, 1), (1, 1)), (1, 1, 1, 1)),
        PoolChain(x, (y, y, y), 5),
        PointwiseKernel(x, Ending(y, (Apply("hard_swish"), Merge("multiply", small)))),
        DepthToSpaceKernel(Map(40, 40, 64, 64, dtype), Map(80, 80, 16, 16, dtype), (2, 2)),
        ShuffleKernel(x, y),
    ]
    if dtype != "uint8":
        kernels += [GlobalMeanKernel(x, small), AttentionKernel(x, x, x, y, 2, 0.125, areas=4)]
        kernels += [ToPlain(x, 60), FromPlain(x), *softmax_kernels()]
    if capability.matrices and (dtype != "float32" or capability.copies_ahead):
        stages = 4 if capability.copies_ahead else 2
        for tile in (
            Tile(64, 64, stages=stages),
            Tile(128, 16, 64, (4, 1), stages),
            Tile(32, 32, split=4, stages=stages),
            Tile(64, 32, stages=stages, patch=True),
        ):
            kernels.append(ConvMma(x, WINDOW, added, tile, tile.split > 1 and capability.clusters))
        kernels.append(ConvMma(x, WINDOW, enlarged, Tile(16, 64, warps=(1, 4), stages=stages), clustered=False))
    return kernels


def softmax_kernels() -> list[KernelSpec]:
    """A function of TVM's, which is four loop nests."""
    x = te.placeholder((1, 16, 4, 100))
    function = te.create_prim_func([x, topi.nn.softmax(x, 1)])
    operand, made = Tensor("x", (1, 16, 4, 100)), Tensor("y", (1, 16, 4, 100))
    nests = loop_nests(Lowered(made, function, "softmax", [operand], [made]))
    return [GenericKernel(nest.function) for nest in nests]


@pytest.mark.parametrize(
    ("number", "dtypes"),
    [
        (70, ("float16",)),
        (75, ("float16", "uint8")),
        (80, ("bfloat16", "float32")),
        (86, ("uint8",)),
        (90, ("float16", "float32")),
        (120, ("float16",)),
    ],
)
def test_kernels_compile(number: int, dtypes: tuple[str, ...]) -> None:
    capability = Capability(number)
    kernels = [spec for dtype in dtypes for spec in specs(capability, dtype)]
    compiled = compile_cuda(module_source(kernels), capability.arch)
    for spec in kernels:
        used = compiled.kernels[name_of(spec)]
        assert used.spilled_bytes == 0 and used.stack_bytes == 0, spec
        assert used.registers * spec.block[0] <= 65536
        assert spec.shared_bytes + used.shared_bytes <= capability.shared_bytes
        found = operations(compiled.cubin, name_of(spec))
        multiplied = "IMMA" if isinstance(spec, ConvMma) and spec.x.dtype == "uint8" else "HMMA"
        assert (found[multiplied] > 0) == isinstance(spec, ConvMma), spec
        assert not found["LDL"] and not found["STL"], spec
        assert (found["LDGSTS"] > 0) == (isinstance(spec, ConvMma) and capability.copies_ahead), spec
    assert architecture(compiled.cubin) == number


def test_equal_kernels_have_one_name() -> None:
    first, second = specs(Capability(90), "float16"), specs(Capability(90), "float16")
    assert [name_of(spec) for spec in first] == [name_of(spec) for spec in second]
    assert module_source([*first, *second]) == module_source(first)
