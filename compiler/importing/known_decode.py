"""The decoding of a head that is known, as one operation instead of whatever the file spells it out in."""

from __future__ import annotations

from dataclasses import replace

from zcc.compiler.ir.heads.decoding import RawHead
from zcc.compiler.ir.needed_ops import drop_dead
from zcc.compiler.ir.ops import Network


def decode_known(network: Network, raw: RawHead | None, candidates_last: bool) -> Network:
    """The network with its output made from its maps by one operation, where the head's decoding has the layout.

    What a task adds is left to the file: no frame decodes all candidates.
    """
    if raw is None or raw.details is not None or raw.decoding.candidates_last != candidates_last:
        return network
    others = [op for op in network.ops if network.output not in op.outputs]
    decode = raw.decoding.operation(raw, network.output, network.maps)
    return drop_dead(replace(network, ops=[*others, decode]))
