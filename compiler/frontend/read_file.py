"""Read a model file: every way in which bytes can fail to be an ONNX model ends here."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from functools import partial
from io import BufferedReader
from pathlib import Path

import onnx
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import DecodeError, Message
from onnx.external_data_helper import load_external_data_for_model

from zcc.compiler.frontend.outline import open_model
from zcc.runtime import limits
from zcc.runtime.errors import ModelError
from zcc.runtime.regular import open_regular, told

PART = 1 << 20  # bytes of a data file that are looked at at once


def check_model_files(path: Path) -> None:
    """Raise a ModelError where the file cannot hold a model by its outline, or names data files that cannot be read."""
    with open_model(path) as (_, data_files):
        for location in data_files:
            open_external(path, location).close()


def read_model(path: Path) -> tuple[onnx.ModelProto, str]:
    """The model with all its weights, and the sha256 of the file and of the data files it names."""
    with open_model(path) as (file, data_files):
        content = file.read()
    proto = parse(path, content)
    digest = hashlib.sha256(content)
    for location in data_files:
        with open_external(path, location) as data:
            for part in iter(partial(data.read, PART), b""):
                digest.update(part)
    attach_external_data(path, proto)
    return proto, digest.hexdigest()


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


def open_external(path: Path, location: str) -> BufferedReader:
    """A data file of a model, which must lie beside or below it."""
    folder = path.parent.resolve()
    target = (folder / location).resolve()
    if not target.is_relative_to(folder) or target == folder:
        raise ModelError(f"{path} keeps weights outside its folder ({location})", "put them beside the model")
    try:
        file = open_regular(target)
    except OSError as error:
        raise _unreadable(path, location, error.strerror) from error
    if os.fstat(file.fileno()).st_size > limits.FILE:
        file.close()
        raise _unreadable(path, location, f"it has more than {told(limits.FILE)}")
    return file


def _unreadable(path: Path, location: str, why: str | None) -> ModelError:
    return ModelError(
        f"{path} keeps weights in {location}, which cannot be read ({why})", "put that file beside the model"
    )


def attach_external_data(path: Path, proto: onnx.ModelProto) -> None:
    """Bring the weights from the data files into the message."""
    try:
        load_external_data_for_model(proto, str(path.parent))
    except (ValueError, OSError, OverflowError, MemoryError, onnx.checker.ValidationError) as error:
        raise ModelError(f"{path}: its external data do not fit it ({error})", "export the model again") from error
