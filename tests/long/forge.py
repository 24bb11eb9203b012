"""Bundles that nobody exported: a sound one with its manifest, its files or its archive changed, names and hashes kept
in step, so that what is tried is what lies behind them.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from zcc.runtime.bundle import INDEX

Edit = Callable[[dict[str, Any]], None]


class Forger:
    """Makes bundles of one sound bundle."""

    def __init__(self, sound: Path) -> None:
        with zipfile.ZipFile(sound) as archive:
            self._members = {name: archive.read(name) for name in archive.namelist()}
        self._index = json.loads(self._members.pop(INDEX))

    @property
    def manifest(self) -> dict[str, Any]:
        """The manifest of the first variant, to be changed."""
        return json.loads(self._index["variants"][0]["manifest"])

    @property
    def index(self) -> dict[str, Any]:
        """What the bundle says of itself, to be changed."""
        return json.loads(json.dumps(self._index))

    def file(self, path: str) -> bytes:
        """The content of one of its files."""
        return self._members[f"files/{self._entry(self.manifest, path)['sha256']}"]

    def with_manifest(self, to: Path, edit: Edit) -> Path:
        """The bundle with another manifest of the first variant."""
        manifest = self.manifest
        edit(manifest)
        return self.with_text(to, json.dumps(manifest))

    def with_text(self, to: Path, text: str) -> Path:
        """The bundle with any text at all as the manifest."""
        variants = [{**self._index["variants"][0], "manifest": text}]
        return self.write(to, {**self._index, "variants": variants}, self._members)

    def with_file(self, to: Path, path: str, content: bytes, method: int = zipfile.ZIP_STORED) -> Path:
        """The bundle with another content of a file, which the manifest names."""
        manifest, sha256 = self.manifest, hashlib.sha256(content).hexdigest()
        self._entry(manifest, path).update(sha256=sha256, size=len(content))
        index = {**self._index, "variants": [{**self._index["variants"][0], "manifest": json.dumps(manifest)}]}
        return self.write(to, index, {**self._members, f"files/{sha256}": content}, method)

    def with_index(self, to: Path, text: bytes) -> Path:
        """The bundle with any index at all."""
        return self.write(to, text, self._members)

    def with_members(self, to: Path, count: int) -> Path:
        """The bundle with so many members more."""
        return self.write(to, self._index, {**self._members, **{f"files/{number}": b"" for number in range(count)}})

    def write(self, to: Path, index: Any, members: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> Path:
        """An archive of these."""
        text = index if isinstance(index, bytes) else json.dumps(index).encode()
        with zipfile.ZipFile(to, "w", method) as archive:
            archive.writestr(INDEX, text)
            for name, content in members.items():
                archive.writestr(name, content)
        return to

    @staticmethod
    def _entry(manifest: dict[str, Any], path: str) -> dict[str, Any]:
        return next(entry for entry in manifest["files"] if entry["path"] == path)
