"""The kernels of each variant as a treemap: by their time where it was profiled, else by their arithmetic."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from zcc.runtime.wording import counted
from zcc.web.markup import Markup, tag
from zcc.web.report.entry import Entry
from zcc.web.report.evidence import Evidence
from zcc.web.report.gather import Gathered
from zcc.web.report.section import Missing, Section
from zcc.web.report.treemap import TreemapTile, squarified

MOST_TILES = 56  # the rest is one tile
ASPECT = 2.1  # about that of the place on a wide screen

# What a kernel's name begins or has in it -> its kind; the first that fits.
KINDS = (
    ("attention", "attention"),
    ("conv", "convolution"),
    ("winograd", "convolution"),
    ("halo", "border"),
    ("pool", "pooling"),
    ("", "other"),
)


class Piece(NamedTuple):
    """A kernel call and its share of the whole."""

    kernel: str
    makes: str
    amount: float  # of milliseconds, or of arithmetic


def kernels(told: Gathered, evidence: Evidence) -> Section | Missing:
    """A map for each variant, of which the page shows one at a time."""
    profiles = evidence.last("profile")
    maps = [(each, *_pieces(each, profiles.get(each.artifact.digest))) for each in told.entries]
    known = [(entry, pieces, timed) for entry, pieces, timed in maps if pieces]
    if not known:
        return Missing("Kernels", "the manifests name none", "zcc profile REF --json > FILE, then --with FILE")
    # First what was timed: it says more.
    known.sort(key=lambda each: not each[2])
    options = (tag("option", entry.called, value=entry.key) for entry, _, _ in known)
    choose = tag(
        "label",
        tag("span", "Variant", class_="small soft"),
        tag("select", options, data_show="kernel-map"),
        class_="choose",
    )
    drawn = (_map(entry, pieces, timed, place > 0) for place, (entry, pieces, timed) in enumerate(known))
    timed_any = any(timed for _, _, timed in known)
    lead = "Each tile is a kernel; the larger, the more of the network it is." + (
        "" if timed_any else " Areas are arithmetic: zcc profile REF --json > FILE and --with FILE make them time."
    )
    return Section("kernels", "Kernels", lead, tag("div", choose, _legend(), *drawn, class_="card padded"))


def _pieces(entry: Entry, profile: Mapping[str, Any] | None) -> tuple[list[Piece], bool]:
    """Kernel calls by what they take, the largest first; whether that is time."""
    if profile is not None:
        found = [Piece(each["kernel"], each["makes"], float(each["ms"])) for each in profile["kernels"]]
    else:
        calls = entry.artifact.manifest.kernels.get("calls", ())
        found = [Piece(str(each["kernel"]), str(each["makes"]), each["flops"] / 1e6) for each in calls]
    found = sorted((each for each in found if each.amount > 0), key=lambda each: -each.amount)
    rest = found[MOST_TILES:]
    if rest:
        found = [
            *found[:MOST_TILES],
            Piece(f"{len(rest)} more", "smaller ones together", sum(each.amount for each in rest)),
        ]
    return found, profile is not None


def _map(entry: Entry, pieces: Sequence[Piece], timed: bool, hidden: bool) -> Markup:
    total, unit = sum(each.amount for each in pieces), "ms" if timed else "MFLOP"
    tiles = squarified([each.amount / total for each in pieces], ASPECT)
    shapes = (_tile(piece, tile, total, unit) for piece, tile in zip(pieces, tiles, strict=True))
    what = (
        f"{counted(len(pieces), 'tile')}, {total:.2f} ms in all"
        if timed
        else f"{total / 1e3:.2f} GFLOP in all, by arithmetic"
    )
    first = ", ".join(f"{each.kernel} {each.amount / total:.0%}" for each in pieces[:3])
    return tag(
        "figure",
        tag(
            "svg",
            *shapes,
            class_="treemap",
            width="100%",
            height="100%",
            role="img",
            aria_label=f"Kernels of {entry.label}. Largest: {first}",
        ),
        tag("figcaption", f"{entry.called}: {what}. Largest: {first}.", class_="small soft"),
        class_="kernel-map",
        data_map=entry.key,
        hidden=hidden,
    )


def _tile(piece: Piece, tile: TreemapTile, total: float, unit: str) -> Markup:
    share = piece.amount / total
    hint = f"{piece.kernel} makes {piece.makes}: {piece.amount:.3f} {unit}, {share:.1%}"
    large = share > 0.012
    texts = [
        tag("text", _short(piece.kernel), x="8", y="19", class_="tile-name"),
        tag("text", f"{share:.1%}", x="8", y="36", class_="tile-share"),
    ]
    place = (tile.x, tile.y, tile.width, tile.height)
    x, y, width, height = (f"{100 * each:.2f}%" for each in place)
    box = tag("rect", width="100%", height="100%", rx="3", class_=f"kind-{_kind(piece.kernel)}")
    return tag(
        "svg", box, texts if large else None, x=x, y=y, width=width, height=height, class_="tile", data_hint=hint
    )


def _short(kernel: str) -> str:
    """A kernel's name without its precision and sizes, for small tiles."""
    return re.sub(r"^(int8|bf16|fp16)_|_\d+(_.*)?$", "", kernel)


def _kind(kernel: str) -> str:
    return next(kind for sign, kind in KINDS if sign in kernel).split()[0]


def _legend() -> Markup:
    kinds = dict.fromkeys(kind for _, kind in KINDS)
    return tag(
        "ul",
        (tag("li", tag("span", class_=f"swatch kind-{kind}", aria_hidden="true"), kind) for kind in kinds),
        class_="legend small",
    )
