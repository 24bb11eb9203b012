"""What the front end hands on: a model that is known to be compilable."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import onnx

from zcc.compiler.ir.heads.head import Head
from zcc.compiler.ir.quantisation import Quantisation
from zcc.runtime.manifest import TaskInfo


@dataclass(frozen=True)
class Model:
    """A checked, simplified detector with static shapes and float32 weights."""

    proto: onnx.ModelProto  # one input; the head's output, and behind it that of the prototypes where there are some
    input: str
    height: int
    width: int
    head: Head
    class_names: tuple[str, ...]
    sha256: str  # of the model file as given, external data included
    quantisations: Mapping[str, Quantisation] = field(default_factory=dict)  # of the maps that the file had quantised
    pixels: Mapping[str, Any] = field(default_factory=dict)  # what the file takes for one, where that is not usual
    task: TaskInfo = field(default_factory=TaskInfo)
    batch: int = 1  # frames of a call
    notes: tuple[str, ...] = ()  # what users are told of how the file was read
    prototypes: str | None = None  # the output of maps that masks are sums of
