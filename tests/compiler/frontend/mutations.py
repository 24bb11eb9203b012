"""Seeded damage to ONNX files: to their bytes, and to what they say."""

from __future__ import annotations

import random
from collections.abc import Callable

import onnx

from tests import onnx_models
from tests.onnx_models.quantised import around_convolutions
from tests.onnx_models.variants import clone

# Small models of every head; damage costs the same in a small file and finds the same code.
BASES = ("yolov3-tiny", "yolov5", "yolov8", "yolov10", "yolov8-nms")
NASTY_SIZES = (-1, 0, 2, 7, 2**31 - 1, 2**31, 2**40, -(2**63))


def base_models() -> list[onnx.ModelProto]:
    """The sound models that damage starts from."""
    plain = [onnx_models.build(family, width=4, classes=2) for family in BASES]
    return [*plain, around_convolutions(plain[0])]


def damaged(rng: random.Random, models: list[onnx.ModelProto]) -> bytes:
    """A model's bytes with some damage in them."""
    model = rng.choice(models)
    if rng.random() < 0.5:
        return rng.choice(BYTE_DAMAGE)(rng, model.SerializeToString())
    copy = clone(model)
    for _ in range(rng.randint(1, 3)):
        rng.choice(MODEL_DAMAGE)(rng, copy)
    return copy.SerializeToString()


# ---- to bytes


def flip_bits(rng: random.Random, data: bytes) -> bytes:
    """Flip a few bits anywhere."""
    content = bytearray(data)
    for _ in range(rng.randint(1, 16)):
        content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
    return bytes(content)


def flip_structure(rng: random.Random, data: bytes) -> bytes:
    """Flip bits among the nodes, which come first in the file, rather than in the weights."""
    content = bytearray(data)
    for _ in range(rng.randint(1, 8)):
        content[rng.randrange(min(len(content), 4000))] = rng.randrange(256)
    return bytes(content)


def truncate(rng: random.Random, data: bytes) -> bytes:
    """Cut the file short."""
    return data[: rng.randrange(len(data))]


def splice(rng: random.Random, data: bytes) -> bytes:
    """Repeat, drop or move a piece."""
    first, last = sorted(rng.randrange(len(data)) for _ in range(2))
    piece, at = data[first:last], rng.randrange(len(data))
    return rng.choice((data[:first] + data[last:], data[:at] + piece + data[at:], piece))


# ---- to what the model says


def change_integers(rng: random.Random, model: onnx.ModelProto) -> None:
    """Put a nasty number into a node's integer attributes."""
    node = rng.choice(model.graph.node)
    for attribute in node.attribute:
        if attribute.type == onnx.AttributeProto.INT:
            attribute.i = rng.choice(NASTY_SIZES)
        for i in range(len(attribute.ints)):
            if rng.random() < 0.5:
                attribute.ints[i] = rng.choice(NASTY_SIZES)


def change_constant(rng: random.Random, model: onnx.ModelProto) -> None:
    """Put nasty bytes into a constant: a shape, an axis, a scale."""
    constants = [node.attribute[0].t for node in model.graph.node if node.op_type == "Constant" and node.attribute]
    tensor = rng.choice([*constants, *model.graph.initializer])
    tensor.raw_data = bytes(rng.choice((0, 1, 2, 127, 128, 255)) for _ in range(len(tensor.raw_data)))


def change_dims(rng: random.Random, model: onnx.ModelProto) -> None:
    """Claim another shape for a weight than its data have."""
    tensor = rng.choice(model.graph.initializer)
    if tensor.dims:
        tensor.dims[rng.randrange(len(tensor.dims))] = rng.choice(NASTY_SIZES)


def change_type(rng: random.Random, model: onnx.ModelProto) -> None:
    """Claim another element type for a weight."""
    rng.choice(model.graph.initializer).data_type = rng.randrange(25)


def rewire(rng: random.Random, model: onnx.ModelProto) -> None:
    """Let a node read something else, at times what comes after it or itself."""
    node = rng.choice([node for node in model.graph.node if node.input])
    values = [name for other in model.graph.node for name in other.output]
    node.input[rng.randrange(len(node.input))] = rng.choice([*values, "", "nowhere"])


def swap_operator(rng: random.Random, model: onnx.ModelProto) -> None:
    """Make a node another operator."""
    rng.choice(model.graph.node).op_type = rng.choice(
        [node.op_type for node in model.graph.node] + ["Loop", "If", "Nothing", "NonZero", "Range", "Scan"]
    )


def drop_nodes(rng: random.Random, model: onnx.ModelProto) -> None:
    """Remove, repeat or reorder nodes."""
    nodes = list(clone(model).graph.node)
    first = rng.randrange(len(nodes))
    rng.choice((nodes.pop, lambda i: nodes.insert(0, nodes[i]), lambda i: rng.shuffle(nodes)))(first)
    model.graph.ClearField("node")
    model.graph.node.extend(nodes)


def change_interface(rng: random.Random, model: onnx.ModelProto) -> None:
    """Change the declared input, outputs, opset or metadata."""
    dims = model.graph.input[0].type.tensor_type.shape.dim
    changes: list[Callable[[], object]] = [
        lambda: setattr(rng.choice(dims), "dim_value", rng.choice((*NASTY_SIZES, 32, 8192))),
        lambda: rng.choice(dims).ClearField("value"),
        lambda: setattr(model.graph.input[0].type.tensor_type, "elem_type", rng.randrange(25)),
        lambda: setattr(model.opset_import[0], "version", rng.choice((1, 11, 16, 20, 21, 2**40))),
        lambda: setattr(model.graph.output[0], "name", rng.choice(model.graph.node).output[0]),
        lambda: onnx.helper.set_model_props(model, {"names": "{0: 'a'}" * rng.randint(0, 3), "imgsz": "[6"}),
    ]
    rng.choice(changes)()


BYTE_DAMAGE = (flip_bits, flip_structure, flip_structure, truncate, splice)
MODEL_DAMAGE = (
    change_integers,
    change_constant,
    change_dims,
    change_type,
    rewire,
    swap_operator,
    drop_nodes,
    change_interface,
)
