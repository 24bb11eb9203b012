"""What a CUDA target can do, by its compute capability: never by a card's name."""

from __future__ import annotations

import re
from dataclasses import dataclass

from zcc.runtime.errors import UsageError

OLDEST, YOUNGEST = 70, 121
PREFIX = "cuda:"


@dataclass(frozen=True)
class Capability:
    """A compute capability, as in sm_90: 90."""

    number: int

    @property
    def arch(self) -> str:
        """As compilers are told."""
        return f"sm_{self.number}"

    @property
    def matrices(self) -> bool:
        """Whether fragments are loaded by ldmatrix and multiplied in rows of 16: what the tensor-core kernels need."""
        return self.number >= 75

    @property
    def copies_ahead(self) -> bool:
        """Whether memory is copied to shared memory while the threads go on."""
        return self.number >= 80

    @property
    def bf16(self) -> bool:
        """Whether tensor cores multiply bfloat16."""
        return self.number >= 80

    @property
    def clusters(self) -> bool:
        """Whether blocks of one cluster read each other's shared memory."""
        return self.number >= 90

    @property
    def shared_bytes(self) -> int:
        """The shared memory that one block may have."""
        return next(size for least, size in SHARED_BYTES if self.number >= least)


# From this capability on; the newest first, since a younger card may have less than an older one.
SHARED_BYTES = (
    (120, 99 << 10),
    (90, 227 << 10),
    (89, 99 << 10),
    (87, 163 << 10),
    (86, 99 << 10),
    (80, 163 << 10),
    (75, 64 << 10),
    (70, 96 << 10),
)


def find_capability(target: str) -> Capability:
    """The capability that a target such as cuda:sm_90 names."""
    found = re.fullmatch(rf"{PREFIX}sm_(\d+)", target)
    if found is None or not OLDEST <= int(found[1]) <= YOUNGEST:
        raise UsageError(
            f"there is no target {target!r}", f"name a compute capability: {PREFIX}sm_{OLDEST} to {PREFIX}sm_{YOUNGEST}"
        )
    return Capability(int(found[1]))
