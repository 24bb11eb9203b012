"""Parts of the page: a section, or why one is not there."""

from __future__ import annotations

from dataclasses import dataclass

from zcc.web.markup import Child, Markup, tag


@dataclass(frozen=True)
class Section:
    """A heading, what it is about in a sentence, and what stands below."""

    key: str
    title: str
    lead: str
    body: Child

    @property
    def word(self) -> str:
        """What it is called where there is little room."""
        return self.key.capitalize()

    @property
    def markup(self) -> Markup:
        """The section on the page."""
        heading = tag("h2", self.title, id=f"{self.key}-title")
        top = tag("div", heading, tag("p", unbroken(self.lead), class_="soft lead"), class_="section-top")
        return tag("section", top, self.body, id=self.key, aria_labelledby=f"{self.key}-title")


@dataclass(frozen=True)
class Missing:
    """A section that would be empty: what is not known, and what makes it known."""

    title: str
    why: str
    remedy: str


def unbroken(text: str) -> Child:
    """A text whose options stay whole at the end of a line."""
    words = text.split(" ")
    return [
        (" " if place else "", tag("span", word, class_="whole") if word.startswith("-") else word)
        for place, word in enumerate(words)
    ]


def figure(value: float | None, form: str) -> str:
    """A number as it is shown; a dash where nobody measured."""
    return "–" if value is None else format(value, form)
