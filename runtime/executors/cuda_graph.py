"""Launches as a graph of the driver's: nodes and the edges between them, made once and launched for every frame."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Mapping, Sequence
from ctypes import byref, c_float, c_int, c_uint, c_uint64, c_void_p
from typing import Any

from zcc.runtime.executors.cuda_context import Context
from zcc.runtime.executors.cuda_driver import ON_DEVICE, ON_HOST, PROGRAMMATIC, Edge, KernelNode, MemcpyParameters
from zcc.runtime.executors.plan import Argument, Launch, Place, Value

TYPES: Mapping[str, Callable[[Any], Any]] = {"i32": c_int, "u32": c_uint, "f32": c_float, "u64": c_uint64}
OVERLAP = "cuGraphAddDependencies_v2"
Addresses = Mapping[str, int]  # of the regions
Handles = Mapping[tuple[str, str], c_void_p]


class Arguments:
    """A kernel's arguments as the driver takes them."""

    def __init__(self, arguments: Sequence[Argument], addresses: Addresses) -> None:
        self._numbers = [_number(argument, addresses) for argument in arguments]
        self.array = (c_void_p * max(len(self._numbers), 1))(*(ctypes.addressof(each) for each in self._numbers))


def _number(argument: Argument, addresses: Addresses) -> Any:
    if isinstance(argument, Value):
        return TYPES[argument.type](argument.value)
    return c_uint64(addresses[argument.region] + argument.offset)


class Graph:
    """Some launches, ready to run: first the copy of the parameters, then the launches, then the copy of the result.

    Copies are (host address, device address, size), or None where the card reads and writes the host's memory itself.
    """

    def __init__(
        self,
        context: Context,
        launches: Mapping[int, Launch],
        handles: Handles,
        addresses: Addresses,
        before: tuple[int, int, int] | None = None,
        after: tuple[int, int, int] | None = None,
    ) -> None:
        self._context, self._addresses = context, addresses
        self._graph, self.handle = c_void_p(), c_void_p()
        self._nodes: dict[int, c_void_p] = {}
        with context:
            context.call("cuGraphCreate", byref(self._graph), 0)
            first = [self._copy(*before, to_card=True)] if before else []
            for index, launch in launches.items():
                awaited = [self._nodes[other] for other in launch.after if other in self._nodes]
                self._nodes[index] = self._kernel(launch, handles[launch.module, launch.kernel], awaited or first)
            if after:
                awaited_by_some = {other for launch in launches.values() for other in launch.after}
                last = [node for index, node in self._nodes.items() if index not in awaited_by_some]
                self._copy(*after, to_card=False, waits=last)
            context.call("cuGraphInstantiateWithFlags", byref(self.handle), self._graph, 0)

    def _kernel(self, launch: Launch, function: c_void_p, waits: Sequence[c_void_p]) -> c_void_p:
        arguments = Arguments(launch.arguments, self._addresses)  # the driver copies what they are
        extent = c_uint * 3
        node, described = c_void_p(), KernelNode()
        described.function = function
        described.grid, described.block = extent(*launch.grid), extent(*launch.block)
        described.shared_bytes = launch.shared_bytes
        described.arguments = arguments.array
        overlapping = launch.overlaps and self._all_kernels(launch) and OVERLAP in self._context.driver.raw
        edges = () if overlapping else waits
        self._context.call("cuGraphAddKernelNode", byref(node), self._graph, *_array(edges), byref(described))
        if overlapping:
            self._overlap(waits, node)
        return node

    def _all_kernels(self, launch: Launch) -> bool:
        return bool(launch.after) and all(index in self._nodes for index in launch.after)

    def _overlap(self, waits: Sequence[c_void_p], node: c_void_p) -> None:
        """Let the node begin as soon as all blocks of the others have said that they will end soon."""
        edges = (Edge * len(waits))()
        for edge in edges:
            edge.from_port = edge.type = PROGRAMMATIC
        begins, count = _array(waits)
        ends, _ = _array([node] * count)
        self._context.call(OVERLAP, self._graph, begins, ends, edges, count)

    def _copy(self, host: int, device: int, size: int, *, to_card: bool, waits: Sequence[c_void_p] = ()) -> c_void_p:
        node, copy = c_void_p(), MemcpyParameters()
        copy.width, copy.height, copy.depth = size, 1, 1
        if to_card:
            copy.source_type, copy.source_host, copy.target_type, copy.target_device = ON_HOST, host, ON_DEVICE, device
        else:
            copy.source_type, copy.source_device, copy.target_type, copy.target_host = ON_DEVICE, device, ON_HOST, host
        place = self._context.handle
        self._context.call("cuGraphAddMemcpyNode", byref(node), self._graph, *_array(waits), byref(copy), place)
        return node

    def upload(self, stream: c_void_p) -> None:
        """Bring it to the card, so that the first launch takes no longer than the next."""
        self._context.call("cuGraphUpload", self.handle, stream)

    def destroy(self) -> None:
        """Give it back; it may not run any more."""
        with self._context:
            self._context.call("cuGraphExecDestroy", self.handle)
            self._context.call("cuGraphDestroy", self._graph)


def _array(nodes: Sequence[c_void_p]) -> tuple[Any, int]:
    return (c_void_p * max(len(nodes), 1))(*(node.value for node in nodes)), len(nodes)


def place_address(place: Place, addresses: Addresses) -> int:
    """Where a place lies on the card."""
    return addresses[place.region] + place.offset
