"""Answers of a hostile server, drawn at random: each pull is refused in one line, or brings what is sound."""

from __future__ import annotations

import itertools
import random
import resource
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tests.oci.hostile import Liar, Reply, honest, lying
from tests.registry.mutations import mutate
from tests.registry.samples import artifact
from zcc.registry import Registry
from zcc.registry.remotes.pull import pull
from zcc.runtime.errors import ZccError
from zcc.runtime.escaping import is_printable
from zcc.runtime.manifest import Manifest
from zcc.runtime.remotes.address import parse

LONGEST = 20.0  # seconds of a processor's time that a pull may take
MOST_GROWTH = 150 << 10  # kilobytes of memory that all pulls together may add


@dataclass
class Told:
    """What came of many lies."""

    endings: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    seconds: float = 0.0  # of the slowest pull
    grown: int = 0  # kilobytes of memory


Lie = Callable[[Reply, random.Random, Liar], Reply]


def _flip(reply: Reply, dice: random.Random, other: Liar) -> Reply:
    content = bytearray(reply.body if isinstance(reply.body, bytes) else b"x")
    for _ in range(dice.choice((1, 1, 3, 50))):
        if content:
            content[dice.randrange(len(content))] ^= 1 << dice.randrange(8)
    return replace(reply, body=bytes(content))


def _cut(reply: Reply, dice: random.Random, other: Liar) -> Reply:
    content = reply.body if isinstance(reply.body, bytes) else b""
    return replace(reply, body=content[: dice.randrange(len(content) + 1)], length=dice.choice((None, len(content))))


def _longer(reply: Reply, dice: random.Random, other: Liar) -> Reply:
    content = reply.body if isinstance(reply.body, bytes) else b""
    return replace(reply, body=content + dice.randbytes(dice.choice((1, 100, 100_000))))


def _endless(reply: Reply, dice: random.Random, other: Liar) -> Reply:
    part = dice.choice((b" " * 65536, b"[" * 65536, b'{"a":' * 9000, dice.randbytes(65536)))
    return replace(reply, body=itertools.repeat(part), length=dice.choice((None, 10**18, 10**30)))


def _wrong_length(reply: Reply, dice: random.Random, other: Liar) -> Reply:
    return replace(reply, length=dice.choice((-1, 0, "x", "9" * 400, 10**12, "5, 5", "")))


def _elsewhere(reply: Reply, dice: random.Random, other: Liar) -> Reply:
    places = (
        *(f"http://{other.host}/elsewhere", f"http://user:pw@{other.host}/", "http://[::1", "//", "/", "", "?"),
        *("file:///etc/passwd", "ftp://127.0.0.1/", "http://127.0.0.1:1/", "http://", "https://", "x" * 70_000),
        *("http://127.0.0.1:99999/", "http://127.0.0.1:9/latest", "javascript:1", "http://\u2603/", "../../../.."),
    )
    headers = {"Location": dice.choice(places).encode().decode("latin-1")}
    return Reply(dice.choice((301, 302, 303, 307, 308)), {**headers, "X": "y"} if dice.random() < 0.9 else {})


def _status(reply: Reply, dice: random.Random, other: Liar) -> Reply:
    status = dice.choice((204, 206, 304, 400, 401, 403, 404, 416, 418, 429, 500, 503, 999))
    body = dice.choice((b"", b'{"errors":[{"code":"X","message":"\\u001b[31m"}]}', b"[" * 50_000, b"\xff" * 100))
    headers = {"WWW-Authenticate": _challenge(dice, other)} if status == 401 else {}
    return Reply(status, headers, dice.choice((body, reply.body)))


def _challenge(dice: random.Random, other: Liar) -> str:
    realm = dice.choice(
        (f"http://{other.host}/token", "file:///etc/passwd", "", "http://[", "x", "http://127.0.0.1:1/")
    )
    return dice.choice(
        ('Basic realm="x"', f'Bearer realm="{realm}",service="s"', "Bearer", "", "Digest x=y", '"' * 900)
    )


