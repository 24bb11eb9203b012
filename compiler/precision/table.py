"""The precisions that can be compiled for: one entry each. A new one is an entry here and a module beside."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

from zcc.compiler.ir.ops import Network
from zcc.compiler.precision import bf16, fp16, int8
from zcc.compiler.precision.calibrate import Calibration
from zcc.runtime.errors import UsageError

# The network in the precision; the names are of tensors whose convolutions stay in float32, the number is that of words
# whose products a target adds in 16 bits (ir/short_sums.py).
Rewrite = Callable[[Network, Calibration | None, Collection[str], int], Network]


@dataclass(frozen=True)
class InHalves:
    """A precision where there is arithmetic on float16."""

    storage: str
    arithmetic: str
    rewrite: Rewrite


@dataclass(frozen=True)
class Tolerance:
    """How far a network's output may be off ONNX Runtime's."""

    most: float
    of_range: bool = False  # in parts of an attribute's range: few digits leave nothing of values near zero


@dataclass(frozen=True)
class Precision:
    """What a dtype means in memory and in arithmetic."""

    name: str
    storage: str
    arithmetic: str
    rewrite: Rewrite
    tolerance: Tolerance | None = None  # where a bound makes sense for any model
    calibrated: bool = False
    halves_weights: bool = False  # the stored weights are float16, and float32 again when they are loaded
    in_halves: InHalves | None = None  # what targets make of it that compute in float16

    def convert(
        self,
        network: Network,
        calibration: Calibration | None,
        floating: Collection[str],
        words: int,
        halves: bool = False,
    ) -> Network:
        """The network in the precision, for a target that adds so many words in 16 bits and may compute in float16."""
        rewrite = self.in_halves.rewrite if halves and self.in_halves else self.rewrite
        return rewrite(network, calibration, floating, words)

    def describe(self, halves: bool) -> dict[str, str]:
        """What is stored and how it is computed, on a target that computes in float16 or does not."""
        told = self.in_halves if halves and self.in_halves else self
        return {"storage": told.storage, "arithmetic": told.arithmetic}

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

HALVES = InHalves(
    "float16 maps and weights",
    "float16 products, sums of a few of them at most in float16, all others in float32",
    lambda network, calibration, floating, words: fp16.halve(network, floating),
)
# Far more than detectors are off by (bf16 0.001 of small ones), and far less than what is wrongly computed.
ELEVEN_BITS = Tolerance(0.02, of_range=True)
EIGHT_BITS = Tolerance(0.1, of_range=True)
PRECISIONS: dict[str, Precision] = {
    precision.name: precision
    for precision in (
        Precision("fp32", "float32", "float32", _unchanged, tolerance=Tolerance(1e-3)),
        Precision(
            "fp16",
            "float16 weights, float32 maps",
            "float32",
            _unchanged,
            tolerance=ELEVEN_BITS,
            halves_weights=True,
            in_halves=HALVES,
        ),
        Precision(
            "tf32", "float32", "products of 11 significant bits, float32 sums", _unchanged, tolerance=ELEVEN_BITS
        ),
        Precision(
            "bf16",
            "bfloat16 maps and weights",
            "bfloat16 products, float32 sums",
            lambda network, calibration, floating, words: bf16.shorten(network, floating),
            tolerance=EIGHT_BITS,
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
