"""All settings, in one place: environment variables with the prefix RANKING_, then `.env`, then defaults.

Flags of the command line win over both. Nothing else in the app reads the environment.
"""

import os
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from dotenv import dotenv_values
from pydantic import BeforeValidator, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from ranking_app.durations import parse_duration_ms
from ranking_app.errors import WrongUse

PREFIX = "RANKING_"
DOTENV = ".env"

DurationMs = Annotated[int, BeforeValidator(parse_duration_ms)]
"""A length of time: `90s`, `5m`, `1h`, `7d`, ISO 8601, or a bare number of seconds; kept in milliseconds."""

TopicName = Annotated[str, Field(pattern=r"^[a-zA-Z0-9._-]{1,200}$")]

GenerationName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]
"""Part of topic names and directories."""

BASE = "base"
"""The generation that an app begins with: its app id, changelog and data directory are the ones that are set."""


class WrongSetting(WrongUse):
    """A setting has an unknown name or a value that cannot be used. Operator: correct the variable it names."""


class Settings(BaseSettings):
    """What can be set. Each field is the environment variable RANKING_<NAME>; docs/operations.md explains them."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_file=DOTENV, extra="ignore", frozen=True)

    broker: str = "kafka://127.0.0.1:9092"
    app_id: Annotated[str, Field(pattern=r"^[a-zA-Z0-9._-]{1,100}$")] = "ranking-app"
    data_dir: Path = Path("ranking-data")
    generation: GenerationName | None = None
    web_host: str = "127.0.0.1"
    web_port: Annotated[int, Field(ge=0, le=65_535)] = 6066
    advertised: Annotated[str, Field(pattern=r"^[!-~]{1,200}$")] | None = None
    cors_origins: Annotated[str, Field(max_length=2_000)] | None = None
    hot_blend: Annotated[str, Field(max_length=100)] = "1h:50,24h:50"
    clock: Literal["wall", "event"] = "wall"
    timezone: str = "UTC"
    log_format: Literal["json", "console"] = "json"

    completed_topic: TopicName = "reservation.completed"
    cancelled_topic: TopicName = "reservation.cancelled"
    catalogue_topic: TopicName = "concert.schedule.created"
    notification_topic: TopicName = "ranking.notification.raised"
    partitions: Annotated[int, Field(ge=1, le=1_000)] = 3
    notification_partitions: Annotated[int, Field(ge=1, le=1_000)] = 3

    dedupe_hours: Annotated[float, Field(gt=0, le=24 * 365)] = 24
    max_future: DurationMs = Field(default="5m", validate_default=True)
    max_record_bytes: Annotated[int, Field(ge=1, le=10_000_000)] = 65_536
    grace: DurationMs = Field(default="1m", validate_default=True)
    idle: DurationMs = Field(default="1m", validate_default=True)
    retention_days: Annotated[float, Field(gt=0, le=36_500)] = 400
    notify_max_age: DurationMs = Field(default="1h", validate_default=True)
    notify_top: Annotated[int, Field(ge=0, le=1_000)] = 10
    tally_process: bool = True
    """Whether a worker with large flushes starts a process that decodes beside it; with one processor it never does."""
    backfill_rate: Annotated[int, Field(ge=1, le=10_000_000)] | None = None
    backfill_yield_lag: Annotated[int, Field(ge=1)] = 10_000
    broker_wait: DurationMs = Field(default="60s", validate_default=True)
    """How long a start waits for the brokers before it gives up with exit code 1."""

    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    ssl_cafile: Path | None = None
    ssl_certfile: Path | None = None
    ssl_keyfile: Path | None = None
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "PLAIN"
    sasl_username: str | None = None
    sasl_password: SecretStr | None = None

    @field_validator("timezone")
    @classmethod
    def _known_timezone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError(f"expected an IANA time zone such as Asia/Seoul, got {name!r}") from None
        return name

    @field_validator("broker")
    @classmethod
    def _known_broker(cls, text: str) -> str:
        hosts = text.replace(";", ",").split(",")
        for host in hosts:
            name, _, port = host.strip().removeprefix("kafka://").rpartition(":")
            if not name or not port.isdigit():
                raise ValueError(f"expected kafka://HOST:PORT, several joined with ';', got {text!r}")
        return text

    @property
    def bootstrap_servers(self) -> list[str]:
        """The brokers as `host:port`."""
        return [h.strip().removeprefix("kafka://") for h in self.broker.replace(";", ",").split(",")]

    @property
    def zone(self) -> ZoneInfo:
        """The time zone of times that name none."""
        return ZoneInfo(self.timezone)

    def of_generation(self, name: str, partitions: int) -> "Settings":
        """The same app with the tables of a generation: app id (group, changelog), partitions and data directory."""
        if name == BASE:
            return self
        own = {
            "app_id": f"{self.app_id}-generation-{name}",
            "data_dir": self.data_dir / "generations" / name,
            "partitions": partitions,
        }
        return self.model_copy(update=own)

    @property
    def control_topic(self) -> str:
        """Which generations there are, and which is live."""
        return f"{self.app_id}-generations"

    @property
    def instances_topic(self) -> str:
        """What every process says of itself, once a second."""
        return f"{self.app_id}-instances"

    @property
    def changelog_topic(self) -> str:
        """The changelog of the panes table, as Faust names it."""
        return f"{self.app_id}-panes-changelog"

    @property
    def source_topics(self) -> tuple[str, str]:
        """Completed first, cancelled second: their index is the source's role in keys of the panes table."""
        return self.completed_topic, self.cancelled_topic


def load_settings(**flags: Any) -> Settings:
    """Settings from flags, environment and `.env`. WrongSetting for an unknown name or an unusable value."""
    _refuse_unknown_names()
    given = {name: value for name, value in flags.items() if value is not None}
    try:
        return Settings(**given)
    except ValidationError as exc:
        first = exc.errors()[0]
        name = PREFIX + "_".join(str(part) for part in first["loc"]).upper()
        reason = first["msg"].removeprefix("Value error, ")
        raise WrongSetting(f"{name}: {reason}") from None


def _refuse_unknown_names() -> None:
    known = {PREFIX + name.upper() for name in Settings.model_fields}
    for name in (*os.environ, *dotenv_values(DOTENV)):
        if name.upper().startswith(PREFIX) and name.upper() not in known:
            raise WrongSetting(f"{name} is not a setting of ranking-app; docs/operations.md lists them all")
