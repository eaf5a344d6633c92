"""Works out anew which jars Kafka needs and writes them into jar_list.py: `python -m ranking_app.local.lock_jars`.

For a developer who changes KAFKA_VERSION or ENDPOINT there. Takes a minute, mostly to read POM files; needs the
network and jgo.
"""

import hashlib
import re
import tempfile
from pathlib import Path

from jgo.maven import MavenContext, PythonResolver

from ranking_app.local.jar_list import ENDPOINT

_LIST = Path(__file__).with_name("jar_list.py")


def resolved_jars(endpoint: str, repository: Path) -> list[str]:
    """The lines of the list for `coordinate+coordinate…`, sorted. What they are made from goes into `repository`."""
    context = MavenContext(resolver=PythonResolver(), repo_cache=repository, timeout=30)
    asked = [context.create_dependency(coordinate) for coordinate in endpoint.split("+")]
    asked, needed = context.resolver.resolve(asked)
    lines = []
    for dependency in [*asked, *(d for d in needed if d.scope in ("compile", "runtime"))]:
        jar = dependency.artifact.resolve().read_bytes()
        coordinate = f"{dependency.groupId}:{dependency.artifactId}:{dependency.version}"
        lines.append(f"{coordinate} {len(jar)} {hashlib.sha256(jar).hexdigest()}")
    return sorted(lines)


def main() -> None:
    """Rewrite the list in jar_list.py."""
    with tempfile.TemporaryDirectory() as repository:
        lines = resolved_jars(ENDPOINT, Path(repository))
    text = _LIST.read_text(encoding="utf-8")
    start, end = re.search(r'(?s)(?<=^JARS = """\\\n).*?(?="""$)', text, re.MULTILINE).span()  # type: ignore[union-attr]
    _LIST.write_text(text[:start] + "".join(f"{line}\n" for line in lines) + text[end:], encoding="utf-8")


if __name__ == "__main__":
    main()
