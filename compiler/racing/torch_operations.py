"""ONNX operations as PyTorch says them, as far as exports of detectors use them.

Each takes the operation's attributes and its inputs: tensors; numbers, and numpy arrays where they say a shape.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from zcc.runtime.errors import BenchmarkError

Attributes = Mapping[str, Any]


def conv(attributes: Attributes, x: Any, weight: Any, bias: Any = None) -> Any:
    """Conv, padded alike on either side."""
    groups, strides = attributes.get("group", 1), attributes.get("strides", [1, 1])
    return F.conv2d(x, weight, bias, strides, _padding(attributes), attributes.get("dilations", [1, 1]), groups)


def max_pool(attributes: Attributes, x: Any) -> Any:
    """MaxPool, padded alike on either side."""
    return F.max_pool2d(x, attributes["kernel_shape"], attributes.get("strides"), _padding(attributes))


def _padding(attributes: Attributes) -> list[int]:
    pads = attributes.get("pads", [0, 0, 0, 0])
    if pads[:2] != pads[2:]:
        raise BenchmarkError(f"PyTorch pads alike on either side, and the file asks for {pads}", "race another export")
    return list(pads[:2])


def resize(attributes: Attributes, x: Any, roi: Any, scales: Any) -> Any:
    """Resize to the nearest, by whole factors."""
    if attributes["mode"] != b"nearest":
        raise BenchmarkError(
            f"the peer resizes to the nearest, and the file asks for {attributes['mode']!r}", "race another export"
        )
    return F.interpolate(x, scale_factor=scales[2:].tolist(), mode="nearest")


def slices(attributes: Attributes, x: Any, starts: Any, ends: Any, axes: Any, steps: Any = None) -> Any:
    """Slice along any axes."""
    if isinstance(x, np.ndarray):
        return x[starts[0] : ends[0]]
    parts = [slice(None)] * (int(max(axes)) + 1)
    for axis, start, end, step in zip(axes, starts, ends, np.ones_like(axes) if steps is None else steps, strict=True):
        parts[axis] = slice(int(start), int(end), int(step))
    return x[tuple(parts)]


def concat(attributes: Attributes, *parts: Any) -> Any:
    """Concat of tensors, or of parts of a shape."""
    return np.concatenate(parts) if isinstance(parts[0], np.ndarray) else torch.cat(parts, attributes["axis"])


def gather(attributes: Attributes, shape: Any, index: Any) -> Any:
    """Gather extents from a shape."""
    return shape[index]


def reshape(attributes: Attributes, x: Any, shape: Any) -> Any:
    """Reshape; nought keeps an extent."""
    return x.reshape([int(extent) or x.shape[axis] for axis, extent in enumerate(shape)])


def divide(attributes: Attributes, x: Any, y: Any) -> Any:
    """Div; of whole numbers, whole."""
    return x // y if isinstance(x, np.ndarray | np.integer) else x / y


OPERATIONS: dict[str, Callable[..., Any]] = {
    "Conv": conv,
    "MaxPool": max_pool,
    "Resize": resize,
    "Slice": slices,
    "Concat": concat,
    "Gather": gather,
    "Reshape": reshape,
    "Div": divide,
    "Add": lambda _, x, y: x + y,
    "Sub": lambda _, x, y: x - y,
    "Mul": lambda _, x, y: x * y,
    "Pow": lambda _, x, y: x**y,
    "Sqrt": lambda _, x: x**0.5,
    "Identity": lambda _, x: x,
    "Sigmoid": lambda _, x: torch.sigmoid(x),
    "Softmax": lambda attributes, x: torch.softmax(x, attributes.get("axis", -1)),
    "Shape": lambda _, x: np.array(x.shape),
    "Split": lambda attributes, x, sizes: torch.split(x, sizes.tolist(), attributes.get("axis", 0)),
    "Transpose": lambda attributes, x: x.permute(attributes["perm"]),
}
