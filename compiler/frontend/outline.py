"""What an ONNX file is made of, seen without taking it into memory: the lengths in it, one after the other.

Readers of protocol buffers take the whole file first, and make a large object of what may have two bytes in it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path

import onnx
from google.protobuf.descriptor import Descriptor
from onnx.external_data_helper import ExternalDataInfo, uses_external_data

from zcc.runtime import limits
from zcc.runtime.errors import ModelError
from zcc.runtime.regular import open_regular, told

REMEDY = "give a complete ONNX file, or export it again"
# How a field's value is written: in as many bytes as it takes, in so many, or in as many as stand before it.
VARINT, FIXED, COUNTED = 0, {1: 8, 5: 4}, 2
LONGEST = 10  # bytes of a number
DEEPEST = 64  # messages within messages; a network with branches within branches has a dozen
GRAPH = "graph"
REFERENCE = 16 << 10  # bytes that a tensor has at most whose values lie in another file


@contextmanager
def open_model(path: Path) -> Iterator[tuple[BufferedReader, list[str]]]:
    """A file, open at its start, that can hold an ONNX model by its outline, and the data files that it names.

    Raises ModelError for any other.
    """
    try:
        file = open_regular(path)
    except OSError as error:
        raise ModelError(f"cannot read {path} ({error.strerror})", "give the path of an ONNX file") from error
    with file:
        outline = _outline(path, file)
        file.seek(0)
        yield file, sorted(outline.data_files)


def _outline(path: Path, file: BufferedReader) -> _Outline:
    size = os.fstat(file.fileno()).st_size
    if size > limits.MODEL:
        problem = f"cannot read {path} (it has more than {told(limits.MODEL)})"
        raise ModelError(problem, "export it with its weights in external data")
    if size == 0:
        raise ModelError(f"{path} is empty", "export the model again")
    outline = _Outline(path, file)
    outline.walk(onnx.ModelProto.DESCRIPTOR, size, DEEPEST)
    if not outline.has_graph:
        raise ModelError(f"{path} holds no ONNX graph", REMEDY)
    return outline


class _Outline:
    """Goes through a file from field to field."""

    def __init__(self, path: Path, file: BufferedReader) -> None:
        self._path, self._file = path, file
        self._fields = 0
        self.has_graph = False
        self.data_files: set[str] = set()

    def walk(self, message: Descriptor, end: int, depth: int) -> None:
        """Go through a message, which must end where its last field does."""
        while self._file.tell() < end:
            self._count()
            number, form = divmod(self._number(), 8)
            if number == 0:
                raise self._no_model()
            if form == COUNTED:
                self._counted(message, number, end, depth)
            elif form == VARINT:
                self._number()
            elif form in FIXED:
                self._file.seek(FIXED[form], os.SEEK_CUR)
            else:
                raise self._no_model()
        if self._file.tell() != end:
            raise self._no_model()

    def _counted(self, message: Descriptor, number: int, end: int, depth: int) -> None:
        """Go through or over what has its length before it."""
        behind = self._number() + self._file.tell()
        field = message.fields_by_number.get(number)
        if behind > end or depth == 0:
            raise self._no_model()
        if field is not None and field.message_type is not None:
            self.has_graph |= field.name == GRAPH and depth == DEEPEST
            start = self._file.tell()
            self.walk(field.message_type, behind, depth - 1)
            if field.message_type is onnx.TensorProto.DESCRIPTOR and behind - start <= REFERENCE:
                self._file.seek(start)
                self._note(onnx.TensorProto.FromString(self._file.read(behind - start)))
        else:
            self._file.seek(behind)

    def _note(self, tensor: onnx.TensorProto) -> None:
        if uses_external_data(tensor):
            self.data_files.add(ExternalDataInfo(tensor).location)

    def _number(self) -> int:
        value = 0
        for place in range(LONGEST):
            byte = self._file.read(1)
            if not byte:
                break
            value |= (byte[0] & 0x7F) << 7 * place
            if byte[0] < 0x80:
                return value
        raise self._no_model()

    def _count(self) -> None:
        self._fields += 1
        if self._fields > limits.MODEL_FIELDS:
            problem = f"{self._path} has more than {limits.MODEL_FIELDS} fields, and detectors have some 10000"
            raise ModelError(problem, "export it again")

    def _no_model(self) -> ModelError:
        return ModelError(f"{self._path} is not an ONNX file, or is cut short", REMEDY)
