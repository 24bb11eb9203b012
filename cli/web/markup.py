"""HTML and SVG as values: every text is escaped on its way in, so that nothing from a manifest can become markup."""

from __future__ import annotations

import html
from collections.abc import Iterable

from zcc.runtime.escaping import escaped

VOID = frozenset({"meta", "input", "br", "link", "img"})


class Markup(str):
    """Text that is markup already, made by `tag` alone."""

    __slots__ = ()


Child = str | Markup | None | Iterable["Child"]


def tag(name: str, /, *children: Child, **attributes: object) -> Markup:
    """An element. `class_` is the attribute class, `aria_label` is aria-label; None and False leave one out."""
    begin = f"<{name}{''.join(map(_attribute, attributes, attributes.values()))}>"
    return Markup(begin if name in VOID else f"{begin}{joined(children)}</{name}>")


def joined(children: Iterable[Child]) -> Markup:
    """Several one after another; what is None is left out."""
    return Markup("".join(map(_text, children)))


def verbatim(text: str) -> Markup:
    """Styles and scripts of our own, which come with zcc and hold nothing from elsewhere."""
    return Markup(text)


def _text(child: Child) -> str:
    if child is None:
        return ""
    if isinstance(child, Markup):
        return child
    return html.escape(escaped(child)) if isinstance(child, str) else joined(child)


def _attribute(name: str, value: object) -> str:
    if value is None or value is False:
        return ""
    word = name.rstrip("_").replace("_", "-")
    return f" {word}" if value is True else f' {word}="{html.escape(escaped(str(value)))}"'
