"""What is done to workers, and the supervisor that every deployment has: a worker that ended by itself comes back."""

import contextlib
import time
from collections.abc import Callable, Sequence

from tests.faults.damage import can_limit_files, damage_store, fill_disk, free_disk, has_store
from tests.faults.diary import Diary
from tests.faults.plan import WORKERS, Fault, Kind
from tests.support.processes import KILL_WITHIN_S, STOP_WITHIN_S, AppFailed, Fleet, WebProcess
from tests.support.waiting import WaitedInVain, wait_until
from tests.support.web_client import UnexpectedStatus

READY_WITHIN_S = 120.0
CALM_WITHIN_S = 25.0
LAG_SHOWS_WITHIN_S = 1.5
"""Lag 0 means nothing sooner: what was killed a moment ago had none."""

RESTART_PAUSE_S = 1.0
"""Between the end of a worker and its restart, as supervisors make one."""

GUEST_JOINS_WITHIN_S = 6.0
GUEST_STAYS_S = 2.0
TICK_S = 0.1


class Supervised:
    """A worker and what the supervisor knows of it."""

    def __init__(self, process: WebProcess) -> None:
        self.process = process
        self.wanted = True
        """False while a fault keeps it down."""
        self.damaged = False
        """Its store was damaged, which shows when it is opened: if it ends then, an operator deletes the directory."""
        self.ended_at_s: float | None = None


