"""What goes back to clients of KServe's protocol, task by task: a row for each tensor.

Masks go as COCO's run lengths, a JSON document in bytes for each detection.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zcc.runtime.manifest import Manifest

Array = NDArray[Any]


@dataclass(frozen=True)
class GivenTensor:
    """One tensor of an answer; sizes that differ from frame to frame are -1."""

    name: str
    datatype: str
    shape: tuple[int, ...]
    values: Callable[[Any], Array]


def _run_lengths(found: Any) -> Array:
    return np.array([json.dumps(row["mask"]).encode() for row in found.extras()], object)


_FOUND = (
    GivenTensor("boxes", "FP32", (-1, 4), lambda found: found.boxes),
    GivenTensor("scores", "FP32", (-1,), lambda found: found.scores),
    GivenTensor("classes", "INT32", (-1,), lambda found: found.classes),
)
_MASKS = GivenTensor("masks", "BYTES", (-1,), _run_lengths)
_ROTATED = GivenTensor("rotated", "FP32", (-1, 5), lambda found: found.rotated)


def _keypoints(manifest: Manifest) -> GivenTensor:
    return GivenTensor("keypoints", "FP32", (-1, manifest.task.shape[0], 3), lambda found: found.keypoints)


def _probabilities(manifest: Manifest) -> GivenTensor:
    return GivenTensor("probabilities", "FP32", (len(manifest.classes),), lambda found: found.probabilities)


TENSORS: dict[str, Callable[[Manifest], tuple[GivenTensor, ...]]] = {
    "detect": lambda manifest: _FOUND,
    "segment": lambda manifest: (*_FOUND, _MASKS),
    "pose": lambda manifest: (*_FOUND, _keypoints(manifest)),
    "obb": lambda manifest: (*_FOUND, _ROTATED),
    "classify": lambda manifest: (_probabilities(manifest),),
}


def tensors_of(manifest: Manifest) -> dict[str, GivenTensor]:
    """The tensors that a model's answers may have, by their names."""
    return {tensor.name: tensor for tensor in TENSORS[manifest.task.name](manifest)}


def packed(values: Array) -> bytes:
    """The data of a tensor as bytes; elements of bytes each have their length before them."""
    if values.dtype == object:
        return b"".join(len(each).to_bytes(4, "little") + each for each in values.ravel())
    return np.ascontiguousarray(values).tobytes()


def listed(values: Array) -> list[Any]:
    """The same as JSON has it."""
    found = values.reshape(-1).tolist()
    return [each.decode() for each in found] if values.dtype == object else found
