"""What a row of a tile register holds: input channels that lie side by side, or are brought together first."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from zcc.compiler.backends.cpu.kernels.amx_registers import WORD
from zcc.compiler.backends.cpu.kernels.conv_loops import ConvGeometry
from zcc.compiler.ir.tensors import Array

MOST_WORDS = 16  # in a row


@dataclass(frozen=True)
class WordRun:
    """Input channels side by side: of one tap, of a row of them, and of all blocks where these are gathered."""

    blocks: int  # of x, with runs of their own
    taps: int  # of a row that are no neighbours, each with a run of its own
    steps: int  # of a run
    words: int  # of a step
    gathered: bool  # whether the blocks of a pixel are copied side by side first


def run_of(geometry: ConvGeometry, item: int, gathered: bool) -> WordRun:
    """All that lies together, in as few equal steps as there may be."""
    words, columns, blocks = geometry.x.lanes * item // WORD, geometry.kernel[1], geometry.x.blocks
    neighbours = columns if geometry.dilation[1] == 1 else 1
    total = words * neighbours * (blocks if gathered else 1)
    steps = _steps(total)
    return WordRun(1 if gathered else blocks, columns // neighbours, steps, total // steps, gathered)


def gathering_helps(geometry: ConvGeometry, item: int) -> bool:
    """Whether a tile has fewer steps where blocks are gathered."""
    apart, together = (run_of(geometry, item, gathered) for gathered in (False, True))
    return together.steps < apart.steps * apart.blocks


def _steps(words: int) -> int:
    return next(count for count in range(-(-words // MOST_WORDS), words + 1) if words % count == 0)


def gathered_shape(shape: tuple[int, ...]) -> tuple[int, ...]:
    """What becomes of the shape of weights whose blocks of input channels are gathered."""
    outputs, blocks, rows, columns, words, lanes = shape
    return outputs, 1, rows, columns, blocks * words, lanes


def gather_weights(weights: Array) -> Array:
    """Weights for pixels whose blocks lie side by side."""
    return np.ascontiguousarray(weights.transpose(0, 2, 3, 1, 4, 5)).reshape(gathered_shape(weights.shape))
