"""The launches on either side of the network: from the frame to its input, and from its output to detections."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from zcc.compiler.backends.cuda.frame.frame_source import Source, constant, kernel_source
from zcc.compiler.backends.cuda.frame.heads import FrameHead
from zcc.compiler.backends.cuda.frame.image_layout import ImageLayout
from zcc.compiler.backends.cuda.frame.part import Part
from zcc.compiler.ir.heads.head import Suppression
from zcc.runtime.executors.frame_block import PARAMETERS_SIZE, ResultLayout
from zcc.runtime.executors.plan import Argument, Launch, Place, Range, Value
from zcc.runtime.manifest import InputSpec

ALIGNMENT = 256
COLUMNS, ROWS = 128, 2  # pixels of a block of the preprocess kernel
WINDOW = 8192  # candidates that are compared with each other before any is kept; at most so many
COLLECT_THREADS = RANK_THREADS = 256
RANKED = 4 * RANK_THREADS // 32  # candidates that a block places at a time
COMPARED, TILES = 64, 4  # a side of what 64 threads compare, and how often a block has so many
COMPARING_BLOCKS = 528  # four for each processor of the largest cards
SELECT_THREADS = 512  # of the one block that picks boxes in order; chosen
MOST_BLOCKS = 1056  # eight for each processor of the largest cards; blocks that find nothing to do cost little
NOWHERE = Value("u64", 0)
PARAMETER_RANGE = Range("parameters", 0, PARAMETERS_SIZE)


@dataclass(frozen=True)
class FrameScratch:
    """Where the frame kernels keep what they hand to each other, from some place in the arena on."""

    place: Place
    sizes: tuple[tuple[str, int], ...]

    def range(self, name: str) -> Range:
        """The bytes of one of them."""
        begin = self.place.offset
        for other, size in self.sizes:
            if other == name:
                return Range(self.place.region, begin, begin + size)
            begin += -(-size // ALIGNMENT) * ALIGNMENT
        raise KeyError(name)

    def at(self, name: str) -> Place:
        """Where the piece of that name begins."""
        return Place(self.place.region, self.range(name).begin)


@dataclass(frozen=True)
class FrameKernels:
    """Everything about a frame but the network."""

    spec: InputSpec
    layout: ImageLayout
    head: FrameHead
    max_det: int
    suppression: Suppression | None = None  # thresholds that the file fixes
    overlaps: bool = False  # whether launches behind the network may begin while those they wait for end

    @property
    def preprocess_source(self) -> Source:
        """The module `preprocess`."""
        numbers = {
            "HEIGHT": self.spec.height,
            "WIDTH": self.spec.width,
            "ROW_PITCH": self.layout.row_pitch,
            "CHANNELS": self.layout.channels,
            "ROWS": ROWS,
            "COLUMNS": COLUMNS,
        }
        constants = [constant("int", name, value) for name, value in numbers.items()]
        constants += [f"typedef {self.layout.element} Element;", constant("float", "SCALE", float(self.layout.scale))]
        return kernel_source("preprocess", constants)

    @property
    def postprocess_source(self) -> Source:
        """The module `postprocess`."""
        numbers = {
            "CANDIDATES": self.head.candidates,
            "MAX_DET": self.max_det,
            "WINDOW": self.window,
            "SELECT_THREADS": SELECT_THREADS,
            "EDGE_COUNTS": self.edge_counts,
        }
        constants = [*self.head.constants(), *(constant("int", name, value) for name, value in numbers.items())]
        constants.append(constant("bool", "SUPPRESS", self.head.suppress))
        fixed = self.suppression
        constants.append(constant("float", "LEAST_CONF", float(fixed.score) if fixed else 0.0))
        constants.append(constant("bool", "HAS_OWN_IOU", fixed is not None))
        constants.append(constant("float", "OWN_IOU", float(fixed.iou) if fixed else 0.0))
        return kernel_source(
            "postprocess",
            [*constants, f'#define HEAD "{self.head.header}"', f"#define COLLECT {self.head.collector}"],
        )

    @property
    def window(self) -> int:
        """How many candidates are compared in advance, in whole words of bits."""
        return min(WINDOW, -(-self.head.candidates // COMPARED) * COMPARED)

    @property
    def edge_counts(self) -> int:
        """How many warps make the image."""
        columns, rows, _ = self._preprocess_grid
        return columns * rows * COLUMNS // 32

    @property
    def _preprocess_grid(self) -> tuple[int, int, int]:
        return math.ceil(self.spec.width / COLUMNS), math.ceil(self.spec.height / ROWS), 1

    @cached_property
    def _sizes(self) -> tuple[tuple[str, int], ...]:
        candidates = self.head.candidates
        return (
            ("edge_counts", 4 * self.edge_counts),
            ("count", 4),
            ("keys", 8 * candidates),
            ("labels", 4 * candidates),
            ("boxes", 16 * candidates),
            ("scores", 4 * candidates),
            ("ranked_labels", 4 * candidates),
            ("masks", self.window * self.window // 8 if self.head.suppress else 0),
        )

    @property
    def scratch_bytes(self) -> int:
        """How much of the arena they need beside the image and the maps; nothing else may lie there."""
        return sum(-(-size // ALIGNMENT) * ALIGNMENT for _, size in self._sizes)

    def preprocess(self, image: Place, scratch: Place) -> Part:
        """The launch that makes the image."""
        memory = FrameScratch(scratch, self._sizes)
        size = self.layout.size(self.spec.height, self.spec.width)
        launch = Launch(
            "preprocess",
            "preprocess",
            "zcc_preprocess",
            self._preprocess_grid,
            (COLUMNS, 1, 1),
            (Place("parameters"), image, memory.at("edge_counts")),
            label="preprocess",
            bytes=size,
            reads=(PARAMETER_RANGE,),
            writes=(Range(image.region, image.offset, image.offset + size), memory.range("edge_counts")),
        )
        return Part((launch,))

    def postprocess(self, scratch: Place) -> Part:
        """The launches that make detections, each behind the one before it."""
        memory = FrameScratch(scratch, self._sizes)
        launches = [self._collect(memory), self._rank(memory), self._select(memory)]
        if self.head.suppress:
            launches.insert(2, self._compare(memory))
        behind = [(n - 1,) if n else () for n in range(len(launches))]
        return Part(
            tuple(
                replace(each, after=after, overlaps=self.overlaps) for each, after in zip(launches, behind, strict=True)
            )
        )

    def zeroed(self, scratch: Place) -> tuple[Range, ...]:
        """What the launches count on to be zero when the first frame comes."""
        return (FrameScratch(scratch, self._sizes).range("count"),)

    def _collect(self, memory: FrameScratch) -> Launch:
        reads = (PARAMETER_RANGE, memory.range("count"), *self.head.reads())
        names = ("count", "keys", "labels")
        return _launch(
            "zcc_collect",
            math.ceil(self.head.candidates * self.head.lanes / COLLECT_THREADS),
            COLLECT_THREADS,
            (Place("parameters"), *self._maps, *map(memory.at, names)),
            reads,
            [memory.range(name) for name in names],
        )

    def _rank(self, memory: FrameScratch) -> Launch:
        found, ranked = ("count", "keys", "labels"), ("boxes", "scores", "ranked_labels")
        return _launch(
            "zcc_rank",
            min(math.ceil(self.head.candidates / RANKED), MOST_BLOCKS),
            RANK_THREADS,
            (*self._maps, *map(memory.at, (*found, *ranked))),
            [*map(memory.range, found), *self.head.reads()],
            [memory.range(name) for name in ranked],
        )

    def _compare(self, memory: FrameScratch) -> Launch:
        reads = ("count", "boxes", "ranked_labels")
        return _launch(
            "zcc_compare",
            min(math.ceil((self.window // COMPARED) ** 2 / TILES), COMPARING_BLOCKS),
            COMPARED * TILES,
            (Place("parameters"), *map(memory.at, (*reads, "masks"))),
            [PARAMETER_RANGE, *map(memory.range, reads)],
            [memory.range("masks")],
        )

    def _select(self, memory: FrameScratch) -> Launch:
        ranked = ("count", "boxes", "scores", "ranked_labels")
        masks, used = (memory.at("masks"), ("masks",)) if self.head.suppress else (NOWHERE, ())
        result = ResultLayout(self.max_det)
        parts = (0, result.boxes, result.scores, result.classes)
        return _launch(
            "zcc_select",
            1,
            SELECT_THREADS,
            (
                Place("parameters"),
                *map(memory.at, ranked),
                masks,
                memory.at("edge_counts"),
                *(Place("result", part) for part in parts),
            ),
            [PARAMETER_RANGE, *map(memory.range, (*ranked, *used, "edge_counts"))],
            [memory.range("count"), Range("result", 0, result.size)],
        )

    @property
    def _maps(self) -> tuple[Argument, ...]:
        return tuple(place or NOWHERE for place in self.head.maps())


def _launch(
    kernel: str,
    blocks: int,
    threads: int,
    arguments: Sequence[Argument],
    reads: Sequence[Range],
    writes: Sequence[Range],
) -> Launch:
    return Launch(
        "postprocess",
        "postprocess",
        kernel,
        (blocks, 1, 1),
        (threads, 1, 1),
        tuple(arguments),
        label=kernel.removeprefix("zcc_"),
        bytes=sum(each.end - each.begin for each in reads),
        reads=tuple(reads),
        writes=tuple(writes),
    )
