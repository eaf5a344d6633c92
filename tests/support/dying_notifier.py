"""`ranking-app` whose notifier is killed between raising and committing, for the test of what happens then.

    python -m tests.support.dying_notifier worker

The notifications lie on their topic, acknowledged, in a transaction that nobody ends. All else is the real thing.
"""

import os
import signal
from typing import Any

from agents.notifier import Notifier


async def send_and_die(notifier: Any, producer: Any, fresh: list[Any]) -> None:
    """As Notifier._send, up to the commit."""
    await producer.begin_transaction()
    for made in fresh:
        await (await producer.send(notifier._topic, key=made.key, value=made.value))
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    setattr(Notifier, "_send", send_and_die)  # noqa: B010 - for mypy a method is no variable
    from ranking_app.cli import main

    main()
