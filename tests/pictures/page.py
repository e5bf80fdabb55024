"""The fleet page of `report`, of a backfill on a made-up fleet; a browser takes its picture.

The same page looks a little different in every browser, so it is the page that is compared, by the
digest that stands beside its pictures.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from datetime import datetime, timedelta, timezone
from pathlib import Path

from playwright.sync_api import sync_playwright

from console.fleet import FUNCTION_SETTINGS, fleet
from console.report.page import render
from console.report.reading import read
from tests.stage import Stage

ENIS = 240
WIDTH, HEIGHT = 1280, 1180
SCHEMES = ("light", "dark")
NOON = datetime(2026, 11, 23, 12, tzinfo=timezone.utc)
REFUSED = {
    "action": "AssignPrivateIpAddresses",
    "fault": "error",
    "code": "InvalidOperation.Unsupported",
    "times": 99,
    "where": {"NetworkInterfaceId": "eni-bp1web0000000000600"},
}


def page() -> str:
    """The page of the records, as `report backfill.jsonl` writes it."""
    return render(read(records()), "backfill.jsonl", ENIS)


def digest(html: str) -> str:
    """By which a page is known."""
    return hashlib.sha256(html.encode()).hexdigest()


def records() -> list[str]:
    """The records of a backfill. The machine's clock is in them: here, one is written a second."""
    with Stage(fleet(ENIS), FUNCTION_SETTINGS, [REFUSED]) as stage:
        delivered = stage.deliver({"backfill": {"all": True}})
    settings = {"record_type": "settings", "source": "function secondary-ips"}
    told = {"settings": {"TARGET_SECONDARY_IPS": FUNCTION_SETTINGS["TARGET_SECONDARY_IPS"]}}
    stamped = [
        record | {"timestamp": f"{NOON + timedelta(seconds=number):%Y-%m-%dT%H:%M:%SZ}"}
        for number, record in enumerate(delivered.records)
    ]
    return [json.dumps(each) for each in [settings | told, *stamped]]


def photographed(html: str) -> dict[str, bytes]:
    """By colour scheme, the page as PNG, from its beginning to the end of the second ENI.

    Raises:
        FileNotFoundError: there is no Chromium.
    """
    chromium = shutil.which("chromium")
    if chromium is None:
        raise FileNotFoundError("chromium is not installed: apt-get install chromium")
    found: dict[str, bytes] = {}
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        path = Path(folder, "report.html")
        path.write_text(html, encoding="utf-8")
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for scheme in SCHEMES:
            shown = browser.new_page(
                viewport={"width": WIDTH, "height": HEIGHT},
                color_scheme=scheme,  # type: ignore[arg-type]
            )
            shown.goto(path.as_uri())
            row = shown.locator("#table-enis tbody tr").nth(1).bounding_box()
            end = round(row["y"] + row["height"]) + 1 if row else HEIGHT
            shown.set_viewport_size({"width": WIDTH, "height": end})
            found[scheme] = shown.screenshot()
        browser.close()
    return found
