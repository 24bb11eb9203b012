"""Draw docs/architecture.svg from the imports themselves: folders on floors, an arrow where one imports another.

A folder stands one floor below the lowest folder that imports it. Arrows that a longer way already tells are left
out. With --check only say whether the picture is up to date; a circle of folders is an error in either case.
"""

from __future__ import annotations

import argparse
import ast
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from html import escape
from itertools import pairwise
from pathlib import Path

from lint_tree import ROOT, package_folders

PICTURE = ROOT / "docs" / "architecture.svg"
# Folders that are drawn in parts: what they hold are rooms of their own.
OPENED = ("zcc", "zcc.compiler", "zcc.compiler.backends")
LEFT_OUT = ("zcc.tuning_logs",)  # data
BOX, GAP, FLOOR, MARGIN = (132, 34), 18, 78, 24
THREAD = 8  # the width that an arrow takes where it passes a floor
COLOURS = {"zcc": "#fde9d0", "zcc.compiler": "#dbe9f9", "zcc.registry": "#e2f2df", "zcc.runtime": "#efe3f6"}

Graph = Mapping[str, frozenset[str]]


@dataclass(frozen=True)
class Module:
    """A source file and what it imports of zcc."""

    name: str
    imports: frozenset[str]


def modules() -> Iterator[Module]:
    """Every module of the packages, under its import name."""
    for package, folder in package_folders().items():
        for path in sorted(folder.rglob("*.py")):
            parts = path.relative_to(folder).with_suffix("").parts
            name = ".".join((package, *(parts[:-1] if parts[-1] == "__init__" else parts)))
            yield Module(name, frozenset(_imports(path)))


def _imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "zcc":
            yield node.module
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.split(".")[0] == "zcc")


def room(module: str, packages: Mapping[str, Path]) -> str | None:
    """The folder that a module belongs to in the picture, None for what is left out."""
    parts = module.split(".")
    package = max((name for name in packages if module == name or module.startswith(name + ".")), key=len)
    if package in LEFT_OUT:
        return None
    depth = len(package.split("."))
    while ".".join(parts[:depth]) in OPENED and depth < len(parts):
        depth += 1
    return ".".join(parts[:depth])


def draw_graph() -> Graph:
    """Which folder imports which."""
    packages, graph = package_folders(), dict[str, set[str]]()
    for module in modules():
        here = room(module.name, packages)
        if here is None or here in OPENED:
            continue
        there = {room(name, packages) for name in module.imports}
        graph.setdefault(here, set()).update(name for name in there if name and name != here and name not in OPENED)
    return {name: frozenset(others) for name, others in graph.items()}


def floors(graph: Graph) -> dict[str, int]:
    """How far down each folder stands: one below the lowest that imports it."""
    users: dict[str, set[str]] = {name: set() for name in graph}
    for name, below in graph.items():
        for other in below:
            users.setdefault(other, set()).add(name)
    depths: dict[str, int] = {}
    for name in TopologicalSorter(users).static_order():
        depths[name] = 1 + max((depths[other] for other in users[name]), default=-1)
    return depths


def reduced(graph: Graph) -> Graph:
    """The graph without arrows that a longer way tells."""

    def reach(name: str) -> frozenset[str]:
        below = graph.get(name, frozenset())
        return below.union(*(reach(other) for other in below)) if below else frozenset()

    return {
        name: frozenset(other for other in below if not any(other in reach(third) for third in below - {other}))
        for name, below in graph.items()
    }


def threaded(graph: Graph) -> tuple[Graph, dict[str, int]]:
    """The arrows cut at every floor they pass, and the floor of everything: a cut is named `from>to>floor`."""
    depths, arrows, cut = floors(graph), reduced(graph), dict[str, set[str]]()
    for name, below in arrows.items():
        for other in below:
            way = [name, *(f"{name}>{other}>{level}" for level in range(depths[name] + 1, depths[other])), other]
            for upper, lower in pairwise(way):
                cut.setdefault(upper, set()).add(lower)
                depths.setdefault(lower, depths[upper] + 1)
    return {name: frozenset(below) for name, below in cut.items()}, depths


