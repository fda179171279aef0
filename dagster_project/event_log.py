"""Dagster's event log on SQLite, without a new database engine for every event.

A run over eighteen months stores some four thousand events. Dagster's storage makes an engine for each statement, with
a connection, a dialect and a cache of compiled statements that are thrown away again, which is most of what an event
costs. Here an engine lasts as long as its database is in use. The files are Dagster's own, in its own place: a home
can be opened with and without this class.
"""

import os
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

import dagster as dg
import sqlalchemy
from dagster._core.storage.event_log import SqliteEventLogStorage
from dagster._serdes import ConfigurableClassData

_BUSY_SECONDS = 60
_INDEX = "index"


@lru_cache(maxsize=4)
def _engine(address: str) -> sqlalchemy.Engine:
    """The engine of one database; few are in use at once: the index, and the run that is being written or read."""
    return sqlalchemy.create_engine(address, connect_args={"timeout": _BUSY_SECONDS})


class LastingSqliteEventLog(SqliteEventLogStorage):
    """The storage that ``dagster.yaml`` names: a database a run, and one index of all runs' assets."""

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        self._opened: set[str] = set()
        # one thread at a time, as in Dagster's storage: SQLite would let the others sleep and try again
        self._one_at_a_time = threading.Lock()
        super().__init__(base_dir, inst_data)

    @classmethod
    def config_type(cls) -> Any:
        """``base_dir`` is where Dagster puts its logs unless it is told otherwise."""
        return {"base_dir": dg.Field(dg.StringSource, is_required=False)}

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> "LastingSqliteEventLog":
        """Called by Dagster with what ``dagster.yaml`` says."""
        base_dir = config_value.get("base_dir") or str(Path(os.environ["DAGSTER_HOME"]) / "history" / "runs")
        return cls(base_dir, inst_data)

    def run_connection(self, run_id: str | None = None) -> Any:
        """A connection to a run's database, in a transaction."""
        return self._connection(str(run_id), lambda: super(LastingSqliteEventLog, self).run_connection(run_id))

    def index_connection(self) -> Any:
        """A connection to the index, in a transaction."""
        return self._connection(_INDEX, super().index_connection)

    @contextmanager
    def _connection(
        self, database: str, first: Callable[[], AbstractContextManager[sqlalchemy.Connection]]
    ) -> Iterator[sqlalchemy.Connection]:
        """Dagster makes a database when it opens it for the first time; after that its engine is kept."""
        with self._one_at_a_time:
            if database not in self._opened:
                with first():
                    self._opened.add(database)
            with _engine(self.conn_string_for_shard(database)).begin() as connection:
                yield connection
