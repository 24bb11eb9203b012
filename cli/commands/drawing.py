"""Detections drawn on a picture, to be seen on any background."""

from __future__ import annotations

import colorsys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from zcc.commands.task_drawing import caption, mark, outline, shade
from zcc.runtime.escaping import escaped

if TYPE_CHECKING:
    from zcc.runtime import Detections

LONGEST_NAME = 40  # characters of a class's name; a label is one line
GOLDEN_ANGLE = 0.618034  # steps of this around the colour wheel keep neighbours in the class list far apart


def save_drawing(picture: npt.NDArray[np.uint8], found: Detections, names: Sequence[str], path: Path) -> None:
    """Write a BGR picture with every detection drawn on it: a framed box, its class name and score."""
    image = Image.fromarray(np.ascontiguousarray(picture[..., ::-1]))
    draw = ImageDraw.Draw(image)
    font = ImageFont.load_default(size=max(12, round(min(image.size) / 32)))
    line = max(2, round(min(image.size) / 240))
    # Labels over boxes, and the surest last, so that its label lies on top.
    if caption(draw, found, names, font):
        image.save(path, quality=92, subsampling=0)
        return
    shade(image, found, [class_color(number) for number in found.classes.tolist()])
    columns = (column[::-1].tolist() for column in (found.boxes, found.scores, found.classes))
    detections = list(zip(*columns, strict=True))
    for place, (box, _, number) in zip(range(len(detections))[::-1], detections, strict=True):
        if not outline(draw, found, place, class_color(number), line):
            _draw_box(draw, box, class_color(number), line)
        mark(draw, found, place, class_color(number), line)
    for box, score, number in detections:
        _draw_label(
            draw, box, f"{escaped(names[number][:LONGEST_NAME])} {score:.2f}", class_color(number), font, image.size
        )
    image.save(path, quality=92, subsampling=0)


def class_color(number: int) -> tuple[int, int, int]:
    """A class's colour: bright, saturated, and the same in every picture."""
    red, green, blue = colorsys.hsv_to_rgb(number * GOLDEN_ANGLE % 1.0, 0.85, 1.0)
    return round(red * 255), round(green * 255), round(blue * 255)


def _draw_box(draw: ImageDraw.ImageDraw, box: list[float], fill: tuple[int, int, int], line: int) -> None:
    left, top, right, bottom = box
    # A dark rim on both sides keeps the line visible on a background of its own colour.
    draw.rectangle((left - 1, top - 1, right + 1, bottom + 1), outline="black", width=line + 2)
    draw.rectangle((left, top, right, bottom), outline=fill, width=line)


def _draw_label(
    draw: ImageDraw.ImageDraw,
    box: list[float],
    text: str,
    fill: tuple[int, int, int],
    font: ImageFont.FreeTypeFont | ImageFont.ImageFont,
    size: tuple[int, int],
) -> None:
    width, height = (int(edge) + 6 for edge in draw.textbbox((0, 0), text, font=font)[2:])
    # Above the box where there is room, else inside its top edge, and never outside the picture.
    x = min(max(box[0], 0), max(size[0] - width, 0))
    y = box[1] - height if box[1] >= height else min(box[1], max(size[1] - height, 0))
    draw.rectangle((x, y, x + width, y + height), fill=fill, outline="black")
    bright = 0.299 * fill[0] + 0.587 * fill[1] + 0.114 * fill[2] > 110
    draw.text((x + 3, y + 3), text, fill="black" if bright else "white", font=font)
