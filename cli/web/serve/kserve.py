"""KServe's open inference protocol, version 2, over HTTP: JSON, with tensors in it or in bytes behind it.

A frame comes as `frame`, UINT8 (H, W, 3), or as `image`, BYTES (1), an encoded picture. A version of the model is a
variant. What goes back depends on the task; see tensors.py.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from zcc.runtime.frame import Pixels
from zcc.runtime.manifest import Manifest
from zcc.runtime.rules import (
    Breach,
    Rule,
    Where,
    anything,
    brief,
    integer,
    list_of,
    one_of,
    record,
    strict_json,
    table,
    text,
)
from zcc.web.serve.refusals import Refusal
from zcc.web.serve.tensors import listed, packed, tensors_of

HEAD_LENGTH = "inference-header-content-length"
BINARY_SIZE, BINARY_DATA, ALL_BINARY = "binary_data_size", "binary_data", "binary_data_output"
MOST_NAMES = 16
_WORD, _PARAMETERS = text(256, 1), table(anything, 64)


def _data(value: Any, where: Where) -> None:
    """Of a tensor: looked at when it is made an array."""
    if not isinstance(value, list):
        raise Breach("the data of a tensor is no list")


_INPUT: Rule = record(
    {"name": _WORD, "datatype": one_of("UINT8", "BYTES"), "shape": list_of(integer(0, 1 << 20), 4, 1)},
    {"parameters": _PARAMETERS, "data": _data},
)
_OUTPUT: Rule = record({"name": _WORD}, {"parameters": _PARAMETERS})
_REQUEST: Rule = record(
    {"inputs": list_of(_INPUT, 1, 1)},
    {"id": text(256), "parameters": _PARAMETERS, "outputs": list_of(_OUTPUT, MOST_NAMES)},
)


class Wanted(NamedTuple):
    """What a request asks for."""

    id: str | None
    parameters: Mapping[str, Any]
    decode: Callable[[], Pixels] | None  # for a raw frame
    picture: bytes | None  # for an encoded one
    outputs: Sequence[tuple[str, bool]]  # names, and whether their data goes back as bytes


def metadata(manifest: Manifest, versions: Sequence[str]) -> dict[str, Any]:
    """What a client is told of the model."""
    return {
        "name": manifest.name,
        "versions": list(versions),
        "platform": "zcc",
        "inputs": [
            {"name": "frame", "datatype": "UINT8", "shape": [-1, -1, 3]},
            {"name": "image", "datatype": "BYTES", "shape": [1]},
        ],
        "outputs": [
            {"name": tensor.name, "datatype": tensor.datatype, "shape": list(tensor.shape)}
            for tensor in tensors_of(manifest).values()
        ],
    }


def read_request(body: bytes | bytearray, head_length: str | None, most: int, manifest: Manifest) -> Wanted:
    """A request's body; a Refusal says what is wrong with it."""
    try:
        length = len(body) if head_length is None else int(head_length)
        if not 0 <= length <= len(body):
            raise Breach("the head is longer than the request")
        raw = strict_json(bytes(body[:length]).decode(), most)
        _REQUEST(raw, "")
        return _read(raw, memoryview(body)[length:], tensors_of(manifest))
    except (ValueError, OverflowError, TypeError) as error:
        raise Refusal(400, f"this is no inference request ({error})") from error


def _read(raw: Mapping[str, Any], rest: memoryview, has: Collection[str]) -> Wanted:
    [given] = raw["inputs"]
    shape, parameters = given["shape"], raw.get("parameters") or {}
    size = (given.get("parameters") or {}).get(BINARY_SIZE)
    if size is not None and size != len(rest):
        raise Breach(f"{len(rest)} bytes of data are there, {size} are said to be")
    if size is None and "data" not in given:
        raise Breach("the input has no data")
    everything = bool(parameters.get(ALL_BINARY))
    asked = raw.get("outputs") or [{"name": name} for name in has]
    if unknown := [each["name"] for each in asked if each["name"] not in has]:
        raise Breach(f"the outputs of the model are {', '.join(has)}, not {brief(unknown[0])}")
    outputs = [(each["name"], bool((each.get("parameters") or {}).get(BINARY_DATA, everything))) for each in asked]
    if given["datatype"] == "BYTES":
        return Wanted(raw.get("id"), parameters, None, _element(given, rest, size), outputs)
    if len(shape) != 3 or shape[2] != 3 or not all(shape):
        raise Breach(f"a frame has the shape [height, width, 3], not {shape}")
    pixels = _pixels(given.get("data"), rest if size is not None else None)
    if pixels.size != np.prod(shape):
        raise Breach(f"{pixels.size} values are there, a frame of {shape} has {int(np.prod(shape))}")
    return Wanted(raw.get("id"), parameters, lambda: pixels.reshape(shape), None, outputs)


def _pixels(data: Any, rest: memoryview | None) -> NDArray[np.uint8]:
    if rest is not None:
        return np.frombuffer(rest, np.uint8)
    values = np.asarray(data).reshape(-1)
    if values.size and (values.dtype.kind not in "iu" or values.min() < 0 or values.max() > 255):
        raise Breach("data holds what is no byte")
    return values.astype(np.uint8)


def _element(given: Mapping[str, Any], rest: memoryview, size: int | None) -> bytes:
    """The one element of a tensor of bytes: behind the head with its length before it."""
    if given["shape"] != [1]:
        raise Breach(f"an image has the shape [1], not {given['shape']}")
    if size is None:
        raise Breach("an image comes as binary data")
    (length,) = struct.unpack_from("<I", rest)
    if length != len(rest) - 4:
        raise Breach("the image is not as long as it says")
    return bytes(rest[4:])


def answer(wanted: Wanted, manifest: Manifest, found: Any) -> tuple[bytes, int | None]:
    """The body of the answer, and the length of its head where bytes follow it."""
    tensors = tensors_of(manifest)
    outputs, behind = [], []
    for name, binary in wanted.outputs:
        values = tensors[name].values(found)
        tensor: dict[str, Any] = {"name": name, "datatype": tensors[name].datatype, "shape": list(values.shape)}
        if binary:
            behind.append(packed(values))
            tensor["parameters"] = {BINARY_SIZE: len(behind[-1])}
        else:
            tensor["data"] = listed(values)
        outputs.append(tensor)
    document = {"model_name": manifest.name, "model_version": manifest.dtype, "outputs": outputs}
    if wanted.id is not None:
        document["id"] = wanted.id
    head = json.dumps(document).encode()
    return (head + b"".join(behind), len(head)) if behind else (head, None)


def names() -> Iterator[str]:
    """Extensions of the protocol that are understood."""
    yield "binary_tensor_data"