class WorkerFaults:
    """Does one fault after the other on the thread that calls; workers must be started from the main thread."""

    def __init__(self, workers: Sequence[WebProcess], witness: WebProcess, fleet: Fleet, diary: Diary) -> None:
        self._witness = witness
        self._workers = [Supervised(process) for process in workers]
        self._fleet = fleet
        self._diary = diary
        self._guest: WebProcess | None = None
        self.ended_by_themselves = 0
        self._do: dict[Kind, Callable[[Fault], None]] = {
            Kind.KILL_ONE: self._kill,
            Kind.KILL_TWO: self._kill,
            Kind.KILL_ALL: self._kill,
            Kind.TERM_ONE: self._terminate,
            Kind.TERM_TWO: self._terminate,
            Kind.TERM_ALL: self._terminate,
            Kind.PAUSE: self._pause,
            Kind.LOST_DISK: self._lose_disk,
            Kind.TRUNCATED_STORE: self._damage_store,
            Kind.CORRUPTED_STORE: self._damage_store,
            Kind.FULL_DISK: self._fill_disk,
            Kind.JOIN_AND_LEAVE: self._join_and_leave,
        }

    def run(self, faults: Sequence[Fault], elapsed_s: Callable[[], float]) -> None:
        """All of them, each at its time or as soon after as the one before is over."""
        for fault in faults:
            if fault.calm:
                self._wait_until_applied()
            self.supervise(max(fault.at_s - elapsed_s(), 0.0))
            self._diary.note(str(fault))
            self._do[fault.kind](fault)

    def _wait_until_applied(self) -> None:
        """Return when every partition moves, or has nothing to be applied; or after some time all the same."""
        began_s, before = time.monotonic(), self._offsets()

        def all_move() -> bool:
            self.look()
            now = self._offsets()
            if time.monotonic() < began_s + LAG_SHOWS_WITHIN_S:
                return False
            return bool(now) and all(
                lag == 0 or offset > before.get(tp, (0, 0))[0] for tp, (offset, lag) in now.items()
            )

        try:
            wait_until(all_move, CALM_WITHIN_S)
            self._diary.note(f"every partition is being applied again after {time.monotonic() - began_s:.1f} s")
        except WaitedInVain:
            self._diary.note(f"some partitions are not being applied after {CALM_WITHIN_S:g} s: {self._offsets()}")

    def _offsets(self) -> dict[tuple[str, int], tuple[int, int]]:
        """Applied offset and lag of every source partition, as the instance that is never harmed knows them."""
        try:
            found = self._witness.client.get("/health/ready")["partitions"]
        except (UnexpectedStatus, OSError):
            return {}
        return {(part["topic"], part["partition"]): (part["offset"], part["lag"]) for part in found}

    def supervise(self, for_s: float) -> None:
        """Pass the time; whoever ends by itself is started again."""
        until_s = time.monotonic() + for_s

        def is_over() -> bool:
            self.look()
            return time.monotonic() >= until_s

        wait_until(is_over, for_s + READY_WITHIN_S)

    def settle(self) -> None:
        """Return when all workers are ready. AppFailed if one is not in time."""
        deadline_s = time.monotonic() + READY_WITHIN_S
        while waiting := [worker for worker in self._workers if not _is_ready(worker.process)]:
            if time.monotonic() > deadline_s:
                raise AppFailed(f"not ready: {[w.process.name for w in waiting]}\n{waiting[0].process.tail()}")
            self.supervise(TICK_S)

    def stop_all(self) -> None:
        """SIGTERM for everyone; within the contract's time, with exit code 0."""
        for process, code in self._stop([worker.process for worker in self._workers]).items():
            if code not in (0, None):
                self._diary.broken(f"{process.name} ended with {code} after SIGTERM: {last_words(process)}")

    def look(self) -> None:
        """What a supervisor does once in a while: start again who ended by itself."""
        for worker in self._workers:
            if worker.process.is_running or not worker.wanted:
                worker.ended_at_s = None
            elif worker.ended_at_s is None:
                worker.ended_at_s = time.monotonic()
                self.ended_by_themselves += 1
                self._diary.note(f"{worker.process.name} ended by itself: {last_words(worker.process)}")
            elif time.monotonic() > worker.ended_at_s + RESTART_PAUSE_S:
                if worker.damaged:
                    self._diary.note(f"{worker.process.name}: an operator deletes its data directory")
                    _delete(worker.process)
                worker.damaged = False
                worker.ended_at_s = None
                worker.process.start()

    def _victims(self, fault: Fault) -> list[Supervised]:
        return [self._workers[number] for number in fault.victims]

    def _down(self, fault: Fault, end: Callable[[list[WebProcess]], object]) -> None:
        """End its victims, leave them down for the fault's time, start them again."""
        victims = self._victims(fault)
        for worker in victims:
            worker.wanted = False
        end([worker.process for worker in victims if worker.process.is_running])
        self.supervise(fault.for_s)
        for worker in victims:
            worker.process.start()
            worker.wanted = True

    def _kill(self, fault: Fault) -> None:
        self._down(fault, _kill_all)

    def _terminate(self, fault: Fault) -> None:
        self._down(fault, self._stop)

    def _stop(self, processes: Sequence[WebProcess]) -> dict[WebProcess, int | None]:
        """SIGTERM for all at once; exit codes, None where it was too late or did not work and SIGKILL followed."""
        asked_s = time.monotonic()
        asked = [process for process in processes if self._ask_to_stop(process)]
        codes: dict[WebProcess, int | None] = dict.fromkeys(processes)

        def all_ended() -> bool:
            for process in asked:
                if codes[process] is None and not process.is_running:
                    codes[process] = process.wait(KILL_WITHIN_S)
                    took_s = time.monotonic() - asked_s
                    self._diary.note(f"{process.name} stopped with {codes[process]} in {took_s:.1f} s")
            return not any(process.is_running for process in asked)

        try:
            wait_until(all_ended, STOP_WITHIN_S)
        except WaitedInVain:
            for process in asked:
                if process.is_running:
                    self._diary.broken(f"{process.name} did not stop within {STOP_WITHIN_S:g} s of SIGTERM")
                    process.end()
        return codes

    def _ask_to_stop(self, process: WebProcess) -> bool:
        try:
            process.ask_to_stop()
        except AppFailed:
            self._diary.note(f"{process.name} ended by itself before SIGTERM: {last_words(process)}")
            return False
        return True

    def _pause(self, fault: Fault) -> None:
        (worker,) = self._victims(fault)
        if not worker.process.is_running:
            return
        worker.process.pause()
        self.supervise(fault.for_s)
        worker.process.resume()
        self._diary.note(f"{worker.process.name} goes on")

    def _lose_disk(self, fault: Fault) -> None:
        def end(processes: list[WebProcess]) -> None:
            _kill_all(processes)
            for process in processes:
                _delete(process)

        self._down(fault, end)

    def _damage_store(self, fault: Fault) -> None:
        def end(processes: list[WebProcess]) -> None:
            _kill_all(processes)
            for process in processes:
                done = damage_store(process.data_dir, fault.seed, truncate=fault.kind is Kind.TRUNCATED_STORE)
                self._diary.note(f"{process.name}: {done}")

        (victim,) = fault.victims
        others = [(victim + step) % WORKERS for step in range(WORKERS)]  # the first that has a store to be damaged
        chosen = next((number for number in others if has_store(self._workers[number].process.data_dir)), victim)
        self._workers[chosen].damaged = True
        self._down(fault._replace(victims=(chosen,)), end)

    def _fill_disk(self, fault: Fault) -> None:
        (worker,) = self._victims(fault)
        process = worker.process
        if not process.is_running or not can_limit_files():
            return
        worker.wanted = False
        fill_disk(process.pid, process.log)
        try:
            wait_until(lambda: not process.is_running, fault.for_s)
        except WaitedInVain:
            free_disk(process.pid)
            self._diary.note(f"{process.name} wrote nothing meanwhile, there is room again")
        else:
            self._diary.note(f"{process.name} ended: {last_words(process)}")
            process.start()
        worker.wanted = True

    def _join_and_leave(self, fault: Fault) -> None:
        """It joins, stays for a moment, and leaves by SIGTERM and by SIGKILL in turn. It keeps its disk."""
        until_s, leaves = time.monotonic() + fault.for_s, 0
        while time.monotonic() < until_s:
            if self._guest is None:
                self._guest = self._fleet.worker("guest")
            else:
                self._guest.start()
            with contextlib.suppress(WaitedInVain):
                wait_until(self._guest_has_joined, GUEST_JOINS_WITHIN_S)
            self.supervise(GUEST_STAYS_S)
            leaves += 1
            if leaves % 2:
                self._stop([self._guest])
            else:
                self._guest.end()
        self._diary.note(f"the guest came and went {leaves} times")

    def _guest_has_joined(self) -> bool:
        self.look()
        guest = self._guest
        return guest is None or not guest.is_running or guest.client.status("/health/ready") == 200


def _is_ready(process: WebProcess) -> bool:
    return process.is_running and process.client.status("/health/ready") == 200


def _kill_all(processes: Sequence[WebProcess]) -> None:
    for process in processes:
        process.end()


def _delete(process: WebProcess) -> None:
    if process.data_dir.exists():
        process.lose_disk()


def last_words(process: WebProcess) -> str:
    """The line of its log that says why it ended: its complaint, or else the last one."""
    lines = process.output().splitlines()
    complaints = [line for line in lines[-200:] if line.startswith("ranking-app: ")]
    return (complaints or lines)[-1][:500]
