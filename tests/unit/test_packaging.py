"""What is installed and how: setup.cfg, the locks, the Makefile and .env.example, compared with the code."""

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from configparser import ConfigParser
from fnmatch import fnmatchcase
from importlib.metadata import distributions, packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from ranking_app.settings import PREFIX, Settings
from tests.support.project import PACKAGES, ROOT, setup_cfg

PINNED = {"faust-streaming": "0.15.3", "aiokafka": "0.14.0", "rocksdict": "0.3.29"}
"""Their private methods are replaced, so no other version will do."""

OF_PEERS = {"bytewax", "quixstreams", "redis"}
"""For benchmarks/peers/programs alone, in environments of their own, which benchmarks/peers/requirements/ pins."""

RUNTIME_LOCK = ROOT / "requirements.lock"
DEV_LOCK = ROOT / "requirements-dev.lock"


def words(section: str, key: str) -> list[str]:
    lines = setup_cfg()[section][key].splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def requirements(*extras: str) -> list[Requirement]:
    lines = words("options", "install_requires")
    for extra in extras:
        lines += words("options.extras_require", extra)
    return [Requirement(line) for line in lines]


def locked(lock: Path) -> dict[str, tuple[str, frozenset[str]]]:
    """Version and hashes by name."""
    found: dict[str, tuple[str, frozenset[str]]] = {}
    for block in re.split(r"\n(?=[a-zA-Z0-9])", lock.read_text("utf-8")):
        if first := re.match(r"([a-zA-Z0-9._-]+)==(\S+) ", block):
            hashes = frozenset(re.findall(r"--hash=(sha256:[0-9a-f]{64})\b", block))
            found[canonicalize_name(first[1])] = first[2], hashes
    return found


def python_files(*folders: str) -> Iterator[Path]:
    for folder in folders:
        yield from sorted((ROOT / folder).rglob("*.py"))


