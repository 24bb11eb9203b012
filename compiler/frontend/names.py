"""Class names: from the model's metadata, from a file, or numbered."""

from __future__ import annotations

import ast
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import onnx

from zcc.runtime import limits
from zcc.runtime.errors import ModelError, UsageError
from zcc.runtime.manifest_rules import CLASS_NAME
from zcc.runtime.regular import read_text, reason
from zcc.runtime.rules import Breach, brief

MAX_TEXT = 1 << 20


def read_class_file(path: Path) -> tuple[str, ...]:
    """The names in a text file, one per line."""
    try:
        lines = read_text(path, limits.CLASS_FILE, "utf-8-sig").rstrip().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read class names from {path} ({reason(error)})", "give a UTF-8 text file") from error
    found = tuple(line.strip() for line in lines)
    if not found or not all(found):
        raise UsageError(f"{path} has no class name on line {found.index('') + 1 if found else 1}",
                         "write one name per line")  # fmt: skip
    if (unfit := unfit_name(found)) is not None:
        raise UsageError(f"{path} has the class name {unfit}, which no artifact can carry", "write another")
    return found


def from_metadata(proto: onnx.ModelProto) -> tuple[str, ...] | None:
    """The names an exporter left as `names`, or None where it left none."""
    text = next((entry.value for entry in proto.metadata_props if entry.key == "names"), None)
    if text is None:
        return None
    found = listed(parse(text))
    if not found:
        raise ModelError("the class names in the model's metadata cannot be read", "give them with --classes FILE")
    names = tuple(str(name) for name in found)
    if (unfit := unfit_name(names)) is not None:
        raise ModelError(
            f"the model's metadata has the class name {unfit}, which no artifact can carry",
            "give others with --classes FILE",
        )
    return names


def unfit_name(names: Sequence[str]) -> str | None:
    """The first name that the manifest of an artifact could not hold, None where all are fit."""
    for name in names:
        try:
            CLASS_NAME(name, "")
        except Breach:
            return brief(name)
    return None


def parse(text: str) -> Any:
    """The literal in a text, whether JSON or Python wrote it; None for anything else."""
    for reader in (json.loads, ast.literal_eval):
        try:
            return reader(text[:MAX_TEXT])
        except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
            continue
    return None


def listed(value: Any) -> list[Any]:
    """The names in order of their class number; empty unless every number from 0 on has one."""
    if isinstance(value, (list, tuple)):
        return list(value)
    if not isinstance(value, dict):
        return []
    by_number = {str(number): name for number, name in value.items()}
    numbers = [str(number) for number in range(len(value))]
    return [by_number[number] for number in numbers] if by_number.keys() == set(numbers) else []


def numbered(count: int) -> tuple[str, ...]:
    """Names for classes that nobody named."""
    return tuple(f"class{number}" for number in range(count))
