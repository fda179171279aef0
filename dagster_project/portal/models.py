"""What the site itself remembers: accounts, copies handed out, returned work orders, and who did what."""

from __future__ import annotations

import uuid
from typing import Any, ClassVar

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.utils import timezone

from dagster_project.portal.roles import CAPABILITIES, Capability, Role


class Account(AbstractUser):
    """Somebody who signs in; one role each, and the districts that it holds for."""

    role = models.CharField(max_length=16, choices=Role.choices, default=Role.DISTRICT)
    account_manager = models.CharField(max_length=200, blank=True)
    """For the role manager: the account manager of the work orders, as the data names them."""
    sees_phone_numbers = models.BooleanField(default=False)
    """Whether copies of work orders have whole phone numbers; else they are masked."""
    must_change_password = models.BooleanField(default=True)

    def may(self, capability: Capability) -> bool:
        """Whether the role allows it."""
        return bool(self.is_active) and capability in CAPABILITIES.get(self.role, frozenset())

    @property
    def district_codes(self) -> frozenset[str]:
        """The districts that the account is for, whatever its role."""
        return frozenset(self.districts.values_list("district_code", flat=True))


class AccountDistrict(models.Model):
    """A district that an account is for, by the code that the data gives it."""

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="districts")
    district_code = models.CharField(max_length=200)

    class Meta:
        """A district once an account."""

        constraints: ClassVar = [
            models.UniqueConstraint(fields=["account", "district_code"], name="district_once_an_account")
        ]

    def __str__(self) -> str:
        return self.district_code


class Copy(models.Model):
    """A marked copy of a published list that was made for one person; ``pk`` is part of the code of every row."""

    key = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="copies")
    made_at = models.DateTimeField(default=timezone.now)
    month = models.CharField(max_length=7)
    publication_id = models.CharField(max_length=64)
    path = models.CharField(max_length=400)
    """The published file, as its manifest names it."""
    source_sha256 = models.CharField(max_length=64)
    has_phone_numbers = models.BooleanField()
    account_manager = models.CharField(max_length=200, blank=True, default="")
    """Whose rows alone it has; empty for a copy of all rows."""
    rows = models.PositiveIntegerField()
    bytes = models.PositiveBigIntegerField()
    sha256 = models.CharField(max_length=64)

    class Meta:
        """The newest first."""

        ordering: ClassVar = ["-pk"]

    def __str__(self) -> str:
        return f"{self.month}/{self.publication_id}/{self.path}"


class ReturnedWorkbook(models.Model):
    """A work order that came back: what was found in it, and what became of it."""

    class State(models.TextChoices):
        """What became of a returned workbook."""

        CHECKED = "checked"
        ACCEPTED = "accepted"
        UNDONE = "undone"

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="returned_workbooks")
    received_at = models.DateTimeField(default=timezone.now)
    sha256 = models.CharField(max_length=64)
    bytes = models.PositiveIntegerField()
    delivery_month = models.CharField(max_length=7)
    """The month with whose delivery its contacts arrive."""
    state = models.CharField(max_length=16, choices=State.choices, default=State.CHECKED)
    decided_at = models.DateTimeField(null=True)
    problems = models.JSONField(default=list)
    """As :class:`dagster_project.lib.work_returns.Problem` has them; they quote no cell."""

    class Meta:
        """The newest first."""

        ordering: ClassVar = ["-pk"]

    def __str__(self) -> str:
        return f"{self.pk}"


class ReturnedContact(models.Model):
    """A good row of a returned workbook: a contact as the data set crm_contacts has it."""

    workbook = models.ForeignKey(ReturnedWorkbook, on_delete=models.CASCADE, related_name="contacts")
    row = models.PositiveIntegerField()
    contact_id = models.CharField(max_length=64)
    district_code = models.CharField(max_length=200)
    content = models.JSONField()

    class Meta:
        """In the order of the sheet."""

        ordering: ClassVar = ["row"]

    def __str__(self) -> str:
        return self.contact_id


class NeverChanged(RuntimeError):
    """An attempt to change or delete what is only ever added to."""


class AuditEntry(models.Model):
    """Who did what, when and from where. Entries are added and never changed: the database refuses it, too."""

    class Action(models.TextChoices):
        """What is written down."""

        SIGNED_IN = "signed_in"
        SIGNED_OUT = "signed_out"
        SIGN_IN_FAILED = "sign_in_failed"
        LOCKED_OUT = "locked_out"
        PASSWORD_CHANGED = "password_changed"
        SECOND_FACTOR_ADDED = "second_factor_added"
        ACCOUNT_CHANGED = "account_changed"
        COPY_MADE = "copy_made"
        DOWNLOADED = "downloaded"
        RETURN_CHECKED = "return_checked"
        RETURN_ACCEPTED = "return_accepted"
        RETURN_UNDONE = "return_undone"
        AUDIT_EXPORTED = "audit_exported"
        CODE_TRACED = "code_traced"

    at = models.DateTimeField(default=timezone.now, db_index=True)
    account = models.ForeignKey(Account, on_delete=models.PROTECT, null=True, related_name="audit_entries")
    username = models.CharField(max_length=150, blank=True)
    role = models.CharField(max_length=16, blank=True)
    address = models.CharField(max_length=45, blank=True)
    action = models.CharField(max_length=32, choices=Action.choices)
    month = models.CharField(max_length=7, blank=True)
    publication_id = models.CharField(max_length=64, blank=True)
    path = models.CharField(max_length=400, blank=True)
    rows = models.PositiveIntegerField(null=True)
    copy = models.ForeignKey(Copy, on_delete=models.PROTECT, null=True, related_name="audit_entries")
    detail = models.CharField(max_length=400, blank=True)
    """Facts of the action, as ``name=value``; no personal data of subscribers."""

    class Meta:
        """The newest first."""

        ordering: ClassVar = ["-pk"]
        verbose_name_plural = "audit entries"
        indexes: ClassVar = [
            models.Index(fields=["username", "id"], name="audit_by_person"),
            models.Index(fields=["action", "id"], name="audit_by_action"),
            models.Index(fields=["month", "id"], name="audit_by_month"),
            models.Index(fields=["address", "id"], name="audit_by_address"),
        ]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M:%S} {self.action}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Add the entry; raises :class:`NeverChanged` for one that is there already."""
        if self.pk is not None:
            raise NeverChanged("an audit entry is never changed")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        """Always raises :class:`NeverChanged`."""
        raise NeverChanged("an audit entry is never deleted")
