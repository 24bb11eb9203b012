"""What a model takes for a pixel, where that is not RGB in 0..1: put in front of it, so that all that follows is.

Options say it, or the file's metadata as `mean` and `std`. They count in the order of the model's channels, and in
units in which white is `white`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from zcc.compiler.frontend.check import image_input
from zcc.compiler.frontend.names import parse
from zcc.runtime.errors import ModelError

Triple = tuple[float, float, float]
BYTES = 255.0
MOST = 1e4  # of a mean or a deviation: forty times what 8 bits hold, far from where float32 loses digits
MADE = "zcc_pixels_of"
REMEDY = "say it with --mean and --std"
UNIT = "units in which white is 1 or 255"


@dataclass(frozen=True)
class PixelForm:
    """A channel of the model's input is (colour * white - mean) / std, the colour in 0..1."""

    mean: Triple = (0.0, 0.0, 0.0)
    std: Triple = (1.0, 1.0, 1.0)
    white: float = 1.0
    order: str = "rgb"  # of the channels

    def describe(self) -> str:
        """For users."""
        mean, std = (" ".join(f"{value:g}" for value in each) for each in (self.mean, self.std))
        return f"the model's pixels are taken as {self.order}, white {self.white:g}, less {mean}, divided by {std}"

    def affine(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """A matrix and an offset that make the model's channels of RGB in 0..1."""
        std = np.array(self.std)
        places = np.eye(3)[::-1] if self.order == "bgr" else np.eye(3)
        return places * (self.white / std)[:, None], -np.array(self.mean) / std


USUAL = PixelForm()


def form_of(proto: onnx.ModelProto, asked: Mapping[str, Any]) -> PixelForm:
    """The form that is asked for, by the names of its fields; what is left open is as the file says."""
    fields: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in asked.items()}
    base = USUAL if "mean" in fields or "std" in fields else from_metadata(proto)
    return replace(base, **fields)


def from_metadata(proto: onnx.ModelProto) -> PixelForm:
    """What the exporter left as `mean` and `std`; the usual form where it left neither."""
    stated = {entry.key: entry.value for entry in proto.metadata_props if entry.key in ("mean", "std")}
    mean, std = (_triple(stated, name, usual) for name, usual in (("mean", USUAL.mean), ("std", USUAL.std)))
    white = BYTES if max(*mean, *std) > 1 else 1.0
    if white == BYTES and 0 < max(mean) <= 1:
        raise ModelError(f"the model's metadata has mean {mean} and std {std}, which are not in the same units", REMEDY)
    return PixelForm(mean, std, white)


def _triple(stated: dict[str, str], name: str, usual: Triple) -> Triple:
    if name not in stated:
        return usual
    found = parse(stated[name])
    if not isinstance(found, (list, tuple)) or len(found) != len(usual) or not all(map(_is_number, found)):
        raise ModelError(f"the {name} in the model's metadata is no list of three numbers", REMEDY)
    if min(found) < 0 or max(found) > MOST or (name == "std" and min(found) < 1 / MOST):
        raise ModelError(f"the model's metadata has the {name} {list(found)}", f"{REMEDY}, in {UNIT}")
    first, second, third = map(float, found)
    return first, second, third


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def taking_usual_pixels(proto: onnx.ModelProto, form: PixelForm) -> onnx.ModelProto:
    """The model, of float32, for RGB in 0..1: by its first weights if they can, else before them."""
    if form == USUAL:
        return proto
    changed = onnx.ModelProto()
    changed.CopyFrom(proto)
    matrix, offset = form.affine()
    if offset.any() or not _fold(changed, matrix):
        _put_before(changed, matrix, offset)
    return changed


def _fold(proto: onnx.ModelProto, matrix: NDArray[np.float64]) -> bool:
    """Multiply the weights of the convolutions that read the image; without an offset their borders stay zeros."""
    image = image_input(proto).name
    tensors = {tensor.name: tensor for tensor in proto.graph.initializer}
    readers = [node for node in proto.graph.node if image in node.input]
    if not all(_is_plain(node, image, tensors) for node in readers):
        return False
    for number, node in enumerate(readers):
        weight = numpy_helper.to_array(tensors[node.input[1]])
        made = np.einsum("ochw,ck->okhw", weight, matrix).astype(weight.dtype)
        name = f"{MADE}_weight{number}"
        proto.graph.initializer.append(numpy_helper.from_array(made, name))
        node.input[1] = name
    return True


def _is_plain(node: onnx.NodeProto, image: str, tensors: dict[str, onnx.TensorProto]) -> bool:
    is_conv = node.op_type == "Conv" and node.input[0] == image and node.input[1] in tensors
    return is_conv and tensors[node.input[1]].dims[1] == len(USUAL.mean)


def _put_before(proto: onnx.ModelProto, matrix: NDArray[np.float64], offset: NDArray[np.float64]) -> None:
    """A convolution of one pixel between the image and all that read it."""
    image = image_input(proto).name
    made = f"{MADE}_{image}"
    for node in proto.graph.node:
        for place, name in enumerate(node.input):
            if name == image:
                node.input[place] = made
    weight, bias = matrix.astype(np.float32)[..., None, None], offset.astype(np.float32)
    names = [f"{made}_weight", f"{made}_bias"]
    proto.graph.initializer.extend(map(numpy_helper.from_array, (weight, bias), names))
    proto.graph.node.insert(0, helper.make_node("Conv", [image, *names], [made], name=made, kernel_shape=[1, 1]))
