"""The audit log among tests that commit: what refuses to be deleted is emptied as no program of the site could."""

from __future__ import annotations

import importlib
from collections.abc import Iterator

import pytest
from django.db import connection

from dagster_project.portal.models import AuditEntry


@pytest.fixture
def emptied_afterwards(transactional_db: None) -> Iterator[None]:
    """Take the log's triggers away for as long as it takes to empty it, before the database is flushed."""
    yield
    triggers = importlib.import_module("dagster_project.portal.migrations.0002_append_only")
    with connection.schema_editor() as editor:
        triggers._remove(None, editor)
    AuditEntry.objects.all()._raw_delete(connection.alias)
    with connection.schema_editor() as editor:
        triggers._add(None, editor)
