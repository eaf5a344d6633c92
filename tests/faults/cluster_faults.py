"""What is done to brokers and to the network, in a thread of its own."""

import threading
import time
from collections.abc import Callable, Sequence
from random import Random

from tests.faults.background import Background
from tests.faults.cluster import ProxiedKafka
from tests.faults.diary import Diary
from tests.faults.plan import Fault, Kind
from tests.faults.proxy import Network, State

SWITCH_WITHIN_S = 10.0
OVER_WITHIN_S = 600.0
NETWORK_STATES = {
    Kind.NETWORK_CUT: State.CUT,
    Kind.NETWORK_STALLED: State.STALLED,
    Kind.NETWORK_SLOW: State.SLOW,
}


class ClusterFaults:
    """Does one fault after the other, from start() until wait()."""

    def __init__(self, kafka: ProxiedKafka, network: Network, background: Background, diary: Diary) -> None:
        self._kafka = kafka
        self._network = network
        self._background = background
        self._diary = diary
        self._breaking_off = threading.Event()
        self._error: BaseException | None = None
        self._thread: threading.Thread | None = None

    def start(self, faults: Sequence[Fault], elapsed_s: Callable[[], float]) -> None:
        """Begin."""
        self._thread = threading.Thread(target=self._run, args=(faults, elapsed_s), name="cluster-faults", daemon=True)
        self._thread.start()

    def wait(self) -> None:
        """Return when all are done and the cluster is whole again; raises what went wrong."""
        if self._thread is not None:
            self._thread.join(OVER_WITHIN_S)
        if self._error is not None:
            raise self._error

    def break_off(self) -> None:
        """Do no more; for when the run has failed elsewhere."""
        self._breaking_off.set()
        if self._thread is not None:
            self._thread.join(OVER_WITHIN_S)

    def _run(self, faults: Sequence[Fault], elapsed_s: Callable[[], float]) -> None:
        try:
            for fault in faults:
                self._pass(fault.at_s - elapsed_s())
                if self._breaking_off.is_set():
                    return
                self._diary.note(str(fault))
                self._do(fault)
        except BaseException as error:  # told by wait()
            self._error = error

    def _pass(self, for_s: float) -> None:
        self._breaking_off.wait(max(for_s, 0.0))

    def _do(self, fault: Fault) -> None:
        if fault.kind in NETWORK_STATES:
            self._switch(NETWORK_STATES[fault.kind])
            self._pass(fault.for_s)
            self._switch(State.CLEAR)
            self._diary.note("the network is clear again")
        else:
            clean = Random(fault.seed).random() < 0.5 and fault.kind is Kind.BROKERS_RESTARTED
            for broker in fault.victims:
                self._bounce(broker, clean, fault.for_s)

    def _bounce(self, broker: int, clean: bool, for_s: float) -> None:
        """One broker down and up again; back when all replicas are in sync."""
        (self._kafka.terminate if clean else self._kafka.kill)(broker)
        self._pass(for_s)
        began_s = time.monotonic()
        self._kafka.restart(broker)
        self._kafka.wait_in_sync()
        how = "stopped" if clean else "killed"
        self._diary.note(f"broker {broker} was {how}, is back, in sync after {time.monotonic() - began_s:.1f} s")

    def _switch(self, state: State) -> None:
        self._background.run(self._network.become(state), SWITCH_WITHIN_S)
