"""Kafka's jars come once, whole, and one process at a time; after that nobody touches the network."""

import hashlib
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from ranking_app.errors import KafkaDownloadFailed, LocalExtraMissing
from ranking_app.local import jar_list, jars
from ranking_app.local.jars import Jar, kafka_classpath, wanted_jars

CONTENTS = {"org.x:one:1.0": b"first jar", "org.x.y:two:2.1": b"second jar"}


def as_list(contents: dict[str, bytes]) -> str:
    return "".join(f"{name} {len(data)} {hashlib.sha256(data).hexdigest()}\n" for name, data in contents.items())


@pytest.fixture(autouse=True)
def _two_small_jars(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(jars, "JARS", as_list(CONTENTS))
    monkeypatch.setenv("M2_REPO", str(tmp_path / "m2"))


class MavenCentral(ThreadingHTTPServer):
    """A repository on this machine: `answers` by file name, one after the other, the last again and again."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Repository)
        self.answers: dict[str, list[bytes | int]] = {name_of(one): [data] for one, data in CONTENTS.items()}
        self.asked: list[str] = []


class _Repository(BaseHTTPRequestHandler):
    server: MavenCentral

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        answers = self.server.answers[self.path.rpartition("/")[2]]
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer, int):
            self.send_error(answer)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(max(len(answer), 9)))  # one that is shorter breaks off
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        pass


def name_of(coordinate: str) -> str:
    return Jar(coordinate, 0, "").name


@pytest.fixture
def central(monkeypatch: pytest.MonkeyPatch) -> Iterator[MavenCentral]:
    pytest.importorskip("requests")
    with MavenCentral() as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        monkeypatch.setattr(jars, "_repository", lambda: f"http://127.0.0.1:{server.server_port}/maven2")
        monkeypatch.setattr(jars, "_PAUSE_S", 0)
        yield server
        server.shutdown()


def content(paths: list[Path]) -> list[bytes]:
    return [path.read_bytes() for path in paths]


def test_the_real_list_names_each_file_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jars, "JARS", jar_list.JARS)
    names = [jar.name for jar in wanted_jars()]
    assert len(names) == len(set(names))
    assert f"kafka_2.13-{jar_list.KAFKA_VERSION}.jar" in names


def test_jars_are_fetched_once_and_then_found_without_network(
    central: MavenCentral, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = kafka_classpath(tmp_path / "cache")
    assert content(first) == list(CONTENTS.values())
    assert sorted(central.asked) == ["/maven2/org/x/one/1.0/one-1.0.jar", "/maven2/org/x/y/two/2.1/two-2.1.jar"]
    assert "Fetching Apache Kafka" in capsys.readouterr().err

    central.asked.clear()
    assert kafka_classpath(tmp_path / "cache") == first
    assert central.asked == []
    assert capsys.readouterr().err == ""


def test_on_a_terminal_a_bar_shows_how_far_it_is(
    central: MavenCentral, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    central.answers["one-1.0.jar"] = [500, b"first", b"first jar"]
    kafka_classpath(tmp_path / "cache")
    assert "19/19 bytes" in capsys.readouterr().err


def test_what_has_arrived_is_kept_when_another_jar_cannot_be_had(central: MavenCentral, tmp_path: Path) -> None:
    central.answers["two-2.1.jar"] = [404]
    with pytest.raises(KafkaDownloadFailed) as caught:
        kafka_classpath(tmp_path / "cache")
    for told in ("org.x.y:two:2.1", "404", "HTTPS_PROXY", "XDG_CACHE_HOME", str(tmp_path / "cache")):
        assert told in str(caught.value)

    central.answers["two-2.1.jar"] = [b"second jar"]
    assert content(kafka_classpath(tmp_path / "cache")) == list(CONTENTS.values())
    assert sum("one-1.0" in path for path in central.asked) == 1


@pytest.mark.parametrize("bad", [b"first", b"spoilt jr", 503])
def test_a_download_that_breaks_off_or_fails_or_is_damaged_is_tried_again(
    central: MavenCentral, tmp_path: Path, bad: bytes | int
) -> None:
    central.answers["one-1.0.jar"] = [bad, bad, b"first jar"]
    assert content(kafka_classpath(tmp_path / "cache")) == list(CONTENTS.values())


def test_a_damaged_jar_is_never_used(central: MavenCentral, tmp_path: Path) -> None:
    central.answers["one-1.0.jar"] = [b"spoilt jr"]
    with pytest.raises(KafkaDownloadFailed, match="sha256"):
        kafka_classpath(tmp_path / "cache")
    assert not (tmp_path / "cache" / "one-1.0.jar").exists()


def test_without_network_the_error_says_what_to_do(
    central: MavenCentral, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(jars, "_repository", lambda: "http://127.0.0.1:9/maven2")
    with pytest.raises(KafkaDownloadFailed, match="Check the network; behind a proxy set HTTPS_PROXY"):
        kafka_classpath(tmp_path / "cache")


def test_jars_of_the_local_maven_repository_are_taken_if_they_are_the_right_ones(
    central: MavenCentral, tmp_path: Path
) -> None:
    for path, data in {"org/x/one/1.0/one-1.0.jar": b"first jar", "org/x/y/two/2.1/two-2.1.jar": b"other jar."}.items():
        (tmp_path / "m2" / path).parent.mkdir(parents=True)
        (tmp_path / "m2" / path).write_bytes(data)
    assert content(kafka_classpath(tmp_path / "cache")) == list(CONTENTS.values())
    assert central.asked == ["/maven2/org/x/y/two/2.1/two-2.1.jar"]


def test_what_a_killed_fetch_left_behind_is_cleared_away(central: MavenCentral, tmp_path: Path) -> None:
    (tmp_path / "cache" / "fetching-abc").mkdir(parents=True)
    (tmp_path / "cache" / "one-1.0.jar").write_bytes(b"first")
    assert content(kafka_classpath(tmp_path / "cache")) == list(CONTENTS.values())
    assert sorted(p.name for p in (tmp_path / "cache").iterdir()) == ["lock", "one-1.0.jar", "two-2.1.jar"]


def test_processes_that_start_at_the_same_time_on_a_fresh_cache_fetch_each_jar_once(
    central: MavenCentral, tmp_path: Path
) -> None:
    code = f"""
import sys
from pathlib import Path
from ranking_app.local import jars
jars._repository, jars.JARS = lambda: {jars._repository()!r}, {as_list(CONTENTS)!r}
print([path.read_bytes() for path in jars.kafka_classpath(Path(sys.argv[1]))])
"""
    started = [
        subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "cache")], stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    said = [process.communicate(timeout=60)[0] for process in started]
    assert said == [f"{list(CONTENTS.values())}\n"] * 3
    assert len(central.asked) == 2


def test_without_requests_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "requests", None)
    with pytest.raises(LocalExtraMissing, match=r"ranking-app\[local\]"):
        kafka_classpath(tmp_path / "cache")


def test_a_cache_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(KafkaDownloadFailed, match="file"):
        kafka_classpath(tmp_path / "file" / "cache")
