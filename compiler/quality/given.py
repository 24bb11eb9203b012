"""What is wrong with what a compile is given, as far as it can be told before the compiler itself is loaded.

That takes seconds and 250 MB. What is told of files is told again where they are used, since they may change.
"""

from __future__ import annotations

from pathlib import Path

from zcc.compiler.frontend.names import read_class_file
from zcc.compiler.frontend.read_file import check_model_files
from zcc.compiler.precision.frames import need_frame
from zcc.compiler.quality.comparison import POINTS
from zcc.compiler.quality.pictures import check_pictures
from zcc.runtime.errors import UsageError


def check_files(model: Path, classes: Path | None = None, calib: Path | None = None, data: Path | None = None) -> None:
    """Raise for a file that cannot be what it is given as."""
    check_model_files(model)
    if classes is not None:
        read_class_file(classes)
    if calib is not None:
        need_frame(calib)
    if data is not None:
        check_pictures(data)


def check_bar(max_drop: float | None, data: Path | None, calib: Path | None) -> None:
    """Refuse a bar that nothing could be held to; where all points may be lost, there is none."""
    if max_drop not in (None, POINTS) and data is None and calib is None:
        raise UsageError(
            "--max-drop is a bar, and there are no pictures to measure on", "give labelled ones with --data DIR"
        )
