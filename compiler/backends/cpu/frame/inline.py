"""Named pieces of TIR that are written out wherever they are called, and functions that are made of them.

They are `T.inline` and `T.prim_func` but for this: those ask Python for every calling frame with its source, to find
the parser at work among them, and read a piece's source anew at every call. That took half of compiling a small model.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import cached_property
from typing import Any

from tvm.script import tirx as T
from tvm.script.parser.core.entry import parse, scan_macro
from tvm.script.parser.core.utils import inspect_function_capture
from tvm.tirx.script.parser.entry import TIRInline


class _Inline(TIRInline):  # type: ignore[misc]  # TVM has no types
    def _find_parser_def(self) -> Any:
        frame = sys._getframe()
        while self.parser_object_name not in frame.f_globals:
            if frame.f_back is None:
                raise RuntimeError(f"{self.func.__name__} is TIR, and was called outside of a T.prim_func")
            frame = frame.f_back
        return frame.f_globals[self.parser_object_name]

    def get_macro_def(self) -> Any:
        return self._definition

    @cached_property
    def _definition(self) -> Any:
        return super().get_macro_def()


def inline(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function as a piece of TIR, for use inside a `prim_func`."""
    source, captured = scan_macro(function, inspect_function_capture(function))
    piece = _Inline(source, captured, function)
    return lambda *args, **kwargs: piece(*args, **kwargs)


def prim_func(function: Callable[..., Any]) -> Any:
    """The function as TIR. Its annotations name what its module knows, or what its body uses, too."""
    return parse(function, inspect_function_capture(function))


prim_func.dispatch_token = T.prim_func.dispatch_token  # type: ignore[attr-defined]  # by which the parser knows it
