"""What the front end hands on: a model that is known to be compilable."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import onnx

from zcc.compiler.ir.heads.head import Head
from zcc.compiler.ir.quantisation import Quantisation


@dataclass(frozen=True)
class Model:
    """A checked, simplified detector with static shapes and float32 weights."""

    proto: onnx.ModelProto  # one input, one output: the head's
    input: str
    height: int
    width: int
    head: Head
    class_names: tuple[str, ...]
    sha256: str  # of the model file as given, external data included
    quantisations: Mapping[str, Quantisation] = field(default_factory=dict)  # of the maps that the file had quantised
