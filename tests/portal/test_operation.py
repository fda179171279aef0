"""Running the site: health, the log, proxies, the start and the end."""

from __future__ import annotations

import http.client
import io
import json
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner
from django.core.handlers.wsgi import WSGIRequest
from django.db import DatabaseError
from django.test import Client
from pytest_django.fixtures import Settings as SiteSettings
from waitress.server import create_server

from dagster_project.portal import commands, publications, server
from dagster_project.portal.address import client_address
from dagster_project.portal.log import JsonLines
from dagster_project.portal.models import Account
from dagster_project.portal.views import health
from dagster_project.settings import PROJECT_ROOT, InvalidSettings, PortalSettings, Settings
from tests.portal.conftest import PASSWORD
from tests.portal.published import phone

_FIELDS = {
    "time", "level", "logger", "request_id", "route", "method", "status", "milliseconds", "bytes", "account", "address"
}  # fmt: skip


@pytest.mark.django_db
def test_a_site_that_can_answer_says_so_without_a_session(client: Client) -> None:
    answer = client.get("/health/")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
    assert not answer.cookies


@pytest.mark.django_db
def test_a_site_without_a_publication_is_healthy(client: Client, settings: SiteSettings, tmp_path: Path) -> None:
    settings.RETENTION = Settings(home=tmp_path / "new", landing=tmp_path)
    assert client.get("/health/").status_code == 200


@pytest.mark.django_db
def test_health_names_the_part_that_fails_and_nothing_else(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def unreadable() -> None:
        raise OSError("/secret/place")

    def unreachable() -> None:
        raise DatabaseError("password")

    monkeypatch.setattr(publications, "current", unreadable)
    answer = client.get("/health/")
    assert (answer.status_code, answer.json()) == (503, {"status": "unavailable", "part": "publications"})
    monkeypatch.setattr(health, "_ask_database", unreachable)
    assert client.get("/health/").json() == {"status": "unavailable", "part": "database"}


@pytest.mark.django_db
def test_a_load_balancer_needs_no_tls_but_everybody_else_does(client: Client, settings: SiteSettings) -> None:
    settings.SECURE_SSL_REDIRECT = True
    assert client.get("/health/").status_code == 200
    assert client.get("/sign-in/").headers["Location"] == "https://testserver/sign-in/"


@pytest.fixture
def lines() -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """What is logged from now on, as the site writes it."""
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(JsonLines())
    root = logging.getLogger()
    root.addHandler(handler)
    yield lambda: [json.loads(line) for line in written.getvalue().splitlines()]
    root.removeHandler(handler)


@pytest.mark.django_db
def test_the_log_of_a_visit_has_a_line_a_request_and_nothing_personal(
    people: dict[str, Account],
    lines: Callable[[], list[dict[str, Any]]],
    monkeypatch: pytest.MonkeyPatch,
    settings: SiteSettings,
) -> None:
    secret = phone("D01", 23)
    client = Client(raise_request_exception=False)
    for name, password in ((secret, "wrong"), ("yanjiang", secret), ("yanjiang", PASSWORD)):
        client.post("/sign-in/", {"username": name, "password": password})
    client.get("/password/", {"q": secret, "name": "雁江一号"})
    client.get(f"/雁江一号/{secret}/")
    client.get("/sign-in/", headers={"Host": f"{secret}.example"})
    Client(enforce_csrf_checks=True).post(f"/language/?q={secret}")

    def fails() -> None:
        raise ValueError(f"{secret} of 雁江一号")

    monkeypatch.setattr(publications, "current", fails)
    client.get("/", {"q": secret})
    written = lines()
    everything = json.dumps(written, ensure_ascii=False)
    assert not [word for word in (secret, "雁江", "yanjiang", PASSWORD, "wrong") if word in everything]
    requests = [line for line in written if line["logger"] == "retention.portal.requests"]
    assert [(line["route"], line["status"]) for line in requests] == [
        ("sign-in", 200), ("sign-in", 200), ("sign-in", 302), ("password", 200), (None, 404), (None, 400),
        ("language", 403), ("home", 500),
    ]  # fmt: skip
    assert all(set(line) == _FIELDS for line in requests)
    assert requests[3]["account"] == people["district"].pk
    failure = next(line for line in written if "errors" in line)
    assert failure["errors"][0]["kind"] == "builtins.ValueError"
    assert any("portal/views/" in place for place in failure["errors"][0]["at"])
    assert failure["request_id"] == requests[-1]["request_id"]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("proxies", "given", "is_kept"),
    [(1, "abcdef-0123456789", True), (0, "abcdef-0123456789", False), (1, "13901000023 <x>", False)],
)
def test_the_number_of_a_request_is_a_declared_proxys_or_the_sites_own(
    client: Client, settings: SiteSettings, proxies: int, given: str, is_kept: bool
) -> None:
    settings.PORTAL = PortalSettings(proxy_count=proxies)
    answered = client.get("/health/", headers={"X-Request-ID": given}).headers["X-Request-ID"]
    assert (answered == given) == is_kept
    assert len(answered) >= 8


