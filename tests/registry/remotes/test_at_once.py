"""Several files at once: each is sent once, over as many connections as there are piles; one that fails stops none."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from tests.oci.server import OciServer
from zcc.registry.remotes.at_once import AT_ONCE, send_files
from zcc.registry.remotes.upload import Uploads
from zcc.runtime.errors import CorruptArtifact
from zcc.runtime.remotes.address import parse
from zcc.runtime.remotes.documents import FILE, Descriptor
from zcc.runtime.remotes.session import RemoteSession


def _files(folder: Path, count: int) -> list[tuple[Path, Descriptor]]:
    made = []
    for number in range(count):
        content = bytes([number]) * (1000 + number)
        path = folder / str(number)
        path.write_bytes(content)
        made.append((path, Descriptor(FILE, f"sha256:{hashlib.sha256(content).hexdigest()}", len(content))))
    return made


def test_what_is_lacking_is_sent_once(oci: OciServer, tmp_path: Path) -> None:
    address = parse(f"oci://{oci.host}/tests/at-once:v1")
    files = _files(tmp_path, 2 * AT_ONCE + 1)
    with RemoteSession(address, "pull,push") as session:
        uploads = Uploads(session)
        sizes = [blob.size for _, blob in files]
        assert send_files(session, uploads, files[:2], pause=pytest.fail) == sum(sizes[:2])
        assert send_files(session, uploads, [*files, *files], pause=pytest.fail) == sum(sizes[2:])
        assert send_files(session, uploads, files, pause=pytest.fail) == 0
        assert all(uploads.holds(blob) for _, blob in files)


def test_one_that_fails_stops_no_other(oci: OciServer, tmp_path: Path) -> None:
    address = parse(f"oci://{oci.host}/tests/at-once-failing:v1")
    files = _files(tmp_path, AT_ONCE)
    files[1][0].write_bytes(b"other bytes")
    with RemoteSession(address, "pull,push") as session:
        uploads = Uploads(session)
        with pytest.raises(CorruptArtifact, match="is not the file that was published"):
            send_files(session, uploads, files, pause=pytest.fail)
        assert [uploads.holds(blob) for _, blob in files] == [number != 1 for number in range(AT_ONCE)]
