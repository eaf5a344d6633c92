"""Three real brokers, each with a second listener whose advertised port is that of a proxy."""

import asyncio
import subprocess
from pathlib import Path

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from ranking_app.local.kafka import LocalKafka
from ranking_app.local.ports import pick_ports
from tests.support.waiting import wait_until

BROKERS = 3
IN_SYNC_WITHIN_S = 120.0


class ProxiedKafka(LocalKafka):
    """Clients that begin at `proxied_bootstrap` are sent to the proxy's ports for everything they do.

    The second listener is added to each broker's settings; Kafka takes the later of two lines for one name.
    """

    def __init__(self, data_dir: Path) -> None:
        super().__init__(data_dir, brokers=BROKERS)
        ports = pick_ports(self.host, 2 * BROKERS, avoid=self._client_ports)
        self._behind, self._proxies = ports[:BROKERS], ports[BROKERS:]

    @property
    def target_of(self) -> dict[int, int]:
        """The proxy's ports, and the broker's port that each of them stands for."""
        return dict(zip(self._proxies, self._behind, strict=True))

    @property
    def proxied_bootstrap(self) -> str:
        """As `bootstrap`, through the proxy."""
        return ",".join(f"{self.host}:{port}" for port in self._proxies)

    @property
    def proxied_url(self) -> str:
        """As `url`, through the proxy."""
        return ";".join(f"kafka://{self.host}:{port}" for port in self._proxies)

    def terminate(self, i: int) -> None:
        """Stop broker i cleanly, by force if that takes too long."""
        self.processes[i].terminate()
        try:
            self.processes[i].wait(IN_SYNC_WITHIN_S / 4)
        except subprocess.TimeoutExpired:
            self.kill(i)

    def wait_in_sync(self) -> None:
        """Return when every partition has all its replicas in sync: only then may another broker go."""
        wait_until(lambda: asyncio.run(self._fewest_in_sync()) == BROKERS, IN_SYNC_WITHIN_S, "all replicas in sync")

    async def _fewest_in_sync(self) -> int:
        admin = AIOKafkaAdminClient(bootstrap_servers=self.bootstrap)
        try:
            await admin.start()
            topics = await admin.describe_topics()
            return min(len(partition["isr"]) for topic in topics for partition in topic["partitions"])
        except (KafkaError, OSError):
            return 0
        finally:
            await admin.close()

    def _config_of(self, node_id: int, log_dir: str) -> str:
        behind, proxy, own = self._behind[node_id - 1], self._proxies[node_id - 1], self._nodes[node_id]
        listeners = f"PLAINTEXT://{self.host}:{own.client},PROXIED://{self.host}:{behind}"
        advertised = f"PLAINTEXT://{self.host}:{own.client},PROXIED://{self.host}:{proxy}"
        security = "PLAINTEXT:PLAINTEXT,PROXIED:PLAINTEXT,CONTROLLER:PLAINTEXT"
        return super()._config_of(node_id, log_dir) + (
            f"listeners={listeners},CONTROLLER://{self.host}:{own.controller}\n"
            f"advertised.listeners={advertised}\n"
            f"listener.security.protocol.map={security}\n"
        )
