"""The results of every task as lines for people."""

from __future__ import annotations

from typing import Any

from zcc.runtime.escaping import escaped

TURN = 360 / 6.283185307179586  # degrees of a radian


def as_line(row: dict[str, Any]) -> str:
    """A row for people: name, score, box, and what the task adds in a few words."""
    title = f"  {escaped(row['name']):<16} {row['score']:.2f}"
    if "box" not in row:
        return title
    left, top, right, bottom = row["box"]
    return f"{title}  {left:7.1f} {top:7.1f} {right:7.1f} {bottom:7.1f}{_extra(row)}"


def _extra(row: dict[str, Any]) -> str:
    if "keypoints" in row:
        seen = sum(visible >= 0.5 for *_, visible in row["keypoints"])
        return f"  {seen} of {len(row['keypoints'])} keypoints"
    if "rotated" in row:
        _, _, width, height, angle = row["rotated"]
        return f"  {width:.1f} x {height:.1f} turned by {angle * TURN:.0f} degrees"
    if "mask" in row:
        from zcc.runtime.tasks.outlines import unpacked

        return f"  {sum(unpacked(row['mask']['counts'])[1::2])} pixels"
    return ""
