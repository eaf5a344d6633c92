"""The demo's line every few seconds: asked of a worker over HTTP, as any user of the app would."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import aiohttp

TIMEOUT = aiohttp.ClientTimeout(total=2)


@dataclass(frozen=True, slots=True)
class Glance:
    """What the boards say just now."""

    lag: int
    sold_out: int
    complete: bool
    leader: str | None
    leader_score: int


async def glance(session: aiohttp.ClientSession, urls: Sequence[str]) -> Glance | None:
    """The boards as the first of these workers tells them; None if none of them answers yet."""
    for url in urls:
        try:
            sales = await _get(session, f"{url}/v1/rankings/sales?window=5m&limit=1")
            sell_out = await _get(session, f"{url}/v1/rankings/sell-out?window=all&limit=1")
        except (aiohttp.ClientError, TimeoutError, OSError):
            continue  # starting, restarting or gone: the next worker knows as much
        return _read(sales, sell_out)
    return None


async def is_ready(session: aiohttp.ClientSession, url: str) -> bool:
    """Does this worker say that it answers with complete boards?"""
    try:
        async with session.get(f"{url}/health/ready", timeout=TIMEOUT) as response:
            return response.status == 200
    except (aiohttp.ClientError, TimeoutError, OSError):
        return False


def line(seconds: float, sent: int, per_second: float, alive: str, seen: Glance | None) -> str:
    """One line of what is happening.

    >>> line(75, 1500, 299.6, "3/3", Glance(lag=2, sold_out=4, complete=True, leader="B", leader_score=9))
    '01:15  1,500 events sent, 300/s | workers 3/3 | lag 2 | sold out 4 | number one: B, 9 tickets in 5 min'
    """
    start = f"{int(seconds) // 60:02d}:{int(seconds) % 60:02d}  {sent:,} events sent, {per_second:,.0f}/s"
    if seen is None:
        return f"{start} | workers {alive} | no board yet"
    lag = f"lag {seen.lag:,}" if seen.complete else f"lag {seen.lag:,}, stale"
    first = f"{seen.leader}, {seen.leader_score:,} tickets in 5 min" if seen.leader else "nobody yet"
    return f"{start} | workers {alive} | {lag} | sold out {seen.sold_out:,} | number one: {first}"


async def _get(session: aiohttp.ClientSession, url: str) -> Any:
    async with session.get(url, timeout=TIMEOUT, raise_for_status=True) as response:
        return await response.json()


def _read(sales: dict[str, Any], sell_out: dict[str, Any]) -> Glance:
    first = next(iter(sales["entries"]), None)
    completeness = sales["completeness"]
    return Glance(
        lag=sum(max(0, partition["lag"]) for partition in completeness["partitions"]),
        sold_out=sell_out["total"],
        complete=completeness["complete"],
        leader=(first["title"] or first["concertScheduleId"]) if first else None,
        leader_score=first["score"] if first else 0,
    )
