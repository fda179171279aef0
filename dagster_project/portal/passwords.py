"""A rule for passwords besides Django's: a new one is not the old one."""

from __future__ import annotations

from django.core.exceptions import ValidationError

from dagster_project.lib.wording import text
from dagster_project.portal.language import current_language
from dagster_project.portal.models import Account


class NotTheOldOne:
    """Refuses the password that an account has already."""

    def validate(self, password: str, user: Account | None = None) -> None:
        """Raise :class:`ValidationError` when nothing would change."""
        if user is not None and user.pk and user.check_password(password):
            raise ValidationError(self.get_help_text(), code="password_same")

    def get_help_text(self) -> str:
        """The rule in the reader's language."""
        return text("portal_accounts.password_same", current_language())
