"""Whether a plan can be run: by its words alone, without a card.

What is read was written before, in every order that the edges allow; what two launches touch at a time, neither
writes; everything lies inside its region, and no launch is larger than its architecture takes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

from zcc.runtime.errors import BuildError
from zcc.runtime.executors.plan import REGIONS, Launch, Place, Plan, Range

GIVEN = ("weights", "parameters")  # regions that are written before the launches
MOST_THREADS = 1024
MOST_GRID = (2**31 - 1, 65535, 65535)
MOST_BLOCK = (1024, 1024, 64)
MOST_ARGUMENT_BYTES = 4096  # of a launch, on every card (CUDA C++ Programming Guide, as the sizes above)
# Bytes of dynamic shared memory that a block may ask for, by capability; others have the least of them.
SHARED = {70: 98304, 75: 65536, 80: 166912, 86: 101376, 87: 166912, 89: 101376, 90: 232448, 100: 232448, 120: 101376}
LEAST_SHARED = 49152


def check_plan(plan: Plan) -> None:
    """BuildError with the first faults of a plan."""
    faults = list(find_faults(plan))
    if faults:
        more = f", and {len(faults) - 3} more" if len(faults) > 3 else ""
        raise BuildError(f"the launch plan is wrong: {'; '.join(faults[:3])}{more}", "report it with the model")


def find_faults(plan: Plan) -> Iterator[str]:
    """Everything that is wrong with a plan, in words."""
    yield from _strange_words(plan)
    for index, launch in enumerate(plan.launches):
        name = _name(index, launch)
        yield from (f"{name} {fault}" for fault in _too_large(launch, plan.arch))
        yield from (f"{name} {fault}" for fault in _out_of_bounds(launch, plan))
    cycle = [index for index, launch in enumerate(plan.launches) if any(not 0 <= k < index for k in launch.after)]
    if cycle:
        yield from (f"{_name(index, plan.launches[index])} waits for itself or a later one" for index in cycle)
        return
    before = ancestors(plan)
    yield from _collisions(plan, before)
    yield from _unwritten(plan, before)


def ancestors(plan: Plan) -> list[int]:
    """For each launch, as the bits of a number, those that have ended when it begins."""
    found: list[int] = []
    for launch in plan.launches:
        bits = 0
        for index in launch.after:
            bits |= found[index] | 1 << index
        found.append(bits)
    return found


def _name(index: int, launch: Launch) -> str:
    return f"launch {index} ({launch.label or launch.kernel})"


def _strange_words(plan: Plan) -> Iterator[str]:
    if set(plan.regions) != set(REGIONS):
        yield f"its regions are {', '.join(sorted(plan.regions))}"
    unknown = sorted({launch.module for launch in plan.launches} - set(plan.modules))
    if unknown:
        yield f"there is no module {', '.join(unknown)}"
    for name, tensor in plan.tensors.items():
        if not 0 <= tensor.place.offset <= plan.regions.get(tensor.place.region, -1):
            yield f"the tensor {name} lies outside {tensor.place.region}"


def _too_large(launch: Launch, arch: str) -> Iterator[str]:
    if any(not 1 <= size <= most for size, most in zip(launch.grid, MOST_GRID, strict=True)):
        yield f"has a grid of {launch.grid}"
    x, y, z = launch.block
    if any(not 1 <= size <= most for size, most in zip(launch.block, MOST_BLOCK, strict=True)) or (
        x * y * z > MOST_THREADS
    ):
        yield f"has blocks of {launch.block} threads"
    most = shared_limit(arch)
    if not 0 <= launch.shared_bytes <= most:
        yield f"asks for {launch.shared_bytes} bytes of shared memory, {arch} has {most}"
    if 8 * len(launch.arguments) > MOST_ARGUMENT_BYTES:
        yield f"has {len(launch.arguments)} arguments"


def shared_limit(arch: str) -> int:
    """Bytes of dynamic shared memory that a block may have on an architecture."""
    digits = arch.removeprefix("sm_").rstrip("af")
    return SHARED.get(int(digits) if digits.isdecimal() else 0, LEAST_SHARED)


def _out_of_bounds(launch: Launch, plan: Plan) -> Iterator[str]:
    for argument in launch.arguments:
        if isinstance(argument, Place) and not 0 <= argument.offset <= plan.regions.get(argument.region, -1):
            yield f"is given {argument.region} + {argument.offset}, which has {plan.regions.get(argument.region)} bytes"
    for verb, ranges in (("reads", launch.reads), ("writes", launch.writes)):
        for each in ranges:
            if not 0 <= each.begin < each.end <= plan.regions.get(each.region, -1):
                yield f"{verb} {_bytes(each)}, which has {plan.regions.get(each.region)} bytes"
    for each in launch.writes:
        if each.region in GIVEN:
            yield f"writes {_bytes(each)}, which is not for launches to write"


def _bytes(each: Range) -> str:
    return f"{each.region} {each.begin}..{each.end}"


def _collisions(plan: Plan, before: list[int]) -> Iterator[str]:
    """Launches that no edge orders, of which one writes what the other touches."""
    for (i, first), (j, second) in combinations(enumerate(plan.launches), 2):
        if before[j] >> i & 1:
            continue
        touched = next((pair for pair in _conflicts(first, second)), None)
        if touched is not None:
            yield f"{_name(j, second)} and {_name(i, first)} may run at once, and both touch {_bytes(touched)}"


def _conflicts(first: Launch, second: Launch) -> Iterator[Range]:
    for ours, theirs in (
        (first.writes, second.writes),
        (first.writes, second.reads),
        (first.reads, second.writes),
    ):
        for mine in ours:
            for other in theirs:
                if mine.meets(other):
                    yield Range(mine.region, max(mine.begin, other.begin), min(mine.end, other.end))


@dataclass
class _Missing:
    """Bytes that have still to be found written, in pieces."""

    pieces: list[Range]

    def remove(self, written: Range) -> None:
        """Take away what was."""
        self.pieces = [left for piece in self.pieces for left in _without(piece, written)]


def _without(piece: Range, written: Range) -> list[Range]:
    """What is left of a piece."""
    if not piece.meets(written):
        return [piece]
    if written.pitch:
        return _without_columns(piece, written)
    if piece.pitch:
        return [] if written.begin <= piece.begin and piece.end <= written.end else [piece]
    before = Range(piece.region, piece.begin, min(piece.end, written.begin))
    behind = Range(piece.region, max(piece.begin, written.end), piece.end)
    return [left for left in (before, behind) if left.begin < left.end]


def _without_columns(piece: Range, written: Range) -> list[Range]:
    """A piece in rows of a pitch, without some columns of all its rows; all of it where the rows are not the same."""
    pitch = written.pitch
    rows_differ = written.begin - pitch >= piece.begin or piece.end >= written.end + pitch
    if piece.pitch not in (0, pitch) or rows_differ:
        return [piece]
    width = piece.width or min(pitch, piece.end - piece.begin)
    begin = (written.begin - piece.begin) % pitch
    kept = [(max(0, begin - pitch + written.width), min(width, begin)), (begin + written.width, width)]
    return [
        Range(piece.region, piece.begin + low, piece.end - (width - high), high - low, pitch)
        for low, high in kept
        if low < high
    ]


def _unwritten(plan: Plan, before: list[int]) -> Iterator[str]:
    """Reads of bytes that no launch has written that must have ended by then."""
    for index, launch in enumerate(plan.launches):
        for read in launch.reads:
            if read.region in GIVEN:
                continue
            missing = _Missing([read])
            for written in (*plan.zeroed, *_written_by(plan, before[index])):
                missing.remove(written)
            if missing.pieces:
                yield f"{_name(index, launch)} reads {_bytes(missing.pieces[0])}, which nothing before it has written"


def _written_by(plan: Plan, bits: int) -> Iterator[Range]:
    for index, launch in enumerate(plan.launches):
        if bits >> index & 1:
            yield from launch.writes