def _seen(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
    request = WSGIRequest(environ)
    start_response("200 OK", [("Content-Type", "application/json")])
    seen = [client_address(request), request.is_secure(), request.headers.get("X-Forwarded-Host")]
    return [json.dumps(seen).encode()]


@pytest.mark.parametrize(
    ("portal", "headers", "seen"),
    [
        (PortalSettings(), {}, ["127.0.0.1", False, None]),
        (
            PortalSettings(),
            {"X-Forwarded-For": "6.6.6.6", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "evil.example"},
            ["127.0.0.1", False, None],
        ),
        (PortalSettings(), {"Forwarded": "for=6.6.6.6;proto=https;host=evil.example"}, ["127.0.0.1", False, None]),
        (
            PortalSettings(proxy_count=1, is_behind_tls=True),
            {"X-Forwarded-For": "6.6.6.6, 10.1.1.7", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "evil.example"},
            ["10.1.1.7", True, None],
        ),
        (
            PortalSettings(proxy_count=2, is_behind_tls=True),
            {"X-Forwarded-For": "6.6.6.6, 10.1.1.7, 10.2.2.2", "Forwarded": "for=6.6.6.6"},
            ["10.1.1.7", False, None],
        ),
        (
            PortalSettings(proxy_count=1),
            {"X-Forwarded-For": "10.1.1.7", "X-Forwarded-Proto": "https"},
            ["10.1.1.7", False, None],
        ),
        (PortalSettings(proxy_count=1), {"X-Forwarded-For": "<script>"}, [None, False, None]),
        (PortalSettings(proxy_count=1), {"X-Forwarded-For": "2001:db8::7"}, ["2001:db8::7", False, None]),
    ],
)
def test_what_a_request_says_of_its_sender_is_believed_of_declared_proxies_only(
    portal: PortalSettings, headers: dict[str, str], seen: list[object]
) -> None:
    served = create_server(_seen, host="127.0.0.1", port=0, threads=1, **server.options(portal))
    threading.Thread(target=served.run, daemon=True).start()
    connection = http.client.HTTPConnection("127.0.0.1", served.effective_port, timeout=10)
    connection.request("GET", "/", headers=headers)
    assert json.loads(connection.getresponse().read()) == seen
    connection.close()
    served.close()


_SLOW = """
import sys, time
from dagster_project.portal import server
from dagster_project.settings import PortalSettings
def slow(environ, start_response):
    print("asked", flush=True)
    time.sleep(1)
    start_response("200 OK", [("Content-Length", "3000000")])
    return [b"x" * 1000000] * 3
server.serve(slow, PortalSettings(), "127.0.0.1", int(sys.argv[1]), 2, lambda: print("begun", flush=True))
"""


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


def test_what_is_being_answered_when_the_site_stops_is_answered_to_its_end() -> None:
    port = _free_port()
    command = [sys.executable, "-c", _SLOW, str(port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=PROJECT_ROOT) as process:
        assert process.stdout
        assert process.stdout.readline() == "begun\n"
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        connection.request("GET", "/")
        assert process.stdout.readline() == "asked\n"
        process.send_signal(signal.SIGTERM)
        assert len(connection.getresponse().read()) == 3_000_000
        assert process.wait(20) == 0
    with pytest.raises(ConnectionRefusedError):
        http.client.HTTPConnection("127.0.0.1", port, timeout=5).connect()


def _start(home: Path, port: int, **variables: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "RETENTION_HOME": str(home), "RETENTION_LANGUAGE": "en", **variables}
    environment.pop("DJANGO_SETTINGS_MODULE", None)
    command = [sys.executable, "-m", "dagster_project.cli", "portal", "--port", str(port)]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment, cwd=PROJECT_ROOT
    )


@pytest.mark.django_db
def test_a_port_that_is_taken_is_told_in_one_line() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(click.ClickException) as refused:
            commands._serve("127.0.0.1", taken.getsockname()[1], 1)
    assert refused.value.exit_code == 2
    assert "Address already in use" in refused.value.message
    assert "--port" in refused.value.message


@pytest.mark.thorough
def test_two_servers_start_on_a_new_home_at_once_and_the_port_is_one_servers_only(tmp_path: Path) -> None:
    port = _free_port()
    both = [_start(tmp_path / "home", port) for _ in range(2)]
    ended = _first_to_end(both)
    other = both[1 - both.index(ended)]
    try:
        _, complaint = ended.communicate()
        assert ended.returncode == 2
        assert complaint.startswith(f"Error: The site cannot be served at http://127.0.0.1:{port}/: Address already in")
        assert complaint.count("\n") == 1
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        connection.request("GET", "/health/")
        assert json.loads(connection.getresponse().read()) == {"status": "ok"}
        connection.close()
    finally:
        other.terminate()
        other.communicate(timeout=20)
    assert other.returncode == 0


def _first_to_end(processes: list[subprocess.Popen[str]]) -> subprocess.Popen[str]:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        for process in processes:
            if process.poll() is not None:
                return process
        time.sleep(0.1)
    raise AssertionError("both servers are running")


def test_a_setting_that_cannot_be_used_is_told_in_one_line(tmp_path: Path) -> None:
    variables = {"RETENTION_HOME": str(tmp_path / "new"), "RETENTION_PORTAL_SESSION_HOURS": "long"}
    ended = CliRunner().invoke(commands.portal, env=variables)
    assert ended.exit_code == 2
    assert ended.output == "Error: RETENTION_PORTAL_SESSION_HOURS='long' is not a whole number from 1 on\n"
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("variables", "remedy"),
    [
        ({"RETENTION_PORTAL_TLS": "yes"}, "RETENTION_PORTAL_PROXY_COUNT"),
        ({"RETENTION_PORTAL_DATABASE": "mysql://u:hush@h/d"}, "postgresql://user@host/database"),
        ({"RETENTION_PORTAL_DATABASE": "postgresql://u:hush@h:many/d"}, "postgresql://user@host/database"),
        ({"RETENTION_PORTAL_PROXY_COUNT": "-1"}, "from 0 on"),
        ({"RETENTION_PORTAL_SECOND_FACTOR": "maybe"}, "no, yes"),
    ],
)
def test_settings_that_contradict_are_refused_with_a_remedy(variables: dict[str, str], remedy: str) -> None:
    with pytest.raises(InvalidSettings) as refused:
        PortalSettings.from_environment(variables)
    assert remedy in str(refused.value)
    assert "hush" not in str(refused.value)
