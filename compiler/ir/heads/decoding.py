"""Raw heads: the maps that the last convolutions leave, and how candidates follow from them.

Decoding all candidates to keep a few costs more than the whole postprocess, so the compiled frame reads the maps
themselves where the file decodes them in a way that zcc knows. Each way is an object that keeps `Decoding`; a backend
lists its kernels by the decoding's name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from zcc.compiler.ir.heads.head import Head
from zcc.compiler.ir.ops import Op
from zcc.compiler.ir.tasks.detail_decoding import DetailDecoding
from zcc.compiler.ir.tensors import Tensor

Array = NDArray[np.float32]
Maps = Mapping[str, Array]  # by their names in the graph, each (1, channels, height, width)
Level = tuple[int, list[tuple[str, int]]]  # a stride, and its maps by name with their channels
DecodeMaps = Callable[[Maps], Array]  # from maps to candidates, a row each: box, objectness where there is one, scores


@dataclass(frozen=True)
class RawScale:
    """The maps of one stride, by their names in the graph, and the anchors in input pixels where there are some."""

    stride: int
    maps: tuple[str, ...]  # in the order in which the decoding reads them
    anchors: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True)
class RawHead:
    """The maps of all strides, in the order of the candidates."""

    decoding: Decoding
    classes: int
    scales: tuple[RawScale, ...]
    details: DetailDecoding | None = None  # of the map that each scale has last, where a task has one

    @property
    def maps(self) -> tuple[str, ...]:
        """The names of all maps."""
        return tuple(name for scale in self.scales for name in scale.maps)


class Decoding(Protocol):
    """One way from raw maps to candidates."""

    @property
    def name(self) -> str:
        """What backends list their kernels by."""
        ...

    @property
    def candidates_last(self) -> bool:
        """Whether `operation` makes a column of each candidate rather than a row."""
        ...

    def readings(self, head: Head, levels: Sequence[Level]) -> list[RawHead]:
        """The ways in which the maps of these strides can be the head's; none where their channels do not fit."""
        ...

    def completed(self, raw: RawHead, maps: Maps, decode: DecodeMaps) -> RawHead:
        """The head with what only the file's own decoding knows, seen in what `decode` makes of maps such as these."""
        ...

    def decode(self, raw: RawHead, maps: Maps) -> Array:
        """The candidates, a row each: what the file's own decoding is held against."""
        ...

    def operation(self, raw: RawHead, output: Tensor, maps: Sequence[Tensor]) -> Op:
        """The operation that makes the decoded output of a network's maps, which are those of the head in order."""
        ...


@dataclass(eq=False)
class HeadDecode(Op):
    """The plain decoded output of a head, from its packed maps."""


def sigmoid(x: Array) -> Array:
    """1 / (1 + exp(-x))."""
    return np.asarray(1 / (1 + np.exp(-x)), np.float32)
