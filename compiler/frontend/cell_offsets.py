"""Exports that end before their boxes are decoded, as YOLOX's do: offsets from the cell, and logarithms of sizes.

Only the numbers show it: places that do not grow with the cell's are relative to it, and sizes below zero are
logarithms. Such heads have an objectness. The decoding is put behind the output, so that all that follows sees pixels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from zcc.compiler.frontend.find_head import STRIDES
from zcc.compiler.frontend.probe import Samples
from zcc.compiler.ir.heads.family import SLACK, Array

DECODED = "zcc_decoded"
FIRST_SCORE, LEAST = 5, 6  # objectness and a class at least
INT_MAX = np.iinfo(np.int64).max


@dataclass(frozen=True)
class OffsetHead:
    """An output of offsets, and where its cells are."""

    output: str
    shape: tuple[int, ...]
    grid: NDArray[np.float32]  # (n, 2): column and row of each candidate's cell
    strides: NDArray[np.float32]  # (n, 1)

    @property
    def classes(self) -> int:
        """How many there are."""
        return self.shape[2] - FIRST_SCORE

    def in_pixels(self, values: Array) -> Array:
        """The output (1, n, numbers) with its boxes decoded."""
        places, sizes = values[..., :2] + self.grid, np.exp(values[..., 2:4])
        boxes = np.concatenate([places, sizes], 2) * self.strides
        return np.concatenate([boxes, values[..., 4:]], 2).astype(np.float32)


def find_offsets(samples: Samples, size: tuple[int, int]) -> OffsetHead | None:
    """The output whose boxes are not decoded yet, if there is one."""
    for name, values in samples.items():
        shape = values[0].shape
        cells = _cells(shape[1], size) if len(shape) == 3 and shape[0] == 1 and shape[2] >= LEAST else None
        if cells is not None and _are_offsets(values[0][0], *cells) and _are_scores(values):
            return OffsetHead(name, shape, *cells)
    return None


def _cells(candidates: int, size: tuple[int, int]) -> tuple[NDArray[np.float32], NDArray[np.float32]] | None:
    """The cells of maps that together have so many, one candidate in each: scale by scale, row by row."""
    maps = [(size[0] // stride, size[1] // stride, stride) for stride in STRIDES]
    for first in range(len(maps)):
        for last in range(first + 2, len(maps) + 1):
            chosen = maps[first:last]
            if candidates == sum(rows * columns for rows, columns, _ in chosen):
                grids = [np.stack(np.meshgrid(np.arange(c), np.arange(r)), -1).reshape(-1, 2) for r, c, _ in chosen]
                strides = [np.full((rows * columns, 1), stride) for rows, columns, stride in chosen]
                return np.concatenate(grids).astype(np.float32), np.concatenate(strides).astype(np.float32)
    return None


def _are_offsets(rows: Array, grid: NDArray[np.float32], strides: NDArray[np.float32]) -> bool:
    """Whether sizes are logarithms, and places nearer to zero than to their cells."""
    from_cells = np.abs(rows[:, :2] - (grid + 0.5) * strides).mean()
    return bool((rows[:, 2:4] < 0).any() and np.abs(rows[:, :2]).mean() < from_cells)


def _are_scores(values: list[Array]) -> bool:
    return all(bool(((each[..., 4:] >= -SLACK) & (each[..., 4:] <= 1 + SLACK)).all()) for each in values)


def decode(proto: onnx.ModelProto, samples: Samples, head: OffsetHead) -> tuple[onnx.ModelProto, Samples]:
    """The model with the output in pixels instead, and what it then gives."""
    found = onnx.ModelProto()
    found.CopyFrom(proto)
    place = next(i for i, output in enumerate(found.graph.output) if output.name == head.output)
    found.graph.output[place].CopyFrom(helper.make_tensor_value_info(DECODED, onnx.TensorProto.FLOAT, head.shape))
    constants: dict[str, Array] = {"grid": head.grid[None], "strides": head.strides[None]}
    constants |= {f"at{edge}": np.array([edge], np.int64) for edge in (0, 2, 4, INT_MAX)}
    found.graph.initializer.extend(
        numpy_helper.from_array(value, f"{DECODED}_{name}") for name, value in constants.items()
    )
    found.graph.node.extend(_nodes(head.output))
    values = [head.in_pixels(each) for each in samples[head.output]]
    return found, {DECODED if name == head.output else name: values if name == head.output else each
                   for name, each in samples.items()}  # fmt: skip


def _nodes(output: str) -> list[onnx.NodeProto]:
    def made(name: str) -> str:
        return f"{DECODED}_{name}"

    def part(begin: int, end: int, name: str) -> onnx.NodeProto:
        return helper.make_node("Slice", [output, made(f"at{begin}"), made(f"at{end}"), made("at2")], [made(name)])

    return [
        part(0, 2, "offsets"),
        part(2, 4, "logarithms"),
        part(4, INT_MAX, "scores"),
        helper.make_node("Add", [made("offsets"), made("grid")], [made("places")]),
        helper.make_node("Exp", [made("logarithms")], [made("sizes")]),
        helper.make_node("Concat", [made("places"), made("sizes")], [made("boxes")], axis=2),
        helper.make_node("Mul", [made("boxes"), made("strides")], [made("pixels")]),
        helper.make_node("Concat", [made("pixels"), made("scores")], [DECODED], axis=2),
    ]
