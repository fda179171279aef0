"""The database itself refuses to change or delete audit entries, whoever asks."""

from typing import ClassVar

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

_TABLE = "portal_auditentry"
_SQLITE = """
create trigger {table}_no_{event} before {event} on {table}
begin select raise(abort, 'audit entries are never changed'); end
"""
_POSTGRESQL = """
create function {table}_refuse() returns trigger language plpgsql as
$$ begin raise exception 'audit entries are never changed'; end $$;
create trigger {table}_append_only before update or delete on {table} for each row execute function {table}_refuse();
create trigger {table}_no_truncate before truncate on {table} for each statement execute function {table}_refuse();
"""


def _add(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(_POSTGRESQL.format(table=_TABLE))
        return
    for event in ("update", "delete"):
        schema_editor.execute(_SQLITE.format(table=_TABLE, event=event))


def _remove(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(f"drop function {_TABLE}_refuse() cascade")
        return
    for event in ("update", "delete"):
        schema_editor.execute(f"drop trigger {_TABLE}_no_{event}")


class Migration(migrations.Migration):
    """Triggers that keep the audit log append-only."""

    dependencies: ClassVar = [("portal", "0001_initial")]
    operations: ClassVar = [migrations.RunPython(_add, _remove)]
