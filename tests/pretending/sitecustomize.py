"""Python imports this first in processes that tests start: `zcc.runtime.host` then reads about another processor.

It waits for that import instead of asking for it, since a process may be about what is imported when.
"""

from __future__ import annotations

import os
import sys
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType
from typing import Any

CPUINFO = "ZCC_TESTS_CPUINFO"
NAME = "zcc.runtime.host"


class _Patched(Loader):
    def __init__(self, loader: Any) -> None:
        self._loader = loader

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: Any) -> None:
        self._loader.exec_module(module)
        module.CPUINFO = Path(os.environ[CPUINFO])

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)


class _Finder(MetaPathFinder):
    def find_spec(self, fullname: str, path: Any, target: Any = None) -> ModuleSpec | None:
        if fullname != NAME:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None:
            spec.loader = _Patched(spec.loader)
        return spec


def pretend() -> None:
    """Have the module read the file, now or when it is imported."""
    if NAME in sys.modules:
        module: Any = sys.modules[NAME]
        module.CPUINFO = Path(os.environ[CPUINFO])
        module.cpu_features.cache_clear()
    else:
        sys.meta_path.insert(0, _Finder())


if CPUINFO in os.environ:
    pretend()
