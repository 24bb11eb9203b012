"""How a precision looks wherever variants are drawn: a colour and a shape, so that neither is needed alone."""

from __future__ import annotations

from zcc.web.markup import Markup, tag

# dtype -> the outline of its mark around (0, 0); the class of the same name has its colour.
SHAPES = {
    "fp32": "M-5.5 0a5.5 5.5 0 1 0 11 0a5.5 5.5 0 1 0 -11 0z",
    "fp16": "M-5 -5H5V5H-5z",
    "bf16": "M0 -6.8L6.8 0L0 6.8L-6.8 0z",
    "int8": "M0 -6.4L6.2 4.8H-6.2z",
}
OTHER = "M-5 -2H-2V-5H2V-2H5V2H2V5H-2V2H-5z"


def series(dtype: str) -> str:
    """The class that gives a precision its colour."""
    return dtype if dtype in SHAPES else "otherwise"


def outline(dtype: str) -> Markup:
    """The mark of a precision, to be placed in a chart."""
    return tag("path", d=SHAPES.get(dtype, OTHER))


def mark(dtype: str) -> Markup:
    """The mark of a precision, to stand in a text."""
    return tag("svg", outline(dtype), class_=f"mark {series(dtype)}", viewBox="-7 -7 14 14", aria_hidden="true")
