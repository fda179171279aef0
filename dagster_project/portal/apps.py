"""The site as an application of Django."""

from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig

from dagster_project.portal.language import later


class PortalConfig(AppConfig):
    """Accounts, copies handed out, returned work orders, and the audit log."""

    name = "dagster_project.portal"
    label = "portal"
    verbose_name = later("portal_accounts.administration")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Have sign-ins written down."""
        from dagster_project.portal import signing_in  # noqa: PLC0415  (models are there only now)

        signing_in.connect()


class AdministrationConfig(AdminConfig):
    """Django's administration, for administrators of the site only."""

    default_site = "dagster_project.portal.administration.Administration"
