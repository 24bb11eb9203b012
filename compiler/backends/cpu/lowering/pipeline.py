"""From a network to kernel calls on planned memory: every pass of the CPU's backend, in order.

Before these come the passes on the file's own module (importing/relax_module.py), those that fuse
(importing/fuse.py), and the precision's; behind them, those that turn kernels into machine code (program/build.py).
"""

from __future__ import annotations

from collections.abc import Callable

from zcc.compiler.backends.cpu.kernels.choices import Choices
from zcc.compiler.backends.cpu.kernels.spec import VectorUnit
from zcc.compiler.backends.cpu.layout.place import (
    Placement,
    grow_halos,
    make_maps_first,
    place_inside_concats,
    place_rest,
    separate_layouts,
    unplaced,
)
from zcc.compiler.backends.cpu.lowering.layout import Layout, lay_out
from zcc.compiler.backends.cpu.lowering.lower_generic import lower_generic
from zcc.compiler.importing.read_sampling import recognise_sampling
from zcc.compiler.importing.read_softmax import recognise_softmax
from zcc.compiler.ir.ops import Network

GENERIC_PASSES: tuple[Callable[[Network], Network], ...] = (
    recognise_softmax,  # softmax, and the mean that it weighs, have a kernel of ours
    recognise_sampling,  # and so have means of what maps hold at some points
    lower_generic,  # what has none becomes functions of TVM's, region by region
)
NETWORK_PASSES: tuple[Callable[[Network], Network], ...] = (
    *GENERIC_PASSES,
    separate_layouts,  # copies where packed maps meet operations on plain tensors
)
PLACEMENT_PASSES: tuple[Callable[[Placement], None], ...] = (
    place_inside_concats,  # the parts of a concat are made in their places inside it
    place_rest,  # slices are windows, all others get storages of their own
    grow_halos,  # borders for what reads beyond the edge of a map
    make_maps_first,  # what the head's maps need comes before what decodes them
)


def lower_network(
    network: Network,
    unit: VectorUnit,
    choices: Choices | None = None,
    block: int | None = None,
    sharing: bool = True,
) -> Layout:
    """A network as kernel calls on planned memory, in the forms that `choices` tell.

    A `block` of channels is a register's lanes unless it is given. Without `sharing` every tensor still lies in the
    arena after a run.
    """
    for rewrite in NETWORK_PASSES:
        network = rewrite(network)
    placement = unplaced(network, block or unit.lanes)
    for settle in PLACEMENT_PASSES:
        settle(placement)
    return lay_out(placement, unit, choices, sharing)
