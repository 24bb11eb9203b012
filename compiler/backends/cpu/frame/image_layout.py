"""How the network's input lies in memory, as the preprocess kernel writes it."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

from tvm.script.ir_builder import tirx as T

from zcc.compiler.backends.cpu.frame.letterbox import Expr
from zcc.compiler.ir.tensors import BFLOAT16
from zcc.runtime.manifest import InputSpec

UNIT = 1.0 / 255.0
WORD = 4  # bytes of a pixel that is stored whole


class ImageLayout(Hashable, Protocol):
    """One way to store an image of grey levels."""

    @property
    def dtype(self) -> str:
        """The type of an element."""

    @property
    def align(self) -> int:
        """Bytes that divide the address of every row."""

    def shape(self, spec: InputSpec) -> tuple[int, ...]:
        """Shape of the image as an array of `dtype`."""

    def strides(self) -> tuple[int, ...]:
        """Elements from one index to the next, for each axis of the shape."""

    def store(self, image: Any, y: Expr, x: Expr, levels: Sequence[Expr]) -> None:
        """Emit the store of one pixel: its red, green and blue as int32 grey levels."""

    def green(self, image: Any, y: Expr, x: Expr) -> Expr:
        """The green of a stored pixel as an int32 grey level."""


@dataclass(frozen=True)
class FloatPlanes:
    """A plane of float32 for each of R, G and B, 0..1; the pitches count elements."""

    row_pitch: int
    plane_pitch: int
    dtype: ClassVar[str] = "float32"
    align: ClassVar[int] = 4

    def shape(self, spec: InputSpec) -> tuple[int, ...]:
        """Three planes."""
        return (3, spec.height, spec.width)

    def strides(self) -> tuple[int, ...]:
        """Planes and rows may have a border around them."""
        return (self.plane_pitch, self.row_pitch, 1)

    def store(self, image: Any, y: Expr, x: Expr, levels: Sequence[Expr]) -> None:
        """One float to each plane."""
        for plane, level in enumerate(levels):
            T.buffer_store(image, T.cast(level, "float32") * T.float32(UNIT), [plane, y, x])

    def green(self, image: Any, y: Expr, x: Expr) -> Expr:
        """Rounding undoes the scale."""
        return T.cast(T.nearbyint(image[1, y, x] * T.float32(1 / UNIT)), "int32")


@dataclass(frozen=True)
class BytePixels:
    """Pixels of four bytes, R, G, B and 0, each a grey level; the pitch counts bytes."""

    row_pitch: int
    dtype: ClassVar[str] = "uint8"
    align: ClassVar[int] = WORD

    def __post_init__(self) -> None:
        if self.row_pitch % WORD:
            raise ValueError(f"a row pitch of {self.row_pitch} bytes does not hold whole pixels of {WORD}")

    def shape(self, spec: InputSpec) -> tuple[int, ...]:
        """The channels innermost."""
        return (spec.height, spec.width, WORD)

    def strides(self) -> tuple[int, ...]:
        """Rows may have a border around them."""
        return (self.row_pitch, WORD, 1)

    def store(self, image: Any, y: Expr, x: Expr, levels: Sequence[Expr]) -> None:
        """All four bytes at once."""
        red, green, blue = levels
        T.buffer_store(self._words(image), red | green << 8 | blue << 16, [y, x])

    def green(self, image: Any, y: Expr, x: Expr) -> Expr:
        """The second byte of the word, since that is what was stored."""
        return self._words(image)[y, x] >> 8 & 255

    def _words(self, image: Any) -> Any:
        pitch = self.row_pitch // WORD
        return T.decl_buffer(image.shape[:2], "int32", data=image.data, strides=(pitch, 1), align=WORD)


@dataclass(frozen=True)
class ShortPixels:
    """Pixels of four bfloat16 numbers, R, G, B and 0, each a grey level, which is exact; the pitch counts numbers."""

    row_pitch: int
    dtype: ClassVar[str] = BFLOAT16
    align: ClassVar[int] = 2 * WORD

    def shape(self, spec: InputSpec) -> tuple[int, ...]:
        """The channels innermost."""
        return (spec.height, spec.width, WORD)

    def strides(self) -> tuple[int, ...]:
        """Rows may have a border around them."""
        return (self.row_pitch, WORD, 1)

    def store(self, image: Any, y: Expr, x: Expr, levels: Sequence[Expr]) -> None:
        """All four numbers at once: the upper halves of the levels as floats."""
        red, green, blue = (T.reinterpret("uint32", T.cast(level, "float32")) >> T.uint32(16) for level in levels)
        low = T.cast(red | green << T.uint32(16), "uint64")
        T.buffer_store(self._words(image), low | T.cast(blue, "uint64") << T.uint64(32), [y, x])

    def green(self, image: Any, y: Expr, x: Expr) -> Expr:
        """The second number of the word, as a float again."""
        upper = T.cast(self._words(image)[y, x], "uint32") & T.uint32(0xFFFF0000)
        return T.cast(T.reinterpret("float32", upper), "int32")

    def _words(self, image: Any) -> Any:
        pitch = self.row_pitch // WORD
        return T.decl_buffer(image.shape[:2], "uint64", data=image.data, strides=(pitch, 1), align=2 * WORD)


def image_layout(dtype: str, *, row_pitch: int, plane_pitch: int) -> ImageLayout:
    """The layout in which a network of that input type reads its image; pitches in elements."""
    return LAYOUTS[dtype](row_pitch, plane_pitch)


LAYOUTS: dict[str, Callable[[int, int], ImageLayout]] = {
    "float32": FloatPlanes,
    "uint8": lambda row_pitch, plane_pitch: BytePixels(row_pitch),
    BFLOAT16: lambda row_pitch, plane_pitch: ShortPixels(row_pitch),
}
