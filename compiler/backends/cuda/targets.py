"""What a CUDA target can do, by its compute capability: never by a card's name."""

from __future__ import annotations

from dataclasses import dataclass

from zcc.compiler.backends.target import Target
from zcc.runtime.errors import DeviceError, IncompatibleHost
from zcc.runtime.executors.cuda_context import capabilities
from zcc.runtime.executors.cuda_obstacle import runs_on

PREFIX = "cuda:"


@dataclass(frozen=True)
class Capability:
    """A compute capability, as in sm_90: 90."""

    number: int

    @property
    def arch(self) -> str:
        """The architecture's name for compilers, as sm_90."""
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
    def overlaps(self) -> bool:
        """Whether a launch may begin while those it waits for end."""
        return self.number >= 90

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


@dataclass(frozen=True)
class CudaTarget(Target):
    """Cards of a compute capability, whatever host they stand in."""

    capability: Capability

    def runs_here(self) -> bool:
        """Whether this machine's first card takes its machine code, or PTX in its place."""
        return any(runs_on(card, self.capability.arch, has_ptx=True) for card in _cards()[:1])

    def computes(self, dtype: str) -> bool:
        """Whether there are kernels of that dtype for it."""
        return dtype in LEAST_CAPABILITY and self.capability.number >= LEAST_CAPABILITY[dtype]

    def natively(self, dtype: str) -> bool:
        """Whether tensor cores multiply it."""
        return self.capability.matrices and dtype != "fp32" and self.computes(dtype)

    @property
    def key(self) -> str:
        """For example `cuda-sm_90`."""
        return self.name.replace(":", "-")


# The capability from which on there are kernels of a dtype.
LEAST_CAPABILITY = {"fp32": 0, "fp16": 0, "tf32": 80, "bf16": 80, "int8": 0}
# By capability, with cards that have it.
CARDS = {
    70: "V100",
    72: "Jetson Xavier",
    75: "T4, RTX 20",
    80: "A100",
    86: "A10, RTX 30",
    87: "Jetson Orin",
    89: "L4, L40, RTX 40",
    90: "H100, H200",
    100: "B200",
    120: "RTX 50",
}
TARGETS = {
    f"{PREFIX}sm_{number}": CudaTarget(f"{PREFIX}sm_{number}", f"NVIDIA {cards}", Capability(number))
    for number, cards in CARDS.items()
}


def native_target() -> CudaTarget | None:
    """The youngest target whose code this machine's first card runs; None without a card."""
    return next((target for target in reversed(TARGETS.values()) if target.runs_here()), None)


def _cards() -> list[tuple[int, int]]:
    try:
        return [capability for _, capability in capabilities()]
    except (IncompatibleHost, DeviceError):
        return []  # no driver, or one that is too old: nothing runs here
