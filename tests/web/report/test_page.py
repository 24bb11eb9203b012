"""The report in a browser, from disk: it sorts, filters, draws and switches themes, for everybody."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests import store
from tests.web.report.documents import ADAPT, COMPARE, bench, profile
from tests.web.samples import CLASSES, MESSAGE, SCRIPT, fill
from tests.web.viewing import View
from zcc.commands.main import cli
from zcc.registry import Registry
from zcc.registry.signing import load_private_key

COUNT = 12
Open = Callable[..., View]


@pytest.fixture(scope="module")
def report() -> Path:
    """A report of twelve variants with all that other commands can add."""
    return store.made_once("report", _make) / "report.html"


def _make(place: Path) -> None:
    registry = fill(place, COUNT)
    fast = registry.find("yolov8n", "int8", "x86-64-v3")[0]
    documents = {"adapt": ADAPT, "compare": COMPARE, "profile": profile(fast.digest), "bench": bench(fast.digest)}
    options = []
    for name, document in documents.items():
        (place / f"{name}.json").write_text(json.dumps(document))
        options += ["--with", str(place / f"{name}.json")]
    home = str(registry.home)
    cli.main(["report", "-o", str(place / "report.html"), "--registry", home, *options], standalone_mode=False)


@pytest.fixture
def shown(view: Open, report: Path) -> View:
    """The report, open."""
    return view(report.as_uri())


def test_it_is_one_file_that_asks_for_nothing(shown: View, report: Path) -> None:
    assert [url for url in shown.asked if not url.startswith("data:")] == [report.as_uri()]


def test_rows_sort_by_number_and_unknown_comes_last(shown: View) -> None:
    button = shown.page.get_by_role("button", name="ms", exact=True)
    button.click()
    rising = [float(text) for text in shown.texts("table.variants tbody td:nth-child(4)")]
    assert rising == sorted(rising) and len(rising) == COUNT
    button.click()
    assert [float(text) for text in shown.texts("table.variants tbody td:nth-child(4)")] == rising[::-1]
    assert shown.page.locator("[aria-sort=descending]").inner_text().startswith("ms")


def test_what_is_filtered_leaves_the_charts_as_well(shown: View) -> None:
    assert shown.count(".plot g[data-variant]") == COUNT
    shown.page.get_by_role("searchbox").fill("x86-64-v3 int8")
    assert shown.count("table.variants tbody tr") == 1
    assert shown.texts("[data-count]") == [f"1 of {COUNT} variants"]
    assert shown.count(".plot g[data-variant]") == 1
    assert shown.count("#stages [data-variant]") == 1
    shown.page.get_by_role("searchbox").fill("")
    shown.page.get_by_label("int8", exact=True).uncheck()
    assert 0 < shown.count("table.variants tbody tr") < COUNT
    assert not [text for text in shown.texts("table.variants tbody th") if "int8" in text]


def test_a_mark_of_the_plot_leads_to_its_row_by_keyboard(shown: View) -> None:
    mark = shown.page.locator(".plot g[data-variant] a").first
    mark.focus()
    assert "ms, mAP50-95" in shown.page.locator("#hint").inner_text()
    shown.page.keyboard.press("Enter")
    assert shown.page.locator("table.variants tr:target").count() == 1


def test_the_front_is_drawn_and_choices_are_named(shown: View) -> None:
    assert shown.page.locator(".front line").count() > 0
    assert shown.texts("#choices .headline")[0] == "int8"
    assert [text.split()[0] for text in shown.texts("#choices .eyebrow")] == ["FASTEST", "MOST", "FASTEST"]


def test_maps_of_kernels_change_with_the_choice(shown: View) -> None:
    first = shown.page.locator(".kernel-map:visible")
    assert "ms in all" in first.inner_text(), "what was profiled comes first"
    shown.page.locator("[data-show]").select_option(index=1)
    assert shown.count(".kernel-map") == 1
    assert "by arithmetic" in shown.page.locator(".kernel-map:visible").inner_text()


def test_themes_switch_and_stay(shown: View) -> None:
    def ground() -> str:
        return str(shown.page.evaluate("getComputedStyle(document.body).backgroundColor"))

    light = ground()
    shown.page.get_by_role("button", name="Dark").click()
    dark = ground()
    assert dark != light
    shown.page.reload()
    assert ground() == dark
    shown.page.get_by_role("button", name="Auto").click()
    assert ground() == light


def test_texts_of_manifests_and_tags_are_read_and_not_run(shown: View) -> None:
    shown.page.locator("#provenance summary").first.click()
    facts = shown.page.locator("#provenance details[open]").inner_text()
    assert SCRIPT in facts and CLASSES[1] in facts
    assert MESSAGE in shown.page.locator("#history").inner_text()
    assert shown.page.title() == "yolov8n · zcc report"
    assert shown.page.locator("script").count() == 1
    assert shown.page.locator("img").count() == 0


def test_stages_and_energy_are_those_that_were_measured(shown: View) -> None:
    [bar] = [text for text in shown.texts("#stages li[data-variant]") if "decode and NMS" in text]
    assert "9.50 ms" in bar and "preprocess 1.60" in bar
    assert "412.0 mJ as RAPL <package> counts" in shown.page.locator("#energy").inner_text()


def test_signatures_are_told_with_their_keys(shown: View, report: Path) -> None:
    fold = shown.page.locator("#provenance details").filter(has_text="1 signature")
    fold.locator("summary").click()
    key = load_private_key(report.with_name("release.key"), None)
    assert key.keyid in fold.inner_text()
    assert shown.count("table.variants tbody td:has-text('yes')") == 1


def test_what_nobody_knows_is_said(shown: View) -> None:
    assert "no pictures were given" in shown.page.locator("#missing").inner_text()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing(view: Open, report: Path, theme: str) -> None:
    page = view(report.as_uri(), theme=theme)
    page.page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
    assert page.violations() == []


@pytest.mark.parametrize("width", [390, 820, 1440])
def test_it_fits_every_width(view: Open, report: Path, width: int) -> None:
    assert not view(report.as_uri(), width).overflows()


def test_on_paper_all_folds_are_open(shown: View) -> None:
    shown.page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert shown.page.locator("details:not([open])").count() == 0
    shown.page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert shown.page.locator("details[open]").count() == 0


def test_fifty_variants_stay_below_five_megabytes(tmp_path: Path) -> None:
    fill(tmp_path, 50)
    page = tmp_path / "page.html"
    cli.main(["report", "-o", str(page), "--registry", str(tmp_path / "registry")], standalone_mode=False)
    assert page.stat().st_size < 5_000_000
    assert len(Registry.open(tmp_path / "registry").artifacts()) == 50
