"""The limits of a machine, and what they allow a kernel at best."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Machine:
    """The limits of this machine's cores together."""

    threads: int
    flops: float  # float32 operations per second; a multiply-add is two
    bandwidth: tuple[tuple[int, float], ...]  # (bytes in use, bytes read per second), growing

    def floor(self, flops: int, size: int) -> float:
        """Seconds that so much arithmetic on so many bytes takes at least."""
        return max(flops / self.flops, size / self.bandwidth_of(size))

    def bandwidth_of(self, size: int) -> float:
        """Bytes per second where so many are in use, rather too high than too low.

        What is reached with more bytes in use can be reached with fewer, so a reading that something disturbed does
        not count.
        """
        least = max((footprint for footprint, _ in self.bandwidth if footprint <= size), default=0)
        return max(speed for footprint, speed in self.bandwidth if footprint >= least)
