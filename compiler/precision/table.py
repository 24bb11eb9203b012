"""The precisions that can be compiled for: one entry each. A new one is an entry here and a module beside."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

from zcc.compiler.backends.cpu.kernels.spec import VectorUnit
from zcc.compiler.ir.ops import Network
from zcc.compiler.precision import bf16, int8
from zcc.compiler.precision.calibrate import Calibration
from zcc.runtime.errors import UsageError

# The network in the precision; the names are of tensors whose convolutions stay in float32.
Convert = Callable[[Network, Calibration | None, Collection[str]], Network]


@dataclass(frozen=True)
class Precision:
    """What a dtype means in memory and in arithmetic."""

    name: str
    storage: str
    arithmetic: str
    convert: Convert
    thrives: Callable[[VectorUnit], bool]  # whether a unit has instructions of its own for it
    runs: Callable[[VectorUnit], bool] = lambda unit: True
    tolerance: float | None = None  # relative error against ONNX Runtime, where such a bound makes sense
    calibrated: bool = False
    any_block: bool = True  # whether its maps may lie in blocks of fewer or more channels than a register has lanes
    halves_weights: bool = False  # the stored weights are float16, and float32 again when they are loaded

    @property
    def exact(self) -> bool:
        """Whether it is what others are measured against."""
        return self.name == REFERENCE


def _unchanged(network: Network, calibration: Calibration | None, floating: Collection[str]) -> Network:
    return network


def _bytes(network: Network, calibration: Calibration | None, floating: Collection[str]) -> Network:
    if calibration is None:
        raise UsageError("int8 needs scales, which come from pictures", "give a folder of them with --calib DIR")
    return int8.quantise(network, calibration.quantisations, calibration.means, calibration.floating.union(floating))


REFERENCE = "fp32"
QUANTISED = "int8"  # what a model that brings scales along is meant for

PRECISIONS: dict[str, Precision] = {
    precision.name: precision
    for precision in (
        Precision("fp32", "float32", "float32", _unchanged, lambda unit: True, tolerance=1e-3),
        Precision(
            "fp16", "float16 weights, float32 maps", "float32", _unchanged, lambda unit: True, halves_weights=True
        ),
        Precision(
            "bf16",
            "bfloat16 maps and weights",
            "bfloat16 products, float32 sums",
            lambda network, calibration, floating: bf16.shorten(network, floating),
            lambda unit: unit.bf16,
            runs=lambda unit: unit.bf16,
            any_block=False,
        ),
        Precision(
            "int8",
            "uint8 maps, int8 weights",
            "int32 sums, float32 between",
            _bytes,
            lambda unit: unit.dot == "vnni",
            calibrated=True,
        ),
    )
}


def find_precision(name: str) -> Precision:
    """The precision of that name."""
    if name not in PRECISIONS:
        raise UsageError(f"there is no dtype {name!r}", f"choose one of {', '.join(PRECISIONS)}")
    return PRECISIONS[name]
