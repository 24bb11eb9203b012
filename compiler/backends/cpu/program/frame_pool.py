"""The machine code by which threads share a frame, for the module of every artifact."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import tvm

from zcc.runtime import frame_pool

# Of one source, in this order: launching, taking part, waiting.
SOURCES = [Path(__file__).with_name(f"frame_pool_{part}.ll") for part in ("launch", "work", "wait")]
# By architecture, what differs: how a thread that looks for work lets the core's other one go first, and the number of
# Linux's `futex`.
MACHINES = {
    "x86_64": {"pause": "llvm.x86.sse2.pause", "pause_type": "", "pause_argument": "", "futex": "202"},
    "aarch64": {"pause": "llvm.aarch64.isb", "pause_type": "i32", "pause_argument": "i32 15", "futex": "98"},
}
STRIP, STRIPS, TASKS = "zcc_pool_strip", "zcc_pool_strips", "zcc_pool_tasks"  # what kernels call of it by name
# The most shares of a loop in a piece: each costs a call, and the last thread's share is what the others wait for.
SHARES_OF_A_PIECE = 4
# Nanoseconds that a thread waits for the others, where its own part took no longer, before it looks at what is left of
# theirs; from how many threads on. A loop that does nothing, on a Xeon with AMX: 1.6 to 1.4 us on 4 threads, 2.0 to 1.5
# on 8, 2.9 to 1.9 on 16. Waiting longer gained nothing. On 2 threads of a Zen 3 it was 1.8 us instead of 1.4: there the
# owner had better help at once.
MOMENT_NS, MANY = 500, 4
NAMES = {
    "join": frame_pool.JOIN,
    "work": frame_pool.WORK,
    "limit": frame_pool.LIMIT,
    "strip": STRIP,
    "strips": STRIPS,
    "tasks": TASKS,
    "shares_of_a_piece": str(SHARES_OF_A_PIECE),
    "moment": str(MOMENT_NS),
    "many": str(MANY),
}


def write_pool(target: Any, folder: Path) -> Path:
    """An object file for the target that is linked into its modules."""
    compiled = folder / "frame_pool.o"
    compiled.write_bytes(_compiled(_source(target)))
    return compiled


@cache
def _compiled(text: str) -> bytes:
    with tempfile.TemporaryDirectory(prefix="zcc-") as scratch:
        source, compiled = Path(scratch, "frame_pool.ll"), Path(scratch, "frame_pool.o")
        source.write_text(text, encoding="utf-8")
        tvm.runtime.load_module(str(source)).write_to_file(str(compiled))
        return compiled.read_bytes()


def _source(target: Any) -> str:
    text = "\n".join(source.read_text(encoding="utf-8") for source in SOURCES)
    architecture = str(target.attrs["mtriple"]).partition("-")[0]
    described = str(target).replace('"', "\\22")
    for word, meant in {**MACHINES[architecture], **NAMES, "target": described}.items():
        text = text.replace(f"{{{word}}}", meant)
    return text
