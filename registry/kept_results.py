"""What commands found out about an artifact in full, kept beside it: `<home>/results/<hash>/bench-….json`.

Figures that lists show are rows of the index; here lies what is too much for a row. Nothing depends on it: it goes with
the artifact, and may be deleted at any time.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from zcc.runtime.aside import written_aside
from zcc.runtime.errors import ArtifactError
from zcc.runtime.limits import MB
from zcc.runtime.regular import read_text
from zcc.runtime.rules import strict_json

FOLDER = "results"
MOST_KEPT = 200  # of a kind; the oldest give way
LARGEST = 4 * MB  # of a document: a profile of a thousand kernels has 300 KB
REMEDY = "make the registry's folder writable"

_FILE = re.compile(r"([a-z]+)-\d{8}T\d{12}Z-[0-9a-f]{8}\.json")


def _now() -> datetime:
    return datetime.now(timezone.utc)


class KeptResults:
    """Documents by artifact and by kind, such as `bench` and `profile`."""

    def __init__(self, home: Path, now: Callable[[], datetime] = _now) -> None:
        self._root = home / FOLDER
        self._now = now

    def keep(self, digest: str, kind: str, document: Mapping[str, Any]) -> Path:
        """Store a document, and when that was as its `when`."""
        moment = self._now()
        folder = self._folder(digest)
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ArtifactError(f"{folder} cannot be made: {error.strerror}", REMEDY) from error
        path = folder / f"{kind}-{moment:%Y%m%dT%H%M%S%f}Z-{secrets.token_hex(4)}.json"
        with written_aside(path, REMEDY) as writer:
            writer.write(json.dumps({"when": moment.isoformat(), **document}, ensure_ascii=False).encode())
        for old in self._paths(digest, kind)[:-MOST_KEPT]:
            old.unlink(missing_ok=True)
        return path

    def of(self, digest: str, kind: str) -> list[dict[str, Any]]:
        """The documents of a kind, the oldest first; what somebody damaged is left out."""
        found = (_read(path) for path in self._paths(digest, kind))
        return [document for document in found if document is not None]

    def _folder(self, digest: str) -> Path:
        return self._root / digest.removeprefix("sha256:")

    def _paths(self, digest: str, kind: str) -> list[Path]:
        folder = self._folder(digest)
        if not folder.is_dir():
            return []
        named = ((path, _FILE.fullmatch(path.name)) for path in folder.iterdir())
        return sorted(path for path, name in named if name is not None and name[1] == kind)


def _read(path: Path) -> dict[str, Any] | None:
    """A document; None where the file holds none, or went away meanwhile."""
    try:
        document = strict_json(read_text(path, LARGEST), LARGEST)
    except (OSError, ValueError):
        return None
    return document if isinstance(document, dict) else None
