"""A page that is whole by itself: styles and scripts inside, and a policy that lets nothing else run or load."""

from __future__ import annotations

import base64
import hashlib
from importlib.resources import files

from zcc.web.markup import Child, Markup, joined, tag, verbatim

ICON = (
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 32 32'%3E%3Crect width='32' height='32' "
    "rx='7' fill='%232457d6'/%3E%3Cpath d='M9 10h14L10 22h14' fill='none' stroke='white' stroke-width='3.4'/%3E"
    "%3C/svg%3E"
)


def document(title: str, body: Child, styles: str, script: str, connects: str = "'none'") -> str:
    """The text of a page. `connects` says what its script may ask for, as a content security policy has it."""
    rules = (
        "default-src 'none'; base-uri 'none'; form-action 'none'; img-src data: blob:; media-src blob: mediastream:; "
        f"connect-src {connects}; style-src '{_hash(styles)}'; script-src '{_hash(script)}'"
    )
    head = [
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=rules),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("title", title),
        tag("link", rel="icon", href=ICON),
        tag("style", verbatim(styles)),
    ]
    page = tag("html", tag("head", head), tag("body", body, tag("script", verbatim(script))), lang="en")
    return f"<!doctype html>\n{page}\n"


def shipped(*names: str) -> str:
    """Files beside this one, one after another."""
    return "\n".join((files("zcc.web") / name).read_text(encoding="utf-8") for name in names)


def theme_switch() -> Markup:
    """Buttons for the theme: the system's, light, dark."""
    words = ("auto", "light", "dark")
    buttons = (
        tag(
            "button", word.capitalize(), type="button", data_choose_theme=word, aria_pressed=str(word == "auto").lower()
        )
        for word in words
    )
    return tag("div", joined(buttons), class_="switch", role="group", aria_label="Theme")


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
