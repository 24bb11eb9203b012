"""A page in a browser, as tests look at it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import ConsoleMessage


class View:
    """An open page; whatever its console complains of is kept, and every address that it asks for."""

    def __init__(self, context: Any, address: str) -> None:
        self.context = context
        self.troubles: list[str] = []
        self.asked: list[str] = []
        self.page = context.new_page()
        self.page.set_default_timeout(10_000)  # of milliseconds
        self.page.on("console", self._note)
        self.page.on("pageerror", lambda error: self.troubles.append(str(error)))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.goto(address)

    def _note(self, said: ConsoleMessage) -> None:
        if said.type in ("error", "warning"):
            self.troubles.append(said.text)

    def texts(self, selector: str) -> list[str]:
        """What the elements say that can be seen."""
        found = self.page.locator(selector)
        return [each.inner_text().strip() for each in found.all() if each.is_visible()]

    def count(self, selector: str) -> int:
        """How many elements can be seen."""
        return sum(each.is_visible() for each in self.page.locator(selector).all())

    def violations(self) -> list[str]:
        """What axe finds of WCAG 2 A and AA and of good practice, each with the first element that it is about."""
        from axe_playwright_python.sync_playwright import Axe

        found = Axe().run(self.page).response["violations"]
        return [
            f"{each['id']}: {each['nodes'][0]['html'][:200]} {each['nodes'][0].get('failureSummary')}" for each in found
        ]

    def overflows(self) -> bool:
        """Whether the page is wider than the window."""
        return bool(self.page.evaluate("document.documentElement.scrollWidth > innerWidth"))
