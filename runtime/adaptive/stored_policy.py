"""A policy as a JSON file: its name, its arguments, and the variants it chooses among."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from zcc.runtime import limits
from zcc.runtime.adaptive.policy import Policy
from zcc.runtime.adaptive.table import make_policy
from zcc.runtime.aside import written_out
from zcc.runtime.errors import InputError
from zcc.runtime.regular import read_text
from zcc.runtime.rules import strict_json

_REMEDY = "write it with `zcc adapt --fit -o FILE`"


@dataclass(frozen=True)
class StoredPolicy:
    """What is needed to make a policy, as often as one likes: each has a memory of its own."""

    name: str
    arguments: Mapping[str, Any]
    dtypes: tuple[str, ...]  # from the cheapest to the most accurate
    made: Mapping[str, Any] = field(default_factory=dict)  # on what it was fitted, and what came of it; for people

    def policy(self) -> Policy:
        """A policy with nothing seen yet."""
        return make_policy(self.name, self.arguments)

    def write(self, path: Path) -> None:
        """Store it."""
        with written_out(path, "choose another place") as file:
            file.write(json.dumps(asdict(self), indent=2).encode() + b"\n")

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> StoredPolicy:
        """The policy in a file."""
        try:
            raw = strict_json(read_text(path, limits.POLICY), limits.POLICY)
            return cls(str(raw["name"]), dict(raw["arguments"]), tuple(map(str, raw["dtypes"])), dict(raw["made"]))
        except OSError as error:
            raise InputError(f"{path} cannot be read: {error.strerror}", _REMEDY) from error
        except (ValueError, TypeError, KeyError) as error:
            problem = f"{path} holds no policy ({type(error).__name__}: {error})"
            raise InputError(problem, _REMEDY) from error
