"""From a fused network to launches over planned memory: every pass of the backend for cards, in order.

Before these come the passes on the file's own module (importing/relax_module.py), those that fuse
(importing/fuse.py), and the precision's; behind them, the frame's kernels on either side and NVRTC (program.py).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from zcc.compiler.backends.cuda.critical_path import critical_path
from zcc.compiler.backends.cuda.draft import true_edges
from zcc.compiler.backends.cuda.draft_launches import draft_launches
from zcc.compiler.backends.cuda.kernels.kernel_source import KernelSpec, module_source
from zcc.compiler.backends.cuda.launches import Addresses, launch
from zcc.compiler.backends.cuda.lower_conv import image_unit
from zcc.compiler.backends.cuda.lowering import Lowering
from zcc.compiler.backends.cuda.place import place
from zcc.compiler.backends.cuda.plain_operations import in_loop_nests, lower_generic, separate_plain, with_colours
from zcc.compiler.backends.cuda.plan_memory import plan_memory
from zcc.compiler.backends.cuda.targets import Capability
from zcc.compiler.backends.cuda.tiles import Choose, tile_chooser
from zcc.compiler.ir.needed_ops import ops_for
from zcc.compiler.ir.ops import Network
from zcc.runtime.executors import plan as plans

# For each precision: what memory holds the maps of a network in, by their dtype there.
STORED: Mapping[str, Mapping[str, str]] = {
    "fp32": {"float32": "float32"},
    "tf32": {"float32": "float32"},
    "fp16": {"float32": "float16"},
    "bf16": {"float32": "bfloat16"},
    "int8": {"float32": "float32", "uint8": "uint8"},
}


@dataclass(frozen=True)
class NetworkPlan:
    """The launches of a network, and all that goes with them."""

    launches: tuple[plans.Launch, ...]
    source: str  # CUDA that defines their kernels, one module
    weights: bytes
    arena_bytes: int
    zeroed: tuple[plans.Range, ...]  # counters of the arena, zero before and after
    image: plans.PlanTensor
    image_format: str  # a name in FORMATS
    maps: tuple[plans.PlanTensor, ...]  # what the head is decoded from; else the output alone
    map_format: str
    specs: tuple[KernelSpec, ...]  # of each launch


def without_decoding(network: Network) -> Network:
    """The network up to the maps of its raw head; all of it where it has none."""
    results = network.maps or [network.output]
    return Network(network.image, ops_for(results, network.ops), results[0], results[1:])


def network_passes(image_dtype: str) -> tuple[Callable[[Network], Network], ...]:
    """Those that rewrite the network; `image_dtype` is what the picture is stored in."""
    return (
        without_decoding,  # kernels of the frame decode raw maps: the network ends with them
        lower_generic,  # what no kernel of ours computes becomes functions of TVM's, region by region
        in_loop_nests,  # a function's loop nests become operations of their own, a kernel each
        partial(with_colours, unit=image_unit(image_dtype)),  # all but convolutions read colours of 0..1
        separate_plain,  # copies where maps meet plain tensors
    )


def lower_network(
    network: Network, capability: Capability, precision: str, choose: Choose | None = None, sharing: bool = True
) -> NetworkPlan:
    """Plan the launches that make the maps of a network's raw head, or its output where it has none."""
    stored = STORED[precision]
    for rewrite in network_passes(stored[network.image.dtype]):
        network = rewrite(network)
    placement = place(network, stored)  # maps are windows on storages: concats and slices are no launches
    lowering = Lowering(placement, capability, choose or tile_chooser(capability), precision == "tf32")
    drafts = draft_launches(lowering, network)  # operations become kernels with their constants
    edges = true_edges(drafts)  # which launch waits for which
    path = critical_path(drafts, edges)  # only what lies on it begins while others end
    kept = [placement.views[tensor].storage for tensor in (network.image, *network.results)]
    offsets, size = plan_memory(drafts, edges, kept, sharing)  # storages share memory where that adds no edge
    address = Addresses(offsets)
    launches = [
        launch(draft, after, address, index in path)
        for index, (draft, after) in enumerate(zip(drafts, edges, strict=True))
    ]
    return NetworkPlan(
        tuple(launches),
        module_source(draft.spec for draft in drafts),
        lowering.constants.blob,
        size,
        tuple(address.range(each) for draft in drafts for each in draft.scratch if each.counters),
        address.tensor(placement.views[network.image]),
        placement.views[network.image].storage.dtype,
        tuple(address.result(tensor, placement) for tensor in network.results),
        placement.views[network.output].storage.dtype,
        tuple(draft.spec for draft in drafts),
    )
