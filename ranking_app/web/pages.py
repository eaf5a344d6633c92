"""Pages for people: `/` is the live board, `/ops` the workers, `/docs` the OpenAPI description in plain HTML.

`/docs` is made here once, with its style inside and no script: it works without a network, and its policy
allows exactly that one style.
"""

import json
from base64 import b64encode
from collections.abc import Iterator, Mapping
from hashlib import sha256
from html import escape
from pathlib import Path
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler

from ranking_app.web.security import POLICY

STATIC_DIR = Path(__file__).parent / "static"

PAGES = {"/": "index.html", "/ops": "ops.html"}
"""Addresses of pages, and their files."""

_MEDIA_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
}
"""Said here, as what Python guesses depends on the machine, and browsers must not guess (nosniff)."""

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem;
       color: #1a1a1a; background: #fff; }
h2 { margin-top: 3rem; border-top: 1px solid #ccc; padding-top: 1rem; }
code, pre { font: 14px/1.4 ui-monospace, monospace; background: #f3f3f3; }
pre { padding: 1rem; overflow-x: auto; max-height: 30rem; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .3rem .8rem .3rem 0; border-bottom: 1px solid #ddd; }
@media (prefers-color-scheme: dark) {
  body { color: #e6e6e6; background: #161616; } a { color: #8ab4f8; } code, pre { background: #242424; }
  h2, th, td { border-color: #444; }
}
"""

_STYLE_HASH = b64encode(sha256(_STYLE.encode()).digest()).decode()

DOCS_POLICY = (
    f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def static_handler(directory: Path = STATIC_DIR) -> Handler:
    """`GET /`, `GET /ops` and `GET /static/{name}`: the pages, and their scripts and styles.

    Only names found now, in this directory and those below it, of the types above: no path of a request reaches
    the disk.
    """
    found = [path for path in directory.rglob("*") if path.suffix in _MEDIA_TYPES and path.is_file()]
    files = {f"/static/{path.relative_to(directory).as_posix()}": path for path in found}
    files |= {address: directory / name for address, name in PAGES.items()}

    async def static(request: web.Request) -> web.FileResponse:
        path = files.get(request.path)
        if path is None:
            raise web.HTTPNotFound
        return web.FileResponse(path, headers={"Content-Type": _MEDIA_TYPES[path.suffix]})

    return static


def docs_handler(document: Mapping[str, Any]) -> Handler:
    """`GET /docs`. document: the OpenAPI description."""
    page = "\n".join(_page(document)).encode()

    async def docs(request: web.Request) -> web.Response:
        return web.Response(body=page, content_type="text/html", charset="utf-8", headers={POLICY: DOCS_POLICY})

    return docs


def _page(document: Mapping[str, Any]) -> Iterator[str]:
    info = document["info"]
    title = escape(f"{info['title']} {info['version']}")
    yield f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{title}</title>'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield f"<style>{_STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>"
    for paragraph in info["description"].split("\n\n"):
        yield f"<p>{_text(paragraph)}</p>"
    yield '<p><a href="/">The live board</a> · <a href="/ops">Operations</a> · <a href="/openapi.json">OpenAPI</a></p>'
    yield "<ul>"
    operations = [(path, item["get"]) for path, item in document["paths"].items()]
    for path, operation in operations:
        link = f'<a href="#{escape(operation["operationId"])}"><code>GET {escape(path)}</code></a>'
        yield f"<li>{link} {_text(operation['summary'])}</li>"
    yield "</ul>"
    for path, operation in operations:
        yield from _operation(path, operation)
    yield "<h2>Problems</h2>"
    for response in document["components"]["responses"].values():
        yield from _problem(response)
    yield "</body>\n</html>"


def _operation(path: str, operation: Mapping[str, Any]) -> Iterator[str]:
    yield f'<h2 id="{escape(operation["operationId"])}"><code>GET {escape(path)}</code></h2>'
    yield f"<p><strong>{_text(operation['summary'])}.</strong> {_text(operation['description'])}</p>"
    if operation["parameters"]:
        yield "<table>\n<tr><th>parameter</th><th>default</th><th>meaning</th></tr>"
        for parameter in operation["parameters"]:
            yield _parameter_row(parameter)
        yield "</table>"
    for content in operation["responses"]["200"]["content"].values():
        yield from _example(content)


def _parameter_row(parameter: Mapping[str, Any]) -> str:
    schema = parameter["schema"]
    default = f"<code>{escape(str(schema['default']))}</code>" if "default" in schema else ""
    limits = ""
    if "enum" in schema:
        limits = " One of " + ", ".join(f"<code>{escape(value)}</code>" for value in schema["enum"]) + "."
    elif "minimum" in schema:
        limits = f" From {schema['minimum']:,} to {schema['maximum']:,}."
    name = f"<code>{escape(parameter['name'])}</code>"
    meaning = _text(parameter["description"]) + limits
    return f"<tr><td>{name}</td><td>{default}</td><td>{meaning}</td></tr>"


def _problem(response: Mapping[str, Any]) -> Iterator[str]:
    [content] = response["content"].values()
    slug = content["example"]["type"].rpartition("#")[2]
    yield f'<h3 id="{escape(slug)}">{content["example"]["status"]} {escape(content["example"]["title"])}</h3>'
    yield f"<p>{_text(response['description'])}</p>"
    yield from _example(content)


def _example(content: Mapping[str, Any]) -> Iterator[str]:
    if "example" in content:
        yield f"<p>Asked for <code>GET {escape(content['x-example-of'])}</code>:</p>"
        text = json.dumps(content["example"], indent=2, ensure_ascii=False)
        yield f"<pre>{escape(text)}</pre>"


def _text(text: str) -> str:
    """Escaped, with `code` between backticks."""
    parts = escape(text).split("`")
    return "".join(f"<code>{part}</code>" if i % 2 else part for i, part in enumerate(parts))
