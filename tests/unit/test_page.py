"""The pages keep to `Content-Security-Policy: default-src 'self'`, and data never becomes markup."""

import re
from hashlib import sha256
from html.parser import HTMLParser
from pathlib import Path

import pytest

import ranking_app.web
from ranking_app.web.pages import PAGES

STATIC = Path(ranking_app.web.__file__).parent / "static"
SCRIPTS = sorted(STATIC.glob("*.js"))
STYLES = sorted(STATIC.glob("*.css"))
VENDORED = STATIC / "vendor" / "htm-preact.js"

HTM_VERSION = "3.1.1"
HTM_SHA256 = "72284e8e9079c87817145df1110f74e8a2aa040b2fc384922e18dfcb46fc1fd7"


def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def imported(script: Path) -> set[str]:
    return set(re.findall(r"""from "\./(.+?)";""", text_of(script)))


class Page(HTMLParser):
    """What a page refers to, and what of it a strict policy would refuse."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.references: list[str] = []
        self.refused: list[str] = []
        self.ids: set[str] = set()
        self._open = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self._open = tag
        self.references += [given[name] for name in ("href", "src") if name in given]
        self.refused += [f"<{tag} {name}>" for name in given if name == "style" or name.startswith("on")]
        self.ids |= {given["id"]} if "id" in given else set()

    def handle_data(self, data: str) -> None:
        if self._open in ("script", "style") and data.strip():
            self.refused.append(f"inline {self._open}")

    def handle_endtag(self, tag: str) -> None:
        self._open = ""


@pytest.fixture(params=sorted(PAGES.values()))
def page(request: pytest.FixtureRequest) -> Page:
    return Page(text_of(STATIC / request.param))


def test_nothing_is_inline(page: Page) -> None:
    assert page.refused == []


def test_everything_that_a_page_names_is_there_and_comes_from_this_server(page: Page) -> None:
    assert page.references
    for reference in page.references:
        assert reference.startswith("/") and not reference.startswith("//")
        if reference.startswith("/static/"):
            assert (STATIC / reference.removeprefix("/static/")).is_file()


@pytest.mark.parametrize("source", [*SCRIPTS, *STYLES, VENDORED], ids=lambda source: source.name)
def test_no_source_leads_elsewhere(source: Path) -> None:
    # The vendored file names the SVG namespace, which is a name and no address to go to.
    text = text_of(source).replace("http://www.w3.org/2000/svg", "")
    assert not re.search(r"https?:|url\(|@import", text)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_what_a_script_imports_is_there_and_exported(script: Path) -> None:
    for names, file in re.findall(r"""import \{ (.+?) \} from "\./(.+?)";""", text_of(script)):
        exported = text_of(STATIC / file)
        for name in names.split(", "):
            # In the vendored file: `export{a as h,fe as html,...}`.
            assert re.search(rf"export (async )?(function|const|class) {name}\b|\bas {name}[,}}]", exported), name


def test_every_script_is_part_of_a_page() -> None:
    reached = {reference for page in PAGES.values() for reference in Page(text_of(STATIC / page)).references}
    waiting = [STATIC / name.removeprefix("/static/") for name in reached if name.endswith(".js")]
    seen: set[Path] = set()
    while waiting:
        script = waiting.pop()
        seen.add(script)
        waiting += [STATIC / name for name in imported(script) if STATIC / name not in seen]
    assert seen == {*SCRIPTS, VENDORED}


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_data_goes_in_as_text(script: Path) -> None:
    ways_in = (
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function|dangerouslySet|srcdoc|cssText"
        r"|setAttribute\(.(style|on)|\bstyle=|\bon[a-z]+="
    )
    assert not re.search(ways_in, text_of(script))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_a_script_is_short_and_says_what_it_is_for(script: Path) -> None:
    lines = text_of(script).splitlines()
    assert lines[0].startswith("// ") and len(lines) < 200


def test_the_vendored_file_is_the_published_one() -> None:
    assert sha256(VENDORED.read_bytes()).hexdigest() == HTM_SHA256
    readme = text_of(VENDORED.with_name("README.md"))
    assert HTM_VERSION in readme and HTM_SHA256 in readme
    licence = text_of(VENDORED.with_name("htm-preact.LICENSE.txt"))
    for words in (HTM_VERSION, "Apache License", "Google", "MIT License", "Jason Miller"):
        assert words in licence


def texts() -> dict[str, tuple[str, str]]:
    entries = re.findall(r'^  "?([\w.-]+)"?: \["(.+?)", "(.+?)"\],$', text_of(STATIC / "i18n.js"), re.MULTILINE)
    return {name: (english, korean) for name, english, korean in entries}


def test_every_text_is_there_in_both_languages_with_the_same_gaps() -> None:
    table = re.search(r"const TEXTS = \{\n(.*?)\n\};", text_of(STATIC / "i18n.js"), re.DOTALL)
    assert table is not None
    lines = [line for line in table[1].splitlines() if line.strip() and not line.strip().startswith("//")]
    assert len(texts()) == len(lines), "a text is written twice, or not as `name: [English, Korean],`"
    for name, (english, korean) in texts().items():
        assert sorted(re.findall(r"\{\w+\}", english)) == sorted(re.findall(r"\{\w+\}", korean)), name


def test_every_text_that_a_script_names_is_there_and_none_is_left_over() -> None:
    source = "".join(text_of(script) for script in SCRIPTS if script.name != "i18n.js")
    named = set(re.findall(r"""\bt\("([\w.-]+)\"""", source))
    assert named and named <= texts().keys()
    # A name may be made of parts: `board.${name}`. Then its first part has to be there.
    families = set(re.findall(r"`(\w+)\.\$\{", source))
    unused = {name for name in texts() if f'"{name}"' not in source and name.partition(".")[0] not in families}
    assert unused == set()


def test_a_reader_without_eyes_or_without_motion_is_thought_of() -> None:
    source = "".join(text_of(script) for script in SCRIPTS)
    for words in ('role="status"', 'aria-live="polite"', "<caption>", 'scope="row"', 'role="dialog"', 'role="tablist"'):
        assert words in source
    assert "prefers-reduced-motion" in text_of(STATIC / "style.css")
    assert "prefers-reduced-motion" in text_of(STATIC / "flip.js")
    for name in PAGES.values():
        page = Page(text_of(STATIC / name))
        assert "/docs" in page.references, "for those without JavaScript"
        assert "page" in page.ids
