"""The page over a running demo: real Kafka, real workers, one of them killed under it."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect

from tests.support.browser import open_page, violations
from tests.support.demo import Demo, running_demo

pytestmark = pytest.mark.asyncio(loop_scope="module")

RATE = 200
MOVES_WITHIN_MS = 60_000

THREE_WORKERS = """
() => new Set(document.querySelector("main").innerText.match(/127\\.0\\.0\\.1:[0-9]+/g)).size === 3
"""


@pytest.fixture(scope="module")
def demo(can_run_kafka: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    directory: Path = tmp_path_factory.mktemp("demo")
    with running_demo(directory, RATE) as running:
        running.wait_address()
        yield running


async def is_light(page: Page, state: str) -> None:
    await expect(page.locator("#light")).to_have_attribute("data-state", state, timeout=MOVES_WITHIN_MS)


async def moves(page: Page) -> None:
    """The board changes without anybody touching it."""
    rows = page.locator("tbody")
    await expect(rows.locator("tr").first).to_be_visible(timeout=MOVES_WITHIN_MS)
    await expect(rows).not_to_have_text(await rows.inner_text(), timeout=MOVES_WITHIN_MS)


async def test_it_follows_survives_a_killed_worker_and_goes_back_in_time(browser: Browser, demo: Demo) -> None:
    watched = await open_page(browser, f"{demo.wait_address()}/?lang=en&window=5m", checks_policy=False)
    page = watched.page
    await is_light(page, "live")
    await moves(page)
    assert await violations(page) == []
    assert watched.errors == []

    os.kill(demo.workers()[-1], signal.SIGKILL)  # another one than answers the page
    await is_light(page, "stale")
    await is_light(page, "live")
    await moves(page)
    assert watched.errors == []

    os.kill(demo.workers()[0], signal.SIGKILL)  # the one that the page is connected to
    await is_light(page, "offline")
    await is_light(page, "live")
    await moves(page)

    await page.locator("input[type=range]").focus()
    await page.keyboard.press("ArrowLeft")
    await is_light(page, "past")
    assert "asOf=" in page.url
    await page.locator(".timeline .live").click()
    await is_light(page, "live")
    await moves(page)


async def test_the_operations_page_shows_who_works_on_what(browser: Browser, demo: Demo) -> None:
    watched = await open_page(browser, f"{demo.wait_address()}/ops?lang=en", checks_policy=False)
    await is_light(watched.page, "live")
    text = watched.page.locator("main")
    for topic in ("reservation.completed", "reservation.cancelled"):
        await expect(text).to_contain_text(topic)
    # Their ports follow each other, but for those that somebody else had taken.
    await watched.page.wait_for_function(THREE_WORKERS, timeout=MOVES_WITHIN_MS)
    assert await violations(watched.page) == []
    assert watched.errors == []
