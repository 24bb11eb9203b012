"""From the numbers that labels give their classes to those of a model: by name, else by what must be assumed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from zcc.compiler.frontend.names import numbered
from zcc.runtime.errors import DatasetError

REMEDY = "say what they mean in a classes.txt or data.yaml beside them"


@dataclass(frozen=True)
class Numbering:
    """The classes of a folder's labels, () where it does not name them, and those of a model."""

    folder: Path
    ours: tuple[str, ...]
    models: tuple[str, ...]

    def of(self, kind: int) -> int:
        """The model's number for a class of the labels; a DatasetError where the model has no such class."""
        if self.assumed is not None:
            return self._same(kind)
        name = self.ours[kind] if kind < len(self.ours) else str(kind)
        known = [_plain(each) for each in self.models]
        if kind < len(known) and known[kind] == _plain(name):  # several classes may have one name
            return kind
        if _plain(name) not in known:
            raise DatasetError(
                f"{self.folder} labels class {name!r}, which the model does not have",
                f"its classes are {', '.join(self.models)}; name them with `zcc compile --classes FILE`",
            )
        return known.index(_plain(name))

    @property
    def assumed(self) -> str | None:
        """What is taken for granted, where one side has no names."""
        if not self.ours:
            return f"{self.folder} does not name its classes: its numbers are taken for the model's; {REMEDY}"
        if self.models == numbered(len(self.models)):
            return (
                f"the model does not name its classes: its numbers are taken for those of {self.folder}; "
                "name them with `zcc compile --classes FILE`"
            )
        return None

    def _same(self, kind: int) -> int:
        if self.ours and len(self.ours) != len(self.models):
            raise DatasetError(
                f"{self.folder} has {len(self.ours)} classes and the model {len(self.models)}, which have no names",
                "name them with `zcc compile --classes FILE`",
            )
        if kind >= len(self.models):
            raise DatasetError(
                f"{self.folder} labels class {kind}, which the model does not have",
                f"its classes are {', '.join(self.models)}, from 0 on; {REMEDY}",
            )
        return kind


def _plain(name: str) -> str:
    """What is left of a name when people write it in different ways."""
    return " ".join(name.casefold().replace("_", " ").replace("-", " ").split())
