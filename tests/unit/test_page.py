"""The live board keeps to `Content-Security-Policy: default-src 'self'`, and data never becomes markup."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

import ranking_app.web

STATIC = Path(ranking_app.web.__file__).parent / "static"
SCRIPTS = sorted(STATIC.glob("*.js"))


class Page(HTMLParser):
    """What the page refers to, and what of it a strict policy would refuse."""

    def __init__(self) -> None:
        super().__init__()
        self.references: list[str] = []
        self.refused: list[str] = []
        self.ids: set[str] = set()
        self.classes: set[str] = set()
        self._open = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self._open = tag
        self.references += [given[name] for name in ("href", "src") if name in given]
        self.refused += [f"<{tag} {name}>" for name in given if name == "style" or name.startswith("on")]
        self.ids |= {given["id"]} if "id" in given else set()
        self.classes |= set(given.get("class", "").split())

    def handle_data(self, data: str) -> None:
        if self._open in ("script", "style") and data.strip():
            self.refused.append(f"inline {self._open}")

    def handle_endtag(self, tag: str) -> None:
        self._open = ""


@pytest.fixture(scope="module")
def page() -> Page:
    parsed = Page()
    parsed.feed((STATIC / "index.html").read_text(encoding="utf-8"))
    return parsed


def test_nothing_is_inline(page: Page) -> None:
    assert page.refused == []


def test_everything_comes_from_this_server(page: Page) -> None:
    assert all(reference.startswith(("/", "#")) and not reference.startswith("//") for reference in page.references)
    files = {reference.removeprefix("/static/") for reference in page.references if reference.startswith("/static/")}
    assert files == {"app.js", "style.css", "icon.svg"}
    for source in [*SCRIPTS, STATIC / "style.css"]:
        assert not re.search(r"https?:|url\(|@import", source.read_text(encoding="utf-8")), source.name


def test_what_a_script_imports_is_there() -> None:
    for script in SCRIPTS:
        for name in re.findall(r"""from "\./(.+?)";""", script.read_text(encoding="utf-8")):
            assert (STATIC / name).is_file()


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_data_goes_in_as_text(script: Path) -> None:
    ways_in = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function|setAttribute\(.(style|on)"
    assert not re.search(ways_in, script.read_text(encoding="utf-8"))


def test_the_scripts_find_the_elements_they_look_for(page: Page) -> None:
    text = "".join(script.read_text(encoding="utf-8") for script in SCRIPTS)
    ids = set(re.findall(r"""(?:byId|getElementById)\("(.+?)"\)""", text))
    assert ids and ids <= page.ids
    classes = set(re.findall(r"""this\.part\("(.+?)"\)""", text))
    assert classes and classes <= page.classes


def test_a_reader_without_eyes_or_without_motion_is_thought_of(page: Page) -> None:
    html = (STATIC / "index.html").read_text(encoding="utf-8")
    assert 'role="status"' in html and 'aria-live="polite"' in html and "<caption>" in html and 'scope="row"' in html
    assert "prefers-reduced-motion" in (STATIC / "style.css").read_text(encoding="utf-8")
    assert "prefers-reduced-motion" in (STATIC / "board.js").read_text(encoding="utf-8")
    assert {"/docs"} <= set(page.references)
