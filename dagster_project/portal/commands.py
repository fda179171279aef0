"""``retention portal``: start the site, and look after its accounts."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

import click

from dagster_project.lib.wording import text
from dagster_project.portal.secret import keep_secret
from dagster_project.settings import InvalidSettings, PortalSettings, Settings

_DJANGO_SETTINGS = "dagster_project.portal.django_settings"
_FOLDER = click.Path(file_okay=False, path_type=Path)


@click.group(invoke_without_command=True)
@click.option("--home", type=_FOLDER, help="The home folder with the publications (default ./var).")
@click.option("--landing", type=_FOLDER, help="Where deliveries arrive: returned work orders go there.")
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8000, show_default=True)
@click.option("--threads", default=8, show_default=True, type=click.IntRange(min=1))
@click.pass_context
def portal(context: click.Context, home: Path | None, landing: Path | None, host: str, port: int, threads: int) -> None:
    """Start the district offices' site, or look after its accounts."""
    _start_django(home, landing)
    if context.invoked_subcommand is None:
        _serve(host, port, threads)


@portal.command()
@click.argument("username")
@click.option("--role", type=click.Choice(["branch", "district", "manager", "auditor"]), required=True)
@click.option("--district", "districts", multiple=True, help="A district's code; give it again for several.")
@click.option("--account-manager", default="", help="Role manager: the account manager as the data names them.")
@click.option("--phone-numbers/--no-phone-numbers", default=False, help="Whether copies have whole phone numbers.")
@click.option("--administrator", is_flag=True, help="May open and change accounts.")
def adduser(
    username: str,
    role: str,
    districts: tuple[str, ...],
    account_manager: str,
    phone_numbers: bool,
    administrator: bool,
) -> None:
    """Open an account; its first password is printed once and must be changed at the first sign-in."""
    from dagster_project.portal import accounts, audit  # noqa: PLC0415  (Django is not started before)

    password = secrets.token_urlsafe(12)
    try:
        accounts.add(
            username,
            password,
            role=role,
            districts=districts,
            account_manager=account_manager,
            sees_phone_numbers=phone_numbers,
            is_administrator=administrator,
        )
    except accounts.InvalidAccount as error:
        raise click.UsageError(str(error)) from error
    audit.record_at_console(audit.Action.ACCOUNT_CHANGED, changed=username, fields="opened")
    language = Settings.from_environment().language
    click.echo(text("portal_console.added", language, username=username, password=password))


@portal.command()
def prune() -> None:
    """Take away copies of lists that are too old to be fetched; the site does it too when it makes one."""
    from dagster_project.portal import copies  # noqa: PLC0415  (Django is not started before)

    click.echo(text("portal_console.pruned", Settings.from_environment().language, files=copies.prune()))


def _start_django(home: Path | None, landing: Path | None) -> None:
    """Set Django up for the home folder, with its tables as this version of the site needs them."""
    if home:
        os.environ["RETENTION_HOME"] = str(home)
    if landing:
        os.environ["RETENTION_LANDING"] = str(landing)
    os.environ["DJANGO_SETTINGS_MODULE"] = _DJANGO_SETTINGS
    try:
        settings = Settings.from_environment()
        PortalSettings.from_environment()
        keep_secret(settings.portal)
        import django  # noqa: PLC0415  (reads its settings when it is started)

        django.setup()
    except (InvalidSettings, OSError) as error:
        raise _WrongConfiguration(str(error)) from error
    _bring_tables_up_to_date(settings)


def _bring_tables_up_to_date(settings: Settings) -> None:
    from django.core.management import call_command  # noqa: PLC0415
    from django.db import OperationalError  # noqa: PLC0415

    from dagster_project.portal.starting import one_at_a_time  # noqa: PLC0415

    try:
        with one_at_a_time(settings.portal):
            call_command("migrate", interactive=False, verbosity=0)
            call_command("clearsessions")
    except OperationalError as error:
        # what the driver says may hold the database's address; the kind of the failure is enough to look for it
        raise _WrongConfiguration(text("portal_console.no_database", settings.language)) from error


def _serve(host: str, port: int, threads: int) -> None:
    from django.conf import settings  # noqa: PLC0415

    from dagster_project.portal import returns, server  # noqa: PLC0415  (Django is not started before)
    from dagster_project.portal.wsgi import application  # noqa: PLC0415

    language = settings.RETENTION.language
    address = f"http://{host}:{port}/"
    returns.take_back_what_is_not_accepted()
    try:
        server.serve(
            application,
            settings.PORTAL,
            host,
            port,
            threads,
            lambda: click.echo(text("portal_console.serving", language, address=address)),
        )
    except OSError as error:
        raise _WrongConfiguration(
            text("portal_console.no_port", language, address=address, reason=error.strerror)
        ) from error


class _WrongConfiguration(click.ClickException):
    """What the site cannot start with; told in one line."""

    exit_code = 2
