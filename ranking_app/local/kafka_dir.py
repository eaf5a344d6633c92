"""The data directory of a local Kafka: locked while one runs on it, formatted once, started again at will.

cluster.json          id of the cluster and number of brokers, written once
lock                  held by the LocalKafka that runs on this directory
broker-1/             the first broker's logs and metadata
broker-1.properties   its settings, written anew at each start
broker-1.log          what it said, over all starts
broker-tmp/           native libraries that brokers unpack, emptied at each start
"""

import json
import os
import secrets
import shutil
import subprocess
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import IO

from ranking_app.errors import LocalKafkaDirUnusable, LocalKafkaFailed
from ranking_app.local.file_lock import try_lock

FORMAT_TIMEOUT_S = 120
"""Formatting takes 2 s; a JVM that hangs must not hold us for ever."""

TMP_NAME = "broker-tmp"


class KafkaDir:
    """One directory, locked from `take` to `release`. Its path may hold any character: brokers run in it."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self._lock: IO[str] | None = None
        self._cluster_id = ""

    def take(self, brokers: int) -> None:
        """Make it if need be, and lock it. LocalKafkaDirUnusable if it cannot serve this many brokers now."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            self._lock = try_lock(self.path / "lock")
            if self._lock is None:
                raise LocalKafkaDirUnusable(f"Another local Kafka runs on the data directory {self.path}.")
            made_for = self._read_cluster(brokers)
            shutil.rmtree(self.path / TMP_NAME, ignore_errors=True)
            (self.path / TMP_NAME).mkdir(exist_ok=True)
        except OSError as exc:
            self.release()
            raise LocalKafkaDirUnusable(f"The data directory {self.path} cannot be used: {exc}") from exc
        if made_for != brokers:
            self.release()
            raise LocalKafkaDirUnusable(
                f"The data directory {self.path} was made for {made_for} broker(s) and cannot be started "
                f"with {brokers}: give --brokers {made_for}, or another --data-dir."
            )

    def release(self) -> None:
        """Unlock it."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def prepare(self, node_ids: Iterable[int], config_of: Callable[[int, str], str], java: Sequence[str]) -> None:
        """Write every broker's settings, and give those that have none yet a formatted directory.

        config_of: the settings of a broker by its id and the name of its log directory. java: a command up to
        the main class. LocalKafkaFailed if Kafka's tool does not format.
        """
        new = []
        for node_id in node_ids:
            self._write_config(self.config_name(node_id), config_of(node_id, self._log_dir(node_id).name))
            if not self._log_dir(node_id).exists():
                new.append(node_id)
        if not new:
            return
        # Formatted once and copied: only the ids differ, and a JVM costs 1.5 s of CPU.
        formatted = self.path / "formatting"
        shutil.rmtree(formatted, ignore_errors=True)
        self._format(formatted, config_of(new[0], formatted.name), java)
        for node_id in new:
            copy = self.path / f"formatting-{node_id}"
            shutil.rmtree(copy, ignore_errors=True)
            shutil.copytree(formatted, copy)
            _sign(copy / "meta.properties", node_id)
            copy.rename(self._log_dir(node_id))  # now that it is whole: one that breaks off is done again
        shutil.rmtree(formatted)

    def log_path(self, node_id: int) -> Path:
        """Where this broker writes what it does."""
        return self.path / f"broker-{node_id}.log"

    def config_name(self, node_id: int) -> str:
        """The name of this broker's server.properties, in here."""
        return f"broker-{node_id}.properties"

    def is_closed(self, node_id: int) -> bool:
        """Has this broker, on its way down, written and closed its logs? Kafka leaves a file to say so."""
        return (self._log_dir(node_id) / ".kafka_cleanshutdown").exists()

    def _log_dir(self, node_id: int) -> Path:
        return self.path / f"broker-{node_id}"

    def _write_config(self, name: str, text: str) -> None:
        (self.path / name).write_text(text, encoding="ascii")

    def _format(self, target: Path, settings: str, java: Sequence[str]) -> None:
        config = f"{target.name}.properties"
        self._write_config(config, settings)
        try:
            done = subprocess.run(  # noqa: S603  (no shell, and nothing in it comes from outside)
                [*java, "kafka.tools.StorageTool", "format", "-t", self._cluster_id, "-c", config],
                cwd=self.path,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                timeout=FORMAT_TIMEOUT_S,
            )
        except subprocess.TimeoutExpired as exc:
            message = f"Formatting {self.path} for Kafka took over {FORMAT_TIMEOUT_S} s."
            raise LocalKafkaFailed(message) from exc
        if done.returncode != 0:
            raise LocalKafkaFailed(f"Formatting {self.path} for Kafka failed:\n{done.stdout[-2000:]}")
        (self.path / config).unlink()

    def _read_cluster(self, brokers: int) -> int:
        """Know the cluster's id; the number of brokers it was made for. Both are written if they are new."""
        file = self.path / "cluster.json"
        if not file.exists():
            whole = file.with_suffix(".new")
            whole.write_text(json.dumps({"cluster_id": _new_id(), "brokers": brokers}), encoding="ascii")
            os.replace(whole, file)
        try:
            found = json.loads(file.read_text(encoding="ascii"))
            self._cluster_id = str(found["cluster_id"])
            return int(found["brokers"])
        except (ValueError, TypeError, KeyError) as exc:
            raise OSError(f"{file} is not what a local Kafka wrote: {exc!r}") from exc


def _sign(meta: Path, node_id: int) -> None:
    """Make a copied meta.properties that of this node: Kafka refuses two directories with one id."""
    own = {"node.id": str(node_id), "directory.id": _new_id()}
    lines = meta.read_text(encoding="ascii").splitlines()
    keys = (line.partition("=")[0] for line in lines)
    signed = [f"{key}={own[key]}" if key in own else line for key, line in zip(keys, lines, strict=True)]
    meta.write_text("\n".join(signed) + "\n", encoding="ascii")


def _new_id() -> str:
    # 16 random bytes as Kafka writes them, in URL-safe base64. A dash in front would read as an option.
    return "K" + urlsafe_b64encode(secrets.token_bytes(16)).decode()[1:].rstrip("=")
