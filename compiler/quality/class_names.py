"""What the classes of labelled pictures are called: `classes.txt`, or `names:` in a `data.yaml` as trainers take it.

Of YAML this reads what people write there: a list or a mapping, on one line or on many, with quotes and comments.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from zcc.runtime import limits, regular
from zcc.runtime.errors import DatasetError

TEXT = "classes.txt"
YAMLS = ("data.yaml", "data.yml", "dataset.yaml", "dataset.yml")
REMEDY = "write names: [first, second], or a line `0: first` for each class"

QUOTED = r"""(?<!\w)'(?:[^']|'')*'|(?<!\w)"(?:[^"\\]|\\.)*\""""  # a quote within a word is an apostrophe
COMMENT = re.compile(rf"({QUOTED})|(?:^|(?<=\s))#.*")
PIECE = re.compile(rf"(?:{QUOTED}|(?<=\w)['\"]|[^,'\"])+")  # of a list or a mapping on one line
PAIR = re.compile(r"""['"]?(\d+)['"]?\s*:(?:\s+|(?=['"]))(.*)""")


def find_names(folder: Path) -> tuple[str, ...]:
    """The names that stand in the folder, in its `labels/`, or for several such folders beside it; none is ().

    Raises DatasetError where they cannot be read, or where two files say different things.
    """
    texts = [path for place in (folder, folder / "labels") if (path := place / TEXT).is_file()]
    found = [*((path, _from_text(path)) for path in texts), *_yamls_in(folder)] or _yamls_in(folder.resolve().parent)
    for path, names in found[1:]:
        if names != found[0][1]:
            raise DatasetError(f"{found[0][0]} and {path} name different classes", "remove the one that is wrong")
    return found[0][1] if found else ()


def _yamls_in(folder: Path) -> list[tuple[Path, tuple[str, ...]]]:
    paths = [path for name in YAMLS if (path := folder / name).is_file()]
    return [(path, names) for path in paths if (names := _from_yaml(path))]


def _from_text(path: Path) -> tuple[str, ...]:
    """A name per line; a number belongs to every line, so only those at the end may be empty."""
    lines = tuple(line.strip() for line in read_text(path).rstrip().splitlines())
    if not all(lines):
        raise DatasetError(f"{path}:{lines.index('') + 1} has no class name", "write one name per line")
    return lines


def _from_yaml(path: Path) -> tuple[str, ...]:
    """The names of its `names:`, in order of their numbers; none where it has no such key."""
    lines = [COMMENT.sub(lambda match: match[1] or "", line).rstrip() for line in read_text(path).splitlines()]
    try:
        start = next(number for number, line in enumerate(lines) if re.match(r"['\"]?names['\"]?\s*:", line))
    except StopIteration:
        return ()
    first = lines[start].partition(":")[2].strip()
    items = list(_on_one_line(first, lines[start + 1 :]) if first else _on_lines(lines[start + 1 :]))
    names = _in_order(items)
    if not names or not all(names):
        raise DatasetError(f"the names in {path} cannot be read", REMEDY)
    return names


def _on_one_line(first: str, rest: Iterable[str]) -> Iterator[str]:
    """The items between brackets, which may go on over the next lines."""
    text = first
    closing = {"[": "]", "{": "}"}.get(first[0], "")
    for line in rest:
        if not closing or text.endswith(closing):
            break
        text += f" {line.strip()}"
    if closing and text.endswith(closing):
        yield from (piece.strip() for piece in PIECE.findall(text[1:-1]) if piece.strip())


def _on_lines(rest: Iterable[str]) -> Iterator[str]:
    """The items below the key: lines with a dash, or those that are indented."""
    for line in filter(str.strip, rest):
        if not line.startswith((" ", "\t", "-")):
            return
        yield re.sub(r"^-\s+", "", line.strip())


def _in_order(items: list[str]) -> tuple[str, ...]:
    """Names as they follow each other, or by their numbers; none where numbers are left out."""
    pairs = [PAIR.fullmatch(item) for item in items]
    if not any(pairs):
        return tuple(map(_unquoted, items))
    numbered = {int(pair[1]): _unquoted(pair[2].strip()) for pair in pairs if pair}
    complete = len(numbered) == len(items) and numbered.keys() == set(range(len(items)))
    return tuple(numbered[number] for number in range(len(items))) if complete else ()


def _unquoted(text: str) -> str:
    if len(text) > 1 and text[0] == text[-1] == "'":
        return text[1:-1].replace("''", "'")
    if len(text) > 1 and text[0] == text[-1] == '"':
        return re.sub(r"\\(.)", r"\1", text[1:-1])
    return text


def read_text(path: Path) -> str:
    """The text of a file."""
    try:
        return regular.read_text(path, limits.LABEL_FILE, "utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError(f"{path} is not a readable text file ({regular.reason(error)})") from error
