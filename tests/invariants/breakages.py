"""Each invariant of the app, the line that keeps it, and the test that fails without that line."""

from typing import NamedTuple


class Breakage(NamedTuple):
    """In `file`, `line` (found there once) is replaced by `becomes`; then `test`, a pytest node id, has to fail."""

    invariant: int
    without: str
    file: str
    line: str
    becomes: str
    test: str


CRASH = "tests/property/test_crash_independence.py"
STALE = "tests/unit/test_stale_owner.py"
WORKER = "tests/integration/test_worker.py"
OWN_WRITES = "tests/property/test_own_writes_laws.py"
RESTART = "tests/integration/test_restart.py"
NOTIFIER = "tests/integration/test_notifier.py"

BREAKAGES = [
    Breakage(
        1,
        "the guard in the pane",
        "ranking_app/rankings/panes.py",
        "        if offset <= pane.applied:\n            continue\n",
        "",
        "tests/property/test_curve_laws.py::test_a_sale_counts_once_however_often_its_partition_is_read_again",
    ),
    Breakage(
        1,
        "the guard in front of adding a tally",
        "tables/pane_cache.py",
        "        elif first > applied_of(pane):\n",
        "        elif True:\n",
        "tests/property/test_tally_laws.py::test_a_tally_is_not_added_where_a_pane_has_a_sale_of_it_or_a_later_one",
    ),
    Breakage(
        2,
        "waiting for the changelog before the acknowledgement",
        "agents/partition_worker.py",
        "            await self.owned.write(applied.panes, applied.positions, applied.seen)\n",
        "            asyncio.ensure_future(self.owned.write(applied.panes, applied.positions, applied.seen))\n",
        "tests/unit/test_partition_worker.py::test_a_batch_is_acknowledged_after_the_changelog_has_it",
    ),
    Breakage(
        2,
        "naming the panes that the guard skipped",
        "ranking_app/rankings/panes.py",
        "        pane = panes.get(minute)\n        if pane is None:\n"
        "            pane = panes[minute] = pane_of(schedule_id, minute)\n"
        "            if pane.applied == NOTHING_APPLIED:\n"
        "                pane.first = offset  # offsets ascend: no lower one comes\n"
        "        if offset <= pane.applied:\n            continue\n",
        "        pane = panes.get(minute) or pane_of(schedule_id, minute)\n"
        "        if offset <= pane.applied:\n            continue\n"
        "        panes[minute] = pane\n",
        "tests/property/test_curve_laws.py::test_a_fold_names_every_pane_it_touched_also_those_that_had_it_all",
    ),
    Breakage(
        3,
        "the changelog before the store",
        "tables/panes.py",
        "        first, last = await self._changelog.append(self.number, pairs)\n",
        "        self._store.write(pairs, (self._store.changelog_offset or -1) + len(pairs))\n"
        "        first, last = await self._changelog.append(self.number, pairs)\n",
        f"{CRASH}::test_any_split_and_any_crash_give_what_a_naive_count_gives",
    ),
    Breakage(
        3,
        "the offset in the same write batch",
        "tables/store.py",
        "        batch.put(CHANGELOG_OFFSET_KEY, str(changelog_offset).encode())\n        self._write(batch)\n",
        "        self._write(batch)\n",
        "tests/unit/test_store.py::test_a_write_is_there_with_its_changelog_offset_after_a_reopening",
    ),
    Breakage(
        4,
        "the look at the changelog offset of a write",
        "tables/panes.py",
        "        if first != expected:\n",
        "        if False:\n",
        f"{STALE}::test_a_stale_owner_learns_from_the_changelog_that_somebody_else_wrote",
    ),
    Breakage(
        4,
        "the guard of a reader",
        "ranking_app/read_model/pane_offsets.py",
        "                if applied < panes[at + 1]:\n",
        "                if False:\n",
        f"{STALE}::test_a_reader_never_lets_a_pane_go_back_and_says_what_to_write_again",
    ),
    Breakage(
        4,
        "leaving out what the owner of a partition has brought before",
        "ranking_app/read_model/follower.py",
        "                    if record.offset >= next_offset:\n",
        "                    if True:\n",
        f"{OWN_WRITES}::test_every_record_counts_once_in_its_order",
    ),
    Breakage(
        4,
        "fetching what somebody else wrote before the owner",
        "ranking_app/read_model/follower.py",
        "            self._spared.fetch(partition)\n            return\n",
        "            return\n",
        f"{OWN_WRITES}::test_what_somebody_else_wrote_is_fetched_at_once_and_then_the_owners",
    ),
    Breakage(
        4,
        "the guard of a restore",
        "tables/restore.py",
        "_progress(key, before) > _progress(key, value):",
        "False:",
        f"{STALE}::test_a_restore_takes_the_newest_pane_not_the_last_one_written",
    ),
    Breakage(
        4,
        "writing again what went backwards (on a real Kafka)",
        "agents/upkeep.py",
        "                self._ownership.run_between_flushes(number, _rewrite(key))\n",
        "",
        f"{WORKER}::test_what_a_stale_owner_wrote_over_a_newer_pane_is_written_again",
    ),
    Breakage(
        5,
        "the sorting of rows that came out of order",
        "ranking_app/rankings/rows.py",
        "        rows.sort()\n",
        "",
        "tests/property/test_curve_laws.py::test_the_order_of_arrival_changes_nothing",
    ),
    Breakage(
        6,
        "leaving out the duplicates",
        "agents/slices.py",
        "        sales = [sale for sale in self.sales if sale.offset not in duplicates]\n",
        "        sales = self.sales\n",
        f"{CRASH}::test_any_split_and_any_crash_give_what_a_naive_count_gives",
    ),
    Breakage(
        6,
        "taking the duplicates out of a tally",
        "agents/slices.py",
        "        tally = without(self._tally, self._decode(repeated).sales) if few else None\n",
        "        tally = self._tally\n",
        f"{CRASH}::test_a_backlog_that_is_tallied_beside_gives_what_a_naive_count_gives",
    ),
    Breakage(
        6,
        "the ids in the changelog, which survive the disk",
        "tables/panes.py",
        "        pairs += [(batch.key, batch.value) for _, batch in seen if batch.key is not None]\n",
        "",
        f"{CRASH}::test_any_split_and_any_crash_give_what_a_naive_count_gives",
    ),
    Breakage(
        6,
        "the same offset is no duplicate of itself",
        "tables/seen.py",
        "at != offset and arrival_ms",
        "arrival_ms",
        "tests/unit/test_seen.py::test_the_same_offset_again_is_a_redelivery_and_no_duplicate",
    ),
    Breakage(
        6,
        "the last offset in the key of the ids of a flush",
        "tables/seen.py",
        "        key = seen_key(self._role, self._partition, segment, offsets[0], offsets[-1])\n",
        "        key = seen_key(self._role, self._partition, segment, offsets[0], 0)\n",
        f"{STALE}::test_what_a_stale_owner_noted_of_ids_takes_away_none_that_the_owner_noted",
    ),
    Breakage(
        7,
        "the dead letter before the acknowledgement",
        "agents/apply.py",
        "            await self._dead_letters.send(source.topic, source.partition, dead)\n",
        "            pass\n",
        "tests/unit/test_partition_worker.py::test_a_bad_record_is_a_dead_letter_before_its_batch_is_acknowledged",
    ),
    Breakage(
        7,
        "telling the process of a failure",
        "agents/partition_worker.py",
        "        self._task.add_done_callback(telling(on_failure))\n",
        "",
        "tests/unit/test_partition_worker.py"
        "::test_what_the_changelog_does_not_take_is_not_acknowledged_and_the_failure_is_told",
    ),
    Breakage(
        7,
        "the seek of a partition of which nothing is known (on a real Kafka)",
        "ranking_app/upstream/consumer.py",
        "        await self.seek_wait({**await self._beginnings(committed, applied), **applied})\n",
        "        await self.seek_wait(applied)\n",
        f"{RESTART}::test_what_a_poll_of_the_generation_before_takes_is_read_again",
    ),
    Breakage(
        7,
        "waiting for the polls of the generation before (on a real Kafka)",
        "ranking_app/upstream/consumer.py",
        "        await self._thread.finish_polls()\n",
        "",
        f"{RESTART}::test_what_a_poll_of_the_generation_before_takes_is_read_again",
    ),
    Breakage(
        8,
        "saying that a rebalance is under way",
        "ranking_app/read_model/state.py",
        "self.loaded and not self.rebalancing)",
        "self.loaded)",
        "tests/unit/test_completeness.py::test_during_a_rebalance_it_is_not_complete",
    ),
    Breakage(
        8,
        "the last partition's say in whether an answer is final",
        "ranking_app/read_model/sources.py",
        "            final=all(self._final(source, end_s * 1000, now_ms) for source in sources),\n",
        "            final=any(self._final(source, end_s * 1000, now_ms) for source in sources),\n",
        "tests/unit/test_completeness.py::test_one_partition_behind_the_windows_end_keeps_the_answer_from_being_final",
    ),
    Breakage(
        9,
        "reading back what has been raised (on a real Kafka)",
        "agents/notifier.py",
        "            raised = await self._read_back()\n",
        "            raised: set[bytes] = set()\n",
        f"{NOTIFIER}::test_notifications_are_on_their_topic_once_whoever_is_in_charge",
    ),
    Breakage(
        9,
        "the fencing of the notifier before (on a real Kafka)",
        "ranking_app/app.py",
        '            transactional_id=f"{process.settings.app_id}-notifier",\n',
        '            transactional_id=f"{settings.app_id}-notifier-{id(self)}",\n',
        f"{NOTIFIER}::test_of_two_notifiers_that_believe_to_be_in_charge_each_notification_comes_from_one",
    ),
    Breakage(
        9,
        "the period before, for news of ranks",
        "ranking_app/rankings/rank_news.py",
        " or told(kind, schedule_id, of_now - 1)",
        "",
        "tests/unit/test_rank_news.py"
        "::test_the_border_of_two_periods_does_not_double_news_of_who_is_there_between_whole_minutes",
    ),
]
