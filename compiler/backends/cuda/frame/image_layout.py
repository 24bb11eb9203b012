"""How the network's input lies in memory, as the preprocess kernel writes it."""

from __future__ import annotations

from dataclasses import dataclass

CHANNELS = 4  # red, green, blue and a zero: what is stored at once
ELEMENTS = {"float16": ("f16", 2), "bfloat16": ("bf16", 2), "float32": ("float", 4), "uint8": ("u8", 1)}


@dataclass(frozen=True)
class ImageLayout:
    """NHWC, four or eight channels to a pixel, of which three are used; an element is a grey level times `scale`."""

    dtype: str
    row_pitch: int  # pixels from row to row
    scale: float = 1.0
    channels: int = CHANNELS

    @property
    def element(self) -> str:
        """What the kernels call the type."""
        return ELEMENTS[self.dtype][0]

    @property
    def pixel_bytes(self) -> int:
        """Bytes of a pixel; they divide the image's address."""
        return self.channels * ELEMENTS[self.dtype][1]

    def size(self, height: int, width: int) -> int:
        """Bytes from the first pixel to the end of the last."""
        return ((height - 1) * self.row_pitch + width) * self.pixel_bytes
