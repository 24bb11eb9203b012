"""The calibration that a model brings along, when another tool has quantised it.

Tools differ in which maps they give a scale: all of them, those that convolutions read, or those that go into a concat.
What only moves bytes passes a scale on, so that every map which convolutions read, be it through a concat or a pool,
has one in the end.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from zcc.compiler.ir.needed_ops import ops_for
from zcc.compiler.ir.ops import Conv, Network, Op, Slice
from zcc.compiler.ir.quantisation import IMAGE, LEVELS, Quantisation
from zcc.compiler.ir.tensors import Tensor
from zcc.compiler.ir.whole_steps import whole_steps
from zcc.compiler.precision.calibrate import Calibration
from zcc.compiler.precision.ties import MOVES

Scales = dict[Tensor, Quantisation]


def carry(network: Network, known: Mapping[str, Quantisation]) -> Calibration | None:
    """The calibration of a fused network of which some maps came with scales; None when no convolution can use it.

    Convolutions whose weights nobody rounded were left in float for a reason, and stay there.
    """
    ops = ops_for(network.read, network.ops)
    convs = [op for op in ops if isinstance(op, Conv)]
    floating = frozenset(conv.out.name for conv in convs if not _is_rounded(conv))
    read = {conv.x for conv in convs if conv.out.name not in floating}
    scales = {tensor: known[tensor.name] for op in ops for tensor in (*op.inputs, op.out) if tensor.name in known}
    if network.image in scales:
        scales[network.image] = IMAGE  # finer than any scale a tool may have chosen for pixels
    moves = [op for op in ops if isinstance(op, MOVES)]
    _pass_on(moves, scales)
    useful = _read_in_bytes(moves, read)
    scales = {tensor: quantisation for tensor, quantisation in scales.items() if tensor in useful}
    _settle(network, moves, scales)
    if read.isdisjoint(scales):
        return None
    return Calibration({tensor.name: quantisation for tensor, quantisation in scales.items()}, {}, floating)


def _is_rounded(conv: Conv) -> bool:
    rows = conv.weight.reshape(len(conv.weight), -1).astype(np.float64)
    return bool(whole_steps(rows, -LEVELS, LEVELS).all())


def _pass_on(moves: Sequence[Op], scales: Scales) -> None:
    """Give a scale to what is moved from maps that have one, and to what is moved into such a map.

    Bytes that come from one map alone keep its scale, also where the tool chose another: rounding twice gains nothing.
    """
    count = -1
    while count != len(scales):
        count = len(scales)
        for op in moves:
            if all(tensor in scales for tensor in op.inputs) and (op.out not in scales or len(op.inputs) == 1):
                scales[op.out] = _covering([scales[tensor] for tensor in op.inputs])
        for op in reversed(moves):
            if op.out in scales:
                for tensor in op.inputs:
                    scales.setdefault(tensor, scales[op.out])


def _covering(parts: Sequence[Quantisation]) -> Quantisation:
    """One that reaches as far as all of them."""
    if len(set(parts)) == 1:
        return parts[0]
    return Quantisation.of_range(min(part.low for part in parts), max(part.high for part in parts))


def _read_in_bytes(moves: Sequence[Op], read: set[Tensor]) -> set[Tensor]:
    """What convolutions read, directly or moved; all else is better off in float."""
    useful = set(read)
    for op in reversed(moves):
        if op.out in useful:
            useful.update(op.inputs)
    return useful


def _settle(network: Network, moves: Sequence[Op], scales: Scales) -> None:
    """Let a map that is only moved, and always into maps of one scale, be made in that scale at once."""
    users = network.users()
    makers = network.makers()
    for op in reversed(moves):
        for tensor in op.inputs:
            wanted = {scales.get(user.out) if isinstance(user, MOVES) else None for user in users[tensor]}
            # A slice has the scale of the map it is cut from, which others read too; a picture that of its pixels.
            fixed = tensor is network.image or isinstance(makers[tensor], Slice)
            if op.out in scales and wanted == {scales[op.out]} and not fixed:
                scales[tensor] = scales[op.out]
