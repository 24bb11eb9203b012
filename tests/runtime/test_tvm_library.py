"""TVM's runtime library: one per process, whoever loads it, and of the version that is needed."""

from __future__ import annotations

import gzip
from dataclasses import replace
from pathlib import Path

import pytest

from tests.conftest import Tiny
from tests.runtime.samples import changed_copy, run_python
from zcc.runtime.manifest import Manifest

LOOK = """
def look(folder):
    from zcc.runtime import Detector
    return Detector.load(folder)(np.zeros((48, 64, 3), np.uint8), conf=0.01).scores.tobytes()
"""
LOADED = """
from pathlib import Path
maps = Path("/proc/self/maps").read_text().splitlines()
print(len({line.split()[-1] for line in maps if "libtvm_runtime.so" in line}))
"""


@pytest.mark.parametrize("first", ["runtime", "tvm"])
def test_the_compilers_tvm_may_come_before_or_after(tiny_artifact: Tiny, first: str) -> None:
    """A second copy of the library would abort the process."""
    code = f"""
import sys
import numpy as np
{LOOK}
if {first == "tvm"}:
    import tvm
before = look(sys.argv[1])
import tvm
import tvm.relax
print(before == look(sys.argv[1]), tvm.get_global_func("runtime.NumThreads")() >= 1)
{LOADED}
"""
    assert run_python(code, tiny_artifact.folder).splitlines() == ["True True", "1"]


WITHOUT_TVM = f"""
import importlib.machinery, sys
import numpy as np
find = importlib.machinery.PathFinder.find_spec
importlib.machinery.PathFinder.find_spec = lambda name, *rest: None if name == "tvm" else find(name, *rest)
{LOOK}
print(len(look(sys.argv[1])) > 0)
{LOADED}
"""


def test_an_artifact_brings_its_own_where_no_tvm_is_installed(tiny_artifact: Tiny, tmp_path: Path) -> None:
    code = f"{WITHOUT_TVM}\nprint(any(line.endswith('libtvm_runtime.so') and sys.argv[2] in line for line in maps))"
    assert run_python(code, tiny_artifact.folder, tmp_path, ZCC_CACHE=str(tmp_path)).split() == ["True", "1", "True"]


def test_what_was_expanded_is_used_again_and_what_was_damaged_is_replaced(tiny_artifact: Tiny, tmp_path: Path) -> None:
    run_python(WITHOUT_TVM, tiny_artifact.folder, ZCC_CACHE=str(tmp_path))
    [kept] = tmp_path.rglob("libtvm_runtime.so")
    sound, written = kept.read_bytes(), kept.stat().st_mtime_ns
    run_python(WITHOUT_TVM, tiny_artifact.folder, ZCC_CACHE=str(tmp_path))
    assert kept.stat().st_mtime_ns == written
    kept.write_bytes(b"\0" * len(sound))
    run_python(WITHOUT_TVM, tiny_artifact.folder, ZCC_CACHE=str(tmp_path))
    assert kept.read_bytes() == sound


def test_a_cache_that_cannot_be_written_is_named(tiny_artifact: Tiny, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(AssertionError, match="ZCC_CACHE"):
        run_python(WITHOUT_TVM, tiny_artifact.folder, ZCC_CACHE=str(tmp_path / "file"))


@pytest.fixture
def newer(tiny_artifact: Tiny, tmp_path: Path) -> Path:
    """An artifact that wants another version of the library."""
    requires = replace(Manifest.read(tiny_artifact.folder).requires, runtime="99.0")
    return changed_copy(tiny_artifact.folder, tmp_path / "newer", requires=requires)


@pytest.mark.parametrize("holder", ["import tvm", "look(sys.argv[1])"], ids=["tvm", "another artifact"])
def test_another_version_is_refused_and_the_first_goes_on(tiny_artifact: Tiny, newer: Path, holder: str) -> None:
    code = f"""
import sys
import numpy as np
from zcc.runtime.errors import IncompatibleHost
{LOOK}
{holder}
try:
    look(sys.argv[2])
except IncompatibleHost as error:
    print(error)
print(len(look(sys.argv[1])) > 0)
"""
    told, works = run_python(code, tiny_artifact.folder, newer).splitlines()
    held = Manifest.read(tiny_artifact.folder).requires.runtime
    assert f"{newer} cannot run here: " in told
    assert f"it needs TVM's runtime 99.0, and this process has loaded {held}; use a process of its own" in told
    assert works == "True"


def test_a_library_of_unknown_origin_is_refused(tiny_artifact: Tiny) -> None:
    code = f"""
import ctypes, sys
import numpy as np
import tvm_ffi
from importlib.util import find_spec
from zcc.runtime.errors import IncompatibleHost
{LOOK}
[place] = find_spec("tvm").submodule_search_locations
ctypes.CDLL(place + "/lib/libtvm_runtime.so", ctypes.RTLD_GLOBAL)
try:
    look(sys.argv[1])
except IncompatibleHost as error:
    print(error)
"""
    assert "of unknown version" in run_python(code, tiny_artifact.folder)


@pytest.mark.parametrize(
    ("stored", "told"),
    [
        (gzip.compress(b"no library", mtime=0), "libtvm_runtime.so cannot be loaded"),
        (b"no library", "libtvm_runtime.so.gz cannot be expanded"),
        (b"", "libtvm_runtime.so.gz is no gzip file"),
    ],
)
def test_a_library_that_does_not_load_is_told(tiny_artifact: Tiny, tmp_path: Path, stored: bytes, told: str) -> None:
    broken = changed_copy(tiny_artifact.folder, tmp_path / "broken")
    (broken / "libtvm_runtime.so.gz").unlink()
    (broken / "libtvm_runtime.so.gz").write_bytes(stored)
    sealed = changed_copy(broken, tmp_path / "sealed")
    code = f"""
import sys
import numpy as np
from zcc.runtime.errors import ArtifactError
{LOOK}
try:
    look(sys.argv[1])
except ArtifactError as error:
    print(error)
print(len(look(sys.argv[2])) > 0)
"""
    said, works = run_python(code, sealed, tiny_artifact.folder, ZCC_CACHE=str(tmp_path / "cache")).splitlines()
    assert told in said
    assert works == "True"


def test_threads_that_load_at_once_load_it_once(tiny_artifact: Tiny) -> None:
    code = f"""
import sys
from concurrent.futures import ThreadPoolExecutor
import numpy as np
{LOOK}
with ThreadPoolExecutor(8) as pool:
    print(len(set(pool.map(look, [sys.argv[1]] * 16))))
{LOADED}
"""
    assert run_python(code, tiny_artifact.folder).split() == ["1", "1"]
