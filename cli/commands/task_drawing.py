"""What tasks add to a drawn picture: masks beneath the boxes, keypoints over them, rotated boxes in their place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

Color = tuple[int, int, int]

OPAQUE = 0.45  # of a mask
SEEN = 0.5  # how visible a keypoint must be to be drawn
# Pairs of COCO's seventeen keypoints that a body joins.
LIMBS = (
    (0, 1), (0, 2), (1, 3), (2, 4), (5, 6), (5, 7), (7, 9), (6, 8), (8, 10),
    (5, 11), (6, 12), (11, 12), (11, 13), (13, 15), (12, 14), (14, 16),
)  # fmt: skip
BODY = 17
DARK = (0, 0, 0)


def shade(image: Image.Image, found: Any, colors: Sequence[Color]) -> None:
    """Tint the pixels of every mask, the surest last."""
    if not hasattr(found, "masks"):
        return
    pixels = np.asarray(image).astype(np.float32)
    pairs = [*zip(found.masks.all(), found.masks.pixels.tolist(), colors, strict=True)]
    for bitmap, (left, top, right, bottom), color in reversed(pairs):
        area = pixels[top:bottom, left:right]
        area[bitmap] += (np.float32(color) - area[bitmap]) * OPAQUE
    image.paste(Image.fromarray(pixels.astype(np.uint8)))


def outline(draw: ImageDraw.ImageDraw, found: Any, number: int, color: Color, line: int) -> bool:
    """Draw a rotated box, where the detection has one; whether it has."""
    if not hasattr(found, "corners"):
        return False
    corners = [tuple(corner) for corner in found.corners[number].tolist()]
    for fill, width in ((DARK, line + 2), (color, line)):
        draw.line([*corners, corners[0], corners[1]], fill=fill, width=width, joint="curve")
    return True


def mark(draw: ImageDraw.ImageDraw, found: Any, number: int, color: Color, line: int) -> None:
    """Draw the keypoints of a detection that can be seen, and where they are a body's, what joins them."""
    if not hasattr(found, "keypoints"):
        return
    points = found.keypoints[number].tolist()
    for first, second in LIMBS if len(points) == BODY else ():
        if min(points[first][2], points[second][2]) >= SEEN:
            draw.line([*points[first][:2], *points[second][:2]], fill=color, width=line)
    for x, y, visible in points:
        if visible >= SEEN:
            radius = line + 1
            draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=color, outline=DARK)


def caption(draw: ImageDraw.ImageDraw, found: Any, names: Sequence[str], font: Any) -> bool:
    """Write a classifier's likeliest classes into a corner, where the result is one; whether it is."""
    if not hasattr(found, "probabilities"):
        return False
    text = "\n".join(f"{names[number][:40]} {score:.2f}" for number, score in found.top(5))
    left, top, right, bottom = draw.multiline_textbbox((8, 8), text, font=font)
    draw.rectangle((left - 6, top - 6, right + 6, bottom + 6), fill=DARK)
    draw.multiline_text((8, 8), text, fill=(255, 255, 255), font=font)
    return True
