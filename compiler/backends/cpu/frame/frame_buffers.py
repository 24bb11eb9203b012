"""A frame as the kernels that read it are handed it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tvm.script import tirx as T

from zcc.compiler.backends.cpu.frame.frame_format import FrameFormat
from zcc.compiler.backends.cpu.frame.letterbox import Expr


@dataclass(frozen=True)
class FrameBuffers:
    """A frame as it is handed in."""

    rows: Expr
    cols: Expr
    pitches: Sequence[Expr]  # bytes from row to row, for each plane
    arrays: Sequence[Any]

    @classmethod
    def match(cls, handles: Sequence[Any], frame_format: FrameFormat) -> FrameBuffers:
        """The frame behind the handles of its planes."""
        rows, cols = T.int32(), T.int32()
        pitches = [T.int32() for _ in handles]
        arrays = [
            T.match_buffer(handle, plane.shape(rows, cols), "uint8", strides=plane.strides(pitch), align=1)
            for handle, plane, pitch in zip(handles, frame_format.planes, pitches, strict=True)
        ]
        return cls(rows, cols, pitches, arrays)

    def flat(self) -> list[Any]:
        """The planes as bytes."""
        sizes = [
            T.cast(array.shape[0], "int64") * pitch for array, pitch in zip(self.arrays, self.pitches, strict=True)
        ]
        return [T.decl_buffer((n,), "uint8", data=array.data) for array, n in zip(self.arrays, sizes, strict=True)]
