"""Where tags have been, who moved them, and why."""

from __future__ import annotations

from itertools import groupby

from zcc.registry.tags import Move
from zcc.web.markup import Child, Markup, tag
from zcc.web.report.gather import Gathered
from zcc.web.report.section import Missing, Section

MOST = 200  # moves; a registry of years has more than anybody reads here
WORDS = {"tag": "moved to", "untag": "taken away", "rollback": "rolled back to", "rm": "released by a removal to"}


def history(told: Gathered) -> Section | Missing:
    """The moves of each tag, the last first."""
    if not told.moves:
        return Missing(
            "History of tags", "no tag was ever set on these", "zcc tag REF TAG -m WHY keeps who, when and why"
        )
    labels = {each.artifact.digest: (each.key, each.label) for each in told.entries}
    moves = sorted(told.moves[:MOST], key=lambda move: (move.name, move.tag, -move.id))
    blocks = (
        tag(
            "div",
            tag("h3", f"{name}:{word}"),
            _gate(told, name, word),
            tag("ol", (_item(move, labels) for move in mine), class_="timeline"),
            class_="card padded",
        )
        for (name, word), mine in groupby(moves, key=lambda move: (move.name, move.tag))
    )
    lead = "Every move with who made it and why, the last first."
    if len(told.moves) > MOST:
        lead += f" {len(told.moves) - MOST} older moves are left out; zcc history has them."
    return Section("history", "History of tags", lead, tag("div", *blocks, class_="columns"))


def _gate(told: Gathered, name: str, word: str) -> Markup | None:
    found = {gate.name: gate for gate in told.gates if gate.tag == word}
    gate = found.get(name) or found.get("*")
    return (
        None
        if gate is None
        else tag(
            "p",
            tag("span", "protected", class_="pill good"),
            f" since {gate.changed[:10]} by {gate.who}",
            class_="small",
        )
    )


def _item(move: Move, labels: dict[str, tuple[str, str]]) -> Markup:
    places: list[Child] = []
    for digest in move.digests:
        key, label = labels.get(digest, (None, f"sha256:{digest[7:19]}"))
        places.append(tag("li", tag("a", label, href=f"#row-{key}") if key else tag("code", label)))
    who = move.who or "somebody (an older zcc did not keep who)"
    return tag(
        "li",
        tag("p", tag("time", move.moved.replace("T", " ")[:16], datetime=move.moved), f" · {who}", class_="small soft"),
        tag("p", WORDS[move.why], ":" if places else ""),
        tag("ul", places, class_="small plain") if places else None,
        tag("blockquote", move.message) if move.message else None,
    )
