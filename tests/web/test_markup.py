"""Nothing from elsewhere becomes markup."""

from __future__ import annotations

from html.parser import HTMLParser

from hypothesis import given
from hypothesis import strategies as st

from zcc.runtime.escaping import escaped
from zcc.web.document import document
from zcc.web.markup import joined, tag


class Reader(HTMLParser):
    """Python's own parser, as an independent reader of what we write."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep it."""
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        """Keep it."""
        self.text += data


@given(text=st.text(), attribute=st.text())
def test_any_text_is_read_back_as_text(text: str, attribute: str) -> None:
    reader = Reader()
    reader.feed(tag("p", text, title=attribute))
    reader.close()
    assert reader.tags == [("p", {"title": escaped(attribute)})]
    assert reader.text == escaped(text)


def test_elements_nest_and_absent_things_leave_no_trace() -> None:
    inner = (tag("li", word) for word in ("a", "<b>"))
    assert tag("ul", inner, None, class_="x", hidden=False, data_on=True) == (
        '<ul class="x" data-on><li>a</li><li>&lt;b&gt;</li></ul>'
    )
    assert joined([tag("br"), "&"]) == "<br>&amp;"


def test_a_page_allows_its_own_script_alone() -> None:
    page = document("t", tag("p", "x"), "p{}", "let a = 1;")
    assert "script-src &#x27;sha256-" in page and "unsafe" not in page
    assert page.count("<script>") == 1
