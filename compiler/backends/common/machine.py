"""The limits of a machine, and what they allow a kernel at best."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

FP32 = "fp32"
# What kernels multiply, by the word that their names begin with; the others multiply float32.
MULTIPLIED = frozenset({"int8", "bf16", "fp16", "tf32"})


def arithmetic_of(kernel: str) -> str:
    """What the kernel of that name multiplies."""
    word = kernel.partition("_")[0]
    return word if word in MULTIPLIED else FP32


@dataclass(frozen=True)
class Machine:
    """The limits of this machine's cores together."""

    threads: int
    peaks: Mapping[str, float]  # operations per second by what is multiplied; a multiply-add is two
    bandwidth: tuple[tuple[int, float], ...]  # (bytes in use, bytes read per second), growing

    def floor(self, arithmetic: str, flops: int, size: int) -> float:
        """Seconds that so much arithmetic of a kind on so many bytes takes at least."""
        return max(flops / self.peaks[arithmetic], size / self.bandwidth_of(size))

    def bandwidth_of(self, size: int) -> float:
        """Bytes per second where so many are in use, rather too high than too low.

        What is reached with more bytes in use can be reached with fewer, so a reading that something disturbed does
        not count.
        """
        least = max((footprint for footprint, _ in self.bandwidth if footprint <= size), default=0)
        return max(speed for footprint, speed in self.bandwidth if footprint >= least)
