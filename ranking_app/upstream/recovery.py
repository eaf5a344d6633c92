"""Recovery by our own reader, and the seek before the resume.

Replaces `_restart_recovery` and `on_recovery_completed` of Recovery, and `recovery` and `on_start` of TableManager
(faust-streaming 0.15.3). Upstream reads the changelog message by message (16,000 to 34,000 records/s) and resumes
the source partitions before it seeks them, so that records of the old position slip in and commits get stuck
(faust-streaming #596). See docs/decisions/0003-own-recovery.md.
"""

from collections.abc import Awaitable, Callable
from typing import Any, cast

from aiokafka.errors import IllegalStateError
from faust.tables.manager import TableManager
from faust.tables.recovery import RebalanceAgain, Recovery, ServiceStopped
from faust.types import TP
from mode import Service

Restore = Callable[[set[TP]], Awaitable[None]]
"""Brings the local stores of these changelog partitions up to the changelog's end."""


class OwnRecovery(Recovery):
    """Calls the table manager's `restore` for the assigned changelog partitions, then seeks, then resumes."""

    @Service.task
    async def _restart_recovery(self) -> None:
        while not self.should_stop:
            if await self.wait_for_stopped(cast(Any, self.signal_recovery_start)):
                break
            self.signal_recovery_start.clear()
            try:
                self._set_recovery_started()
                await self._wait(cast(OwnTableManager, self.tables).restore(set(self.active_tps)))
                await self._wait(self.on_recovery_completed(self._generation_id))
            except (RebalanceAgain, IllegalStateError):
                continue  # another rebalance has begun: it sets the signal again
            except ServiceStopped:
                break

    async def on_recovery_completed(self, generation_id: int = 0) -> None:
        """As upstream, but nothing is fetched before every source partition stands where the tables are."""
        app, consumer = cast(Any, self.app), cast(Any, self.app.consumer)
        await app.on_rebalance_complete.send()
        self._set_recovery_ended()
        if app.consumer_generation_id != generation_id:
            return  # rebalanced meanwhile: that one resumes
        assignment = consumer.assignment()
        if assignment:
            await consumer.hold_back({tp for tp in assignment if self._is_changelog_tp(tp)})
            await consumer.perform_seek()
        if app.consumer_generation_id != generation_id:
            return
        consumer.resume_partitions({tp for tp in assignment if not self._is_changelog_tp(tp)})
        self.completed.set()
        app.flow_control.resume()
        consumer.resume_flow()
        await app._fetcher.maybe_start()
        self.tables.on_actives_ready()
        self.tables.on_standbys_ready()
        app.on_rebalance_end()


class OwnTableManager(TableManager):
    """The table manager that uses OwnRecovery, and starts without upstream's pause of a second."""

    restore: Restore

    @property
    def recovery(self) -> Recovery:
        """The recovery service, made at first use."""
        if self._recovery is None:
            self._recovery = OwnRecovery(self.app, self, beacon=self.beacon, loop=self.loop)
        return self._recovery

    async def on_start(self) -> None:
        """Open the tables, then wait for the first assignment."""
        await self._update_channels()
        await self.recovery.start()
