"""Infrastructure settings: the only reader of the environment (prefix ``RETENTION_``)."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import urlsplit

PROJECT_ROOT = Path(__file__).resolve().parent.parent
DBT_PROJECT_DIR = PROJECT_ROOT / "dbt"
SUITES_DIR = PROJECT_ROOT / "expectations" / "suites"

_WAREHOUSES = ("duckdb", "spark")
_LANGUAGES = ("zh", "en")
_EVENT_LOGS = ("durable", "quick", "none")


class InvalidSettings(ValueError):
    """A setting that cannot be used; its message names the variable and the remedy."""


@dataclass(frozen=True)
class Settings:
    """Where things are and how much of the machine may be used. Business rules are dbt seeds."""

    home: Path
    landing: Path
    mapping: Path | None = None
    warehouse: str = "duckdb"
    language: str = "zh"
    quarantine_share_limit: float = 0.01
    """A data set with a larger share of quarantined rows is refused."""
    vanished_share_limit: float = 0.001
    """A delivery in which a larger share of the opening base has vanished is refused."""
    msisdn_pattern: str = r"^1[3-9]\d{9}$"
    memory_limit: str = "8GB"
    threads: int = 2
    event_log: str = "durable"
    """``quick`` leaves Dagster's event log in the system's cache: a power failure may cost it, a crash does not.

    ``none`` keeps no log of runs from the command line, so that Dagster's UI does not show them.
    """

    @property
    def raw(self) -> Path:
        """Accepted data: ``<data set>/delivery_month=<month>/data.parquet``."""
        return self.home / "raw"

    @property
    def incoming(self) -> Path:
        """Candidates of deliveries that are not accepted yet: ``<month>/<delivery id>/``."""
        return self.home / "incoming"

    @property
    def quarantine(self) -> Path:
        """Rows kept out: ``<month>/<delivery id>/<data set>.parquet``."""
        return self.home / "quarantine"

    @property
    def ledger(self) -> Path:
        """What arrived and what became of it: ``<month>/<delivery id>.json``."""
        return self.home / "ledger"

    @property
    def warehouse_dir(self) -> Path:
        """The derived warehouse; delete it and run again to get the same."""
        return self.home / "warehouse"

    @property
    def duckdb_file(self) -> Path:
        """The DuckDB warehouse: one writer, nobody else opens it."""
        return self.warehouse_dir / "branch.duckdb"

    @property
    def published(self) -> Path:
        """Publications and ``current.json``."""
        return self.home / "published"

    @property
    def dagster_home(self) -> Path:
        """Dagster's instance folder."""
        return self.home / "dagster"

    @property
    def portal(self) -> Path:
        """What the district offices' site keeps: its database, its secret, and copies of lists for a while."""
        return self.home / "portal"

    @property
    def scratch(self) -> Path:
        """Spill files and half-written work; safe to delete while nothing runs."""
        return self.home / "scratch"

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Settings:
        """Read the settings; raise :class:`InvalidSettings` on a value that cannot be used."""
        env = os.environ if environment is None else environment
        # a link keeps its name: dbt knows a warehouse by its path, and would parse its project again for another one
        home = Path(env.get("RETENTION_HOME", "var")).absolute()
        mapping = env.get("RETENTION_MAPPING")
        return cls(
            home=home,
            landing=Path(env.get("RETENTION_LANDING") or home / "landing").resolve(),
            mapping=Path(mapping).resolve() if mapping else None,
            warehouse=_choice(env, "RETENTION_WAREHOUSE", _WAREHOUSES),
            language=_choice(env, "RETENTION_LANGUAGE", _LANGUAGES),
            quarantine_share_limit=_share(env, "RETENTION_QUARANTINE_SHARE_LIMIT", cls.quarantine_share_limit),
            vanished_share_limit=_share(env, "RETENTION_VANISHED_SHARE_LIMIT", cls.vanished_share_limit),
            msisdn_pattern=env.get("RETENTION_MSISDN_PATTERN", cls.msisdn_pattern),
            memory_limit=env.get("RETENTION_MEMORY_LIMIT", cls.memory_limit),
            threads=_count(env, "RETENTION_THREADS", cls.threads),
            event_log=_choice(env, "RETENTION_EVENT_LOG", _EVENT_LOGS),
        )

    def environment(self) -> dict[str, str]:
        """These settings as variables, so that child processes (dbt, Dagster's daemon) see the same.

        Telemetry of every tool is switched off with them.
        """
        return {
            "RETENTION_HOME": str(self.home),
            "RETENTION_LANDING": str(self.landing),
            **({"RETENTION_MAPPING": str(self.mapping)} if self.mapping else {}),
            "RETENTION_WAREHOUSE": self.warehouse,
            "RETENTION_LANGUAGE": self.language,
            "RETENTION_QUARANTINE_SHARE_LIMIT": str(self.quarantine_share_limit),
            "RETENTION_VANISHED_SHARE_LIMIT": str(self.vanished_share_limit),
            "RETENTION_MSISDN_PATTERN": self.msisdn_pattern,
            "RETENTION_MEMORY_LIMIT": self.memory_limit,
            "RETENTION_THREADS": str(self.threads),
            "RETENTION_EVENT_LOG": self.event_log,
            "DAGSTER_HOME": str(self.dagster_home),
            "DBT_TARGET_PATH": f"target/{self.warehouse}",
            "DO_NOT_TRACK": "1",
            "DAGSTER_DISABLE_TELEMETRY": "1",
            "GX_ANALYTICS_ENABLED": "false",
        }

    def for_one_of(self, workers: int) -> Settings:
        """These settings for each of several workers at once, who share the threads."""
        return replace(self, threads=max(1, self.threads // workers))

    def export(self) -> None:
        """Put :meth:`environment` into this process's environment."""
        os.environ.update(self.environment())


@dataclass(frozen=True)
class PortalSettings:
    """What the district offices' site trusts and for how long; variables begin with ``RETENTION_PORTAL_``."""

    database: str = field(default="", repr=False)
    """A URL such as ``postgresql://user@host/name``; empty for SQLite in the home folder."""
    secret_key: str = field(default="", repr=False)
    """Signs sessions and traces copies; empty for one that is made once and kept in the home folder."""
    hosts: tuple[str, ...] = ("localhost", "127.0.0.1")
    """Names by which the site is called; a request for another one is refused."""
    proxy_count: int = 0
    """How many proxies stand before the site; what a request says of its sender is believed of them only."""
    is_behind_tls: bool = False
    """Whether the proxy speaks TLS: cookies are then sent over TLS only."""
    session_hours: int = 8
    copy_hours: int = 24
    """How long a person's copy of a list can be fetched again."""
    requires_second_factor: bool = False

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> PortalSettings:
        """Read the settings; raise :class:`InvalidSettings` on a value that cannot be used."""
        env = os.environ if environment is None else environment
        hosts = tuple(name.strip() for name in env.get("RETENTION_PORTAL_HOSTS", "").split(",") if name.strip())
        found = cls(
            database=_database(env, "RETENTION_PORTAL_DATABASE"),
            secret_key=env.get("RETENTION_PORTAL_SECRET_KEY", cls.secret_key),
            hosts=hosts or cls.hosts,
            proxy_count=_count(env, "RETENTION_PORTAL_PROXY_COUNT", cls.proxy_count, least=0),
            is_behind_tls=_is_set(env, "RETENTION_PORTAL_TLS"),
            session_hours=_count(env, "RETENTION_PORTAL_SESSION_HOURS", cls.session_hours),
            copy_hours=_count(env, "RETENTION_PORTAL_COPY_HOURS", cls.copy_hours),
            requires_second_factor=_is_set(env, "RETENTION_PORTAL_SECOND_FACTOR"),
        )
        if found.is_behind_tls and not found.proxy_count:
            raise InvalidSettings(
                "RETENTION_PORTAL_TLS=yes is for a site behind a proxy that speaks TLS; "
                "say with RETENTION_PORTAL_PROXY_COUNT how many proxies there are, for example 1"
            )
        return found


def _choice(env: Mapping[str, str], name: str, allowed: tuple[str, ...]) -> str:
    value = env.get(name, allowed[0])
    if value not in allowed:
        raise InvalidSettings(f"{name}={value!r} is unknown; use one of: {', '.join(allowed)}")
    return value


def _share(env: Mapping[str, str], name: str, default: float) -> float:
    text = env.get(name, str(default))
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise InvalidSettings(f"{name}={text!r} is not a share; give a number from 0 to 1, for example 0.01")
    return value


def _count(env: Mapping[str, str], name: str, default: int, least: int = 1) -> int:
    text = env.get(name, str(default))
    if not (text.isascii() and text.isdigit()) or int(text) < least:
        raise InvalidSettings(f"{name}={text!r} is not a whole number from {least} on")
    return int(text)


def _database(env: Mapping[str, str], name: str) -> str:
    address = env.get(name, "")
    try:
        parts = urlsplit(address)
        is_usable = not address or (parts.scheme == "postgresql" and bool(parts.path.strip("/")) and parts.port != 0)
    except ValueError:
        is_usable = False
    if not is_usable:
        # not quoted: it may hold a password
        raise InvalidSettings(f"{name} is no PostgreSQL address; give one such as postgresql://user@host/database")
    return address


def _is_set(env: Mapping[str, str], name: str) -> bool:
    return _choice(env, name, ("no", "yes")) == "yes"