def _headers(reply: Reply, dice: random.Random, other: Liar) -> Reply:
    odd = dice.choice(
        (
            {"Content-Type": dice.choice(("text/html", "", "application/vnd.oci.image.index.v1+json;x", "\x7f"))},
            {"Content-Range": dice.choice(("bytes 5-9/10", "bytes 0-", "x", "bytes 99999999999999999999-1/1"))},
            {"Transfer-Encoding": dice.choice(("chunked", "gzip", "identity", "x"))},
            {"X-Long": "x" * 100_000},
            {f"X-{number}": "y" for number in range(200)},
        )
    )
    return replace(reply, headers={**reply.headers, **odd}, status=dice.choice((reply.status, 206)))


LIES: tuple[Lie, ...] = (_flip, _cut, _longer, _endless, _wrong_length, _elsewhere, _status, _headers)


def lie(work: Path, rounds: int, seed: int) -> Told:
    """Pull from servers that lie, each in its own way, beside an artifact that is sound."""
    dice, told = random.Random(seed), Told()
    folder, manifest = artifact(work / "net", "net", size=60_000)
    Registry.open(work / "home").publish(*artifact(work / "own", "own", size=2000))
    with lying({}) as elsewhere, lying({}) as liar:
        elsewhere.say = lambda path, reply: Reply(200, {}, b'{"token":"abc"}')
        for number in range(rounds):
            _pull_once(work, liar, elsewhere, (folder, manifest), dice, told, f"{seed}/{number}")
            if number == min(50, rounds // 3):
                before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        told.grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        if told.grown > MOST_GROWTH:
            told.wrong.append(f"{told.grown} KB more memory")
        if any(asked.authorization for asked in elsewhere.asked if "/token" not in asked.path):
            told.wrong.append("another host was told who we are")
    return told


def _pull_once(
    work: Path,
    liar: Liar,
    elsewhere: Liar,
    honestly: tuple[Path, Manifest],
    dice: random.Random,
    told: Told,
    where: str,
) -> None:
    _lie_about(liar, elsewhere, honestly, dice)
    start = time.process_time()
    told.wrong += [f"{where}: {what}" for what in _wrong(work, liar, told.endings)]
    seconds = time.process_time() - start
    told.seconds = max(told.seconds, seconds)
    if seconds > LONGEST:
        told.wrong.append(f"{where}: {seconds:.1f} s")


def _lie_about(liar: Liar, elsewhere: Liar, honestly: tuple[Path, Manifest], dice: random.Random) -> None:
    """One document says something else, or one or all answers are changed on the wire."""
    kind = dice.choice(("meta", "image", "index", "wire", "wire", "wire"))

    def change(document: str, raw: Any) -> Any:
        if document == kind:
            for _ in range(dice.choice((1, 1, 2, 5))):
                mutate(raw, dice)
        return raw

    liar.replies = honest(*honestly, change)
    chosen = dice.choice((*liar.replies, None))
    told = dice.choice(LIES)

    def say(path: str, reply: Reply) -> Reply:
        return told(reply, dice, elsewhere) if kind == "wire" and chosen in (path, None) else reply

    liar.say = say


def _wrong(work: Path, liar: Liar, endings: Counter[str]) -> Iterator[str]:
    home = work / "changed"
    shutil.copytree(work / "home", home)
    outside = _names(work)
    registry = Registry.open(home)
    try:
        pull(registry, parse(liar.address), pause=lambda seconds: None)
    except ZccError as error:
        endings[type(error).__name__] += 1
        if not is_printable(str(error)) or len(str(error)) > 700 or not error.remedy:
            yield f"the refusal {error!a}"
    except Exception as error:  # noqa: BLE001 - that there is none is what is tested
        yield f"{type(error).__name__}: {error}"
    else:
        endings["pulled"] += 1
    if registry.verify().problems:
        yield f"what is here is not sound: {registry.verify().problems}"
    if _names(work) != outside:
        yield f"something was written outside: {_names(work) ^ outside}"
    shutil.rmtree(home)


def _names(work: Path) -> set[str]:
    return {path.name for path in work.iterdir()}
