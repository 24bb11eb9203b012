"""From a network to kernel calls on planned memory."""

from __future__ import annotations

from zcc.compiler.backends.cpu.kernels.choices import Choices
from zcc.compiler.backends.cpu.kernels.spec import VectorUnit
from zcc.compiler.backends.cpu.lowering.layout import Layout, lay_out
from zcc.compiler.backends.cpu.lowering.lower_generic import lower_generic
from zcc.compiler.ir.ops import Network


def lower_network(
    network: Network, unit: VectorUnit, choices: Choices | None = None, block: int | None = None
) -> Layout:
    """A network as kernel calls: leftovers lowered by TVM, everything placed in memory, in blocks of channels."""
    return lay_out(lower_generic(network), unit, choices=choices, block=block)
