"""Memory that compiled code works in: its caller's, in one piece, of a size that tells how many threads it is for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tvm import ir, tirx
from tvm.ir import PrimType
from tvm.script.ir_builder import tirx as T

from zcc.compiler.backends.cpu.program.pointers import address_of, pointer


@dataclass(frozen=True)
class Memory:
    """Bytes: those that all threads share, and more for each thread."""

    shared: int = 0
    each: int = 0

    def bytes(self, threads: int) -> int:
        """What so many threads need."""
        return self.shared + threads * self.each

    def also(self, other: Memory) -> Memory:
        """Memory that is enough for the one and for the other."""
        return Memory(max(self.shared, other.shared), max(self.each, other.each))

    def behind(self, size: int) -> Memory:
        """With so many bytes before it."""
        return Memory(self.shared + size, self.each)


@dataclass(frozen=True)
class Workspace:
    """Working memory as a subroutine gets it: where it begins, and for how many threads it is."""

    memory: Any
    threads: Any

    @classmethod
    def declare(cls) -> Workspace:
        """The parameters of a subroutine that needs working memory."""
        return cls(pointer("scratch", "uint8"), tirx.Var("threads", PrimType("int32")))


@dataclass(frozen=True)
class Arena:
    """An entry point's last piece of planned memory, and the workspace of its kernels behind it."""

    buffer: Any
    planned: int
    scratch: Memory

    @classmethod
    def declare(cls, planned: int, scratch: Memory) -> Arena:
        """The next parameter of the entry point being built."""
        room = tirx.Var("room", PrimType("int64"))
        return cls(T.arg("arena", T.Buffer((room,), "uint8")), planned, scratch)

    def workspace(self) -> Workspace:
        """Emit what is behind the planned memory, for as many threads as the arena has room for."""
        room, least = self.buffer.ty.shape[0], self.planned + self.scratch.bytes(1)
        message = ir.StringImm(f"the arena is smaller than {least} bytes")
        T.add_to_parent(tirx.AssertStmt(room >= least, ir.StringImm("ValueError"), [message]))
        memory = address_of(self.buffer, self.planned)
        if not self.scratch.each:
            return Workspace(memory, tirx.const(1, "int32"))
        strips = tirx.floordiv(room - (self.planned + self.scratch.shared), self.scratch.each)
        return Workspace(memory, T.bind(tirx.Cast(PrimType("int32"), strips)))
