"""How the postprocess kernel reads the maps of a raw head where the memory plan put them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from zcc.compiler.backends.cpu.frame.anchor_head import AnchorHead, AnchorScale
from zcc.compiler.backends.cpu.frame.candidates import CandidateSource
from zcc.compiler.backends.cpu.frame.dfl_head import DflHead, DflScale
from zcc.compiler.backends.cpu.frame.raw import PackedMap
from zcc.compiler.backends.cpu.lowering.layout import Layout
from zcc.compiler.ir.heads.decoding import RawHead

FLOAT = 4  # bytes


def read_head(raw: RawHead, layout: Layout) -> CandidateSource:
    """The head over the maps in the arena; the layout's network must have been read with the maps as outputs."""
    maps = (_map(layout, index) for index in range(len(raw.maps)))
    return READERS[raw.decoding.name](raw, maps)


def _map(layout: Layout, index: int) -> PackedMap:
    tensor = layout.placement.maps[index]
    return PackedMap(layout.lowering.view(tensor).slab(), layout.lowering.address(tensor).offset // FLOAT)


def _anchors(raw: RawHead, maps: Iterator[PackedMap]) -> CandidateSource:
    return AnchorHead(raw.classes, tuple(AnchorScale(scale.stride, next(maps), scale.anchors) for scale in raw.scales))


def _distributed(raw: RawHead, maps: Iterator[PackedMap]) -> CandidateSource:
    scales = tuple(DflScale(scale.stride, *(next(maps) for _ in scale.maps)) for scale in raw.scales)
    return DflHead(raw.classes, scales, details=raw.details)


# By the name of the decoding.
READERS: dict[str, Callable[[RawHead, Iterator[PackedMap]], CandidateSource]] = {
    "anchors": _anchors,
    "distributed": _distributed,
}
