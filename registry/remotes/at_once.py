"""Files to a repository, several at once: a server decrypts and hashes an upload on one core, and waits for a disk."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from zcc.registry.remotes.upload import Uploads
from zcc.runtime.remotes.documents import Descriptor
from zcc.runtime.remotes.session import RemoteSession

AT_ONCE = 4  # connections

Pile = Sequence[tuple[Path, Descriptor]]


def send_files(
    session: RemoteSession, uploads: Uploads, files: Iterable[tuple[Path, Descriptor]], pause: Callable[[float], None]
) -> int:
    """Send every file that the repository lacks, each once, over connections beside the session's; the bytes sent.

    Where one fails, the others are sent nevertheless: they need not be sent by the next push.
    """
    lacking = {blob.digest: (path, blob) for path, blob in files}
    piles = _piles([each for each in lacking.values() if not uploads.holds(each[1])])
    if not piles:
        return 0
    with ThreadPoolExecutor(len(piles)) as pool:
        return sum(pool.map(lambda pile: _send(session.beside(), pile, pause), piles))


def _send(beside: RemoteSession, pile: Pile, pause: Callable[[float], None]) -> int:
    with beside:
        uploads = Uploads(beside, pause=pause)
        for path, blob in pile:
            uploads.send_file(path, blob)
        return uploads.moved


def _piles(files: Pile) -> list[Pile]:
    """The files in as many piles as there are connections, each about as large as the others."""
    piles: list[list[tuple[Path, Descriptor]]] = [[] for _ in range(min(AT_ONCE, len(files)))]
    for each in sorted(files, key=lambda file: file[1].size, reverse=True):
        min(piles, key=lambda pile: sum(blob.size for _, blob in pile)).append(each)
    return list(piles)
