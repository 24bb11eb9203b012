"""A picture twice, with what each of two detectors finds in it, and what only one of them does marked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw

from zcc.commands.drawing import Color, draw_detections, font_of, text_color
from zcc.runtime.escaping import escaped

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from zcc.compiler.quality.confident import ConfidentDetections
    from zcc.compiler.quality.picture_differences import PictureDifference

IN_BOTH: Color = (150, 158, 168)
LOST: Color = (255, 110, 60)
GAINED: Color = (70, 210, 130)
PAPER: Color = (24, 27, 32)
SMALLEST_SIDE = 480  # to which small pictures are enlarged: words beside them must be read


def side_by_side(
    picture: NDArray[np.uint8], difference: PictureDifference, names: Sequence[str], titles: tuple[str, str]
) -> Image.Image:
    """A BGR picture as A sees it beside how B does, each under its title."""
    scale = max(1, -(-SMALLEST_SIDE // max(picture.shape[:2])))
    halves = [
        _half(picture, scale, difference.before, difference.lost, LOST, names),
        _half(picture, scale, difference.after, difference.gained, GAINED, names),
    ]
    lost, gained = int(difference.lost.sum()), int(difference.gained.sum())
    words = (f"A  {titles[0]}  {lost} only here", f"B  {titles[1]}  {gained} only here")
    width, height = halves[0].size
    gap = max(4, round(width / 100))
    font = font_of(max(12, round(min(width / 32, height / 24))))
    head = round(1.8 * font.size)
    sheet = Image.new("RGB", (2 * width + gap, height + head), PAPER)
    draw = ImageDraw.Draw(sheet)
    for left, half, text, color in zip((0, width + gap), halves, words, (LOST, GAINED), strict=True):
        sheet.paste(half, (left, head))
        draw.rectangle((left, 0, left + width - 1, head - 1), fill=color)
        draw.text((left + head / 4, head / 2), escaped(text), fill=text_color(color), font=font, anchor="lm")
    return sheet


def _half(
    picture: NDArray[np.uint8],
    scale: int,
    found: ConfidentDetections,
    alone: NDArray[np.bool_],
    mark: Color,
    names: Sequence[str],
) -> Image.Image:
    """What both find in grey, and over it what one finds alone."""
    from zcc.runtime import Detections

    image = Image.fromarray(np.ascontiguousarray(picture[..., ::-1]))
    image = image.resize((image.width * scale, image.height * scale), Image.Resampling.LANCZOS)
    for chosen, color in ((~alone, IN_BOTH), (alone, mark)):
        part = Detections(
            (found.boxes[chosen] * scale).astype(np.float32),
            found.scores[chosen].astype(np.float32),
            found.classes[chosen].astype(np.int32),
            0.0,
        )
        draw_detections(image, part, names, [color] * int(chosen.sum()))
    return image
