"""The precisions that can be compiled for: one entry each. A new one is an entry here and a module beside."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

from zcc.compiler.ir.ops import Network
from zcc.compiler.precision import bf16, int8
from zcc.compiler.precision.calibrate import Calibration
from zcc.runtime.errors import UsageError

# The network in the precision; the names are of tensors whose convolutions stay in float32, the number is that of words
# whose products a target adds in 16 bits (ir/short_sums.py).
Convert = Callable[[Network, Calibration | None, Collection[str], int], Network]


@dataclass(frozen=True)
class Precision:
    """What a dtype means in memory and in arithmetic."""

    name: str
    storage: str
    arithmetic: str
    convert: Convert
    tolerance: float | None = None  # relative error against ONNX Runtime, where such a bound makes sense
    calibrated: bool = False
    halves_weights: bool = False  # the stored weights are float16, and float32 again when they are loaded

    @property
    def exact(self) -> bool:
        """Whether it is what others are measured against."""
        return self.name == REFERENCE


def _unchanged(network: Network, calibration: Calibration | None, floating: Collection[str], words: int) -> Network:
    return network


def _bytes(network: Network, calibration: Calibration | None, floating: Collection[str], words: int) -> Network:
    if calibration is None:
        raise UsageError("int8 needs scales, which come from pictures", "give a folder of them with --calib DIR")
    kept = calibration.floating.union(floating)
    return int8.quantise(network, calibration.quantisations, calibration.means, kept, words)


REFERENCE = "fp32"
QUANTISED = "int8"  # what a model that brings scales along is meant for

PRECISIONS: dict[str, Precision] = {
    precision.name: precision
    for precision in (
        Precision("fp32", "float32", "float32", _unchanged, tolerance=1e-3),
        Precision("fp16", "float16 weights, float32 maps", "float32", _unchanged, halves_weights=True),
        Precision("tf32", "float32", "products of 11 significant bits, float32 sums", _unchanged),
        Precision(
            "bf16",
            "bfloat16 maps and weights",
            "bfloat16 products, float32 sums",
            lambda network, calibration, floating, words: bf16.shorten(network, floating),
        ),
        Precision(
            "int8",
            "uint8 maps, int8 weights",
            "int32 sums, float32 between",
            _bytes,
            calibrated=True,
        ),
    )
}


def find_precision(name: str) -> Precision:
    """The precision of that name."""
    if name not in PRECISIONS:
        raise UsageError(f"there is no dtype {name!r}", f"choose one of {', '.join(PRECISIONS)}")
    return PRECISIONS[name]
