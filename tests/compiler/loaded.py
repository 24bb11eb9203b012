"""Reads models that tests wrote themselves: without a sandbox, which takes a process and most of a second."""

from __future__ import annotations

from pathlib import Path

from zcc.compiler.frontend.load import prepare
from zcc.compiler.frontend.model import Model
from zcc.compiler.frontend.operators import supported_operators


def load_here(path: Path) -> Model:
    """What `load_model` makes of the file, made in this process."""
    return prepare(path, None, None, supported_operators())
