"""The page in a real browser, over the real web application and a read model whose sales the tests make."""

import asyncio
from collections.abc import AsyncIterator
from zoneinfo import ZoneInfo

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from ranking_app.metrics import Metrics
from ranking_app.rankings.boards.kinds import KINDS
from ranking_app.web.app import create_web_app
from ranking_app.web.server import WebServer
from tests.support.browser import Watched, open_page, violations
from tests.support.web import FakeReadModel, second

pytestmark = pytest.mark.asyncio(loop_scope="module")

PHONE, LAPTOP, WALL = (360, 740), (1280, 800), (1920, 1080)


def shop() -> FakeReadModel:
    """Twelve shows; the first ones sell best."""
    model = FakeReadModel()
    for number in range(12):
        name = f"show-{number:02}"
        model.list(name, 100, title=f"Concert {number}", venue=f"Hall {number % 3}", region="Seoul",
                   genre=("dj", "rock")[number % 2], sale_opens_at_ms=second("11:00:00") * 1000,
                   starts_at_ms=second("2026-07-04T09:00:00") * 1000)  # fmt: skip
        model.sell(name, "11:10:00", 60 - 4 * number, 5_000)
    return model.sell("show-00", "11:20:00", 40).sell("show-03", "11:21:00", -2)


class Site:
    """A web server over a shop, on a port that it keeps."""

    def __init__(self) -> None:
        self.model = shop()
        self.port = 0
        self._server: WebServer | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> None:
        self._server = WebServer(create_web_app(self.model, timezone=ZoneInfo("UTC"), metrics=Metrics()))
        await self._server.start("127.0.0.1", self.port)
        self.port = self._server.port

    async def stop(self) -> None:
        if self._server is not None:
            await self._server.stop()


@pytest_asyncio.fixture(loop_scope="module")
async def site() -> AsyncIterator[Site]:
    running = Site()
    await running.start()
    yield running
    await running.stop()


async def opened(browser: Browser, site: Site, path: str = "/?lang=en", state: str = "live", **more: object) -> Watched:
    watched = await open_page(browser, site.url + path, **more)  # type: ignore[arg-type]
    await is_light(watched.page, state)
    return watched


async def is_light(page: Page, state: str) -> None:
    await expect(page.locator("#light")).to_have_attribute("data-state", state)


def rows(page: Page):
    return page.locator("tbody tr")


