"""A real browser for tests: Chromium or Chrome as the system has it, headless, without a sandbox where root runs it.

Where there is none those tests skip; `--require-browser`, set in CI, makes that a failure.
"""

import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, ConsoleMessage, Page, async_playwright, expect

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

ARGUMENTS = ["--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update",
             "--disable-sync"]  # fmt: skip
"""Nothing but the page under test opens a connection."""

WITHIN_MS = 20_000
"""On a machine that is busy with other tests."""

STAND_STILL = """Promise.all(document.getAnimations()
  .filter((animation) => animation.effect.getComputedTiming().iterations !== Infinity)
  .map((animation) => animation.finished.catch(() => null)))"""
"""What fades in has too little contrast for a moment: until it has, there is nothing to look at."""

SERIOUS = ("serious", "critical")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds --require-browser."""
    parser.addoption("--require-browser", action="store_true", help="fail, not skip, where no Chromium is installed")


def find_browser() -> Path | None:
    """The executable of a browser; None where none is installed."""
    found = next(filter(None, map(shutil.which, NAMES)), None)
    return None if found is None else Path(found)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser(pytestconfig: pytest.Config) -> AsyncIterator[Browser]:
    """One browser for a module's tests; each page is a context of its own."""
    executable = find_browser()
    if executable is None:
        message = f"no browser: none of {', '.join(NAMES)} is installed"
        if pytestconfig.getoption("--require-browser"):
            pytest.fail(message)
        pytest.skip(message)
    expect.set_options(timeout=WITHIN_MS)
    arguments = [*ARGUMENTS, "--no-sandbox"] if os.geteuid() == 0 else ARGUMENTS
    async with async_playwright() as playwright:
        running = await playwright.chromium.launch(executable_path=executable, args=arguments)
        try:
            yield running
        finally:
            await running.close()


class Watched:
    """A page, and everything that went wrong in it."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.errors: list[str] = []
        page.on("console", self._note)
        page.on("pageerror", lambda error: self.errors.append(str(error)))

    def _note(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.errors.append(message.text)


async def open_page(
    browser: Browser, url: str, *, width: int = 1280, height: int = 800, checks_policy: bool = True, **more: Any
) -> Watched:
    """A new page at url. checks_policy False: scripts of a test may be put into the page."""
    context = await browser.new_context(
        viewport={"width": width, "height": height}, locale="en-US", bypass_csp=not checks_policy, **more
    )
    context.set_default_timeout(WITHIN_MS)
    watched = Watched(await context.new_page())
    await watched.page.goto(url)
    return watched


async def violations(page: Page) -> list[str]:
    """What axe-core finds that keeps people from using the page: serious and critical. Nothing fades in meanwhile."""
    await page.emulate_media(reduced_motion="reduce")
    await page.evaluate(STAND_STILL)
    found = (await Axe().run(page)).response["violations"]
    await page.emulate_media(reduced_motion="null")
    return [
        f"{rule['id']}: {node['html'][:200]} {node['failureSummary']}"
        for rule in found
        if rule["impact"] in SERIOUS
        for node in rule["nodes"]
    ]
