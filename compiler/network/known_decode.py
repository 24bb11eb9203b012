"""The decoding of a head that is known, as one operation instead of whatever the file spells it out in."""

from __future__ import annotations

from dataclasses import replace

from zcc.compiler.frontend.raw_head import RawHead
from zcc.compiler.network.fuse import drop_dead
from zcc.compiler.network.ops import AnchorDecode, Network


def decode_known(network: Network, raw: RawHead | None) -> Network:
    """The network with its output decoded from its maps by a kernel of ours, where there is one for the head."""
    if raw is None or raw.kind != "anchors" or network.output.shape[2] != 5 + raw.classes:
        return network
    strides, anchors = tuple(s.stride for s in raw.scales), tuple(s.anchors for s in raw.scales)
    decode = AnchorDecode(network.output, list(network.maps), strides, anchors)
    others = [op for op in network.ops if network.output not in op.outputs]
    return drop_dead(replace(network, ops=[*others, decode]))