@pytest.mark.parametrize("size", [PHONE, LAPTOP, WALL], ids=["phone", "laptop", "wall"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(
    "path", ["/?lang=en", "/?lang=ko&board=sell-out", "/?lang=en&schedule=show-03", "/?lang=en&board=hot&genre=dj"]
)
async def test_nothing_keeps_anyone_from_using_it(browser: Browser, site: Site, path: str, scheme: str, size) -> None:
    watched = await opened(browser, site, path, width=size[0], height=size[1], color_scheme=scheme, checks_policy=False)
    await expect(rows(watched.page).first).to_be_visible()
    assert await violations(watched.page) == []
    assert await watched.page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "it scrolls sideways"
    assert watched.errors == []
    await watched.page.context.close()


async def test_a_sale_moves_a_row_without_a_reload(browser: Browser, site: Site) -> None:
    watched = await opened(browser, site)
    await expect(rows(watched.page).first).to_contain_text("Concert 0")
    site.model.sell("show-05", "11:40:00", 200)
    await expect(rows(watched.page).first).to_contain_text("Concert 5")
    await expect(rows(watched.page)).to_have_count(10)
    assert watched.errors == []
    await watched.page.context.close()


async def test_titles_are_shown_as_text_whatever_is_in_them(browser: Browser, site: Site) -> None:
    site.model.list("show-00", 100, title="<img src=x onerror=alert(1)><b>Bold</b> " + "long " * 200)
    watched = await opened(browser, site)
    await expect(rows(watched.page).first).to_contain_text("<img src=x")
    assert await rows(watched.page).locator("img, b").count() == 0
    assert await watched.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert watched.errors == []
    await watched.page.context.close()


async def test_tabs_windows_and_filters_are_in_the_address_and_back_goes_back(browser: Browser, site: Site) -> None:
    page = (await opened(browser, site)).page
    await page.focus("#tab-sales")
    await page.keyboard.press("ArrowRight")
    await expect(page.locator("#tab-sell-out")).to_have_attribute("aria-selected", "true")
    assert "board=sell-out" in page.url
    await page.keyboard.press("End")
    await expect(page.locator("#tab-cancellations")).to_have_attribute("aria-selected", "true")
    await page.go_back()
    await expect(page.locator("#tab-sell-out")).to_have_attribute("aria-selected", "true")
    await page.goto(f"{site.url}/?lang=en&genre=dj&window=24h")
    await expect(rows(page)).to_have_count(6)
    await page.reload()
    await expect(rows(page)).to_have_count(6)
    await page.context.close()


async def test_a_schedule_opens_by_keyboard_keeps_the_focus_and_gives_it_back(browser: Browser, site: Site) -> None:
    page = (await opened(browser, site)).page
    await page.locator("tbody button.title").nth(1).focus()
    await page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    await expect(dialog).to_be_visible()
    await expect(dialog).to_contain_text("Concert 1")
    assert "schedule=show-01" in page.url
    for _ in range(8):
        await page.keyboard.press("Tab")
        assert await page.evaluate("!!document.activeElement.closest('[role=dialog]')")
    await page.keyboard.press("Escape")
    await expect(dialog).to_have_count(0)
    assert await page.evaluate("document.activeElement.closest('tr')?.dataset.id") == "show-01"
    await page.context.close()


async def test_it_goes_back_in_time_and_returns(browser: Browser, site: Site) -> None:
    page = (await opened(browser, site, "/?lang=en&window=all")).page
    await page.goto(f"{site.url}/?lang=en&window=all&asOf=2026-06-14T11:15:00Z")
    await is_light(page, "past")
    await expect(rows(page).first).to_contain_text("60")
    site.model.sell("show-05", "11:40:00", 500)
    await asyncio.sleep(0.5)
    await expect(rows(page).first).to_contain_text("Concert 0")
    await page.locator(".timeline .live").click()
    await is_light(page, "live")
    await expect(rows(page).first).to_contain_text("Concert 5")
    slider = page.locator("input[type=range]")
    await slider.focus()
    await page.keyboard.press("PageDown")
    await is_light(page, "past")
    assert "asOf=" in page.url
    await page.context.close()


async def test_korean_and_the_dark_theme_are_a_click_away_and_stay(browser: Browser, site: Site) -> None:
    page = (await opened(browser, site)).page
    await page.locator("button[lang=ko]").click()
    await expect(page.locator("html")).to_have_attribute("lang", "ko")
    assert "lang=ko" in page.url
    colour = "getComputedStyle(document.body).backgroundColor"
    before = await page.evaluate(colour)
    await page.locator(".settings .icon").click()
    assert await page.evaluate(colour) != before
    await page.reload()
    await is_light(page, "live")
    assert await page.evaluate(colour) != before
    await page.context.close()


async def test_the_light_is_true(browser: Browser, site: Site) -> None:
    page = (await opened(browser, site)).page
    site.model.with_state(complete=False)
    await is_light(page, "stale")
    site.model.with_state(complete=True)
    await is_light(page, "live")
    await site.stop()
    await is_light(page, "offline")
    await site.start()
    await is_light(page, "live")
    await page.context.close()


async def test_an_empty_shop_and_one_that_loads_say_so(browser: Browser, site: Site) -> None:
    site.model.schedules.clear()
    site.model.loaded = False
    watched = await open_page(browser, f"{site.url}/?lang=en")
    await is_light(watched.page, "loading")
    site.model.loaded = True
    await is_light(watched.page, "live")
    await expect(watched.page.get_by_text("Nothing here yet.")).to_be_visible()
    await watched.page.context.close()


@pytest.mark.parametrize("motion", ["no-preference", "reduce"])
async def test_rows_slide_unless_less_motion_is_wanted(browser: Browser, site: Site, motion: str) -> None:
    page = (await opened(browser, site, reduced_motion=motion)).page
    await page.evaluate(
        "window.slides = 0; const animate = Element.prototype.animate;"
        "Element.prototype.animate = function (...given) { window.slides++; return animate.apply(this, given); }; 0"
    )
    site.model.sell("show-09", "11:40:00", 300)
    await expect(rows(page).first).to_contain_text("Concert 9")
    assert (await page.evaluate("window.slides") > 0) == (motion == "no-preference")
    await page.context.close()


async def test_search_finds_and_opens(browser: Browser, site: Site) -> None:
    page = (await opened(browser, site)).page
    await page.locator("input[type=search]").click()
    await page.keyboard.type("hall 2")
    await expect(page.get_by_role("option").first).to_be_visible()
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("dialog")).to_be_visible()
    await page.context.close()


async def test_every_board_says_how_it_is_ranked(browser: Browser, site: Site) -> None:
    for board in KINDS:
        watched = await opened(browser, site, f"/?lang=en&board={board}")
        await watched.page.get_by_text("How is this ranked?").first.click()
        await expect(watched.page.locator("#how")).to_have_text(KINDS[board].how.en)
        assert watched.errors == []
        await watched.page.context.close()
