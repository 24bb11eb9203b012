"""What all operations need on their way to launches: where maps lie, constants, capability, tiles."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from zcc.compiler.backends.common.curves import CURVES, POWERS
from zcc.compiler.backends.cuda.draft import Argument, Constant, Constants
from zcc.compiler.backends.cuda.kernels.stages import Apply, Merge, OnCurve, PerChannel, Stage
from zcc.compiler.backends.cuda.place import Placement, View
from zcc.compiler.backends.cuda.targets import Capability
from zcc.compiler.backends.cuda.tiles import Choose
from zcc.compiler.ir import tensors
from zcc.compiler.ir.tensors import Array, Tensor

Lowered = tuple[tuple[Stage, ...], list[Argument], list[View]]


@dataclass
class Lowering:
    """What one network is lowered with, and what it needs so far."""

    placement: Placement
    capability: Capability
    choose: Choose
    rounding: bool = False  # whether float32 factors may be rounded to what tensor cores multiply
    constants: Constants = field(default_factory=Constants)

    def view(self, tensor: Tensor) -> View:
        """Where a map lies."""
        return self.placement.views[tensor]

    def per_channel(self, values: Array, out: Tensor) -> Constant:
        """A float32 for each lane of a map, 0 in holes."""
        lanes = self.placement.lanes(out)
        return self.constants.add(np.where(lanes >= 0, values[lanes], 0).astype(np.float32))

    def stages(self, stages: list[tensors.Stage], out: Tensor, curves: bool = False) -> Lowered:
        """The stages as kernels know them, what they are given, and the maps they read.

        With `curves`, smooth functions are those of integer networks.
        """
        made: list[Stage] = []
        given: list[Argument] = []
        read: list[View] = []
        for number, stage in enumerate(stages):
            if isinstance(stage, tensors.Combine):
                made.append(Merge(stage.operator, self.placement.map(stage.other)))
                read.append(self.view(stage.other))
                given.append(read[-1])
            elif isinstance(stage, tensors.Channelwise):
                made.append(PerChannel(stage.operator))
                given.append(self.per_channel(stage.values, out))
            elif curves and stage.name in CURVES:
                curve, last = CURVES[stage.name], number == len(stages) - 1
                made.append(OnCurve(1.0 if number == 0 else 1 / curve.step, curve.odd, curve.slope != 0))
                given.append(self.curve(stage.name, out if last else None))
            else:
                made.append(Apply(stage.name, stage.parameters))
        return tuple(made), given, read

    def curve(self, name: str, out: Tensor | None) -> Constant:
        """The table of a curve; in the steps of the bytes of `out`, if that is a map of bytes."""
        table = CURVES[name].table()
        meaning = out.quantisation if out is not None and out.dtype == "uint8" else None
        table = table if meaning is None else table * meaning.factor
        return self.constants.add(np.concatenate([table[:POWERS].T.reshape(-1), table[POWERS]]))
