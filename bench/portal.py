"""``python -m bench.portal [--people 200]``: an office downloads its work order all at once, amid publications.

The real server (``retention portal``) runs in a process of its own. Everybody has an account and a session made
beforehand, so that hashing passwords is not measured. Each asks for a marked copy of the work order that holds and
fetches it, every third in two parts; meanwhile another process publishes versions of the month over and over. What
arrived is checked: whole, for its person, of one version. Prints tables in Markdown: the rush, and a copy's processor
seconds with a plate and without.
"""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import json
import multiprocessing
import os
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing.synchronize import Event
from pathlib import Path
from urllib.parse import urlencode

import click

MONTH = "2011-10"
_UNIT = "D01"
_ROWS = 24_000
"""As many as a work order of 5 MB has in the demo; here it has 7 MB."""
_PATIENCE = 900
"""Seconds that somebody waits for an answer, and that the server has to start."""
_TOKEN = "0123456789abcdefghijABCDEFGHIJxy"


@dataclass(frozen=True)
class Fetched:
    """What somebody got: the version asked for, seconds from asking to the last byte, the file, its stated SHA-256."""

    username: str
    version: int
    seconds: float
    file: Path
    sha256: str


@dataclass(frozen=True)
class Rush:
    """What came of it: size of a file, seconds by person, the server's peak memory, versions published meanwhile."""

    file_mb: float
    seconds: Sequence[float]
    peak_mb: float
    versions: int
    problems: Sequence[str]


def remark(index: int) -> str:
    """Signs that nobody else's row has, so that rows do not pack more tightly than real ones."""
    return hashlib.sha256(str(index).encode()).hexdigest() * 2 + hashlib.sha512(str(index).encode()).hexdigest()


