"""The site as an application of Django."""

from django.apps import AppConfig


class PortalConfig(AppConfig):
    """Accounts, copies handed out, returned work orders, and the audit log."""

    name = "dagster_project.portal"
    label = "portal"
    default_auto_field = "django.db.models.BigAutoField"
