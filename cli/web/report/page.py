"""The report as a page: sections in order, what is missing said at the end."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from zcc.runtime.wording import counted
from zcc.version import __version__
from zcc.web.document import document, shipped, theme_switch
from zcc.web.markup import Child, Markup, tag
from zcc.web.report.adaptive import adaptive
from zcc.web.report.drift import drift
from zcc.web.report.energy import energy
from zcc.web.report.evidence import Evidence
from zcc.web.report.gather import Gathered
from zcc.web.report.history import history
from zcc.web.report.kernels import kernels
from zcc.web.report.pictures import Gallery
from zcc.web.report.provenance import provenance
from zcc.web.report.scenes import scenes
from zcc.web.report.section import Missing, Section, unbroken
from zcc.web.report.stages import stages
from zcc.web.report.trade_off import choices, trade_off
from zcc.web.report.variants import variants


def page(told: Gathered, evidence: Evidence, gallery: Gallery | None, made: datetime) -> str:
    """The text of the page."""
    parts = (
        choices(told),
        trade_off(told),
        variants(told),
        stages(told, evidence),
        kernels(told, evidence),
        drift(told, evidence),
        scenes(gallery),
        energy(told, evidence),
        adaptive(evidence),
        history(told),
        provenance(told, evidence),
    )
    present = [part for part in parts if isinstance(part, Section)]
    missing = [part for part in parts if isinstance(part, Missing)]
    title = told.names[0] if len(told.names) == 1 else "Registry report"
    body = [
        tag("a", "Skip to the variants", href="#variants", class_="skip"),
        tag("header", tag("div", _top(title, told), theme_switch(), class_="masthead"), class_="page-width"),
        _contents(present),
        tag("main", (part.markup for part in present), _left_out(missing, told), class_="page-width", id="main"),
        _foot(told, made),
        tag("div", class_="hint", id="hint", aria_hidden="true"),
    ]
    return document(
        f"{title} · zcc report",
        body,
        shipped("theme.css", "report/report.css"),
        shipped("theme.js", "report/report.js"),
    )


def _top(title: str, told: Gathered) -> Markup:
    count = counted(len(told.entries), "variant")
    models = "" if len(told.names) == 1 else f" of {counted(len(told.names), 'model')}"
    return tag(
        "div",
        tag("p", "zcc report", class_="eyebrow"),
        tag("h1", title),
        tag("p", f"{count}{models} in ", tag("span", told.registry, class_="mono"), class_="soft"),
    )


def _contents(present: Sequence[Section]) -> Markup:
    links = (tag("li", tag("a", part.word, href=f"#{part.key}")) for part in present)
    return tag("nav", tag("ul", links, class_="page-width"), aria_label="Sections", class_="contents")


def _left_out(missing: Sequence[Missing], told: Gathered) -> Child:
    items = [
        *(
            tag("li", tag("b", each.title), f": {each.why}. ", tag("span", unbroken(each.remedy), class_="soft"), ".")
            for each in missing
        ),
        *(
            tag("li", tag("b", each.name or each.digest[:19]), f": cannot be read, {each.why}.")
            for each in told.unreadable
        ),
    ]
    if not items:
        return None
    lead = "What this registry does not know is left out, and not guessed."
    return Section("missing", "Not in this report", lead, tag("ul", items, class_="card padded left-out")).markup


def _foot(told: Gathered, made: datetime) -> Markup:
    return tag(
        "footer",
        tag(
            "p",
            f"Made {made.isoformat(' ', timespec='minutes')} on {told.machine} by zcc {__version__}. ",
            "One file; it loads nothing.",
        ),
        class_="page-width small soft",
    )
