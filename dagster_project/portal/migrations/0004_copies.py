"""Copies remember whose rows alone they have."""

from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    """An account manager may change; their copies of before are then no longer theirs to fetch."""

    dependencies: ClassVar = [("portal", "0002_append_only")]
    operations: ClassVar = [
        migrations.AddField(
            model_name="copy",
            name="account_manager",
            field=models.CharField(blank=True, default="", max_length=200),
        )
    ]
