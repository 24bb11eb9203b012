"""Detections drawn on a picture of any size, to be seen on any background."""

from __future__ import annotations

import colorsys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from zcc.commands.label_places import Place, place_labels
from zcc.commands.task_drawing import caption, mark, outline, shade
from zcc.runtime.escaping import escaped

if TYPE_CHECKING:
    from zcc.runtime import Detections

Color = tuple[int, int, int]
Font = ImageFont.FreeTypeFont

LONGEST_NAME = 40  # characters of a class's name; a label is one line
GOLDEN_ANGLE = 0.618034  # steps of this around the colour wheel keep neighbours in the class list far apart
# Saturation and brightness by turns, so that the hundredth class is no twin of the first.
TONES = ((0.85, 1.0), (0.55, 1.0), (0.95, 0.75))
CLASSES_PER_TONE = 12
SMALLEST_TEXT, LARGEST_TEXT = 9, 64  # pixels
FONTS_KEPT = 16
DARK, LIGHT = (0, 0, 0), (255, 255, 255)


@dataclass(frozen=True)
class Pen:
    """How thick lines and how large letters are."""

    line: int
    text: int
    margin: int

    @classmethod
    def fitting(cls, size: tuple[int, int], boxes: npt.NDArray[np.float32]) -> Pen:
        """What suits a picture of this size (width, height), and the boxes in it: many small ones want small labels."""
        shorter = min(size)
        room = shorter / 28
        if len(boxes):
            sides = np.sqrt(np.maximum(np.prod(boxes[:, 2:] - boxes[:, :2], axis=1), 1))
            room = min(room, max(float(np.median(sides)) / 4, shorter / 60))
        text = int(np.clip(round(room), SMALLEST_TEXT, LARGEST_TEXT))
        return cls(line=max(1, round(min(shorter / 240, text / 6))), text=text, margin=max(2, round(text / 5)))


def save_drawing(picture: npt.NDArray[np.uint8], found: Detections, names: Sequence[str], path: Path) -> None:
    """Write a BGR picture with every detection drawn on it."""
    annotated(picture, found, names).save(path, quality=92, subsampling=0)


def annotated(picture: npt.NDArray[np.uint8], found: Detections, names: Sequence[str]) -> Image.Image:
    """A BGR picture as an image, with every detection drawn on it."""
    image = Image.fromarray(np.ascontiguousarray(picture[..., ::-1]))
    draw_detections(image, found, names)
    return image


def draw_detections(
    image: Image.Image, found: Detections, names: Sequence[str], colors: Sequence[Color] | None = None
) -> None:
    """Draw a framed box, its class's name and score for each; colours are the classes' where none are given."""
    if caption(ImageDraw.Draw(image), found, names, font_of(max(SMALLEST_TEXT, min(image.size) // 24))):
        return
    if not found.scores.size:
        return
    draw, pen = ImageDraw.Draw(image), Pen.fitting(image.size, found.boxes)
    font = font_of(pen.text)
    boxes, classes = found.boxes.tolist(), found.classes.tolist()
    colors = colors or [class_color(number) for number in classes]
    shade(image, found, colors)
    texts = [label_text(names[number], score) for number, score in zip(classes, found.scores.tolist(), strict=True)]
    places = place_labels(boxes, [_label_size(font, text, pen) for text in texts], image.size)
    # Labels over boxes, and the surest last, so that what has to overlap hides the less sure.
    for number, (box, color) in reversed([*enumerate(zip(boxes, colors, strict=True))]):
        if not outline(draw, found, number, color, pen.line):
            _draw_box(draw, box, color, pen)
        mark(draw, found, number, color, pen.line)
    for place, text, color in reversed([*zip(places, texts, colors, strict=True)]):
        _draw_label(draw, place, text, color, font, pen)


def label_text(name: str, score: float) -> str:
    """What stands at a box."""
    return f"{escaped(name[:LONGEST_NAME])} {score:.2f}"


def class_color(number: int) -> Color:
    """A class's colour: bright, and the same in every picture."""
    saturation, brightness = TONES[number // CLASSES_PER_TONE % len(TONES)]
    red, green, blue = colorsys.hsv_to_rgb(number * GOLDEN_ANGLE % 1.0, saturation, brightness)
    return round(red * 255), round(green * 255), round(blue * 255)


def text_color(background: Color) -> Color:
    """Dark or light, whichever is easier to read on it."""
    behind = _luminance(background)
    # The contrast of WCAG.
    on_dark, on_light = (1.05 / (behind + 0.05)), ((behind + 0.05) / (_luminance(DARK) + 0.05))
    return LIGHT if on_dark > on_light else DARK


def _luminance(color: Color) -> float:
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in np.array(color) / 255]
    return float(np.dot(linear, (0.2126, 0.7152, 0.0722)))


@lru_cache(maxsize=FONTS_KEPT)
def font_of(size: int) -> ImageFont.FreeTypeFont:
    """The letters of all drawings, which come with Pillow."""
    font = ImageFont.load_default(size=size)
    assert isinstance(font, ImageFont.FreeTypeFont)  # as Pillow has it wherever a size is given
    return font


def _label_size(font: Font, text: str, pen: Pen) -> tuple[int, int]:
    """Width, and a height that is the same for every text."""
    return round(font.getlength(text)) + 2 * pen.margin, pen.text + 2 * pen.margin


def _draw_box(draw: ImageDraw.ImageDraw, box: Sequence[float], color: Color, pen: Pen) -> None:
    left, top, right, bottom = (round(edge) for edge in box)
    right, bottom = max(left, right), max(top, bottom)
    # A dark rim on both sides keeps the line visible on a background of its own colour.
    rim = max(1, pen.line // 2)
    draw.rectangle((left - rim, top - rim, right + rim, bottom + rim), outline=DARK, width=pen.line + 2 * rim)
    draw.rectangle((left, top, right, bottom), outline=color, width=pen.line)


def _draw_label(draw: ImageDraw.ImageDraw, at: Place, text: str, color: Color, font: Font, pen: Pen) -> None:
    left, top, right, bottom = at
    draw.rectangle((left, top, right - 1, bottom - 1), fill=color, outline=DARK)
    draw.text((left + pen.margin, (top + bottom) / 2), text, fill=text_color(color), font=font, anchor="lm")
