"""A small plan: two branches between a beginning and an end."""

from __future__ import annotations

from zcc.runtime.executors.plan import Launch, Place, Plan, PlanTensor, Range, Value

REGIONS = {"weights": 64, "arena": 1024, "parameters": 96, "result": 256}


def launch(
    name: str, reads: list[Range], writes: list[Range], after: tuple[int, ...] = (), stage: str = "network"
) -> Launch:
    places = tuple(Place(each.region, each.begin) for each in (*reads, *writes))
    return Launch(
        stage, "module", name, (4, 2, 1), (128, 1, 1), places, after, reads=tuple(reads), writes=tuple(writes)
    )


def arena(begin: int, end: int) -> Range:
    return Range("arena", begin, end)


BEGIN = launch("begin", [Range("parameters", 0, 96)], [arena(0, 256)], stage="preprocess")
LEFT = launch("left", [arena(0, 256), Range("weights", 0, 64)], [arena(256, 512)], (0,))
RIGHT = launch("right", [arena(0, 256)], [arena(512, 768)], (0,))
END = launch("end", [arena(256, 768)], [Range("result", 0, 256)], (1, 2), "postprocess")
NUMBERS = (Value("i32", -3), Value("f32", 0.1), Value("u64", 1 << 63))


def plan(*launches: Launch) -> Plan:
    tensors = {"input": PlanTensor(Place("arena", 0), "float16", (2, 4, 4))}
    return Plan("sm_90", REGIONS, ("module",), launches or (BEGIN, LEFT, RIGHT, END), tensors, (arena(1000, 1024),))
