"""The results of every task as rows, as JSON writes them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def result_rows(found: Any, names: Sequence[str]) -> list[dict[str, Any]]:
    """One for each detection, the surest first; of a classifier one for each of the likeliest classes."""
    if hasattr(found, "probabilities"):
        return [{**row, "name": names[row["class"]]} for row in found.extras()]
    columns = zip(found.boxes.tolist(), found.scores.tolist(), found.classes.tolist(), found.extras(), strict=True)
    return [
        {"box": box, "score": score, "class": number, "name": names[number], **extra}
        for box, score, number, extra in columns
    ]
