"""Named pieces of TIR that are written out wherever they are called.

They are `T.inline` but for one thing: that asks Python for every calling frame with its source to find the parser at
work among them, which took a third of compiling a small model.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from tvm.script.parser.core.entry import scan_macro
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


def inline(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function as a piece of TIR, for use inside a `T.prim_func`."""
    source, captured = scan_macro(function, inspect_function_capture(function))
    piece = _Inline(source, captured, function)
    return lambda *args, **kwargs: piece(*args, **kwargs)