def publish(home: Path, version: int, rows: int) -> None:
    """Publish a version of the month whose work order of the district has ``rows`` rows, numbered from ``version``."""
    from tests.portal.published import publish_month  # noqa: PLC0415  (the server's process does not need it)

    sizes = {_UNIT: rows * 5 // 4, "D02": 5}
    publish_month(home, MONTH, f"{version:012x}", first_subscriber=version, sizes=sizes, remark=remark)


def keep_publishing(home: Path, rows: int, stop: Event) -> None:
    """Publish version after version until told to stop."""
    version = 1
    while not stop.is_set():
        publish(home, version, rows)
        version += 1


def expected_rows(version: int, rows: int) -> frozenset[str]:
    """The subscribers of a version's work order: four of five that are warned."""
    warned = range(version, version + rows * 5 // 4)
    return frozenset(f"{_UNIT}-{index:05}" for index in warned if index % 5 != 4)


def rush(home: Path, people: int, rows: int) -> Rush:
    """Everybody at once against a server that was just started."""
    publish(home, 0, rows)
    sessions = _open_accounts(home, people)
    context = multiprocessing.get_context("spawn")
    stop = context.Event()
    publisher = context.Process(target=keep_publishing, args=(home, rows, stop))
    with _server(home) as (process, port):
        publisher.start()
        try:
            with ThreadPoolExecutor(people) as pool:
                asked = [
                    pool.submit(_fetch, home, port, name, session, is_resuming=place % 3 == 2)
                    for place, (name, session) in enumerate(sessions.items())
                ]
                outcomes = [(future.exception(), future) for future in asked]
        finally:
            stop.set()
            publisher.join()
        peak = _peak_mb(process.pid)
    fetched = [future.result() for error, future in outcomes if error is None]
    problems = [f"{type(error).__name__}: {error}" for error, _ in outcomes if error is not None]
    problems += [problem for each in fetched for problem in _problems(each, rows)]
    return Rush(
        file_mb=statistics.median(each.file.stat().st_size for each in fetched) / 1e6 if fetched else 0,
        seconds=sorted(each.seconds for each in fetched),
        peak_mb=peak,
        versions=len(list((home / "published" / MONTH).glob("*/manifest.json"))) - 1,
        problems=problems,
    )


def _open_accounts(home: Path, people: int) -> Mapping[str, str]:
    """Accounts without passwords, and a session for each: user names and session keys."""
    os.environ |= {"RETENTION_HOME": str(home), "DJANGO_SETTINGS_MODULE": "dagster_project.portal.django_settings"}
    child = subprocess.run([sys.executable, "-c", _ACCOUNTS, str(people)], check=True, capture_output=True, text=True)
    sessions: dict[str, str] = json.loads(child.stdout)
    return sessions


_ACCOUNTS = """
import json, sys
import django
from dagster_project.portal.secret import keep_secret
from dagster_project.settings import Settings
keep_secret(Settings.from_environment().portal)
django.setup()
from django.core.management import call_command
from django.test import Client
from dagster_project.portal.models import Account, AccountDistrict
call_command("migrate", interactive=False, verbosity=0)
sessions = {}
for number in range(int(sys.argv[1])):
    account = Account.objects.create_user(f"person{number}", must_change_password=False, sees_phone_numbers=True)
    AccountDistrict.objects.create(account=account, district_code="D01")
    client = Client()
    client.force_login(account, backend="django.contrib.auth.backends.ModelBackend")
    sessions[account.username] = client.cookies["sessionid"].value
print(json.dumps(sessions))
"""


@contextlib.contextmanager
def _server(home: Path) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "dagster_project.cli", "portal", "--home", str(home), "--port", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        _wait_for(port)
        yield process, port
    finally:
        process.terminate()
        process.wait()


def _wait_for(port: int) -> None:
    give_up = time.monotonic() + _PATIENCE
    while time.monotonic() < give_up:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.2)
    raise TimeoutError("the server does not start")


def _fetch(home: Path, port: int, username: str, session: str, *, is_resuming: bool) -> Fetched:
    """Ask for a copy of the version that holds now, and fetch it; raises when an answer is not as it should be."""
    started = time.perf_counter()
    publication_id = json.loads((home / "published" / "current.json").read_text())[MONTH].rpartition("/")[2]
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_PATIENCE)
    headers = {"Cookie": f"sessionid={session}; csrftoken={_TOKEN}", "X-CSRFToken": _TOKEN}
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    address = f"/publications/{MONTH}/{publication_id}/units/{_UNIT}/lists/work_order/copies/"
    connection.request("POST", address, urlencode({"format": "xlsx"}), {**headers, **form})
    answer = connection.getresponse()
    answer.read()
    _require(answer, 303)
    place = f"{answer.headers['Location']}file/"
    connection.request("GET", place, headers=headers)
    answer = connection.getresponse()
    _require(answer, 200)
    tag, size = answer.headers["ETag"], int(answer.headers["Content-Length"])
    content = answer.read(size // 2 if is_resuming else size)
    if is_resuming:
        connection.close()
        going_on = {"Range": f"bytes={len(content)}-", "If-Range": tag}
        connection.request("GET", place, headers={**headers, **going_on})
        answer = connection.getresponse()
        _require(answer, 206)
        content += answer.read()
    connection.close()
    seconds = time.perf_counter() - started
    file = home / f"{username}.xlsx"
    file.write_bytes(content)
    return Fetched(username, int(publication_id, 16), seconds, file, tag.strip('"'))


def _require(answer: http.client.HTTPResponse, status: int) -> None:
    if answer.status != status:
        raise ConnectionError(f"status {answer.status}, expected {status}")


def _problems(fetched: Fetched, rows: int) -> Iterator[str]:
    """What is wrong with a file that arrived."""
    with fetched.file.open("rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != fetched.sha256:
            yield f"{fetched.username}: other bytes than the server has"
            return
    with zipfile.ZipFile(fetched.file) as book:
        title = re.search(rb"<t>([^<]*)</t>", book.read("xl/sharedStrings.xml"))
        sheet = book.read("xl/worksheets/sheet1.xml")
    said = title[1].decode() if title else ""
    if f"版本 {fetched.version:012x} · 专供 {fetched.username} " not in said:
        yield f"{fetched.username}: the title names another version or person"
    found = [each.decode() for each in re.findall(rb">(D01-\d+)<", sheet)]
    if len(found) != rows or frozenset(found) != expected_rows(fetched.version, rows):
        yield f"{fetched.username}: {len(found)} rows, which are not those of the version"


def _peak_mb(pid: int) -> float:
    """The most memory that a process had at once."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    found = re.search(r"VmHWM:\s*(\d+) kB", status)
    return int(found[1]) / 1024 if found else 0.0


_WAYS = """
import sys, time, zlib
import django
django.setup()
from pathlib import Path
from dagster_project.portal.copies import books, package, plates
from dagster_project.portal.copies.layout import Cut
from dagster_project.portal.models import Account, Copy
source, rows, level = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
package.LEVEL = level
copy = Copy(pk=1000, account=Account(username="person"), rows=rows)
def plate():
    with open(source.with_suffix(".plate"), "wb") as file:
        plates.make_plate(source, file, Cut(), rows, "zh")
def mark():
    with open(source.with_suffix(".plate"), "rb") as file, open(source.with_suffix(".copy"), "wb") as target:
        for chunk in books.workbook(file, plates.read_plate(file), copy, Cut(), "zh"):
            target.write(chunk)
for work in (plate, mark):
    taken = []
    for _ in range(3):
        started = time.process_time()
        work()
        taken.append(time.process_time() - started)
    print(min(taken))
"""


def processor_seconds(source: Path, rows: int, level: int) -> tuple[float, float]:
    """Of making a plate, which is to pass the sheet through and compress it anew, and of a copy from it."""
    command = [sys.executable, "-c", _WAYS, str(source), str(rows), str(level)]
    child = subprocess.run(command, check=True, capture_output=True, text=True)
    plate, mark = map(float, child.stdout.split())
    return plate, mark


@click.command()
@click.option("--people", default=200, show_default=True)
@click.option("--rows", default=_ROWS, show_default=True, help="Of the work order that everybody fetches.")
def main(people: int, rows: int) -> None:
    """The rush, then the two ways of making a copy."""
    with tempfile.TemporaryDirectory(prefix="retention-portal-") as temporary:
        home = Path(temporary)
        found = rush(home, people, rows)
        source = home / "published" / MONTH / f"{0:012x}" / "districts" / _UNIT / "work_order.xlsx"
        own = home / "work_order.xlsx"
        own.write_bytes(source.read_bytes())
        ways = {level: processor_seconds(own, rows, level) for level in (1, 3)}
    cuts = statistics.quantiles(found.seconds, n=100)
    print("| people | file MB | p50 s | p95 s | longest s | server's peak MB | versions published | errors |")
    print("|--:|--:|--:|--:|--:|--:|--:|--:|")
    figures = (f"{found.file_mb:.1f}", *(f"{s:.1f}" for s in (cuts[49], cuts[94], found.seconds[-1])))
    print(f"| {people} | {' | '.join(figures)} | {found.peak_mb:,.0f} | {found.versions} | {len(found.problems)} |")
    print("\n| a copy's processor seconds | level 1 | level 3 |\n|---|--:|--:|")
    for place, name in enumerate(("passed through and compressed anew", "from a plate")):
        print(f"| {name} | {ways[1][place]:.2f} | {ways[3][place]:.2f} |")
    for problem in found.problems:
        print(problem)


if __name__ == "__main__":
    main()
