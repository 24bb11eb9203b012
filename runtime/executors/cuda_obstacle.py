"""Why no card here can run an artifact."""

from __future__ import annotations

from zcc.runtime.errors import DeviceError, IncompatibleHost
from zcc.runtime.executors.cuda_context import capabilities
from zcc.runtime.manifest import Manifest

Capability = tuple[int, int]


def capability_of(arch: str) -> Capability:
    """sm_90 is (9, 0)."""
    number = int(arch.removeprefix("sm_"))
    return divmod(number, 10)


def runs_on(card: Capability, arch: str, has_ptx: bool) -> bool:
    """Whether the card takes the machine code, or the driver makes some of the PTX for it."""
    built = capability_of(arch)
    return (card[0] == built[0] and card[1] >= built[1]) or (has_ptx and card >= built)


def reason(manifest: Manifest) -> tuple[str, str] | None:
    """What is in the way, and the way out; None where the first card runs it."""
    arch, has_ptx = manifest.requires.arch, any(entry.path.endswith(".ptx") for entry in manifest.files)
    try:
        cards = capabilities()
    except (IncompatibleHost, DeviceError) as error:
        return error.problem, error.remedy
    if not cards:
        return "this machine has no card of NVIDIA's", "run a variant for CPUs"
    name, capability = cards[0]
    if runs_on(capability, arch, has_ptx):
        return None
    own = f"sm_{capability[0]}{capability[1]}"
    return f"it is for {arch}, and {name} is {own}", f"compile it with --target cuda:{own}"