def imported_names(path: Path) -> set[str]:
    """Top-level names of all imports in a file, also of those inside functions."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names.add(node.module.partition(".")[0])
    return names


def undeclared(folders: list[str], extras: list[str], own: set[str]) -> dict[str, set[str]]:
    """Imports of what no requirement names: module name -> files."""
    declared = {canonicalize_name(requirement.name) for requirement in requirements(*extras)}
    providers = packages_distributions()
    missing: dict[str, set[str]] = {}
    for path in python_files(*folders):
        for name in imported_names(path) - set(sys.stdlib_module_names) - own:
            if declared.isdisjoint(canonicalize_name(provider) for provider in providers.get(name, [])):
                missing.setdefault(name, set()).add(path.relative_to(ROOT).as_posix())
    return missing


# --- what is installed ---


def test_the_four_packages_are_installed_and_nothing_else():
    patterns = words("options.packages.find", "include")
    folders = [path.parent.relative_to(ROOT) for path in ROOT.glob("[!.]*/**/__init__.py")]
    packages = {".".join(folder.parts) for folder in folders}
    installed = {name for name in packages if any(fnmatchcase(name, pattern) for pattern in patterns)}
    assert {name.partition(".")[0] for name in installed} == set(PACKAGES)
    assert "tests.unit" in packages - installed


def test_every_folder_with_modules_is_a_package():
    folders = {path.parent for path in python_files(*PACKAGES, "tests")}
    assert [folder for folder in folders if not (folder / "__init__.py").exists()] == []


def test_no_installed_module_imports_tests_or_benchmarks():
    offenders = [path for path in python_files(*PACKAGES) if imported_names(path) & {"tests", "benchmarks"}]
    assert offenders == []


def test_everything_beside_python_files_is_package_data():
    examples = ROOT / "ranking_app" / "web" / "examples.json"
    pages = ROOT / "ranking_app" / "web" / "static"
    others = [
        path
        for package in PACKAGES
        for path in (ROOT / package).rglob("*")
        if path.is_file() and path.suffix not in {".py", ".pyc"} and path.parent not in {pages, pages / "vendor"}
    ]
    assert others == [examples]
    assert words("options.package_data", "ranking_app.web") == ["examples.json", "static/*", "static/vendor/*"]


def test_the_console_script_is_there():
    (script,) = words("options.entry_points", "console_scripts")
    assert script == "ranking-app = ranking_app.cli:main"
    ranking_app = Path(sys.executable).parent / "ranking-app"
    result = subprocess.run([ranking_app, "version"], capture_output=True, text=True, check=True, cwd=ROOT)
    assert f"ranking-app {setup_cfg()['metadata']['version']}" in result.stdout.splitlines()


def test_every_import_is_declared():
    assert undeclared([*PACKAGES], ["archive", "local"], own={*PACKAGES}) == {}


def test_every_import_of_tests_and_benchmarks_is_declared():
    own = {*PACKAGES, "tests", "benchmarks", *OF_PEERS}
    assert undeclared(["tests", "benchmarks"], ["archive", "local", "dev"], own) == {}


def test_packages_of_the_peers_are_imported_by_their_programs_alone_and_pinned():
    programs = ROOT / "benchmarks" / "peers" / "programs"
    users = {path.parent for path in python_files(*PACKAGES, "tests", "benchmarks") if imported_names(path) & OF_PEERS}
    assert users == {programs}
    pins = [path.read_text("utf-8") for path in sorted((programs.parent / "requirements").glob("*.txt"))]
    assert {name for name in OF_PEERS if re.search(rf"(?m)^{name}==[0-9.]+$", "\n".join(pins))} == OF_PEERS


# --- which versions ---


@pytest.mark.parametrize("lock", [RUNTIME_LOCK, DEV_LOCK], ids=lambda lock: lock.name)
def test_the_lock_has_the_exact_versions_that_setup_cfg_pins(lock: Path):
    pins = {str(canonicalize_name(r.name)): str(r.specifier).removeprefix("==") for r in requirements()}
    assert {name: pins[name] for name in PINNED} == PINNED
    assert {name: locked(lock)[name][0] for name in PINNED} == PINNED


@pytest.mark.parametrize(
    ("lock", "extras"),
    [(RUNTIME_LOCK, ["archive", "local"]), (DEV_LOCK, ["archive", "local", "dev"])],
    ids=["runtime", "dev"],
)
def test_the_lock_satisfies_setup_cfg(lock: Path, extras: list[str]):
    versions = {name: version for name, (version, _) in locked(lock).items()}
    wrong = [
        str(requirement)
        for requirement in requirements(*extras)
        if versions.get(canonicalize_name(requirement.name), "") not in requirement.specifier
    ]
    assert wrong == [], "run `make lock`"


@pytest.mark.parametrize("lock", [RUNTIME_LOCK, DEV_LOCK], ids=lambda lock: lock.name)
def test_every_locked_package_has_hashes_and_the_lock_names_no_registry(lock: Path):
    assert len(locked(lock)) > 50
    assert [name for name, (_, hashes) in locked(lock).items() if not hashes] == []
    assert not re.search(r"https?:|--(extra-)?index-url|--find-links|--trusted-host", lock.read_text("utf-8"))


def test_the_runtime_lock_is_a_part_of_the_dev_lock():
    assert locked(RUNTIME_LOCK).items() <= locked(DEV_LOCK).items()


def test_what_is_installed_here_is_what_is_locked():
    versions = {name: version for name, (version, _) in locked(DEV_LOCK).items()}
    installed = {str(canonicalize_name(found.metadata["Name"])): found.version for found in distributions()}
    differing = {name: version for name, version in versions.items() if installed.get(name) != version}
    assert differing == {}, "set up .venv with make, not by hand"


# --- settings, commands, import rules ---


def test_env_example_names_every_setting_in_the_order_of_the_code_each_with_its_meaning():
    lines = (ROOT / ".env.example").read_text("utf-8").splitlines()
    settings = [i for i, line in enumerate(lines) if line.startswith(f"# {PREFIX}")]
    names = [lines[i].removeprefix("# ").partition("=")[0] for i in settings]
    assert names == [PREFIX + name.upper() for name in Settings.model_fields]
    assert [lines[i] for i in settings if not re.match(r"# [A-Za-z].*\.$|# [A-Za-z].*[a-z0-9]$", lines[i - 1])] == []


def test_env_example_shows_the_defaults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for name in [name for name in os.environ if name.startswith(PREFIX)]:
        monkeypatch.delenv(name)
    text = (ROOT / ".env.example").read_text("utf-8")
    (tmp_path / "as-shown").write_text(re.sub(rf"(?m)^# (?={PREFIX}\w+=.)", "", text))
    as_shown = Settings(_env_file=tmp_path / "as-shown")  # type: ignore[call-arg]
    assert as_shown == Settings(_env_file=None)  # type: ignore[call-arg]
    unset = {match.lower() for match in re.findall(rf"(?m)^# {PREFIX}(\w+)=$", text)}
    assert unset == {name for name, field in Settings.model_fields.items() if field.default is None}


def test_the_makefile_has_the_commands_that_people_and_ci_use():
    listed = subprocess.run(["make", "help"], capture_output=True, text=True, check=True, cwd=ROOT).stdout
    commands = set(re.findall(r"^  make ([a-z-]+) ", listed, re.MULTILINE))
    assert commands == {
        "help",
        "run",
        "test",
        "lint",
        "types",
        "format",
        "bench",
        "bench-peers",
        "bench-quick",
        "faults",
        "fuzz",
        "invariants",
        "lock",
        "clean",
    }
    assert "make test" in (ROOT / ".ci" / "run").read_text("utf-8")
    assert os.access(ROOT / ".ci" / "run", os.X_OK)


def layers() -> set[str]:
    contract: ConfigParser = setup_cfg()
    return set(re.findall(r"[\w.]+", contract["importlinter:contract:layers"]["layers"]))


def test_every_module_has_its_place_among_the_import_layers():
    modules = {"agents", "schemas", "tables"} | {
        f"ranking_app.{path.stem}"
        for path in (ROOT / "ranking_app").iterdir()
        if path.stem != "__init__" and (path.suffix == ".py" or (path / "__init__.py").exists())
    }
    assert layers() == modules, "setup.cfg, [importlinter:contract:layers]"


def test_package_files_are_empty_so_that_importing_the_core_does_not_pull_in_the_app():
    bodies = {path: ast.parse(path.read_bytes()).body for path in python_files(*PACKAGES) if path.stem == "__init__"}
    busy = [path for path, body in bodies.items() if any(not isinstance(node, ast.Expr) for node in body)]
    assert busy == []
