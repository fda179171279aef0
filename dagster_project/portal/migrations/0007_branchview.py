"""Indexes by which the audit log is searched."""

from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    """By person, action, month and address, each in the order in which entries were added."""

    dependencies: ClassVar = [("portal", "0004_copies")]
    operations: ClassVar = [
        migrations.AddIndex("auditentry", models.Index(fields=["username", "id"], name="audit_by_person")),
        migrations.AddIndex("auditentry", models.Index(fields=["action", "id"], name="audit_by_action")),
        migrations.AddIndex("auditentry", models.Index(fields=["month", "id"], name="audit_by_month")),
        migrations.AddIndex("auditentry", models.Index(fields=["address", "id"], name="audit_by_address")),
    ]
