"""Pictures with what each variant finds in them, side by side, and what differs from the reference marked."""

from __future__ import annotations

from collections.abc import Sequence

from zcc.runtime.detections import Detections
from zcc.runtime.wording import counted
from zcc.web.marks import mark
from zcc.web.markup import Child, Markup, tag
from zcc.web.report.pictures import Gallery, Scene, SeenPicture
from zcc.web.report.section import Missing, Section

TITLE = "Side by side"
LONGEST_NAME = 24


def scenes(gallery: Gallery | None) -> Section | Missing:
    """A row of pictures for each scene."""
    if gallery is None:
        return Missing(TITLE, "no pictures were given", "--pictures DIR shows what each variant finds in them")
    if not gallery.scenes:
        return Missing(
            TITLE,
            f"no variant runs on this machine ({'; '.join(gallery.failures) or 'all are for others'})",
            "compile one for it",
        )
    lead = (
        "The first is the reference: the most accurate that runs here. Solid boxes are found by both, "
        "dashed ones only by the reference, thick ones only by this variant."
    )
    blocks: list[Child] = []
    for number, (name, mine) in enumerate(gallery.scenes):
        blocks.append(tag("h3", name) if len(gallery.scenes) > 1 else None)
        blocks += [_scene(scene, f"picture-{number}-{place}") for place, scene in enumerate(mine)]
    failed = [tag("p", f"Left out: {failure}", class_="small soft") for failure in gallery.failures]
    legend = tag(
        "ul",
        (
            tag("li", tag("span", class_=f"swatch box-{kind}", aria_hidden="true"), word)
            for kind, word in (("both", "found by both"), ("missed", "missed here"), ("added", "only here"))
        ),
        class_="legend small",
    )
    return Section("pictures", TITLE, lead, [legend, *blocks, *failed])


def _scene(scene: Scene, key: str) -> Markup:
    image = tag("image", href=scene.jpeg, width=scene.width, height=scene.height, id=key)
    store = tag("svg", tag("defs", image), width="0", height="0", class_="store", aria_hidden="true")
    shots = (_shot(scene, seen, key, place == 0) for place, seen in enumerate(scene.seen))
    heading = tag("h3", scene.name)
    return tag("div", store, heading, tag("div", shots, class_="shots"), class_="card padded scene")


def _shot(scene: Scene, seen: SeenPicture, key: str, first: bool) -> Markup:
    reference = scene.seen[0].found
    names = seen.entry.artifact.manifest.classes
    boxes = [
        *(_box(reference, number, "missed", names) for number in seen.missed),
        *(
            _box(seen.found, number, "both" if partner >= 0 else "added", names)
            for number, partner in enumerate(seen.partners)
        ),
    ]
    told = _in_words(seen, first, names)
    drawn = tag(
        "svg",
        tag("use", href=f"#{key}"),
        *boxes,
        viewBox=f"0 0 {scene.width} {scene.height}",
        class_="shot",
        role="img",
        aria_label=f"{scene.name} as {seen.entry.label} sees it: {told}",
    )
    who = tag("span", mark(seen.entry.dtype), seen.entry.label, class_="who")
    return tag(
        "figure",
        drawn,
        tag("figcaption", who, tag("span", told, class_="soft"), class_="small"),
        data_variant=seen.entry.key,
    )


def _box(found: Detections, number: int, kind: str, names: Sequence[str]) -> Markup:
    left, top, right, bottom = (float(edge) for edge in found.boxes[number])
    word, score = names[int(found.classes[number])], float(found.scores[number])
    place = {"x": f"{left:.1f}", "y": f"{top:.1f}", "width": f"{right - left:.1f}", "height": f"{bottom - top:.1f}"}
    return tag(
        "g",
        tag("rect", class_="rim", **place),
        tag("rect", class_=f"box-{kind}", **place),
        data_hint=f"{word[:LONGEST_NAME]} {score:.2f}, {WORDS[kind]}",
    )


WORDS = {"both": "found by both", "missed": "found by the reference alone", "added": "found here alone"}


def _in_words(seen: SeenPicture, first: bool, names: Sequence[str]) -> str:
    count = counted(len(seen.found), "detection")
    if first:
        return f"{count}; the reference"
    added = sum(partner < 0 for partner in seen.partners)
    if not added and not seen.missed:
        return f"{count}, the same"
    return f"{count}; {len(seen.missed)} missed, {added} only here"
