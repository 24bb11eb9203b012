"""The decoding of a head that is known, as one operation instead of whatever the file spells it out in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from zcc.compiler.frontend.raw_head import RawHead
from zcc.compiler.importing.fuse import drop_dead
from zcc.compiler.ir.ops import AnchorDecode, DistributedDecode, Network, Op


def decode_known(network: Network, raw: RawHead | None, candidates_last: bool) -> Network:
    """The network with its output decoded from its maps by a kernel of ours, where there is one for the head."""
    decode = DECODES.get((raw.kind, candidates_last)) if raw else None
    if raw is None or decode is None:
        return network
    others = [op for op in network.ops if network.output not in op.outputs]
    return drop_dead(replace(network, ops=[*others, decode(network, raw)]))


def _anchors(network: Network, raw: RawHead) -> Op:
    strides, anchors = tuple(s.stride for s in raw.scales), tuple(s.anchors for s in raw.scales)
    return AnchorDecode(network.output, list(network.maps), strides, anchors)


def _distributed(network: Network, raw: RawHead) -> Op:
    strides = tuple(s.stride for s in raw.scales)
    return DistributedDecode(network.output, network.maps[::2], network.maps[1::2], strides)


# By the kind of head, and whether its output has a column for each candidate rather than a row.
DECODES: dict[tuple[str, bool], Callable[[Network, RawHead], Op]] = {
    ("anchors", False): _anchors,
    ("distributed", True): _distributed,
}
