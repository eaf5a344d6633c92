"""The pictures of the README and the docs, from a running demo: `python -m tests.browser.screenshots`."""

import asyncio
import os
import tempfile
from pathlib import Path

from playwright.async_api import Browser, async_playwright

from tests.support.browser import ARGUMENTS, find_browser, open_page
from tests.support.demo import running_demo
from tests.support.processes import ROOT

RATE = 300
RUNS_FOR_S = 75.0
"""Until then some shows have sold out."""

SHOTS = {
    "board.png": ("/?lang=en&window=5m", 1400, 830, "light"),
    "board-dark.png": ("/?lang=ko&window=5m&board=hot", 1400, 830, "dark"),
    "board-phone.png": ("/?lang=en&window=5m", 390, 844, "light"),
    "ops.png": ("/ops?lang=en", 1400, 830, "light"),
}


async def shoot(browser: Browser, address: str) -> None:
    """Every picture."""
    for name, (path, width, height, scheme) in SHOTS.items():
        watched = await open_page(browser, address + path, width=width, height=height, color_scheme=scheme)
        await watched.page.wait_for_selector("#light[data-state=live]")
        await watched.page.wait_for_timeout(3_000)  # the sparklines are there by then
        await watched.page.screenshot(path=ROOT / "docs" / name)
        await watched.page.context.close()
        print(f"docs/{name}", flush=True)


async def _main() -> None:
    with tempfile.TemporaryDirectory(prefix="ranking-shots-") as folder, running_demo(Path(folder), RATE) as demo:
        address = demo.wait_address()
        await asyncio.sleep(RUNS_FOR_S)
        arguments = [*ARGUMENTS, "--no-sandbox"] if os.geteuid() == 0 else ARGUMENTS
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(executable_path=find_browser(), args=arguments)
            await shoot(browser, address)
            await browser.close()


if __name__ == "__main__":
    asyncio.run(_main())
