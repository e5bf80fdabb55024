"""The page of `report` in a real browser: sorts by clicks, fits a phone, fetches nothing."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import sync_playwright

from tests import forked
from tests.logs.story import told

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page

CHROMIUM = shutil.which("chromium")
REQUIRED = os.environ.get("CHROMIUM_REQUIRED") == "1"
pytestmark = pytest.mark.skipif(
    CHROMIUM is None and not REQUIRED, reason="chromium is not installed"
)
EVIL = '"><script>document.title = "owned"</script>'


def run(*arguments: str, lines: str = "") -> subprocess.CompletedProcess[str]:
    """`python -m console report ...`."""
    return forked.run("console", "report", *arguments, env=os.environ, text=lines)


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of what the function wrote on a bad day, and of a hostile scaling group."""
    lines = [row.line for row in told()]
    lines += [
        line.replace("asg-bp1webfleet00000001", EVIL.replace('"', '\\"')) for line in lines[:1]
    ]
    lines[-1] = lines[-1].replace("eni-", "eni-hostile-")
    path = tmp_path_factory.mktemp("report") / "report.html"
    assert 0 == run("-", "-o", str(path), lines="\n".join(lines)).returncode
    return path


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Headless Chromium."""
    assert CHROMIUM is not None, "CHROMIUM_REQUIRED=1, and there is no chromium"
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield found
        found.close()


@pytest.fixture(scope="module")
def page(browser: Browser) -> Page:
    """One page, which each test loads again: a new one costs more than most tests."""
    return browser.new_page()


def load(page: Page, path: Path, width: int, scheme: str = "light") -> None:
    """Load a file at a width."""
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    page.goto(path.as_uri())


def column(page: Page, table: str, number: int) -> list[str]:
    """The texts of a column, from the top."""
    cells = page.locator(f"table[aria-labelledby={table}] tbody tr td:nth-child({number})")
    return cells.all_inner_texts()


def test_page_needs_nothing_else(browser: Browser, report: Path) -> None:
    """One request, the file itself; no complaint; what a record says does not run."""
    page, heard = browser.new_page(), []
    page.on("console", lambda message: heard.append(message.text))
    page.on("pageerror", lambda error: heard.append(str(error)))
    page.on("request", lambda request: heard.append(request.url))
    load(page, report, 1280)
    assert [report.as_uri()] == heard
    assert "Secondary private IPs" == page.title()
    assert EVIL in column(page, "groups", 1)


def test_click_sorts_the_table(page: Page, report: Path) -> None:
    """The first click brings the worst to the top, a second one the other way round."""
    load(page, report, 1280)
    button = page.locator("table[aria-labelledby=enis] th button", has_text="missing")
    head = page.locator("table[aria-labelledby=enis] th:nth-child(10)")
    page.locator("table[aria-labelledby=enis] th button", has_text="ENI").first.click()
    before = column(page, "enis", 10)
    button.click()
    assert "descending" == head.get_attribute("aria-sort")
    down = list(map(int, column(page, "enis", 10)))
    button.click()
    assert "ascending" == head.get_attribute("aria-sort")
    up = list(map(int, column(page, "enis", 10)))
    assert sorted(map(int, before)) == up == down[::-1]
    assert down != list(map(int, before))


def test_the_fullest_vswitch_comes_first(page: Page, report: Path) -> None:
    """Of what is left, little is worse than much."""
    load(page, report, 1280)
    page.locator("table[aria-labelledby=vswitches] th button", has_text="room after").click()
    head = page.locator("table[aria-labelledby=vswitches] th:nth-child(5)")
    assert "ascending" == head.get_attribute("aria-sort")


@pytest.mark.parametrize("clicks", [1, 2])
def test_a_dash_is_never_the_worst(page: Page, report: Path, clicks: int) -> None:
    """What was not read or asked comes last in both orders."""
    load(page, report, 1280)
    button = page.locator("table[aria-labelledby=enis] th button", has_text="silent")
    for _ in range(clicks):
        button.click()
    dashes = [text == "-" for text in column(page, "enis", 11)]
    assert {True, False} == set(dashes)
    assert sorted(dashes) == dashes


def test_the_worst_outcome_comes_first(page: Page, report: Path) -> None:
    """Outcomes are sorted by how bad they are, not by letters: failed, short, and the rest."""
    load(page, report, 1280)
    page.locator("table[aria-labelledby=enis] th button", has_text="outcome").click()
    outcomes = [text.split(":")[0] for text in column(page, "enis", 12)]
    ranks = ["failed", "deferred", "short", "planned", "assigned", "gone", "skipped", "satisfied"]
    assert "failed" == outcomes[0] != outcomes[-1]
    assert sorted(outcomes, key=ranks.index) == outcomes


def test_the_filter_hides_what_does_not_match(page: Page, report: Path) -> None:
    """Every word must be in the row; it says how many are left; nothing brings all back."""
    load(page, report, 1280)
    rows = page.locator("table[aria-labelledby=enis] tbody tr")
    everything = rows.count()
    word = column(page, "enis", 12)[0].split(":")[0]
    matching = [text for text in rows.all_inner_texts() if word in text]
    visible = "all => all.filter(each => each.offsetParent).length"
    page.get_by_label("Show only").fill(f"{word} ENI-")
    shown = rows.evaluate_all(visible)

    assert 0 < shown < everything
    assert len(matching) == shown
    assert f"{shown} of {everything}" == page.locator("output").inner_text()
    page.get_by_label("Show only").fill("")
    assert everything == rows.evaluate_all(visible)


def test_rows_fold_on_a_phone(page: Page, report: Path) -> None:
    """Who, what is missing and why are seen; a touch shows the rest, as a wide screen does."""
    load(page, report, 390)
    row = page.locator("table[aria-labelledby=enis] tbody tr").first
    names = "it => [...it.cells].filter(c => c.offsetParent).map(c => c.dataset.label)"
    folded = row.evaluate(names)
    row.get_by_role("button", name="more").click()
    unfolded = row.evaluate(names)

    assert ["ENI", "missing", "outcome", None] == folded
    assert 13 == len(unfolded)
    assert "true" == row.get_by_role("button", name="less").get_attribute("aria-expanded")
    load(page, report, 1280)
    assert 12 == len(page.locator("table[aria-labelledby=enis] tbody tr").first.evaluate(names))


def test_an_instance_stands_above_its_type(page: Page, report: Path) -> None:
    """On a phone as on a wide screen, each on a line of its own that is not broken."""
    for width in (390, 1280):
        load(page, report, width)
        row = page.locator("table[aria-labelledby=enis] tbody tr").first
        if width == 390:
            row.get_by_role("button", name="more").click()
        parts = row.locator("td:nth-child(2) > *")
        name, kind = (parts.nth(place).bounding_box() for place in (0, 1))
        assert name is not None
        assert kind is not None
        assert name["y"] + name["height"] <= kind["y"] + 4
        assert max(name["height"], kind["height"]) < 24


def test_ids_of_enis_are_not_broken(page: Page, report: Path) -> None:
    """Each that is no longer than those of the cloud stands on one line, on a phone, too."""
    for width in (390, 1280):
        load(page, report, width)
        ids = page.locator("table[aria-labelledby=enis] td:first-child a:not(.long)")
        heights = ids.evaluate_all("all => all.map(it => it.getBoundingClientRect().height)")
        assert heights
        assert [each for each in heights if not 0 < each <= 24] == []


def test_ids_are_links_to_the_console(page: Page, report: Path) -> None:
    """ENIs, instances and vSwitches; a page that they lead to is not told where one came from."""
    load(page, report, 1280)
    links = page.locator("table[aria-labelledby=enis] tbody a").evaluate_all(
        "all => all.map(it => [it.getAttribute('href') || '', it.getAttribute('rel')])"
    )
    hosts = {href.split("/")[2] for href, _ in links}
    assert {"ecs.console.aliyun.com", "vpc.console.aliyun.com"} == hosts
    assert {"noreferrer"} == {rel for _, rel in links}


def test_text_columns_sort_as_text(page: Page, report: Path) -> None:
    """Ids are sorted by letters; every row stays whole."""
    load(page, report, 1280)
    rows = set(page.locator("table[aria-labelledby=enis] tbody tr").all_inner_texts())
    page.locator("table[aria-labelledby=enis] th button", has_text="ENI").first.click()
    names = column(page, "enis", 1)
    assert sorted(names) == names
    assert rows == set(page.locator("table[aria-labelledby=enis] tbody tr").all_inner_texts())


@pytest.mark.parametrize("width", [320, 390, 768, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_page_fits_its_screen(page: Page, report: Path, width: int, scheme: str) -> None:
    """No sideways scrolling, from a small phone up."""
    load(page, report, width, scheme)
    widest = page.evaluate(
        "Math.max(...[...document.querySelectorAll('*')]"
        ".map(it => it.getBoundingClientRect().right))"
    )
    assert width == page.evaluate("document.documentElement.scrollWidth")
    assert widest <= width


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_can_be_told_from_its_background(page: Page, report: Path, scheme: str) -> None:
    """Every colour of text has a contrast of 4.5 to 1 at least (WCAG 2.2, AA)."""
    load(page, report, 1280, scheme)
    assert [] == [found for found in page.evaluate(CONTRASTS) if found[1] < 4.5]


CONTRASTS = """() => {
  const rgb = text => text.match(/[\\d.]+/g).slice(0, 3).map(Number);
  const light = text => { const [r, g, b] = rgb(text).map(v => (v /= 255) <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4);
    return .2126 * r + .7152 * g + .0722 * b };
  const back = it => { for (; it; it = it.parentElement) { const c = getComputedStyle(it).backgroundColor;
    if (c !== 'rgba(0, 0, 0, 0)') return c } return 'rgb(255, 255, 255)' };
  return [...document.querySelectorAll('h1, h2, p, li, td, th button, strong')].map(it => {
    const [a, b] = [light(getComputedStyle(it).color), light(back(it))].sort((x, y) => y - x);
    return [it.outerHTML.slice(0, 60), (a + .05) / (b + .05)] })
}"""  # noqa: E501  (a script of its own)


# --- the command ------------------------------------------------------------------------------


def test_input_without_records_is_refused(tmp_path: Path) -> None:
    """The error says what was found and what is allowed; no page is written."""
    path = tmp_path / "report.html"
    ran = run("-", "-o", str(path), lines="hello\n")
    assert (2, False) == (ran.returncode, path.exists())
    assert "FILE: found no eni_result among 1 line; allowed: records" in ran.stderr


def test_page_can_go_to_standard_output() -> None:
    """`-o -` writes the page and nothing else."""
    ran = run("-", "-o", "-", lines="\n".join(row.line for row in told()[:6]))
    assert (0, True) == (ran.returncode, ran.stdout.startswith("<!doctype html>"))


def test_missing_file_is_named(tmp_path: Path) -> None:
    """The name and the reason are told."""
    ran = run(str(tmp_path / "nothing.jsonl"))
    assert (2, True) == (ran.returncode, "nothing.jsonl, No such file" in ran.stderr)
