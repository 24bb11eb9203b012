"""Read a model file: every way in which bytes can fail to be an ONNX model ends here."""

from __future__ import annotations

import errno
import hashlib
from collections.abc import Iterator
from pathlib import Path

import onnx
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import DecodeError, Message
from onnx.external_data_helper import (
    ExternalDataInfo,
    _get_all_tensors,
    load_external_data_for_model,
    uses_external_data,
)

from zcc.runtime import limits
from zcc.runtime.errors import ModelError
from zcc.runtime.regular import read_regular


def read_model(path: Path) -> tuple[onnx.ModelProto, str]:
    """The model with all its weights, and the sha256 of the file and of the data files it names."""
    content = read_bytes(path)
    proto = parse(path, content)
    digest = hashlib.sha256(content)
    for location in external_files(proto):
        digest.update(read_external(path, location))
    attach_external_data(path, proto)
    return proto, digest.hexdigest()


def read_bytes(path: Path) -> bytes:
    """The bytes of the file."""
    try:
        content = read_regular(path, limits.MODEL)
    except OSError as error:
        large = error.errno == errno.EFBIG
        remedy = "export it with its weights in external data" if large else "give the path of an ONNX file"
        raise ModelError(f"cannot read {path} ({error.strerror})", remedy) from error
    if not content:
        raise ModelError(f"{path} is empty", "export the model again")
    return content


def parse(path: Path, content: bytes) -> onnx.ModelProto:
    """The message in the bytes. Random bytes can parse, so what every model has is looked for too."""
    proto = onnx.ModelProto()
    try:
        proto.ParseFromString(content)
    except DecodeError as error:
        raise ModelError(
            f"{path} is not an ONNX file, or is cut short", "give a complete ONNX file, or export it again"
        ) from error
    if not (proto.ir_version and proto.graph.node and proto.graph.input and proto.graph.output):
        raise ModelError(f"{path} holds no ONNX graph", "give a complete ONNX file, or export it again")
    if any(isinstance(text, bytes) for text in texts(proto)):
        raise ModelError(f"{path} holds names that are not UTF-8", "export the model again")
    return proto


def texts(message: Message) -> Iterator[str | bytes]:
    """Every text in a message and those within it; one that is not UTF-8 comes as bytes."""
    for field, value in message.ListFields():
        items = [value] if isinstance(value, (str, bytes, Message)) else value
        if field.type == FieldDescriptor.TYPE_STRING:
            yield from items
        elif field.message_type is not None:
            for item in items:
                yield from texts(item)


def external_files(proto: onnx.ModelProto) -> list[str]:
    """The data files that the model's tensors name, in a fixed order."""
    tensors = [tensor for tensor in _get_all_tensors(proto) if uses_external_data(tensor)]
    return sorted({ExternalDataInfo(tensor).location for tensor in tensors})


def read_external(path: Path, location: str) -> bytes:
    """The bytes of a data file, which must lie beside or below the model."""
    folder = path.parent.resolve()
    target = (folder / location).resolve()
    if not target.is_relative_to(folder) or target == folder:
        raise ModelError(f"{path} keeps weights outside its folder ({location})", "put them beside the model")
    try:
        return read_regular(target, limits.FILE)
    except OSError as error:
        raise ModelError(
            f"{path} keeps weights in {location}, which cannot be read ({error.strerror})",
            "put that file beside the model",
        ) from error


def attach_external_data(path: Path, proto: onnx.ModelProto) -> None:
    """Bring the weights from the data files into the message."""
    try:
        load_external_data_for_model(proto, str(path.parent))
    except (ValueError, OSError, OverflowError, MemoryError, onnx.checker.ValidationError) as error:
        raise ModelError(f"{path}: its external data do not fit it ({error})", "export the model again") from error
