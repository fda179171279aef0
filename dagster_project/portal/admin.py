"""The administration of accounts: opened, changed, closed, unlocked; every change is in the audit log."""

from __future__ import annotations

from typing import Any

from axes.utils import reset
from django import forms
from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.forms import AdminPasswordChangeForm, AdminUserCreationForm, UserChangeForm
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django_otp.plugins.otp_totp.models import TOTPDevice

from dagster_project.portal import audit, second_factor
from dagster_project.portal.accounts import fault_of
from dagster_project.portal.language import later
from dagster_project.portal.models import Account, AccountDistrict

admin.site.unregister(Group)
# whoever sees a secret could make codes with it
admin.site.unregister(TOTPDevice)


def words(name: str) -> str:
    """A text of portal_accounts.yml, in the language of whoever reads it then."""
    return later(f"portal_accounts.{name}")


_RIGHTS = ("role", "account_manager", "sees_phone_numbers", "is_staff")
_LABELS = {name: words(name) for name in (*_RIGHTS, "must_change_password", "is_active")}


class _NewAccount(AdminUserCreationForm):
    """A new account with its first password."""

    usable_password = None  # type: ignore[assignment]

    class Meta:
        """What is asked for."""

        model = Account
        fields = ("username", *_RIGHTS)
        labels = _LABELS


class _ChangedAccount(UserChangeForm):
    """An account that is there."""

    class Meta:
        """What may be changed."""

        model = Account
        fields = ("username", "password", *_RIGHTS, "is_active", "must_change_password")
        labels = _LABELS

    administrator: Account | None = None
    """Whoever fills the form in."""

    def clean(self) -> dict[str, Any] | None:
        """Raise :class:`ValidationError` where administrators would shut themselves out."""
        found = super().clean()
        stays = self.cleaned_data.get("is_active") and self.cleaned_data.get("is_staff")
        if self.administrator == self.instance and not stays:
            raise ValidationError(words("own_access"))
        return found


class _NewPassword(AdminPasswordChangeForm):
    """A password that an administrator gives; its owner must change it."""

    usable_password = None

    def __init__(self, user: Account, *args: Any, **kwargs: Any) -> None:
        super().__init__(user, *args, **kwargs)
        self.fields.pop("usable_password", None)
        for name in ("password1", "password2"):
            self.fields[name].required = True

    def save(self, commit: bool = True) -> Account:
        """Save the password."""
        account: Account = self.user
        account.must_change_password = True
        super().save(commit)
        return account


class _SoundDistricts(forms.BaseInlineFormSet):
    """The districts of an account, judged together with its role."""

    def clean(self) -> None:
        """Raise :class:`ValidationError` where the role lacks what it is cut by, or has what it is not cut by."""
        super().clean()
        kept = [form.cleaned_data for form in self.forms if getattr(form, "cleaned_data", None)]
        districts = [each["district_code"] for each in kept if not each.get("DELETE") and each.get("district_code")]
        fault = fault_of(self.instance.role, districts, self.instance.account_manager)
        if fault:
            raise ValidationError(words(f"unsound_{fault}"))


class _Districts(admin.TabularInline):
    model = AccountDistrict
    formset = _SoundDistricts
    extra = 1
    verbose_name = words("district")
    verbose_name_plural = words("districts")

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """A field with its name in the reader's language."""
        if db_field.name == "district_code":
            kwargs["label"] = words("district_code")
        return super().formfield_for_dbfield(db_field, request, **kwargs)


@admin.register(Account)
class AccountAdministration(UserAdmin):
    """Accounts are opened, changed and closed, and never deleted: the audit log speaks of them."""

    form = _ChangedAccount
    add_form = _NewAccount
    change_password_form = _NewPassword
    add_form_template = None
    inlines = (_Districts,)
    fieldsets = ((None, {"fields": _ChangedAccount.Meta.fields}),)
    add_fieldsets = ((None, {"classes": ("wide",), "fields": ("username", "password1", "password2", *_RIGHTS)}),)
    list_display = ("username", "of_role", "sees_numbers", "administers", "is_open", "has_second_factor")
    list_filter = ("role", "is_active", "is_staff")
    search_fields = ("username",)
    filter_horizontal = ()
    actions = ("remove_second_factor", "unlock")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether accounts themselves may go (never); their districts may."""
        return False

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        """The form, which knows who fills it in."""
        form: Any = super().get_form(request, obj, change=change, **kwargs)
        form.administrator = request.user
        return form

    @admin.display(ordering="role", description=words("role"))
    def of_role(self, account: Account) -> str:
        """The role in words."""
        return str(account.get_role_display())

    @admin.display(boolean=True, ordering="sees_phone_numbers", description=words("sees_phone_numbers"))
    def sees_numbers(self, account: Account) -> bool:
        """Whether copies have whole phone numbers."""
        return account.sees_phone_numbers

    @admin.display(boolean=True, ordering="is_staff", description=words("administrator"))
    def administers(self, account: Account) -> bool:
        """Whether the account may open and change others."""
        return account.is_staff

    @admin.display(boolean=True, ordering="is_active", description=words("open"))
    def is_open(self, account: Account) -> bool:
        """Whether the account may sign in."""
        return account.is_active

    @admin.display(boolean=True, description=words("has_second_factor"))
    def has_second_factor(self, account: Account) -> bool:
        """Whether an account is asked for a code."""
        return second_factor.device_of(account) is not None

    def save_model(self, request: HttpRequest, obj: Account, form: Any, change: bool) -> None:
        """Save the account; administrators may do everything there is to do here."""
        obj.is_superuser = obj.is_staff
        if not change:
            obj.must_change_password = True
        super().save_model(request, obj, form, change)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Save the districts, and write down what changed."""
        super().save_related(request, form, formsets, change)
        changed = [name for name in form.changed_data if not name.startswith("password")]
        changed += ["districts"] if any(each.has_changed() for each in formsets) else []
        if not change:
            self._record(request, form.instance, "opened")
        elif changed:
            self._record(request, form.instance, ",".join(changed))

    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> HttpResponse:
        """Give an account a new password, and write down that it got one."""
        before = Account.objects.filter(pk=id).values_list("password", flat=True).first() if id.isdigit() else None
        response = super().user_change_password(request, id, form_url)
        changed = Account.objects.filter(pk=id).exclude(password=before).first() if before else None
        if changed:
            self._record(request, changed, "password")
        return response

    @admin.action(description=words("remove_second_factor"))
    def remove_second_factor(self, request: HttpRequest, chosen: QuerySet[Account]) -> None:
        """Take the devices of accounts away, for people whose phone is gone."""
        count = 0
        for account in chosen:
            if second_factor.remove(account):
                self._record(request, account, "second_factor")
                count += 1
        self.message_user(request, str(words("removed_second_factor")).format(count=count), messages.SUCCESS)

    @admin.action(description=words("unlock"))
    def unlock(self, request: HttpRequest, chosen: QuerySet[Account]) -> None:
        """Let accounts sign in again that wrong passwords have locked."""
        count = 0
        for account in chosen:
            if reset(username=account.username):
                self._record(request, account, "lock")
                count += 1
        self.message_user(request, str(words("unlocked")).format(count=count), messages.SUCCESS)

    @staticmethod
    def _record(request: HttpRequest, account: Account, fields: str) -> None:
        audit.record(request, audit.Action.ACCOUNT_CHANGED, changed=account.username, fields=fields)
