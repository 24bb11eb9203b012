"""TVM's runtime library for another kind of machine: taken once from TVM's own wheel for it, and kept."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from zipfile import ZipFile

from zcc.runtime.cache import cache_folder, written_into_cache
from zcc.runtime.errors import BuildError
from zcc.runtime.packed_library import LIBRARY

PACKAGE = "apache-tvm"
MEMBER = f"tvm/lib/{LIBRARY}"  # in a wheel


@dataclass(frozen=True)
class Published:
    """The library in the wheel of one TVM for one platform, and how to fetch it."""

    version: str
    platform: str  # a tag of wheels
    sha256: str

    @property
    def kept(self) -> Path:
        """Where the library lies once it was fetched."""
        return cache_folder() / "tvm" / f"{self.version}-{self.platform}" / LIBRARY

    def is_in(self, path: Path) -> bool:
        """Whether the file is this library."""
        return path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == self.sha256

    def missing(self, reason: str) -> BuildError:
        """Says what to fetch, and where to put it."""
        return BuildError(
            f"TVM's runtime library for {self.platform} cannot be fetched: {reason}",
            f"take {MEMBER} from {PACKAGE} {self.version}'s wheel for {self.platform}, and put it at {self.kept}",
        )


# By version of TVM, system and architecture. `sha256sum` on the wheel's member says a new one.
PUBLISHED = {
    ("0.27.0.post1", "linux", "aarch64"): Published(
        "0.27.0.post1", "manylinux_2_28_aarch64", "ba06950fac134b8d71549111fad2c6605cd6f738061fe0482f217c37ccbdff05"
    ),
    ("0.27.0.post1", "linux", "x86_64"): Published(
        "0.27.0.post1", "manylinux_2_28_x86_64", "43544bbeaea3cd3ffa919f7eac77244753aff28d1440c42f1ba8df03fa6e3948"
    ),
}


def foreign_runtime(library: Published) -> Path:
    """Where the library lies, fetched unless that was done before."""
    if not library.is_in(library.kept):
        _fetch(library)
    return library.kept


def _fetch(library: Published) -> None:
    """Keep the library alone: the whole wheel has thirty times its size."""
    with tempfile.TemporaryDirectory() as folder:
        content = _member(_wheel(library, Path(folder)), library)
    if hashlib.sha256(content).hexdigest() != library.sha256:
        raise library.missing("what was fetched is another file")
    with written_into_cache(library.kept) as writer:
        writer.write(content)


def _wheel(library: Published, folder: Path) -> Path:
    """The wheel, fetched by pip from wherever it fetches packages here."""
    line = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    line += ["--only-binary=:all:", "--platform", library.platform, "--dest", str(folder)]
    done = subprocess.run([*line, f"{PACKAGE}=={library.version}"], capture_output=True, text=True)
    wheels = list(folder.glob("*.whl"))
    if done.returncode or not wheels:
        raise library.missing((done.stderr.strip().splitlines() or ["pip found no wheel"])[-1])
    return wheels[0]


def _member(wheel: Path, library: Published) -> bytes:
    with ZipFile(wheel) as archive:
        if MEMBER not in archive.namelist():
            raise library.missing(f"{wheel.name} has none")
        return archive.read(MEMBER)