def places(arrows: Graph, depths: Mapping[str, int]) -> dict[str, tuple[int, int]]:
    """The middle of everything's upper edge: floor by floor, each near those whose arrows lead to it."""
    middles: dict[str, float] = {}
    for level in range(max(depths.values()) + 1):
        row = [name for name in depths if depths[name] == level]
        above = {name: [middles[user] for user in middles if name in arrows.get(user, ())] for name in row}
        row.sort(key=lambda name: (sum(above[name]) / len(above[name]) if above[name] else 0.0, name))
        edge = -sum(_width(name) + GAP for name in row) / 2
        for name in row:
            middles[name] = edge + (_width(name) + GAP) / 2
            edge += _width(name) + GAP
    left = min(middle - _width(name) / 2 for name, middle in middles.items())
    return {name: (round(middle - left) + MARGIN, MARGIN + depths[name] * FLOOR) for name, middle in middles.items()}


def _width(name: str) -> int:
    return THREAD if ">" in name else BOX[0]


def render(graph: Graph) -> str:
    """The picture as SVG."""
    arrows, depths = threaded(graph)
    spots = places(arrows, depths)
    width = max(x + _width(name) // 2 for name, (x, _) in spots.items()) + MARGIN
    height = max(y for _, y in spots.values()) + BOX[1] + MARGIN
    lines = [
        _arrow(spots[name], spots[other], ends=">" not in other, begins=">" not in name)
        for name, below in sorted(arrows.items())
        for other in sorted(below)
    ]
    boxes = [_box(name, spot) for name, spot in sorted(spots.items()) if ">" not in name]
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif">',
            f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
            '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
            '<path d="M0 0L8 4L0 8z" fill="#7a8896"/></marker></defs>',
            *lines,
            *boxes,
            "</svg>\n",
        ]
    )


def _arrow(start: tuple[int, int], end: tuple[int, int], begins: bool, ends: bool) -> str:
    """A curve from a box or a cut to the next; a cut is passed straight down, as deep as a box is high."""
    (x1, y1), (x2, y2) = (start[0], start[1] + BOX[1]), end
    bend, head = (y2 - y1) // 2, "" if begins else f"M{x1} {start[1]}L{x1} {y1}"
    tip = ' marker-end="url(#tip)"' if ends else ""
    curve = f"{head}M{x1} {y1}C{x1} {y1 + bend} {x2} {y2 - bend} {x2} {y2 - (1 if ends else 0)}"
    return f'<path d="{curve}" fill="none" stroke="#7a8896" stroke-width="1.2"{tip}/>'


def _box(name: str, place: tuple[int, int]) -> str:
    colour = next(shade for package, shade in sorted(COLOURS.items(), reverse=True) if name.startswith(package))
    (x, y), label = place, escape(name.removeprefix("zcc.").replace("compiler.", "").replace(".", "/"))
    text = f'<text x="{x}" y="{y + 22}" text-anchor="middle" font-size="13">{label}</text>'
    shape = f'x="{x - BOX[0] // 2}" y="{y}" width="{BOX[0]}" height="{BOX[1]}" rx="5"'
    return f'<rect {shape} fill="{colour}" stroke="#56646f"/>{text}'


def main() -> None:
    """Write the picture, or with --check only say whether it is up to date."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    try:
        picture = render(draw_graph())
    except CycleError as circle:
        sys.exit(f"error: folders import each other in a circle: {' -> '.join(map(str, circle.args[1]))}")
    if not parser.parse_args().check:
        PICTURE.write_text(picture, encoding="utf-8")
    elif not PICTURE.exists() or PICTURE.read_text(encoding="utf-8") != picture:
        sys.exit(f"error: docs/{PICTURE.name} is out of date; run make docs")


if __name__ == "__main__":
    main()
