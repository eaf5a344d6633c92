"""Structured logs: one line per fact, JSON by default; the libraries' own loggers go the same way."""

import logging
import sys
from typing import Any, Literal

import structlog

_QUIET = {
    "ranking_app.upstream": logging.WARNING,
    "aiokafka": logging.CRITICAL,
    "faust": logging.WARNING,
    "mode": logging.WARNING,
    "asyncio": logging.WARNING,
}
"""Libraries that log what we log ourselves, or that log each retry: only what is worse is kept."""


_TRACEBACKS = structlog.processors.ExceptionRenderer(structlog.tracebacks.ExceptionDictTransformer(show_locals=False))
"""Without local variables: they would carry event payloads, and client options with the password."""


def set_up_logs(form: Literal["json", "console"]) -> None:
    """Send everything to standard error, in one form. Call once, at the start of a process."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _TRACEBACKS if form == "json" else structlog.processors.ExceptionRenderer(),
    ]
    renderer: Any = (
        structlog.processors.JSONRenderer() if form == "json" else structlog.dev.ConsoleRenderer(colors=False)
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.add_logger_name],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    logging.basicConfig(handlers=[handler], level=logging.INFO, force=True)
    for name, level in _QUIET.items():
        logging.getLogger(name).setLevel(level)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
