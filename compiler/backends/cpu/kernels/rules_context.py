"""MetaSchedule's context of a task, without what it imports.

Its constructor imports every tensor intrinsic that TVM knows, and parsing them takes half a minute; our templates have
intrinsics of their own.
"""

from __future__ import annotations

from typing import Any

from tvm import ir
from tvm.s_tir import meta_schedule as ms
from tvm.s_tir.meta_schedule import _ffi_api

SEED = 20241


class RulesContext(ms.TuneContext):  # type: ignore[misc]
    """A module, its design space, and the strategy that searches it."""

    def __init__(self, module: ir.IRModule, target: Any, space: Any, strategy: Any = None, name: str = "main") -> None:
        self.__init_handle_by_constructor__(
            _ffi_api.TuneContext, module, target, space, strategy, name, 1, SEED, _say_nothing
        )
        _ffi_api.TuneContextInitialize(self)


def _say_nothing(*_: Any) -> None:
    """Nothing: the search reports progress itself."""
